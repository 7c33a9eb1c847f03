use std::collections::BTreeMap;

use approx::assert_relative_eq;
use astern_graph_core::{
    Call, CallStatus, ChangePhase, NodeKey, Record, Revision, Sample, Subject,
};
use astern_sim::{CallSpec, Fault, FaultKind, Release, Scenario, Simulation, Topology, run};

use crate::{calls, exponential, mean, seconds, server_ms};

/// Two of four instances of `back` get a revision with this fault after 500 s of 2,000 s.
fn half_released(kind: FaultKind) -> (Simulation, Revision) {
    let topology = Topology::new("front")
        .with(
            exponential("front", 5.0)
                .workers(50)
                .then(CallSpec::new("back", "get")),
        )
        .with(exponential("back", 20.0).instances(4).workers(2));
    let bad = Revision::from("back@sha256:bad");
    let mut scenario = Scenario::new(topology, 11);
    scenario.load.per_second = 20.0;
    scenario.span = seconds(2_000);
    scenario.healthy = seconds(500);
    let back = NodeKey::service("back");
    let release = Release::new("back-2", back, bad.clone(), seconds(500), [2]);
    scenario.releases.push(release);
    scenario.fault = Some(Fault::new("back-2", kind));
    (run(&scenario).unwrap(), bad)
}

fn of_back(simulation: &Simulation) -> impl Iterator<Item = &Call> {
    calls(&simulation.records).filter(|call| call.callee.service.name.as_ref() == "back")
}

fn runs(call: &Call, revision: &Revision) -> bool {
    call.callee.revision.as_ref() == Some(revision)
}

/// Mean server duration on the bad revision over that on the good one.
fn slowdown(kind: FaultKind) -> f64 {
    let (simulation, bad) = half_released(kind);
    let (new, old): (Vec<_>, Vec<_>) = of_back(&simulation).partition(|call| runs(call, &bad));
    let ratio = mean(new.into_iter().map(server_ms)) / mean(old.into_iter().map(server_ms));
    // Every other part of the run is as it was.
    assert_eq!(simulation.truth.fault, Some(kind));
    ratio
}

#[test]
fn only_instances_of_the_bad_revision_are_slow() {
    let (simulation, bad) = half_released(FaultKind::Slower { factor: 2.0 });
    let onset = simulation.truth.onset.unwrap();
    let mut by_instance: BTreeMap<(NodeKey, bool), Vec<f64>> = BTreeMap::new();
    for call in of_back(&simulation) {
        let key = (call.callee.instance.clone().unwrap(), runs(call, &bad));
        // A call that was sent before the onset may reach the new revision, not the other way.
        assert!(!runs(call, &bad) || call.at.plus(seconds(1)) > onset);
        by_instance.entry(key).or_default().push(server_ms(call));
    }
    assert_eq!(
        by_instance.len(),
        4 + 2,
        "two instances run both, one after the other"
    );
    let healthy: Vec<f64> = by_instance
        .iter()
        .filter(|((_, bad), _)| !bad)
        .map(|(_, values)| mean(values.iter().copied()))
        .collect();
    for ((instance, is_bad), values) in &by_instance {
        let ratio = mean(values.iter().copied()) / mean(healthy.iter().copied());
        let expected = if *is_bad { 2.0 } else { 1.0 };
        assert!((ratio / expected - 1.0).abs() < 0.12, "{instance}: {ratio}");
    }
}

#[test]
fn the_callers_of_the_bad_revision_are_slowed_by_as_much() {
    let (simulation, bad) = half_released(FaultKind::Delay { ms: 30.0 });
    let roots: BTreeMap<u128, f64> = calls(&simulation.records)
        .filter(|call| call.caller.is_none())
        .map(|call| (call.id.unwrap().trace, server_ms(call)))
        .collect();
    let entry = |wanted: bool| {
        let traces = of_back(&simulation).filter(|call| runs(call, &bad) == wanted);
        mean(traces.filter_map(|call| roots.get(&call.id.unwrap().trace).copied()))
    };
    assert_relative_eq!(entry(true) - entry(false), 30.0, max_relative = 0.1);
}

#[test]
fn each_kind_does_what_it_says() {
    let share = 0.1;
    let tail = slowdown(FaultKind::Tail {
        share,
        factor: 11.0,
    });
    assert_relative_eq!(tail, 2.0, max_relative = 0.15);
    // With 20 ms of work, twice the wait of a queue is small beside the factor.
    assert_relative_eq!(
        slowdown(FaultKind::Capacity { factor: 2.0 }),
        2.0,
        max_relative = 0.1
    );
    // From 1 to 3.5 over 25 minutes.
    let leak = slowdown(FaultKind::Leak { per_minute: 0.1 });
    assert!((1.9..2.9).contains(&leak), "{leak}");
    let errors = slowdown(FaultKind::Errors { share });
    assert_relative_eq!(errors, 1.0, max_relative = 0.05);
}

#[test]
fn failed_callees_fail_their_callers_most_of_the_time() {
    let (simulation, bad) = half_released(FaultKind::Errors { share: 0.2 });
    let failed = |call: &&Call| call.status == CallStatus::Error;
    let (new, old): (Vec<_>, Vec<_>) = of_back(&simulation).partition(|call| runs(call, &bad));
    let share =
        |of: &[&Call]| of.iter().copied().filter(|c| failed(c)).count() as f64 / of.len() as f64;
    assert_relative_eq!(share(&new), 0.2, max_relative = 0.1);
    assert!(share(&old) < 0.005);

    let traces = of_back(&simulation).filter(failed).count();
    let roots = calls(&simulation.records).filter(|call| call.caller.is_none() && failed(call));
    let spread = roots.count() as f64 / traces as f64;
    assert_relative_eq!(spread, 0.9, max_relative = 0.05);
}

#[test]
fn a_cut_of_capacity_shows_on_the_processor_and_a_wait_does_not() {
    let busy = |kind| {
        let (simulation, _) = half_released(kind);
        let onset = simulation.truth.onset.unwrap();
        let of = |instance: &str| {
            let subject = Subject::Node(NodeKey::instance(instance));
            let samples = simulation.records.iter().filter_map(|record| match record {
                Record::Sample(sample) => Some(sample),
                _ => None,
            });
            let late = |s: &&Sample| s.subject == subject && s.at > onset;
            mean(samples.filter(late).map(|s| s.value))
        };
        of("back-v1-0") / of("back-v1-3")
    };
    assert_relative_eq!(
        busy(FaultKind::Capacity { factor: 2.0 }),
        2.0,
        max_relative = 0.1
    );
    assert_relative_eq!(
        busy(FaultKind::Slower { factor: 2.0 }),
        1.0,
        max_relative = 0.1
    );
}

#[test]
fn releases_tell_of_every_batch_and_of_their_end() {
    let simulation = run(&Scenario::releases(1)).unwrap();
    for id in &simulation.truth.changes {
        let events = simulation.records.iter().filter_map(|record| match record {
            Record::Change(event) if event.id == *id => Some(event),
            _ => None,
        });
        let events: Vec<_> = events.collect();
        let phases: Vec<_> = events.iter().map(|event| event.phase).collect();
        assert!(phases.is_sorted() && phases.first() == Some(&ChangePhase::Started));
        assert_eq!(phases.last(), Some(&ChangePhase::Completed));
        let reached: Vec<_> = events.iter().flat_map(|event| &event.instances).collect();
        assert!(reached.is_sorted() && (3..=4).contains(&reached.len()));
        assert!(
            events
                .iter()
                .all(|event| event.from.as_ref() != Some(&event.to))
        );
    }
}

#[test]
fn good_releases_leave_their_instances_alike() {
    for seed in 1..=3 {
        let scenario = Scenario::benign(seed);
        let simulation = run(&scenario).unwrap();
        for release in &scenario.releases {
            let name = &release.service.name;
            let of_service = calls(&simulation.records).filter(|c| c.callee.service.name == *name);
            let (new, old): (Vec<_>, Vec<_>) = of_service.partition(|call| runs(call, &release.to));
            let (count, mut new, mut old) = (new.len(), own(new), own(old));
            let ratio = median(&mut new) / median(&mut old);
            // Three to four standard errors of a median of so many log-normal times.
            let bound = 3.5 * 0.9 / (count as f64).sqrt() + 0.02;
            assert!(
                (ratio - 1.0).abs() < bound,
                "seed {seed} {name}: {ratio} of {count}"
            );
        }
    }
}

fn own(calls: Vec<&Call>) -> Vec<f64> {
    calls.into_iter().map(server_ms).collect()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
