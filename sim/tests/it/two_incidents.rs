//! Several things that are wrong at once.

use std::ops::Range;

use approx::assert_relative_eq;
use astern_graph_core::{Call, EdgeKind, NodeKey, NodeKind, Record, Revision, Subject};
use astern_sim::{
    AnyFault, CallSpec, Fault, FaultKind, GroundTruth, HostSpec, PlaceFault, Preset, Release,
    Scenario, Simulation, Topology, run,
};

use crate::{calls, constant, failed, mean, of, quiet, seconds, server_ms, share};

/// `front` calls `back` and `side`; both get a new revision at 300 s.
fn scenario() -> Scenario {
    let topology = Topology::new("front")
        .with(
            constant("front", 5.0)
                .workers(500)
                .then(CallSpec::new("back", "get"))
                .then(CallSpec::new("side", "get")),
        )
        .with(constant("back", 10.0).instances(2).workers(50))
        .with(constant("side", 10.0).instances(2).workers(50).on(["host"]))
        .host(HostSpec::new("host", 2.0));
    let mut scenario = quiet(topology, 10.0, 900);
    let release = |name: &str| {
        let (id, to) = (format!("{name}-2"), Revision::new(format!("{name}@2")));
        let service = NodeKey::service(name);
        Release::new(id.as_str(), service, to, seconds(300), [1])
    };
    scenario.releases = vec![release("back"), release("side")];
    scenario
}

fn at(subject: Subject, kind: FaultKind, during: Range<u64>) -> PlaceFault {
    let fault = PlaceFault::new(subject, kind, seconds(during.start));
    fault.lasts(seconds(during.end - during.start))
}

fn service(name: &str) -> Subject {
    Subject::Node(NodeKey::service(name))
}

fn between<'a>(simulation: &'a Simulation, name: &'a str, during: Range<u64>) -> Vec<&'a Call> {
    let at = |secs| simulation.start.plus(seconds(secs));
    let range = at(during.start + 1)..at(during.end - 1);
    of(simulation, name)
        .filter(|c| range.contains(&c.at))
        .collect()
}

fn server(calls: Vec<&Call>) -> f64 {
    mean(calls.into_iter().map(server_ms))
}

#[test]
fn a_bad_release_and_a_bad_place_each_do_what_they_do_alone() {
    let errors = Fault::new("back-2", FaultKind::Errors { share: 0.5 });
    let slow = at(service("side"), FaultKind::Slower { factor: 3.0 }, 400..700);
    let mut both = scenario();
    (both.fault, both.incident) = (Some(errors.clone()), Some(slow.clone()));
    let simulation = run(&both).unwrap();
    let back = between(&simulation, "back", 300..900);
    let is_new = |c: &Call| c.callee.revision == Some("back@2".into());
    let failing = share(back.into_iter().filter(|c| is_new(c)), failed);
    assert_relative_eq!(failing, 0.5, max_relative = 0.08);
    for (during, expected) in [(0..400, 10.0), (400..700, 30.0), (700..900, 10.0)] {
        let found = server(between(&simulation, "side", during));
        assert_relative_eq!(found, expected, max_relative = 0.02);
    }

    let alone = |change: &dyn Fn(&mut Scenario)| {
        let mut scenario = scenario();
        change(&mut scenario);
        run(&scenario).unwrap().truth
    };
    let release = alone(&|s| s.fault = Some(errors.clone()));
    let place = alone(&|s| s.incident = Some(slow.clone()));
    let mut expected = release.clone();
    expected.further = vec![place];
    assert_eq!(simulation.truth, expected);
    assert_eq!(
        both.faults(),
        [AnyFault::Release(errors), AnyFault::Place(slow)]
    );
    let json = simulation.truth.to_json().unwrap();
    assert_eq!(GroundTruth::from_json(&json).unwrap(), simulation.truth);
    assert!(!release.to_json().unwrap().contains("further"));
}

#[test]
fn two_releases_may_be_bad() {
    let mut scenario = scenario();
    scenario.fault = Some(Fault::new("side-2", FaultKind::Delay { ms: 20.0 }));
    let errors = Fault::new("back-2", FaultKind::ClientErrors { share: 1.0 });
    let scenario = scenario.also(errors);
    let text = serde_json::to_string(&scenario).unwrap();
    assert_eq!(serde_json::from_str::<Scenario>(&text).unwrap(), scenario);
    let truth = run(&scenario).unwrap().truth;
    assert_eq!(truth.culprit, Some("side-2".into()));
    assert_eq!(truth.further.len(), 1);
    assert_eq!(truth.further[0].culprit, Some("back-2".into()));
    assert_eq!(truth.further[0].changes, truth.changes);
}

#[test]
fn faults_that_hit_the_same_call_add_up() {
    let delay = |ms, during| at(service("back"), FaultKind::Delay { ms }, during);
    let edge = || Subject::Edge {
        from: NodeKey::service("front"),
        to: NodeKey::service("side"),
        kind: EdgeKind::Calls,
    };
    let detour = |ms, during| at(edge(), FaultKind::NetworkDelay { ms }, during);
    let scenario = scenario()
        .also(delay(20.0, 100..300))
        .also(delay(40.0, 200..400))
        .also(detour(5.0, 100..300))
        .also(detour(7.0, 200..400));
    let simulation = run(&scenario).unwrap();
    let times = [
        (0, 0.0, 0.0),
        (1, 20.0, 5.0),
        (2, 60.0, 12.0),
        (3, 40.0, 7.0),
    ];
    for (hundred, wait, way) in times {
        let during = hundred * 100..(hundred + 1) * 100;
        let back = server(between(&simulation, "back", during.clone()));
        assert_relative_eq!(back, 10.0 + wait, max_relative = 1e-6);
        for call in between(&simulation, "side", during) {
            let on_the_way = call.client.unwrap().checked_sub(call.server.unwrap());
            let ms = on_the_way.unwrap().as_secs_f64() * 1e3;
            assert_relative_eq!(ms, 2.0 * way, epsilon = 1e-6);
        }
    }
}

#[test]
fn what_two_faults_take_away_comes_back_when_both_are_over() {
    let instance = NodeKey::instance("back-v1-0");
    let down = |subject, during| at(subject, FaultKind::Down, during);
    let host = || Subject::Node(NodeKey::new(NodeKind::Host, "host"));
    let hogs = |workers, during| at(host(), FaultKind::Hogs { workers }, during);
    let scenario = scenario()
        .also(down(Subject::Node(instance.clone()), 100..300))
        .also(down(service("back"), 200..250))
        .also(hogs(1.0, 100..300))
        .also(hogs(2.0, 200..400));
    let simulation = run(&scenario).unwrap();
    let here = |during| {
        share(between(&simulation, "back", during), |c| {
            c.callee.instance.as_ref() == Some(&instance)
        })
    };
    for (during, expected) in [
        (0..100, 0.5),
        (100..200, 0.0),
        (250..300, 0.0),
        (300..900, 0.5),
    ] {
        assert!((here(during.clone()) - expected).abs() < 0.02, "{during:?}");
    }
    assert!(
        between(&simulation, "back", 200..250)
            .into_iter()
            .all(failed)
    );
    let busy = |at: u64| {
        let at = scenario.start.plus(seconds(at));
        let mut samples = simulation.records.iter().filter_map(|record| match record {
            Record::Sample(s) if s.subject == host() => Some(s),
            _ => None,
        });
        samples.find(|s| s.at > at).unwrap().value
    };
    for (at, expected) in [(30, 0.05), (130, 0.55), (230, 1.0), (330, 1.0), (500, 0.05)] {
        assert!((busy(at) - expected).abs() < 0.06, "{at}: {}", busy(at));
    }
}

#[test]
fn a_second_set_is_not_started_by_the_end_of_an_outage() {
    let mut scenario = scenario();
    scenario.releases.truncate(1);
    scenario.releases[0].starts = seconds(600);
    scenario.releases = vec![scenario.releases[0].clone().blue_green(2)];
    scenario.incident = Some(at(service("back"), FaultKind::Down, 100..200));
    let simulation = run(&scenario).unwrap();
    let second = |during| {
        share(between(&simulation, "back", during), |c| {
            let instance = c.callee.instance.as_ref();
            instance.is_some_and(|instance| instance.name.contains("-v2-"))
        })
    };
    assert_relative_eq!(second(200..600), 0.0);
    assert_relative_eq!(second(600..900), 1.0);
}

#[test]
fn the_preset_has_two_truths_of_two_services() {
    for seed in 0..20 {
        let scenario = Scenario::preset(Preset::TwoIncidents, seed);
        let mut short = scenario.clone();
        short.span = seconds(34 * 60);
        let simulation = run(&short).unwrap();
        let truth = &simulation.truth;
        let other = &truth.further[0];
        assert!(truth.culprit.is_some() && other.culprit.is_none());
        assert_ne!(truth.service, other.service);
        assert!(calls(&simulation.records).any(failed));
    }
}
