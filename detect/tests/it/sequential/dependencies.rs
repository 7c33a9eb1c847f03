//! Dependencies that fail after a complete release, and releases that break their calls to them.

use std::time::Duration;

use astern_detect::release::ReleaseJudge as _;
use astern_graph_core::signal::{Assessment, Evidence, Verdict};
use astern_graph_core::{
    Call, CallStatus, ChangeKind, ChangePhase, EdgeKind, NodeKey, NodeKind, Party, Record,
    TemporalGraph,
};
use astern_stats::rng::{ChaCha8Rng, seeded};
use rand::RngExt as _;

use super::{RELEASED, graph, judge, says};
use crate::fixtures::{minute, minutes};
use crate::traffic::{cart, change};

/// What happens in a minute since the release.
#[derive(Clone, Copy, Default)]
pub(super) struct Minute {
    /// Share of all calls to the store that fail.
    pub(super) store_fails: f64,
    /// Share of the cart's calls to the store that fail beside.
    pub(super) cart_breaks: f64,
    /// Share of the cart's calls that fail although it reached the store.
    pub(super) cart_fails: f64,
    /// How much longer calls to the store take, in ms, and the cart by itself.
    pub(super) store_slower: f64,
    pub(super) cart_slower: f64,
    /// Calls to the store for each one that the cart receives, beyond one.
    pub(super) more: usize,
}

fn hits(rng: &mut ChaCha8Rng, share: f64) -> bool {
    rng.random::<f64>() < share
}

#[expect(clippy::unnecessary_wraps, reason = "as a call takes it")]
fn took(ms: f64) -> Option<Duration> {
    Some(Duration::from_secs_f64(1e-3 * ms))
}

/// Forty calls a minute to a cart that calls a store, which others call so many times a minute. All of the cart is
/// replaced at the release.
pub(super) fn records(
    seed: u64,
    after: i64,
    others: usize,
    of: &dyn Fn(i64) -> Minute,
) -> Vec<Record> {
    let mut rng = seeded(seed, 0);
    let new = |i| NodeKey::instance(format!("cart-v2-{i}"));
    let mut records: Vec<Record> = vec![
        change(ChangePhase::Started, RELEASED, vec![new(0), new(1)]).into(),
        change(ChangePhase::Completed, RELEASED, Vec::new()).into(),
    ];
    let store = NodeKey {
        kind: NodeKind::Database,
        name: "store".into(),
    };
    for at in 0..RELEASED + after {
        let now = of(at - RELEASED);
        let status = |fails| {
            if fails {
                CallStatus::Error
            } else {
                CallStatus::Ok
            }
        };
        let to_store = |caller: &NodeKey, rng: &mut ChaCha8Rng, fails| {
            let ms = [2.0, 3.0, 12.0][rng.random_range(0..3)] * (1.0 + 0.2 * rng.random::<f64>());
            let ms = ms + now.store_slower;
            let call = Call::new(minute(at), Party::new(store.clone())).over(EdgeKind::Reads);
            let call = call.from(Party::new(caller.clone())).took(took(ms), None);
            (ms, Record::from(call.ended(status(fails))))
        };
        for i in 0..40 {
            let revision = if at < RELEASED { "v1" } else { "v2" };
            let instance = NodeKey::instance(format!("cart-{revision}-{}", i % 2));
            let mut ms = 10.0 + 5.0 * rng.random::<f64>() + now.cart_slower;
            let mut fails = false;
            for _ in 0..=now.more {
                let lost = hits(&mut rng, now.store_fails) || hits(&mut rng, now.cart_breaks);
                let (waited, record) = to_store(&cart(), &mut rng, lost);
                (fails, ms) = (fails || lost, ms + waited);
                records.push(record);
            }
            fails = fails || hits(&mut rng, now.cart_fails);
            let callee = Party::new(cart()).on(instance, revision.into());
            let call = Call::new(minute(at), callee).took(None, took(ms));
            records.push(call.ended(status(fails)).into());
        }
        let other = NodeKey::service("orders");
        for _ in 0..others {
            let fails = hits(&mut rng, now.store_fails);
            records.push(to_store(&other, &mut rng, fails).1);
        }
    }
    records
}

fn play(after: i64, others: usize, of: &dyn Fn(i64) -> Minute) -> TemporalGraph {
    graph(records(3, after, others, of))
}

/// What is said half an hour after the release of what began ten minutes after it.
fn said(others: usize, then: Minute) -> Assessment {
    let of = |since: i64| if since < 10 { Minute::default() } else { then };
    says(&play(30, others, &of), RELEASED + 30)
}

/// Whether it says that dependencies stood in for an old side.
fn names_dependencies(said: &Assessment) -> bool {
    let is_of_them = |evidence: &Evidence| matches!(evidence, Evidence::Fallback { used, .. } if used.contains("dependencies"));
    let mut anomalies = said.anomalies.iter();
    anomalies.any(|anomaly| anomaly.evidence.iter().any(is_of_them))
}

/// At no look in the hour after the release; `amount` is what the dependency does.
fn is_never_regressed(graph: &TemporalGraph, amount: f64) {
    for look in 1..60 {
        let said = says(graph, RELEASED + look);
        assert_ne!(said.verdict, Verdict::Regressed, "{amount} {look}: {said}");
    }
}

#[test]
fn a_dependency_that_fails_for_all_its_callers_is_no_fault_of_a_complete_release() {
    for store_fails in [0.1, 0.3, 1.0] {
        let fails = Minute {
            store_fails,
            ..Minute::default()
        };
        let of = |since: i64| if since < 10 { Minute::default() } else { fails };
        let graph = play(60, 30, &of);
        is_never_regressed(&graph, store_fails);
    }
    // Of a release all of whose calls a dependency fails nothing is known.
    let down = Minute {
        store_fails: 1.0,
        ..Minute::default()
    };
    let of = |since: i64| if since < 0 { Minute::default() } else { down };
    let said = says(&play(60, 30, &of), RELEASED + 60);
    assert_eq!(said.verdict, Verdict::Inconclusive, "{said}");
}

#[test]
fn a_release_that_breaks_its_calls_is_worse_whatever_the_dependency_does() {
    let none = Minute::default();
    for (name, then) in [
        (
            "by itself",
            Minute {
                cart_fails: 0.3,
                ..none
            },
        ),
        (
            "its calls to the store",
            Minute {
                cart_breaks: 0.3,
                ..none
            },
        ),
        (
            "all of them",
            Minute {
                cart_breaks: 1.0,
                ..none
            },
        ),
    ] {
        let said = said(30, then);
        assert_eq!(said.verdict, Verdict::Regressed, "{name}: {said}");
        assert!(!names_dependencies(&said), "{name}: {said}");
    }
    for (name, then) in [
        (
            "by itself",
            Minute {
                store_fails: 0.1,
                cart_fails: 0.5,
                ..none
            },
        ),
        (
            "its calls to the store",
            Minute {
                store_fails: 0.1,
                cart_breaks: 0.6,
                ..none
            },
        ),
    ] {
        let said = said(30, then);
        assert_eq!(
            said.verdict,
            Verdict::Regressed,
            "{name}, and the store fails: {said}"
        );
        assert!(names_dependencies(&said), "{name}: {said}");
    }
}

#[test]
fn a_dependency_that_nobody_else_calls_or_that_the_release_overloads_does_not_clear_it() {
    let fails = Minute {
        store_fails: 0.3,
        ..Minute::default()
    };
    assert_eq!(said(0, fails).verdict, Verdict::Regressed);
    // The new cart calls the store four times as often, and it gives in after ten minutes.
    let of = |since: i64| match since {
        ..0 => Minute::default(),
        0..10 => Minute {
            more: 3,
            ..Minute::default()
        },
        _ => Minute {
            more: 3,
            store_fails: 0.3,
            ..Minute::default()
        },
    };
    let overloaded = says(&play(30, 30, &of), RELEASED + 30);
    assert_eq!(overloaded.verdict, Verdict::Regressed, "{overloaded}");
    // Calls that are tried again because the store fails are none of its doing.
    let of = |since: i64| match since {
        ..10 => Minute::default(),
        _ => Minute { more: 3, ..fails },
    };
    let tried_again = says(&play(30, 30, &of), RELEASED + 30);
    assert_ne!(tried_again.verdict, Verdict::Regressed, "{tried_again}");
}

#[test]
fn a_dependency_that_is_slow_for_all_its_callers_is_no_fault_of_a_complete_release() {
    let none = Minute::default();
    for store_slower in [8.0, 200.0] {
        let slow = Minute {
            store_slower,
            ..none
        };
        let of = |since: i64| if since < 10 { none } else { slow };
        let graph = play(60, 30, &of);
        is_never_regressed(&graph, store_slower);
    }
    // Nobody else calls it, or the release itself is slower, by much more than the store where that is slower too.
    let slow = |store_slower, cart_slower| Minute {
        store_slower,
        cart_slower,
        ..none
    };
    for (others, then) in [
        (0, slow(200.0, 0.0)),
        (30, slow(0.0, 40.0)),
        (30, slow(8.0, 100.0)),
    ] {
        let said = said(others, then);
        assert_eq!(said.verdict, Verdict::Regressed, "{others}: {said}");
    }
}

#[test]
fn a_flag_is_not_blamed_for_a_dependency_either() {
    let flagged = |then: Minute| {
        let of = |since: i64| if since < 10 { Minute::default() } else { then };
        let flag = ChangeKind::FeatureFlag {
            flag: "new-price".into(),
        };
        let on = change(ChangePhase::Completed, RELEASED, Vec::new()).by(flag);
        let is_kept = |record: &Record| !matches!(record, Record::Change(_));
        let records = records(3, 30, 30, &of).into_iter().filter(is_kept);
        let records = records.map(|record| match record {
            Record::Call(mut call) if call.caller.is_none() => {
                call.callee.revision = Some("v1".into());
                Record::Call(call)
            }
            other => other,
        });
        let graph = graph(records.chain([on.clone().into()]));
        let range = minutes(RELEASED, RELEASED + 30);
        let said = judge().judge(&graph, &on, range, minutes(0, RELEASED));
        said.unwrap().verdict
    };
    let none = Minute::default();
    assert_ne!(
        flagged(Minute {
            store_fails: 0.3,
            ..none
        }),
        Verdict::Regressed
    );
    assert_eq!(
        flagged(Minute {
            cart_fails: 0.3,
            ..none
        }),
        Verdict::Regressed
    );
}

/// A dependency fails, or is slow, for everybody for a spell of minutes; judged at each of 35 looks.
fn is_ever_regressed(run: u64) -> bool {
    let mut rng = seeded(run, 1);
    let during = Minute {
        store_fails: 0.02 + 0.98 * rng.random::<f64>(),
        store_slower: [0.0, 5.0, 50.0][rng.random_range(0..3)],
        ..Minute::default()
    };
    let (others, spell) = (rng.random_range(10..100), rng.random_range(1..30));
    let of = |since: i64| {
        if (10..10 + spell).contains(&since) {
            during
        } else {
            Minute::default()
        }
    };
    let graph = graph(records(run, 40, others, &of));
    let mut looks = (5..40).map(|look| says(&graph, RELEASED + look));
    looks.any(|said| said.verdict == Verdict::Regressed)
}

#[test]
fn a_dependency_that_fails_is_at_no_look_a_fault_of_the_release() {
    const RUNS: u64 = 60;
    let regressed: Vec<u64> = (0..RUNS).filter(|run| is_ever_regressed(*run)).collect();
    assert!(regressed.is_empty(), "{regressed:?}");
}
