//! How releases reach calls, and what undoes them.

use approx::assert_relative_eq;
use astern_graph_core::{
    Call, ChangeEvent, ChangePhase, NodeKey, Record, Reversibility, Revision, TrafficShare,
};
use astern_sim::{ActionError, Fault, FaultKind, Release, Scenario, Simulator, run};

use crate::{alone, calls, failed, quiet, seconds, server_ms, share};

fn service() -> NodeKey {
    NodeKey::service("back")
}

fn new() -> Revision {
    Revision::from("back@2")
}

/// Four instances of `back`, released after 100 s; requests that meet the release take 100 ms more.
fn scenario(change: impl FnOnce(Release) -> Release) -> Scenario {
    let mut topology = alone("back", 1.0);
    topology.services[0] = topology.services[0].clone().instances(4).workers(50);
    let mut scenario = quiet(topology, 50.0, 500);
    let release = Release::new("back-2", service(), new(), seconds(100), [1, 1, 2]);
    scenario.releases = vec![change(release.pause(seconds(100)))];
    scenario.fault = Some(Fault::new("back-2", FaultKind::Delay { ms: 100.0 }));
    scenario
}

fn shares(of: &[u16]) -> Vec<TrafficShare> {
    let share = |points: &u16| TrafficShare::basis_points(*points).unwrap();
    of.iter().map(share).collect()
}

fn events(records: &[Record]) -> Vec<&ChangeEvent> {
    let events = records.iter().filter_map(|record| match record {
        Record::Change(event) => Some(event),
        _ => None,
    });
    events.collect()
}

fn slow(call: &Call) -> bool {
    server_ms(call) > 90.0
}

/// Share of slow calls in an interval, seconds.
fn hit(scenario: &Scenario, records: &[Record], from: u64, to: u64) -> f64 {
    let range = scenario.start.plus(seconds(from))..scenario.start.plus(seconds(to));
    share(calls(records).filter(|call| range.contains(&call.at)), slow)
}

#[test]
fn a_canary_gets_its_share_whatever_its_instances() {
    let scenario = scenario(|release| release.canary(shares(&[500, 2_000, 5_000])));
    let records = run(&scenario).unwrap().records;
    let reported: Vec<_> = events(&records)
        .iter()
        .map(|e| (e.phase, e.share))
        .collect();
    let of = |points| Some(TrafficShare::basis_points(points).unwrap());
    assert_eq!(
        reported,
        [
            (ChangePhase::Started, of(500)),
            (ChangePhase::Progressed, of(2_000)),
            (ChangePhase::Completed, of(10_000)),
        ]
    );
    assert!((hit(&scenario, &records, 101, 199) - 0.05).abs() < 0.01);
    assert!((hit(&scenario, &records, 201, 299) - 0.2).abs() < 0.02);
    assert!(hit(&scenario, &records, 301, 499) > 0.999);
}

#[test]
fn blue_green_switches_at_once_and_back() {
    let scenario = scenario(|release| release.blue_green(3));
    let mut simulator = Simulator::new(&scenario).unwrap();
    let at = |secs| scenario.start.plus(seconds(secs));
    let mut records = simulator.advance(at(200)).unwrap();
    assert_eq!(simulator.revisions(&service()).unwrap().len(), 7);
    let old = simulator.revisions(&service()).unwrap()[0].1.clone();
    assert_eq!(
        simulator.set_traffic(&service(), &old, 1.0, at(200)),
        Ok(true)
    );
    records.extend(simulator.advance(at(300)).unwrap());
    assert!(hit(&scenario, &records, 0, 99).abs() < 1e-9);
    assert!(hit(&scenario, &records, 100, 199) > 0.999);
    assert!(hit(&scenario, &records, 201, 300).abs() < 1e-9);
    let reported = events(&records);
    assert_eq!(
        (reported[0].phase, reported[0].share),
        (ChangePhase::Started, Some(TrafficShare::FULL))
    );
    assert_eq!(reported[0].instances[2], NodeKey::instance("back-v2-2"));
    let before = Simulator::new(&scenario).unwrap();
    assert_eq!(
        before.revisions(&service()).unwrap().len(),
        4,
        "it starts with the release"
    );
}

#[test]
fn a_flag_is_on_for_its_share_of_calls_and_changes_no_instance() {
    let flag = |release: Release| release.flag("new-search", shares(&[1_000, 6_000]));
    let scenario = scenario(flag);
    let mut simulator = Simulator::new(&scenario).unwrap();
    let at = |secs| scenario.start.plus(seconds(secs));
    let early = simulator.set_flag(&service(), "new-search", false, at(50));
    assert!(matches!(early, Err(ActionError::UnknownFlag { .. })));
    let mut records = simulator.advance(at(300)).unwrap();
    assert_eq!(
        simulator.set_flag(&service(), "new-search", false, at(300)),
        Ok(true)
    );
    assert_eq!(
        simulator.set_flag(&service(), "new-search", false, at(301)),
        Ok(false)
    );
    let other = simulator.set_flag(&service(), "old-search", false, at(301));
    assert!(matches!(other, Err(ActionError::UnknownFlag { .. })));
    records.extend(simulator.advance(at(500)).unwrap());
    assert!((hit(&scenario, &records, 101, 199) - 0.1).abs() < 0.015);
    assert!((hit(&scenario, &records, 201, 299) - 0.6).abs() < 0.03);
    assert!(hit(&scenario, &records, 301, 500).abs() < 1e-9);
    assert!(calls(&records).all(|call| call.callee.revision != Some(new())));
    let reported: Vec<_> = events(&records).iter().map(|e| e.phase).collect();
    let phases = [
        ChangePhase::Started,
        ChangePhase::Completed,
        ChangePhase::RolledBack,
    ];
    assert_eq!(reported, phases);
    assert_eq!(events(&records)[2].share, Some(TrafficShare::ZERO));
}

#[test]
fn what_is_older_than_a_forward_only_change_fails() {
    let forward = Reversibility::ForwardOnly {
        min_compatible: new(),
    };
    let mut scenario = scenario(|release| release.undo(forward));
    scenario.releases[0].batches = vec![2, 2];
    let mut simulator = Simulator::new(&scenario).unwrap();
    let at = |secs| scenario.start.plus(seconds(secs));
    let good = simulator.revisions(&service()).unwrap()[0].1.clone();
    let fails = |records: &[Record]| share(calls(records), failed);
    assert!(fails(&simulator.advance(at(100)).unwrap()).abs() < 1e-9);
    // Half of the instances are old while the data is new.
    assert_relative_eq!(
        fails(&simulator.advance(at(200)).unwrap()),
        0.5,
        max_relative = 0.02
    );
    simulator.advance(at(201)).unwrap();
    assert!(fails(&simulator.advance(at(300)).unwrap()).abs() < 1e-9);
    assert_eq!(simulator.set_revision(&service(), &good, at(300)), Ok(4));
    simulator.advance(at(301)).unwrap();
    assert!(
        fails(&simulator.advance(at(400)).unwrap()) > 0.999,
        "no way back"
    );
}

#[test]
fn a_restart_cures_a_leak_for_a_while_and_starts_slowly() {
    let mut scenario = scenario(|release| release);
    scenario.releases[0].batches = vec![4];
    let taken = |scenario: &Scenario| {
        let mut simulator = Simulator::new(scenario).unwrap();
        let at = |secs| scenario.start.plus(seconds(secs));
        simulator.advance(at(380)).unwrap();
        let before = simulator.advance(at(400)).unwrap();
        assert_eq!(simulator.restart(&service(), at(400)), Ok(4));
        let after = simulator.advance(at(410)).unwrap();
        let mean = |records: &[Record]| crate::mean(calls(records).map(server_ms));
        mean(&after) / mean(&before)
    };
    scenario.fault = Some(Fault::new("back-2", FaultKind::Leak { per_minute: 1.0 }));
    // From about 5.8 to about 1.1 times the work.
    assert!(taken(&scenario) < 0.25);
    let start = FaultKind::SlowStart {
        factor: 8.0,
        minutes: 1.0,
    };
    scenario.fault = Some(Fault::new("back-2", start));
    assert!(taken(&scenario) > 6.0);
}
