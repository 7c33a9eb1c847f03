//! Against queueing theory, which knows the answer without simulating.

use approx::assert_relative_eq;
use astern_graph_core::{Record, Subject};
use astern_sim::{CallSpec, Drift, Scenario, Simulator, TimeLaw, Topology, run};

use crate::{alone, calls, exponential, mean, seconds, server_ms};

const MEAN_MS: f64 = 10.0;
const LOAD: f64 = 0.7;

/// One queue with exponential arrivals and work, and nothing else that takes time.
fn mm1(span: u64) -> Scenario {
    let mut scenario = Scenario::new(alone("queue", MEAN_MS), 1);
    scenario.network = TimeLaw::Exponential { mean_ms: 0.0 };
    scenario.load.per_second = LOAD * 1e3 / MEAN_MS;
    scenario.span = seconds(span);
    scenario.healthy = seconds(0);
    scenario
}

#[test]
fn the_wait_in_an_mm1_queue_is_that_of_theory() {
    // 280,000 calls: the mean wait has a standard error of 1.5 %.
    let simulation = run(&mm1(4_000)).unwrap();
    let wait = mean(calls(&simulation.records).map(server_ms)) - MEAN_MS;
    let theory = LOAD / (1.0 - LOAD) * MEAN_MS;
    assert_relative_eq!(wait, theory, max_relative = 0.05);
}

#[test]
fn the_processor_is_as_busy_as_the_load() {
    let simulation = run(&mm1(2_000)).unwrap();
    let busy = simulation.records.iter().filter_map(|record| match record {
        Record::Sample(sample) => Some(sample),
        _ => None,
    });
    let (services, instances): (Vec<_>, Vec<_>) =
        busy.partition(|sample| sample.subject == Subject::Node("service/queue".parse().unwrap()));
    assert_eq!(services.len(), instances.len());
    assert_relative_eq!(
        mean(services.iter().map(|s| s.value)),
        LOAD,
        max_relative = 0.02
    );
    assert!(instances.iter().all(|s| (0.0..=1.0).contains(&s.value)));
}

#[test]
fn littles_law_holds() {
    let scenario = mm1(2_000);
    let mut simulator = Simulator::new(&scenario).unwrap();
    let (mut records, mut in_flight) = (Vec::new(), Vec::new());
    // The sampling period shares no rhythm with the work.
    for _ in 0..40_000 {
        let next = simulator.now().plus(std::time::Duration::from_millis(50));
        records.extend(simulator.advance(next).unwrap());
        in_flight.push(simulator.counts().in_flight as f64);
    }
    let rate_per_ms = calls(&records).count() as f64 / 2e6;
    let expected = rate_per_ms * mean(calls(&records).map(server_ms));
    assert_relative_eq!(mean(in_flight), expected, max_relative = 0.02);
}

#[test]
fn every_request_is_answered_or_in_flight() {
    let scenario = Scenario::releases(3);
    let mut simulator = Simulator::new(&scenario).unwrap();
    let mut answered = 0;
    for minute in 1..=45 {
        let records = simulator
            .advance(scenario.start.plus(seconds(60 * minute)))
            .unwrap();
        answered += calls(&records).filter(|c| c.caller.is_none()).count() as u64;
        let counts = simulator.counts();
        assert_eq!(counts.answered, answered);
        assert_eq!(counts.started, counts.answered + counts.in_flight);
        assert!(counts.calls_in_flight >= counts.in_flight);
    }
    // A request makes about six calls; each is received, computed and answered.
    assert!(simulator.events() > 3 * 6 * answered);
    assert!(simulator.events() < 5 * 6 * answered);
}

#[test]
fn a_caller_holds_its_worker_while_it_waits() {
    // The caller itself does nothing, so its one worker is held for as long as the callee works.
    let topology = Topology::new("front")
        .with(exponential("front", 0.0).then(CallSpec::new("back", "get")))
        .with(exponential("back", MEAN_MS).workers(1_000));
    let mut scenario = mm1(2_000);
    scenario.topology = topology;
    let simulation = run(&scenario).unwrap();
    let at_front = |call: &&astern_graph_core::Call| call.caller.is_none();
    let stay = mean(calls(&simulation.records).filter(at_front).map(server_ms));
    assert_relative_eq!(stay, MEAN_MS / (1.0 - LOAD), max_relative = 0.07);
}

#[test]
fn parallel_calls_take_as_long_as_the_longest_and_sequential_ones_as_all() {
    let both = [CallSpec::new("a", "x"), CallSpec::new("b", "y")];
    let [a, b] = both.clone();
    let parallel = exponential("front", 0.0).workers(100).fan_out(both);
    let sequential = exponential("front", 0.0).workers(100).then(a).then(b);
    // The longer of two exponential times has 1.5 times their mean.
    for (front, factor) in [(parallel, 1.5), (sequential, 2.0)] {
        let topology = Topology::new("front")
            .with(front)
            .with(exponential("a", MEAN_MS).workers(1_000))
            .with(exponential("b", MEAN_MS).workers(1_000));
        let mut scenario = mm1(500);
        scenario.topology = topology;
        let simulation = run(&scenario).unwrap();
        let entries = calls(&simulation.records).filter(|call| call.caller.is_none());
        let taken = mean(entries.map(server_ms));
        assert_relative_eq!(taken, factor * MEAN_MS, max_relative = 0.03);
    }
}

#[test]
fn the_load_drifts_as_the_wave_says() {
    let mut scenario = mm1(2_000);
    scenario.load.drift = Some(Drift {
        amplitude: 0.4,
        period: seconds(2_000),
    });
    let simulation = run(&scenario).unwrap();
    let middle = scenario.start.plus(seconds(1_000));
    let (high, low): (Vec<_>, Vec<_>) =
        calls(&simulation.records).partition(|call| call.at < middle);
    // The mean of a half sine is 2 / π.
    let swing = 0.4 * std::f64::consts::FRAC_2_PI;
    let ratio = high.len() as f64 / low.len() as f64;
    assert_relative_eq!(ratio, (1.0 + swing) / (1.0 - swing), max_relative = 0.03);
}
