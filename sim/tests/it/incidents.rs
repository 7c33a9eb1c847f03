//! Faults of places, and what must not be blamed.

use approx::assert_relative_eq;
use astern_graph_core::{Call, EdgeKind, NodeKey, Record, Subject, Timestamp};
use astern_sim::{
    Blackout, CallSpec, Curve, FaultKind, PlaceFault, Retries, Scenario, Scope, Segment,
    Simulation, Surge, Topology, run,
};

use crate::{calls, constant, failed, mean, ms, of, quiet, seconds, server_ms, share};

const ONSET: u64 = 300;
const END: u64 = 600;

/// `front` calls `back` for two things, and `side` for one.
fn scenario() -> Scenario {
    let call = |to: &str, operation: &str| CallSpec::new(to, operation).timeout(ms(500));
    let topology = Topology::new("front")
        .with(
            constant("front", 5.0)
                .workers(500)
                .then(call("back", "get"))
                .then(call("back", "set").probability(0.5))
                .then(call("side", "get")),
        )
        .with(constant("back", 10.0).instances(2).workers(50))
        .with(constant("side", 10.0).workers(50));
    let mut scenario = quiet(topology, 20.0, 900);
    scenario.load.segments = vec![Segment::new("web", 3.0), Segment::new("app", 1.0)];
    scenario
}

fn service(name: &str) -> Subject {
    Subject::Node(NodeKey::service(name))
}

fn edge() -> Subject {
    Subject::Edge {
        from: NodeKey::service("front"),
        to: NodeKey::service("back"),
        kind: EdgeKind::Calls,
    }
}

fn hit(subject: Subject, kind: FaultKind, scope: Scope) -> Simulation {
    let mut scenario = scenario();
    let incident = PlaceFault::new(subject, kind, seconds(ONSET));
    scenario.incident = Some(incident.lasts(seconds(END - ONSET)).only(scope));
    run(&scenario).unwrap()
}

fn during(simulation: &Simulation, name: &str) -> Vec<Call> {
    let start = simulation.start;
    let range = start.plus(seconds(ONSET + 1))..start.plus(seconds(END - 1));
    of(simulation, name)
        .filter(|c| range.contains(&c.at))
        .cloned()
        .collect()
}

fn outside(simulation: &Simulation, name: &str) -> Vec<Call> {
    let start = simulation.start;
    let range = start.plus(seconds(ONSET - 1))..start.plus(seconds(END + 1));
    of(simulation, name)
        .filter(|c| !range.contains(&c.at))
        .cloned()
        .collect()
}

fn on_the_way_ms(call: &Call) -> f64 {
    let way = call.client.unwrap().checked_sub(call.server.unwrap());
    way.unwrap().as_secs_f64() * 1e3
}

fn all() -> Scope {
    Scope::default()
}

#[test]
fn a_delay_on_an_edge_is_seen_by_its_caller_alone() {
    let simulation = hit(edge(), FaultKind::NetworkDelay { ms: 30.0 }, all());
    for call in during(&simulation, "back") {
        assert_relative_eq!(on_the_way_ms(&call), 60.0);
        assert_relative_eq!(server_ms(&call), 10.0);
    }
    let others = outside(&simulation, "back").into_iter();
    for call in others.chain(during(&simulation, "side")) {
        assert_relative_eq!(on_the_way_ms(&call), 0.0);
    }
    let truth = &simulation.truth;
    assert_eq!((&truth.culprit, &truth.subject), (&None, &Some(edge())));
    assert_eq!(truth.service, Some(NodeKey::service("back")));
    assert_eq!(truth.callers, [NodeKey::service("front")]);
    assert_eq!(truth.onset, Some(simulation.start.plus(seconds(ONSET))));
    assert_eq!(truth.end, Some(simulation.start.plus(seconds(END))));
}

#[test]
fn lost_calls_time_out_and_never_arrive() {
    let simulation = hit(edge(), FaultKind::Lost { share: 0.3 }, all());
    let back = during(&simulation, "back");
    assert_relative_eq!(share(&back, failed), 0.3, max_relative = 0.05);
    for call in back.iter().filter(|call| failed(call)) {
        assert_eq!((call.client, call.server), (Some(ms(500)), None));
        assert_eq!(call.callee.instance, None);
    }
    for name in ["back", "side"] {
        assert!(!outside(&simulation, name).iter().any(failed));
    }
    assert!(!during(&simulation, "side").iter().any(failed));
    let mut scenario = scenario();
    scenario.topology.services[0].steps[0][0].timeout = None;
    scenario.incident = simulation
        .truth
        .fault
        .map(|kind| PlaceFault::new(edge(), kind, seconds(1)));
    assert!(run(&scenario).is_err(), "a caller would wait for ever");
}

#[test]
fn wrong_values_are_noticed_by_callers_alone() {
    let simulation = hit(
        service("back"),
        FaultKind::WrongValues { share: 0.2 },
        all(),
    );
    assert!(!during(&simulation, "back").iter().any(failed));
    // One or two calls of each request.
    let expected = 1.0 - 0.8 * (1.0 - 0.5 * 0.2);
    let front = during(&simulation, "front");
    assert_relative_eq!(share(&front, failed), expected, max_relative = 0.05);
    assert!(!outside(&simulation, "front").iter().any(failed));
}

#[test]
fn a_fault_of_one_operation_or_segment_leaves_the_others_alone() {
    let kind = FaultKind::Delay { ms: 40.0 };
    let set = |call: &Call| call.operation.as_deref() == Some("set");
    let app = |call: &Call| call.callee.segment.as_deref() == Some("app");
    let by_operation = hit(service("back"), kind, Scope::operation("set"));
    let by_segment = hit(service("back"), kind, Scope::segment("app"));
    for (simulation, is_hit) in [
        (&by_operation, &set as &dyn Fn(&Call) -> bool),
        (&by_segment, &app),
    ] {
        let (bad, good): (Vec<_>, Vec<_>) =
            during(simulation, "back").into_iter().partition(is_hit);
        assert!(bad.len() > 1_000 && bad.iter().all(|c| server_ms(c) > 49.9));
        assert!(good.len() > 1_000 && good.iter().all(|c| server_ms(c) < 10.1));
        assert!(
            outside(simulation, "back")
                .iter()
                .all(|c| server_ms(c) < 10.1)
        );
    }
}

#[test]
fn segments_come_by_their_weights_and_use_what_they_favour() {
    let mut scenario = scenario();
    scenario.load.segments[1] = Segment::new("app", 1.0).favours("set", 1.6);
    let simulation = run(&scenario).unwrap();
    let app = |call: &&Call| call.callee.segment.as_deref() == Some("app");
    assert_relative_eq!(
        share(of(&simulation, "front"), |c| app(&c)),
        0.25,
        max_relative = 0.05
    );
    let count = |operation: &str, wanted: bool| {
        let asked = |c: &&Call| c.operation.as_deref() == Some(operation);
        of(&simulation, "back")
            .filter(asked)
            .filter(|c| app(c) == wanted)
            .count() as f64
    };
    assert_relative_eq!(
        count("set", true) / count("get", true),
        0.8,
        max_relative = 0.05
    );
    assert_relative_eq!(
        count("set", false) / count("get", false),
        0.5,
        max_relative = 0.05
    );
    let both = |c: &Call| {
        c.caller
            .as_ref()
            .is_none_or(|from| from.segment == c.callee.segment)
    };
    assert!(calls(&simulation.records).all(both));
}

#[test]
fn an_instance_that_is_down_takes_no_calls_and_its_service_does() {
    let instance = NodeKey::instance("back-v1-1");
    let simulation = hit(Subject::Node(instance.clone()), FaultKind::Down, all());
    let on_it = |c: &Call| c.callee.instance.as_ref() == Some(&instance);
    assert!(!during(&simulation, "back").iter().any(on_it));
    assert_relative_eq!(
        share(&outside(&simulation, "back"), on_it),
        0.5,
        max_relative = 0.02
    );
    assert!(!of(&simulation, "front").any(failed));
    assert_eq!(simulation.truth.service, Some(NodeKey::service("back")));

    let simulation = hit(service("back"), FaultKind::Down, all());
    let down = during(&simulation, "back");
    assert!(down.iter().all(|c| failed(c) && c.server.is_none()));
    assert!(during(&simulation, "front").iter().all(failed));
    assert!(!outside(&simulation, "front").iter().any(failed));
}

#[test]
fn fewer_workers_make_calls_wait_and_all_come_back() {
    // 30 calls of 10 ms a second for two instances: one worker each is busy for 15 %.
    let mut scenario = scenario();
    scenario.load.per_second = 100.0;
    let left = FaultKind::Workers { left: 1 };
    let incident = PlaceFault::new(service("back"), left, seconds(ONSET));
    scenario.incident = Some(incident.lasts(seconds(END - ONSET)));
    let simulation = run(&scenario).unwrap();
    let waits = |calls: Vec<Call>| mean(calls.iter().map(server_ms)) - 10.0;
    assert!(waits(during(&simulation, "back")) > 5.0);
    assert!(waits(outside(&simulation, "back")).abs() < 0.01);
    assert!(
        during(&simulation, "side")
            .iter()
            .all(|c| server_ms(c) < 10.1)
    );
}

#[test]
fn a_storm_of_retries_multiplies_calls_that_fail() {
    let kind = FaultKind::Retries {
        attempts: 5,
        timeout_ms: 8.0,
    };
    let simulation = hit(service("front"), kind, all());
    // `back` and `side` take 10 ms, so every attempt times out.
    let (asked, front) = (during(&simulation, "back"), during(&simulation, "front"));
    let get = asked
        .iter()
        .filter(|c| c.operation.as_deref() == Some("get"))
        .count();
    assert_relative_eq!(get as f64 / front.len() as f64, 5.0, max_relative = 0.02);
    assert!(asked.iter().all(|c| c.client == Some(ms(8)) && failed(c)));
    assert!(!outside(&simulation, "back").iter().any(failed));
}

#[test]
fn attempts_stop_where_one_succeeds() {
    let mut scenario = scenario();
    scenario.topology.services[0].steps[0][0].retries = Some(Retries::at_once(9));
    let simulation = run(&scenario).unwrap();
    let asked = of(&simulation, "back").filter(|c| c.operation.as_deref() == Some("get"));
    assert!(asked.count().abs_diff(of(&simulation, "front").count()) <= 3);
}

#[test]
fn a_surge_and_a_trend_are_as_great_as_they_say() {
    let mut scenario = scenario();
    scenario.load.trend_per_hour = 2.0;
    scenario.load.surges = vec![Surge {
        starts: seconds(400),
        lasts: seconds(100),
        factor: 3.0,
    }];
    let simulation = run(&scenario).unwrap();
    let rate = |from: u64, to: u64| {
        let range = scenario.start.plus(seconds(from))..scenario.start.plus(seconds(to));
        let came = of(&simulation, "front").filter(|c| range.contains(&c.at));
        came.count() as f64 / (to - from) as f64
    };
    assert_relative_eq!(
        rate(0, 100),
        20.0 * (1.0 + 2.0 * 50.0 / 3_600.0),
        max_relative = 0.06
    );
    assert_relative_eq!(rate(400, 500), 60.0 * 1.25, max_relative = 0.04);
    assert_relative_eq!(
        rate(800, 900),
        20.0 * (1.0 + 2.0 * 850.0 / 3_600.0),
        max_relative = 0.06
    );
    assert_eq!(
        (simulation.truth.fault, simulation.truth.onset),
        (None, None)
    );
}

#[test]
fn a_curve_is_followed_from_its_phase_on() {
    let mut scenario = scenario();
    let curve = Curve::new([0.5, 1.5, 1.0], seconds(600));
    scenario.load.curve = Some(curve.phase(seconds(200)));
    scenario.load.per_second = 60.0;
    let simulation = run(&scenario).unwrap();
    let rate = |from: u64, to: u64| {
        let range = scenario.start.plus(seconds(from))..scenario.start.plus(seconds(to));
        let came = of(&simulation, "front").filter(|c| range.contains(&c.at));
        came.count() as f64 / (to - from) as f64
    };
    for (from, expected) in [(0, 1.25), (200, 0.75), (400, 1.0), (600, 1.25)] {
        let found = rate(from, from + 200);
        assert_relative_eq!(found, 60.0 * expected, max_relative = 0.04);
    }
    assert_eq!(simulation.truth.fault, None);
}

#[test]
fn lost_telemetry_is_no_fault_of_the_system() {
    let whole = run(&scenario()).unwrap();
    let blacked_out = |service: Option<&str>| {
        let mut scenario = scenario();
        let mut lost = Blackout::new(seconds(ONSET)).lasts(seconds(END - ONSET));
        lost.service = service.map(NodeKey::service);
        scenario.blackouts = vec![lost];
        run(&scenario).unwrap()
    };
    let back = blacked_out(Some("back"));
    assert_eq!((back.counts, back.truth.fault), (whole.counts, None));
    assert_eq!(during(&back, "back").len(), during(&whole, "back").len());
    for call in during(&back, "back") {
        assert!(call.server.is_none() && call.client.is_some() && call.callee.instance.is_none());
    }
    assert_eq!(outside(&back, "back"), outside(&whole, "back"));
    assert_eq!(during(&back, "side"), during(&whole, "side"));
    // What `front` would report is reported by its callees.
    let front = blacked_out(Some("front"));
    assert!(during(&front, "front").is_empty());
    assert!(
        during(&front, "back")
            .iter()
            .all(|c| c.client.is_none() && c.server.is_some())
    );

    let nothing = blacked_out(None);
    let at = |secs: u64| -> Timestamp { nothing.start.plus(seconds(secs)) };
    let lost = |record: &&Record| (at(ONSET + 1)..at(END - 1)).contains(&record.at());
    assert_eq!(nothing.records.iter().filter(lost).count(), 0);
}
