//! Against queueing theory, which knows the answer without simulating.

use std::time::Duration;

use approx::assert_relative_eq;
use astern_graph_core::{NodeKind, Record, Subject};
use astern_sim::{CallSpec, Drift, HostSpec, Scenario, Simulator, TimeLaw, Topology, run};

use crate::{alone, calls, exponential, mean, quiet, seconds, server_ms};

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

/// Batches of a long run, as in the method of batch means (Law and Kelton, Simulation Modeling and
/// Analysis, 1991): means of batches that are long beside what a queue remembers are independent.
const BATCHES: usize = 200;

/// 97.5 % quantile of Student's t with 199 degrees of freedom.
const T_199: f64 = 1.972;

/// Mean of what the batches of a run say, and the half-width of its 95 % interval. The run is never
/// whole in memory. The first batch, in which queues fill, is left out.
fn batch_means(scenario: &Scenario, says: impl Fn(&[Record]) -> f64) -> (f64, f64) {
    let mut simulator = Simulator::new(scenario).unwrap();
    let mut batch = || {
        let until = simulator.now().plus(scenario.step);
        says(&simulator.advance(until).unwrap())
    };
    batch();
    let means: Vec<f64> = (0..BATCHES).map(|_| batch()).collect();
    let centre = mean(means.iter().copied());
    let squares = means.iter().map(|m| (m - centre).powi(2)).sum::<f64>();
    let deviation = (squares / (BATCHES - 1) as f64).sqrt();
    (centre, T_199 * deviation / (BATCHES as f64).sqrt())
}

/// A run of so many calls from outside, each batch a step.
fn long(mut scenario: Scenario, calls: f64) -> Scenario {
    let batch = calls / scenario.load.per_second / BATCHES as f64;
    scenario.step = Duration::from_secs_f64(batch);
    scenario.events_max = 1_000_000_000;
    scenario
}

fn stay_ms(records: &[Record]) -> f64 {
    mean(calls(records).map(server_ms))
}

/// Mean work of a call, from how busy the workers of the one service were.
fn work_ms(scenario: &Scenario, records: &[Record]) -> f64 {
    let workers = f64::from(scenario.topology.services[0].workers);
    let busy: f64 = of_service(records).sum();
    busy * workers * scenario.step.as_secs_f64() * 1e3 / calls(records).count() as f64
}

/// Values of the metric of services.
fn of_service(records: &[Record]) -> impl Iterator<Item = f64> {
    records.iter().filter_map(|record| match record {
        Record::Sample(sample) if sample.subject.node().kind == NodeKind::Service => {
            Some(sample.value)
        }
        _ => None,
    })
}

/// Within 2 % of theory, by a run whose own error is shown to be smaller than that.
fn agrees(what: &str, (found, half_width): (f64, f64), theory: f64) {
    let (off, width) = (found / theory - 1.0, half_width / theory);
    let text = format!(
        "{what}: {found:.4}, theory {theory:.4}, off {:.2} %, half-width {:.2} %",
        100.0 * off,
        100.0 * width
    );
    assert!(width < 0.01, "the run is too short: {text}");
    assert!(off.abs() < 0.02, "{text}");
}

/// Probability that a call waits in M/M/c at this load of each worker: Erlang's C (1917).
fn erlang_c(workers: u32, load: f64) -> f64 {
    let offered = f64::from(workers) * load;
    // The loss formula B by its recursion, which neither overflows nor cancels.
    let b = (1..=workers).fold(1.0, |b, k| offered * b / (f64::from(k) + offered * b));
    b / (1.0 - load * (1.0 - b))
}

/// Mean wait in M/M/c, milliseconds.
fn wait_ms(workers: u32, load: f64, mean_ms: f64) -> f64 {
    erlang_c(workers, load) * mean_ms / (f64::from(workers) * (1.0 - load))
}

/// One service whose workers are busy for 70 % of the time.
fn mmc(workers: u32) -> Scenario {
    let queue = exponential("queue", MEAN_MS).workers(workers);
    let topology = Topology::new("queue").with(queue);
    quiet(topology, f64::from(workers) * LOAD * 1e3 / MEAN_MS, 1)
}

#[test]
fn erlangs_formula_gives_the_values_of_its_tables() {
    assert_relative_eq!(erlang_c(1, 0.7), 0.7);
    assert_relative_eq!(erlang_c(2, 0.5), 1.0 / 3.0);
    // c = 5, a = 4: 0.5541 in the tables.
    assert_relative_eq!(erlang_c(5, 0.8), 0.5541, max_relative = 1e-4);
}

fn waits_as_erlang_says(workers: u32, count: f64) {
    let scenario = long(mmc(workers), count);
    let wait = |records: &[Record]| stay_ms(records) - work_ms(&scenario, records);
    let theory = wait_ms(workers, LOAD, MEAN_MS);
    agrees(
        &format!("M/M/{workers} wait, ms"),
        batch_means(&scenario, wait),
        theory,
    );
}

#[test]
fn the_wait_in_an_mm1_queue_is_that_of_theory() {
    waits_as_erlang_says(1, 2.8e6);
}

#[test]
fn the_wait_for_one_of_two_workers_is_that_of_erlang() {
    waits_as_erlang_says(2, 3.8e6);
}

#[test]
fn the_wait_for_one_of_four_workers_is_that_of_erlang() {
    waits_as_erlang_says(4, 5.2e6);
}

#[test]
fn the_wait_for_one_of_eight_workers_is_that_of_erlang() {
    waits_as_erlang_says(8, 1.1e7);
}

#[test]
fn workers_are_as_busy_as_their_load() {
    for workers in [1, 4] {
        let scenario = long(mmc(workers), 4e5);
        let busy = |records: &[Record]| mean(of_service(records));
        agrees("utilisation", batch_means(&scenario, busy), LOAD);
    }
}

#[test]
fn an_open_jackson_network_has_the_product_form() {
    // Station, workers, mean work, share of the requests that comes to it.
    let stations = [("a", 2, 5.0, 1.0), ("b", 1, 8.0, 0.6), ("c", 4, 30.0, 0.5)];
    let mut front = exponential("front", 0.0).workers(10_000);
    for (name, _, _, visits) in stations {
        front = front.then(CallSpec::new(name, "visit").probability(visits));
    }
    let mut topology = Topology::new("front").with(front);
    for (name, workers, work, _) in stations {
        topology = topology.with(exponential(name, work).workers(workers));
    }
    let (per_second, count) = (140.0, 1.7e6);
    let scenario = long(quiet(topology, per_second, 1), count);
    for (name, workers, work, visits) in stations {
        let load = per_second * visits * work / 1e3 / f64::from(workers);
        let theory = work + wait_ms(workers, load, work);
        let stay = |records: &[Record]| {
            let here = calls(records).filter(|call| &*call.callee.service.name == name);
            mean(here.map(server_ms))
        };
        agrees(
            &format!("station {name}, ms"),
            batch_means(&scenario, stay),
            theory,
        );
    }
}

#[test]
fn a_shared_core_gives_the_stay_of_processor_sharing() {
    // M/M/1-PS: as long on average as in M/M/1, but in proportion to the work (Kleinrock, 1967).
    let queue = exponential("queue", MEAN_MS).workers(10_000).on(["host"]);
    let topology = Topology::new("queue")
        .with(queue)
        .host(HostSpec::new("host", 1.0));
    let scenario = long(quiet(topology, LOAD * 1e3 / MEAN_MS, 1), 1.6e6);
    agrees(
        "M/M/1-PS, ms",
        batch_means(&scenario, stay_ms),
        MEAN_MS / (1.0 - LOAD),
    );

    // Work that is always the same stays as long on average: the law of the work does not matter.
    let mut constant = scenario.clone();
    constant.topology.services[0].work = TimeLaw::LogNormal {
        mean_ms: MEAN_MS,
        sigma: 0.0,
    };
    agrees(
        "M/D/1-PS, ms",
        batch_means(&constant, stay_ms),
        MEAN_MS / (1.0 - LOAD),
    );
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
        let next = simulator.now().plus(Duration::from_millis(50));
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
