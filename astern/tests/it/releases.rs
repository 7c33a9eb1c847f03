//! Releases beside each other, and instances of one.

use std::time::Duration;

use astern::graph::signal::{Assessment, MissingEvidence, Verdict};
use astern::graph::{
    Call, CallStatus, ChangeEvent, ChangePhase, NodeKey, Party, Record, Timestamp,
};
use astern::policy::Decision;
use astern::{Event, Guard};

use crate::support::{STEP, params};

/// The step in which the releases start.
const RELEASED: i64 = 120;

fn at(step: i64) -> Timestamp {
    Timestamp::from_secs(30 * step)
}

fn service(i: usize) -> NodeKey {
    NodeKey::service(format!("s{i}"))
}

/// So many calls to an instance of a service in a step, of which the first ones fail.
fn calls(i: usize, pod: &str, step: i64, (calls, failed): (usize, usize)) -> Vec<Record> {
    let revision = if pod.starts_with("new") { "v2" } else { "v1" };
    let instance = NodeKey::instance(format!("s{i}-{pod}"));
    let callee = Party::new(service(i)).on(instance, revision.into());
    let call = |call: usize| {
        let ms = 20 + (call as u64 + step.unsigned_abs()) % 7;
        let status = if call < failed {
            CallStatus::Error
        } else {
            CallStatus::Ok
        };
        let took = Some(Duration::from_millis(ms));
        Call::new(at(step), callee.clone())
            .took(None, took)
            .ended(status)
            .into()
    };
    (0..calls).map(call).collect()
}

fn canary(i: usize, instances: &[&str]) -> Record {
    let instances = instances
        .iter()
        .map(|pod| NodeKey::instance(format!("s{i}-{pod}")));
    let id = format!("s{i}@v2");
    let (from, to) = (Some("v1".into()), "v2".into());
    ChangeEvent::new(id.as_str(), at(RELEASED), service(i), from, to)
        .reached(ChangePhase::Started, instances.collect())
        .into()
}

/// What a guard says in each step since the releases.
fn events(until: i64, records: impl Fn(i64) -> Vec<Record>) -> Vec<Vec<Event>> {
    let mut guard = Guard::new(params()).unwrap();
    let mut of_steps = Vec::new();
    for step in 0..until {
        let events = guard.observe(records(step), at(step).plus(STEP));
        of_steps.extend((step >= RELEASED).then_some(events));
    }
    of_steps
}

fn of_first(events: &[Event]) -> Option<&Assessment> {
    let assessments = events.iter().filter_map(|event| match event {
        Event::Assessed(assessment) => Some(assessment),
        _ => None,
    });
    let mut of_changes = assessments.filter(|a| a.change == Some("s0@v2".into()));
    of_changes.next()
}

#[test]
fn among_many_releases_one_that_is_worse_takes_more_evidence_and_is_found() {
    let said = |releases: usize| {
        let of_steps = events(RELEASED + 40, |step| {
            let of_service = |i: usize| {
                let failed = usize::from(i == 0 && step >= RELEASED + 10);
                let mut records = calls(i, "old-0", step, (6, 0));
                records.extend(calls(i, "old-1", step, (6, 0)));
                if step >= RELEASED {
                    records.extend(calls(i, "new", step, (4, failed)));
                }
                records.extend((step == RELEASED).then(|| canary(i, &["new"])));
                records
            };
            (0..releases).flat_map(of_service).collect()
        });
        let found = of_steps.iter().position(|events| {
            of_first(events).is_some_and(|said| said.verdict == Verdict::Regressed)
        });
        let found = found.unwrap();
        let before = of_first(&of_steps[found - 1]).unwrap().clone();
        (found, before)
    };
    let ((alone, _), (among_many, before)) = (said(1), said(25));
    assert!(alone < among_many, "{alone} {among_many}");
    assert_eq!(before.verdict, Verdict::Inconclusive);
    let is_uncertain = |missing: &MissingEvidence| matches!(missing, MissingEvidence::Certainty { p_value, .. } if *p_value < 0.1);
    assert!(before.missing.iter().any(is_uncertain), "{before}");
}

#[test]
fn a_new_instance_that_never_serves_holds_and_one_that_no_longer_does_holds_nothing() {
    let last = |serves: &dyn Fn(i64) -> bool| {
        let of_steps = events(RELEASED + 40, |step| {
            let mut records = calls(0, "old", step, (12, 0));
            if step >= RELEASED {
                records.extend(calls(0, "new-0", step, (12, 0)));
                let of_second = if serves(step) { 12 } else { 0 };
                records.extend(calls(0, "new-1", step, (of_second, 0)));
            }
            records.extend((step == RELEASED).then(|| canary(0, &["new-0", "new-1"])));
            records
        });
        let newest = of_steps.last().unwrap();
        let decision = newest.iter().find_map(|event| match event {
            Event::Decided { ruling, .. } => Some(ruling.decision),
            _ => None,
        });
        let said = of_first(newest).unwrap().clone();
        (decision.unwrap(), said)
    };
    let (decision, said) = last(&|_| true);
    assert_ne!(decision, Decision::Hold, "{said}");
    let (decision, said) = last(&|_| false);
    assert_eq!(decision, Decision::Hold, "{said}");
    assert!(
        said.to_string().contains("new-1 receives no calls since"),
        "{said}"
    );
    let (decision, said) = last(&|step| step < RELEASED + 20);
    assert_ne!(decision, Decision::Hold, "{said}");
    assert!(
        said.to_string()
            .contains("new-1 received calls before and none since"),
        "{said}"
    );
}
