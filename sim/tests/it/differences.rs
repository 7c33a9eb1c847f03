//! Differences that are no fault: starts of instances, releases that are a little slower.

use approx::assert_relative_eq;
use astern_graph_core::{Call, NodeKey, Revision, Timestamp};
use astern_sim::{
    Fault, FaultKind, Release, Scenario, Simulation, Simulator, StartUp, TimeLaw, Topology, run,
};

use crate::{calls, constant, failed, mean, of, quiet, seconds, server_ms, share};

const ONSET: u64 = 300;

fn new() -> Revision {
    Revision::from("web@2")
}

/// `web` alone, two of whose four instances get a new revision.
fn half_released() -> Scenario {
    let web = constant("web", 10.0).instances(4).workers(50);
    let mut scenario = quiet(Topology::new("web").with(web), 40.0, 900);
    let service = NodeKey::service("web");
    scenario.releases = vec![Release::new("web-2", service, new(), seconds(ONSET), [2])];
    scenario
}

fn is_new(call: &Call) -> bool {
    call.callee.revision == Some(new())
}

/// Calls to the new revision between two times after the onset.
fn since_onset(simulation: &Simulation, from: u64, to: u64) -> Vec<&Call> {
    let at = |secs: u64| -> Timestamp { simulation.start.plus(seconds(ONSET + secs)) };
    let during = |c: &&Call| (at(from)..at(to)).contains(&c.at) && is_new(c);
    of(simulation, "web").filter(during).collect()
}

#[test]
fn fresh_instances_are_slow_and_fail_until_they_are_warm() {
    let mut scenario = half_released();
    scenario.load.per_second = 200.0;
    let start_up = StartUp::default().lasts(seconds(100)).factor(5.0);
    scenario.topology.services[0].start_up = Some(start_up.errors(0.2));
    let simulation = run(&scenario).unwrap();
    let slow = |from, to| {
        mean(
            since_onset(&simulation, from, to)
                .into_iter()
                .map(server_ms),
        )
    };
    assert_relative_eq!(slow(0, 10), 10.0 * 4.8, max_relative = 0.02);
    assert_relative_eq!(slow(45, 55), 10.0 * 3.0, max_relative = 0.02);
    let failing = |from, to| share(since_onset(&simulation, from, to), failed);
    assert_relative_eq!(failing(0, 100), 0.2, max_relative = 0.1);
    for call in since_onset(&simulation, 100, 600) {
        assert_relative_eq!(server_ms(call), 10.0);
        assert!(!failed(call));
    }
    let old = of(&simulation, "web").filter(|c| !is_new(c));
    for call in old {
        assert_relative_eq!(server_ms(call), 10.0);
        assert!(!failed(call), "warm since before the run");
    }
    let truth = &simulation.truth;
    assert_eq!((&truth.culprit, truth.fault), (&None, None));
}

#[test]
fn what_is_restarted_or_rolled_back_is_fresh_again() {
    let mut scenario = half_released();
    scenario.topology.services[0].start_up = Some(StartUp::default().factor(3.0));
    let web = NodeKey::service("web");
    let old = scenario.topology.services[0].revision.clone();
    let mut simulator = Simulator::new(&scenario).unwrap();
    let at = |secs| scenario.start.plus(seconds(secs));
    simulator.advance(at(500)).unwrap();
    simulator.set_revision(&web, &old, at(500)).unwrap();
    let rolled_back = simulator.advance(at(600)).unwrap();
    simulator.restart(&web, at(600)).unwrap();
    let restarted = simulator.advance(at(700)).unwrap();
    let slow = |records: &[_]| share(calls(records), |c| server_ms(c) > 10.1);
    // Two of four instances for 60 s of 100, then all.
    assert_relative_eq!(slow(&rolled_back), 0.3, max_relative = 0.05);
    assert_relative_eq!(slow(&restarted), 0.6, max_relative = 0.05);
}

#[test]
fn a_failing_start_of_a_release_is_its_fault_and_ends() {
    let mut scenario = half_released();
    let kind = FaultKind::FailingStart {
        share: 0.5,
        minutes: 2.0,
    };
    scenario.fault = Some(Fault::new("web-2", kind));
    let simulation = run(&scenario).unwrap();
    let failing = |from, to| share(since_onset(&simulation, from, to), failed);
    assert_relative_eq!(failing(0, 120), 0.5, max_relative = 0.06);
    assert_relative_eq!(failing(120, 600), 0.0);
    assert!(!of(&simulation, "web").any(|c| failed(c) && !is_new(c)));
    assert_eq!(simulation.truth.culprit, Some("web-2".into()));
}

#[test]
fn a_benign_release_may_be_a_little_slower_or_faster() {
    for factor in [0.95, 1.02, 1.05] {
        let mut scenario = half_released();
        scenario.releases[0].work_factor = factor;
        let simulation = run(&scenario).unwrap();
        for call in of(&simulation, "web") {
            let expected = if is_new(call) { 10.0 * factor } else { 10.0 };
            assert_relative_eq!(server_ms(call), expected, max_relative = 1e-4);
        }
        assert_eq!(simulation.truth.culprit, None);
    }
}

#[test]
fn unequal_instances_take_as_long_as_their_speeds_say() {
    let mut scenario = half_released();
    let service = &mut scenario.topology.services[0];
    service.speeds = vec![0.5, 1.0, 2.0];
    scenario.releases = vec![scenario.releases[0].clone().blue_green(2)];
    let simulation = run(&scenario).unwrap();
    let names = ["v1-0", "v1-1", "v1-2", "v1-3", "v2-0", "v2-1"];
    let expected = [20.0, 10.0, 5.0, 20.0, 10.0, 5.0];
    for (name, expected) in names.into_iter().zip(expected) {
        let instance = NodeKey::instance(format!("web-{name}"));
        let here = |c: &&Call| c.callee.instance.as_ref() == Some(&instance);
        let times: Vec<f64> = of(&simulation, "web").filter(here).map(server_ms).collect();
        assert!(times.len() > 500, "{name}");
        for time in times {
            assert_relative_eq!(time, expected);
        }
    }
    assert_eq!(simulation.truth.culprit, None);
}

#[test]
fn tails_of_work_are_those_of_records() {
    let mut scenario = half_released();
    scenario.topology.services[0].work = TimeLaw::Pareto {
        mean_ms: 30.0,
        alpha: 1.5,
    };
    let simulation = run(&scenario).unwrap();
    let above = |ms: f64| share(of(&simulation, "web"), |c| server_ms(c) > ms);
    for ms in [20.0, 100.0_f64] {
        let theory = (10.0 / ms).powf(1.5);
        assert_relative_eq!(above(ms), theory, max_relative = 0.1);
    }
}
