use astern_graph_core::{ChangePhase, NodeKey, Record, Revision, Timestamp};
use astern_sim::{ActionError, Fault, FaultKind, Release, Scenario, SimError, Simulator};

use crate::{alone, calls, exponential, mean, seconds, server_ms};

const BACK: &str = "back";

/// A slow revision reaches one of four instances after 100 s, and the others 500 s apart.
fn scenario() -> Scenario {
    let mut scenario = Scenario::new(alone(BACK, 20.0), 5);
    scenario.topology.services[0] = exponential(BACK, 20.0).instances(4).workers(4);
    scenario.load.per_second = 20.0;
    scenario.healthy = seconds(100);
    let release = Release::new("back-2", service(), slow(), seconds(100), [1, 1, 2]);
    scenario.releases = vec![release.pause(seconds(500))];
    scenario.fault = Some(Fault::new("back-2", FaultKind::Slower { factor: 4.0 }));
    scenario
}

fn service() -> NodeKey {
    NodeKey::service(BACK)
}

fn slow() -> Revision {
    Revision::from("back@sha256:slow")
}

fn on_slow(records: &[Record]) -> usize {
    let slow = Some(slow());
    calls(records)
        .filter(|call| call.callee.revision == slow)
        .count()
}

fn phases(records: &[Record]) -> Vec<(ChangePhase, usize)> {
    let changes = records.iter().filter_map(|record| match record {
        Record::Change(change) => Some((change.phase, change.instances.len())),
        _ => None,
    });
    changes.collect()
}

#[test]
fn rolling_back_ends_the_fault_and_the_release() {
    let scenario = scenario();
    let good = scenario.topology.services[0].revision.clone();
    let mut simulator = Simulator::new(&scenario).unwrap();
    let at = |secs| scenario.start.plus(seconds(secs));
    let before = simulator.advance(at(700)).unwrap();
    assert_eq!(
        phases(&before),
        [(ChangePhase::Started, 1), (ChangePhase::Progressed, 1)]
    );

    assert_eq!(simulator.set_revision(&service(), &good, at(700)), Ok(2));
    assert_eq!(simulator.set_revision(&service(), &good, at(701)), Ok(0));
    // What workers held is finished by the old revision.
    let settling = simulator.advance(at(705)).unwrap();
    assert_eq!(phases(&settling), [(ChangePhase::RolledBack, 2)]);
    let after = simulator.advance(at(2_000)).unwrap();
    assert_eq!((phases(&after), on_slow(&after)), (vec![], 0));
    assert!(mean(calls(&after).map(server_ms)) < 22.0);
}

#[test]
fn rolling_forward_completes_the_release() {
    let scenario = scenario();
    let mut simulator = Simulator::new(&scenario).unwrap();
    let now = scenario.start.plus(seconds(300));
    simulator.advance(now).unwrap();
    assert_eq!(simulator.set_revision(&service(), &slow(), now), Ok(3));
    let records = simulator.advance(now.plus(seconds(1_500))).unwrap();
    assert_eq!(phases(&records), [(ChangePhase::Completed, 3)]);
    let revisions = simulator.revisions(&service()).unwrap();
    assert!(revisions.iter().all(|(_, revision)| *revision == slow()));
}

#[test]
fn a_release_that_has_not_started_still_starts() {
    let scenario = scenario();
    let good = scenario.topology.services[0].revision.clone();
    let mut simulator = Simulator::new(&scenario).unwrap();
    let now = scenario.start.plus(seconds(50));
    assert_eq!(simulator.set_revision(&service(), &good, now), Ok(0));
    let records = simulator.advance(now.plus(seconds(100))).unwrap();
    assert_eq!(phases(&records), [(ChangePhase::Started, 1)]);
}

#[test]
fn traffic_goes_where_it_is_sent() {
    let scenario = scenario();
    let mut simulator = Simulator::new(&scenario).unwrap();
    let mut now = scenario.start.plus(seconds(110));
    simulator.advance(now).unwrap();
    let mut share = |share: f64, changes: bool| {
        let set = simulator.set_traffic(&service(), &slow(), share, now);
        assert_eq!(set, Ok(changes));
        simulator.advance(now.plus(seconds(2))).unwrap();
        now = now.plus(seconds(100));
        let records = simulator.advance(now).unwrap();
        on_slow(&records) as f64 / calls(&records).count() as f64
    };
    assert!(share(0.0, true).abs() < 1e-9);
    assert!(share(0.0, false).abs() < 1e-9);
    assert!((share(0.6, true) - 0.6).abs() < 0.05);
    assert!((share(1.0, true) - 1.0).abs() < 1e-9);
}

#[test]
fn a_share_for_a_side_without_instances_goes_to_the_other() {
    let scenario = scenario();
    let mut simulator = Simulator::new(&scenario).unwrap();
    let start = scenario.start;
    assert_eq!(
        simulator.set_traffic(&service(), &slow(), 1.0, start),
        Ok(true)
    );
    let records = simulator.advance(start.plus(seconds(90))).unwrap();
    assert!(calls(&records).count() > 1_500 && on_slow(&records) == 0);
}

#[test]
fn actions_on_what_is_not_there_are_refused() {
    let scenario = scenario();
    let mut simulator = Simulator::new(&scenario).unwrap();
    let now = scenario.start.plus(seconds(10));
    simulator.advance(now).unwrap();

    let nobody = NodeKey::service("nobody");
    let never = Revision::from("back@sha256:never");
    let unknown_service = ActionError::UnknownService {
        service: nobody.clone(),
    };
    let unknown_revision = ActionError::UnknownRevision {
        service: service(),
        revision: never.clone(),
    };
    assert_eq!(simulator.revisions(&nobody), Err(unknown_service.clone()));
    assert_eq!(
        simulator.set_revision(&nobody, &slow(), now),
        Err(unknown_service)
    );
    assert_eq!(
        simulator.set_revision(&service(), &never, now),
        Err(unknown_revision)
    );
    for share in [-0.1, 1.1, f64::NAN] {
        let refused = simulator.set_traffic(&service(), &slow(), share, now);
        assert!(matches!(refused, Err(ActionError::Param(_))), "{share}");
    }
    let past = simulator.set_revision(&service(), &slow(), scenario.start);
    let clock = now;
    assert_eq!(
        past,
        Err(ActionError::Past {
            now: scenario.start,
            clock
        })
    );
    let stuck = simulator.set_revision(&service(), &slow(), Timestamp::MAX);
    assert!(matches!(
        stuck,
        Err(ActionError::Stuck(SimError::TooManyEvents { .. }))
    ));
}

#[test]
fn a_time_that_has_passed_changes_nothing() {
    let scenario = scenario();
    let mut simulator = Simulator::new(&scenario).unwrap();
    let now = scenario.start.plus(seconds(60));
    assert!(!simulator.advance(now).unwrap().is_empty());
    for past in [Timestamp::MIN, scenario.start, now] {
        assert_eq!(simulator.advance(past).unwrap(), []);
        assert_eq!(simulator.now(), now);
    }
}
