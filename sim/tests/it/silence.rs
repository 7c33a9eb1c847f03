//! New instances that do not serve, and telemetry that stops for a part.

use approx::assert_relative_eq;
use astern_graph_core::{Call, NodeKey, Record, Revision, Sample, Subject, TrafficShare};
use astern_sim::{
    Blackout, CallSpec, Fault, FaultKind, PlaceFault, Release, Scenario, SimError, Simulation,
    Simulator, Topology, run,
};

use crate::{calls, constant, failed, ms, of, quiet, seconds, share};

const ONSET: u64 = 300;

fn new() -> Revision {
    Revision::from("back@2")
}

/// `front` calls `back`, whose fourth instance becomes a canary of a fifth of the traffic.
fn canary(kind: Option<FaultKind>) -> Scenario {
    let call = CallSpec::new("back", "get").timeout(ms(200));
    let topology = Topology::new("front")
        .with(constant("front", 5.0).workers(500).then(call))
        .with(constant("back", 10.0).instances(4).workers(50));
    let mut scenario = quiet(topology, 20.0, 900);
    let back = NodeKey::service("back");
    let release = Release::new("back-2", back, new(), seconds(ONSET), [1]);
    let fifth = TrafficShare::basis_points(2_000).unwrap();
    scenario.releases = vec![release.canary([fifth])];
    scenario.fault = kind.map(|kind| Fault::new("back-2", kind));
    scenario
}

fn late<'a>(simulation: &'a Simulation, name: &'a str) -> Vec<&'a Call> {
    let onset = simulation.start.plus(seconds(ONSET + 1));
    of(simulation, name).filter(|c| c.at >= onset).collect()
}

fn is_new(call: &Call) -> bool {
    call.callee.revision == Some(new())
}

fn samples(simulation: &Simulation, name: &str) -> usize {
    let subject = Subject::Node(NodeKey::instance(name));
    let onset = simulation.start.plus(seconds(ONSET + 1));
    let late = |s: &Sample| s.subject == subject && s.at >= onset;
    let records = simulation.records.iter();
    let found = records.filter(|record| matches!(record, Record::Sample(s) if late(s)));
    found.count()
}

#[test]
fn instances_that_are_not_ready_get_no_calls_and_others_take_them() {
    let [good, bad] = [None, Some(FaultKind::NotReady)].map(|kind| run(&canary(kind)).unwrap());
    assert_relative_eq!(share(late(&good, "back"), is_new), 0.2, max_relative = 0.1);
    assert!(!of(&bad, "back").any(is_new));
    assert_eq!(of(&bad, "back").count(), of(&good, "back").count());
    assert!(!calls(&bad.records).any(failed));
    assert_eq!(samples(&bad, "back-v1-0"), 20, "it runs");
    assert_eq!(bad.truth.culprit, Some("back-2".into()));
}

#[test]
fn a_rollback_brings_instances_that_were_not_ready_back() {
    let scenario = canary(Some(FaultKind::NotReady));
    let mut simulator = Simulator::new(&scenario).unwrap();
    let back = NodeKey::service("back");
    let now = scenario.start.plus(seconds(600));
    simulator.advance(now).unwrap();
    let revisions = simulator.revisions(&back).unwrap();
    assert_eq!(revisions[0].1, new(), "the platform knows it");
    let old = revisions[1].1.clone();
    simulator.set_revision(&back, &old, now).unwrap();
    let records = simulator.advance(now.plus(seconds(100))).unwrap();
    let first = NodeKey::instance("back-v1-0");
    let to_back = calls(&records).filter(|c| c.callee.service == back);
    let on_first = share(to_back, |c| c.callee.instance.as_ref() == Some(&first));
    assert_relative_eq!(on_first, 0.25, max_relative = 0.05);
}

#[test]
fn calls_that_new_instances_refuse_are_seen_by_callers_alone() {
    let bad = run(&canary(Some(FaultKind::Refused { share: 0.5 }))).unwrap();
    let (refused, served): (Vec<_>, Vec<_>) =
        late(&bad, "back").into_iter().partition(|c| failed(c));
    for call in &refused {
        assert!(call.server.is_none() && call.callee.revision.is_none());
        assert_eq!(call.client, Some(ms(0)), "at once");
    }
    let all = (refused.len() + served.len()) as f64;
    assert_relative_eq!(refused.len() as f64 / all, 0.1, max_relative = 0.15);
    assert_relative_eq!(
        share(served.iter().copied(), is_new),
        1.0 / 9.0,
        max_relative = 0.15
    );
    assert_relative_eq!(share(late(&bad, "front"), failed), 0.1, max_relative = 0.15);
}

#[test]
fn calls_that_are_never_answered_time_out() {
    let kind = FaultKind::Unanswered { share: 1.0 };
    let bad = run(&canary(Some(kind))).unwrap();
    let (hung, served): (Vec<_>, Vec<_>) = late(&bad, "back").into_iter().partition(|c| failed(c));
    assert!(!served.iter().any(|c| is_new(c)) && hung.len() > 2_000);
    for call in hung {
        assert_eq!((call.client, call.server), (Some(ms(200)), None));
        assert_eq!(call.callee.instance, None);
    }
    assert!(bad.counts.calls_in_flight < 10);

    let mut scenario = canary(Some(kind));
    scenario.topology.services[0].steps[0][0].timeout = None;
    let refused = run(&scenario).unwrap_err();
    assert_eq!(refused, SimError::Misplaced { fault: kind });
}

#[test]
fn a_place_that_is_not_ready_gets_calls_again() {
    let mut scenario = canary(None);
    scenario.releases.clear();
    let instance = NodeKey::instance("back-v1-2");
    let silent = PlaceFault::new(
        Subject::Node(instance.clone()),
        FaultKind::NotReady,
        seconds(ONSET),
    );
    scenario.incident = Some(silent.lasts(seconds(300)));
    let simulation = run(&scenario).unwrap();
    let between = |from: u64, to: u64| {
        let range = scenario.start.plus(seconds(from))..scenario.start.plus(seconds(to));
        let here = of(&simulation, "back").filter(|c| range.contains(&c.at));
        share(here, |c| c.callee.instance.as_ref() == Some(&instance))
    };
    let shares = [between(0, 299), between(301, 599), between(601, 900)];
    for (found, expected) in shares.into_iter().zip([0.25, 0.0, 0.25]) {
        assert!((found - expected).abs() < 0.01, "{shares:?}");
    }
    assert!(!calls(&simulation.records).any(failed));
    let none = FaultKind::Refused { share: 0.5 };
    let flag = canary(None).releases[0].clone();
    let mut scenario = canary(Some(none));
    scenario.releases = vec![flag.flag("f", [TrafficShare::FULL])];
    assert_eq!(
        run(&scenario).unwrap_err(),
        SimError::Misplaced { fault: none }
    );
}

/// What is lost of `back` under a blackout.
fn lost(blackout: Blackout) -> (Simulation, Simulation) {
    let mut scenario = canary(None);
    let whole = run(&scenario).unwrap();
    scenario.blackouts = vec![blackout];
    let part = run(&scenario).unwrap();
    assert_eq!((part.counts, part.truth.fault), (whole.counts, None));
    assert_eq!(of(&part, "back").count(), of(&whole, "back").count());
    (whole, part)
}

#[test]
fn telemetry_of_a_revision_stops_and_its_calls_go_on() {
    let stops = seconds(ONSET + 100);
    let back = NodeKey::service("back");
    let (whole, part) = lost(Blackout::new(stops).service(back).revision(new()));
    let since = whole.start.plus(stops);
    for (before, after) in of(&whole, "back").zip(of(&part, "back")) {
        // A call is reported when it is over.
        let hidden = is_new(before) && before.at.plus(before.client.unwrap()) >= since;
        assert_eq!(after.server.is_none(), hidden);
        assert_eq!(after.callee.revision.is_none(), hidden);
        assert_eq!((after.client, after.status), (before.client, before.status));
    }
    assert!(of(&part, "back").filter(|c| c.server.is_none()).count() > 1_000);
    assert_eq!(samples(&part, "back-v1-0"), 3);
    assert_eq!(samples(&part, "back-v1-1"), 20);
}

#[test]
fn telemetry_of_an_instance_stops_for_a_time() {
    let instance = NodeKey::instance("back-v1-3");
    let stops = Blackout::new(seconds(ONSET)).instance(instance.clone());
    let (whole, part) = lost(stops.lasts(seconds(300)));
    let hidden = of(&part, "back").filter(|c| c.server.is_none()).count();
    let end = whole.start.plus(seconds(ONSET + 300));
    let of_it = |c: &&Call| c.callee.instance.as_ref() == Some(&instance);
    let during = late(&whole, "back").into_iter().filter(|c| c.at < end);
    let expected = during.filter(of_it).count();
    assert!(hidden.abs_diff(expected) < 15, "{hidden} {expected}");
    assert_eq!(samples(&part, "back-v1-3"), 10);
    // The mean of the service is that of the instances that report.
    let service = |simulation: &Simulation| {
        let subject = Subject::Node(NodeKey::service("back"));
        let records = simulation.records.iter();
        let found = records.filter(|r| matches!(r, Record::Sample(s) if s.subject == subject));
        found.count()
    };
    assert_eq!(service(&part), service(&whole));
}
