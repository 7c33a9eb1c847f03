//! What a failing dependency does not excuse, and what is said where it excuses.

use astern_graph_core::schema::ERROR_RATE;
use astern_graph_core::signal::{Assessment, Evidence, MissingEvidence, Verdict};
use astern_graph_core::{Call, CallStatus, ChangeEvent, NodeKey, Party, Record};

use super::dependencies::{Minute, records};
use super::{RELEASED, graph, says};
use crate::fixtures::minute;
use crate::traffic::cart;

const NONE: Minute = Minute {
    store_fails: 0.0,
    cart_breaks: 0.0,
    cart_fails: 0.0,
    store_slower: 0.0,
    cart_slower: 0.0,
    more: 0,
};

fn fails(store_fails: f64) -> Minute {
    Minute {
        store_fails,
        ..NONE
    }
}

fn said(after: i64, records: impl IntoIterator<Item = Record>) -> Assessment {
    says(&graph(records), RELEASED + after)
}

/// It calls the store more often, and so takes longer as well.
fn is_worse_by_failures(said: &Assessment) -> bool {
    let is_of_failures = |evidence: &Evidence| matches!(evidence, Evidence::NewAgainstOld { metric, .. } if metric.as_str() == ERROR_RATE);
    let mut evidence = said.anomalies.iter().flat_map(|anomaly| &anomaly.evidence);
    evidence.any(is_of_failures)
}

/// A release of another service under an id of its own.
fn release_of(service: &str, at: i64) -> Record {
    let service = NodeKey::service(service);
    ChangeEvent::new("other@v7", minute(at), service, None, "v7".into()).into()
}

/// The calls of a service, made by another one as well.
fn as_well(records: &[Record], of: &str, by: &str) -> Vec<Record> {
    let of = NodeKey::service(of);
    let calls = records.iter().filter_map(|record| match record {
        Record::Call(call) if call.caller.as_ref().is_some_and(|c| c.service == of) => {
            let mut call = call.clone();
            call.caller.as_mut()?.service = NodeKey::service(by);
            Some(call.into())
        }
        _ => None,
    });
    calls.collect()
}

#[test]
fn a_dependency_that_a_release_overloads_from_its_first_minute_does_not_clear_it() {
    let of = |since: i64| match since {
        ..0 => NONE,
        _ => Minute {
            more: 9,
            ..fails(0.3)
        },
    };
    let at_once = said(20, records(3, 20, 30, &of));
    assert!(is_worse_by_failures(&at_once), "{at_once}");
}

#[test]
fn calls_of_the_old_side_do_not_thin_the_excess_of_the_new_one() {
    let of = |since: i64| match since {
        ..20 => NONE,
        20..23 => Minute { more: 2, ..NONE },
        _ => Minute {
            more: 2,
            ..fails(0.3)
        },
    };
    // The old instances serve for another twenty minutes.
    let records = records(3, 40, 30, &of).into_iter().map(|record| {
        let Record::Call(mut call) = record else {
            return record;
        };
        if call.caller.is_none() && call.at < minute(RELEASED + 20) {
            call.callee.revision = Some("v1".into());
            call.callee.instance = Some(NodeKey::instance("cart-v1-0"));
        }
        call.into()
    });
    let said = said(40, records);
    assert!(is_worse_by_failures(&said), "{said}");
}

#[test]
fn services_that_are_released_at_the_same_time_do_not_clear_each_other() {
    let of = |since: i64| if since < 10 { NONE } else { fails(0.3) };
    for at in [RELEASED, RELEASED + 9] {
        let mut both = records(3, 30, 30, &of);
        both.push(release_of("orders", at));
        let alone = said(30, both.clone());
        assert_eq!(alone.verdict, Verdict::Regressed, "{alone}");
        // One that was not released testifies.
        let witness = as_well(&both, "orders", "search");
        let witnessed = said(30, both.into_iter().chain(witness));
        assert_ne!(witnessed.verdict, Verdict::Regressed, "{witnessed}");
    }
    // A release long before is none of the same time.
    let mut before = records(3, 30, 30, &of);
    before.push(release_of("orders", RELEASED - 20));
    let said = said(30, before);
    assert_ne!(said.verdict, Verdict::Regressed, "{said}");
}

#[test]
fn a_failure_now_and_then_of_another_service_clears_nothing() {
    let breaks = Minute {
        cart_breaks: 0.15,
        ..NONE
    };
    let of = |since: i64| if since < 10 { NONE } else { breaks };
    let orders = NodeKey::service("orders");
    let mut records = records(3, 30, 2, &of);
    for failing in [15, 25] {
        let at = minute(RELEASED + failing);
        let mut calls = records.iter_mut().filter_map(|record| match record {
            Record::Call(call) if call.at == at => Some(call),
            _ => None,
        });
        let is_of_orders =
            |call: &&mut Call| call.caller.as_ref().is_some_and(|c| c.service == orders);
        calls.find(is_of_orders).unwrap().status = CallStatus::Error;
    }
    let said = said(30, records);
    assert_eq!(said.verdict, Verdict::Regressed, "{said}");
}

/// The metrics in which the store accounts for what looks worse.
fn excused(said: &Assessment) -> Vec<&str> {
    let metrics = said.missing.iter().filter_map(|missing| match missing {
        MissingEvidence::Dependency { dependency, metric } if dependency.name == "store".into() => {
            Some(metric.as_str())
        }
        _ => None,
    });
    metrics.collect()
}

#[test]
fn a_release_whose_failures_are_excused_is_not_healthy() {
    // One heavy query locks the store for everybody, with as many calls as before.
    for from in [0, 10] {
        let of = |since: i64| if since < from { NONE } else { fails(0.3) };
        for more in [20, 60, 150] {
            let said = said(from + more, records(3, from + more, 30, &of));
            assert_eq!(said.verdict, Verdict::Inconclusive, "{from} {more}: {said}");
            assert_eq!(excused(&said), [ERROR_RATE], "{from} {more}: {said}");
        }
    }
    let slow = Minute {
        store_slower: 200.0,
        ..NONE
    };
    let of = |since: i64| if since < 10 { NONE } else { slow };
    let waits = said(40, records(3, 40, 30, &of));
    assert_eq!(waits.verdict, Verdict::Inconclusive, "{waits}");
    assert!(excused(&waits).contains(&"latency_ms_p50"), "{waits}");
    // What has healed is not excused any more.
    let of = |since: i64| {
        if (10..15).contains(&since) {
            fails(0.3)
        } else {
            NONE
        }
    };
    let healed = said(240, records(3, 240, 30, &of));
    assert_eq!(excused(&healed), [""; 0], "{healed}");
}

/// Calls of two services to the cart, of which a third fails for them from ten minutes after the release on.
fn impatient(after: i64) -> Vec<Record> {
    let call = |at: i64, i: i64| {
        let caller = NodeKey::service(["shop", "web"][usize::from(i % 2 == 0)]);
        let call = Call::new(minute(at), Party::new(cart())).from(Party::new(caller));
        let is_lost = at >= RELEASED + 10 && i % 3 == 0;
        let status = if is_lost {
            CallStatus::Error
        } else {
            CallStatus::Ok
        };
        Record::from(call.ended(status))
    };
    (0..RELEASED + after)
        .flat_map(|at| (0..40).map(move |i| call(at, i)))
        .collect()
}

#[test]
fn callers_that_do_not_wait_for_a_slow_dependency_are_no_evidence_against_the_release() {
    let slow = Minute {
        store_slower: 200.0,
        ..NONE
    };
    let of = |since: i64| if since < 10 { NONE } else { slow };
    let records_of = |of: &dyn Fn(i64) -> Minute| {
        let records = records(3, 40, 30, of).into_iter();
        records.chain(impatient(40))
    };
    let slow = said(40, records_of(&of));
    assert_eq!(slow.verdict, Verdict::Inconclusive, "{slow}");
    assert!(excused(&slow).contains(&ERROR_RATE), "{slow}");
    // Nothing excuses them where the store works.
    let works = said(40, records_of(&|_| NONE));
    assert_ne!(works.verdict, Verdict::Healthy, "{works}");
    assert_eq!(excused(&works), [""; 0], "{works}");
}

#[test]
fn a_minute_in_which_a_dependency_fails_is_not_thinned_by_those_around_it() {
    let of = |since: i64| if since == 10 { fails(0.8) } else { NONE };
    for seed in 0..20 {
        let graph = graph(records(seed, 16, 11, &of));
        for look in 11..16 {
            let said = says(&graph, RELEASED + look);
            assert_ne!(said.verdict, Verdict::Regressed, "{seed} {look}: {said}");
        }
    }
}
