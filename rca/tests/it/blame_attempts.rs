//! Attempts of one change under one id, and changes of several services under one id.

use std::time::Duration;

use astern_graph_core::signal::Diagnosis;
use astern_graph_core::{
    Call, CallStatus, ChangeEvent, ChangePhase, GraphBuilder, GraphParams, NodeKey, Party,
};
use astern_rca::{DiagnoserParams, Incident};

use crate::world::{minute, minutes, service};

/// The minutes of the attempts at cart: the first is rolled back, the second goes on.
const FIRST: std::ops::Range<i64> = 40..50;
const SECOND: std::ops::Range<i64> = 70..85;

/// Of four instances the last one runs what is tried. `failing` says in which attempts its calls fail.
fn diagnosis(failing: [bool; 2], also: Option<ChangeEvent>) -> Diagnosis {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    let tried = NodeKey::instance("cart-3");
    for at in 0..SECOND.end {
        for i in 0..60_u32 {
            let on = i % 4;
            let attempts = [&FIRST, &SECOND].map(|attempt| on == 3 && attempt.contains(&at));
            let revision = if attempts == [false; 2] { "v1" } else { "v2" };
            let fails = i % 8 == 3 && (attempts[0] && failing[0] || attempts[1] && failing[1]);
            // While others are slow, so that there is something to explain.
            let slow = if SECOND.contains(&at) { 30 } else { 0 };
            let noise = (u64::from(i) * 7 + at.unsigned_abs() * 3) % 11;
            let took = Some(Duration::from_millis(20 + slow + noise));
            let status = if fails {
                CallStatus::Error
            } else {
                CallStatus::Ok
            };
            let callee = NodeKey::instance(format!("cart-{on}"));
            let callee = Party::new(service("cart")).on(callee, revision.into());
            let call = Call::new(minute(at).plus(Duration::from_secs(i.into())), callee)
                .from(Party::new(service("web")))
                .took(took, took)
                .ended(status);
            let caller = Call::new(call.at, Party::new(service("web"))).took(took, took);
            builder.extend([call.into(), caller.ended(status).into()]);
        }
    }
    let step = |at, phase| {
        let from = Some("v1".into());
        ChangeEvent::new("release", minute(at), service("cart"), from, "v2".into())
            .reached(phase, vec![tried.clone()])
    };
    let changes = [
        step(FIRST.start, ChangePhase::Started),
        step(FIRST.end, ChangePhase::RolledBack),
        step(SECOND.start, ChangePhase::Started),
    ];
    builder.extend(changes.into_iter().chain(also).map(Into::into));
    let (healthy, abnormal) = (minutes(0, FIRST.start), minutes(SECOND.start, SECOND.end));
    let incident = Incident::new(service("web"), "latency_ms_p95".into(), healthy, abnormal);
    let diagnoser = DiagnoserParams::default().check().unwrap();
    diagnoser.diagnose(&builder.build(), &incident).unwrap()
}

/// How probable the release of a service is, of which the id may be that of others.
fn probability(diagnosis: &Diagnosis, name: &str) -> f64 {
    let mut of = diagnosis
        .changes
        .iter()
        .filter(|c| c.service == service(name));
    let probability = of.next().unwrap().probability.unwrap();
    assert!(of.next().is_none(), "{diagnosis}");
    probability
}

#[test]
fn an_attempt_is_blamed_by_its_own_calls() {
    let good_again = diagnosis([true, false], None);
    let never_bad = diagnosis([false, false], None);
    for good in [&good_again, &never_bad] {
        assert!(probability(good, "cart") < 0.2, "{good}");
    }
    // What the first attempt did makes no difference at all.
    assert_eq!(good_again.changes, never_bad.changes);
    let bad_again = diagnosis([true, true], None);
    assert!(probability(&bad_again, "cart") > 0.9, "{bad_again}");
    let bad = diagnosis([false, true], None);
    assert!(probability(&bad, "cart") > 0.9, "{bad}");
}

#[test]
fn each_service_of_one_id_has_a_blame_of_its_own() {
    let at = minute(SECOND.start - 2);
    let of_web = ChangeEvent::new("release", at, service("web"), None, "w2".into());
    let both = diagnosis([false, true], Some(of_web));
    assert_eq!(both.changes.len(), 2);
    assert!(probability(&both, "cart") > 0.8, "{both}");
    assert!(probability(&both, "web") < 0.2, "{both}");
}
