//! The coarse simulation: against that of events, against queueing theory, and by its own laws.

use std::collections::BTreeMap;
use std::time::Duration;

use approx::assert_relative_eq;
use astern_graph_core::{
    ChangeKind, NodeKey, Record, Reversibility, Revision, Subject, TrafficShare,
};
use astern_sim::coarse::{CoarseError, CoarseScenario, CoarseSimulator, CoarseStep, ServiceState};
use astern_sim::{
    Balance, Breaker, CallSpec, Drift, Fault, FaultKind, HostSpec, Release, Retries, Scenario,
    Scope, Segment, SimError, StartUp, Surge, TimeLaw, Topology, run,
};

use crate::{alone, calls, exponential, mean, seconds, server_ms};

/// What was counted and measured of a service in a run of events.
struct Measured {
    calls: f64,
    busy: f64,
    latency_ms: f64,
    /// Standard deviation of the latencies, as a share of their mean.
    variation: f64,
}

fn by_events(topology: &Topology, per_second: f64, span: u64) -> BTreeMap<NodeKey, Measured> {
    let mut scenario = Scenario::new(topology.clone(), 21);
    scenario.load.per_second = per_second;
    scenario.balance = Balance::Random;
    scenario.healthy = seconds(0);
    scenario.span = seconds(span);
    let records = run(&scenario).unwrap().records;
    let mut latencies: BTreeMap<NodeKey, Vec<f64>> = BTreeMap::new();
    for call in calls(&records) {
        let of_service = latencies.entry(call.callee.service.clone()).or_default();
        of_service.push(server_ms(call));
    }
    let busy = |key: &NodeKey| {
        mean(records.iter().filter_map(|record| match record {
            Record::Sample(sample) if sample.subject == Subject::Node(key.clone()) => {
                Some(sample.value)
            }
            _ => None,
        }))
    };
    let measured = |(key, latencies): (NodeKey, Vec<f64>)| {
        let average = mean(latencies.iter().copied());
        let square = mean(latencies.iter().map(|ms| (ms / average - 1.0).powi(2)));
        let measured = Measured {
            calls: latencies.len() as f64,
            busy: busy(&key),
            latency_ms: average,
            variation: square.sqrt(),
        };
        (key, measured)
    };
    latencies.into_iter().map(measured).collect()
}

fn coarse(topology: &Topology, per_second: f64) -> CoarseScenario {
    let mut scenario = CoarseScenario::new(topology.clone(), 21);
    scenario.load.per_second = per_second;
    scenario
}

fn steps(scenario: &CoarseScenario) -> Vec<CoarseStep> {
    CoarseSimulator::new(scenario).unwrap().collect()
}

/// The states of a step, once times and rates have settled, or that many steps later.
fn states(scenario: &CoarseScenario, step: usize) -> Vec<ServiceState> {
    let mut simulator = CoarseSimulator::new(scenario).unwrap();
    simulator.nth(step).unwrap().states
}

#[test]
fn means_are_those_of_events() {
    let systems = [
        (Topology::boutique(), 2.0, 3_000),
        (Topology::boutique(), 12.0, 600),
        (Topology::generated(50, 8).unwrap(), 10.0, 1_000),
    ];
    for (topology, per_second, span) in systems {
        let mut events = by_events(&topology, per_second, span);
        let states = states(&coarse(&topology, per_second), 5);
        for (spec, state) in topology.services.iter().zip(states) {
            let found = events.remove(&spec.key).unwrap();
            // Five standard errors, calls coming in bunches of up to four.
            let error = |variation: f64| 5.0 * (variation * variation * 4.0 / found.calls).sqrt();
            let near = |what: &str, coarse: f64, events: f64, tolerance: f64| {
                let off = (coarse / events - 1.0).abs();
                let key = &spec.key;
                assert!(off <= tolerance, "{what} of {key}: {coarse} for {events}");
            };
            let rate = found.calls / span as f64;
            near("rate", state.request_rate, rate, 0.01 + error(1.0));
            near("use", state.cpu_utilisation, found.busy, 0.01 + error(1.14));
            let tolerance = 0.1 + error(found.variation);
            near(
                "latency",
                state.latency_ms_mean,
                found.latency_ms,
                tolerance,
            );
        }
        assert!(events.is_empty());
    }
}

/// A scenario without anything but queueing.
fn queue(workers: u32, per_second: f64) -> CoarseScenario {
    let topology = Topology::new("queue").with(exponential("queue", 10.0).workers(workers));
    let mut scenario = coarse(&topology, per_second);
    scenario.background_errors = 0.0;
    scenario
}

#[test]
fn one_queue_is_that_of_theory() {
    // M/M/1: 10 / (1 - 0.7); its stay is exponential. M/M/2 at 0.5 each: C = 1/3.
    let [single] = states(&queue(1, 70.0), 0)[..] else {
        panic!()
    };
    assert_relative_eq!(single.latency_ms_mean, 10.0 / 0.3, max_relative = 1e-9);
    assert_relative_eq!(single.cpu_utilisation, 0.7, max_relative = 1e-9);
    assert_relative_eq!(single.backlog, 0.0);
    let [double] = states(&queue(2, 100.0), 0)[..] else {
        panic!()
    };
    assert_relative_eq!(
        double.latency_ms_mean,
        10.0 + 10.0 / 3.0,
        max_relative = 1e-9
    );
    // The log-normal law in place of the exponential one.
    let median = 10.0 / 0.3 * 0.5_f64.sqrt();
    assert_relative_eq!(single.latency_ms_p50, median, max_relative = 1e-9);
    assert!(single.latency_ms_p95 > 2.5 * single.latency_ms_mean);
}

#[test]
fn an_overloaded_queue_grows_by_what_it_cannot_serve_and_drains_again() {
    // 100 calls per second can be served; the load swings between 40 and 160.
    let mut scenario = queue(1, 100.0);
    scenario.load.drift = Some(Drift {
        amplitude: 0.6,
        period: seconds(3_600),
    });
    scenario.span = seconds(3_600);
    let states: Vec<ServiceState> = steps(&scenario).iter().map(|step| step.states[0]).collect();
    assert_eq!(states.len(), 120);
    // ∫ 60 sin(2π t / 3600) dt over the first half is 60 · 3600 / π.
    let peak = 60.0 * 3_600.0 / std::f64::consts::PI;
    assert_relative_eq!(states[59].backlog, peak, max_relative = 0.01);
    let wait_ms = states[59].latency_ms_mean;
    assert_relative_eq!(wait_ms, peak / 100.0 * 1e3, max_relative = 0.05);
    assert!(states[..59].is_sorted_by_key(|state| state.backlog));
    assert!(
        states
            .iter()
            .all(|state| state.request_rate <= 100.0 + 1e-9)
    );
    assert!(states[119].backlog < 0.01 * peak);
}

/// `front` calls `back` for every request.
fn chain() -> Topology {
    Topology::new("front")
        .with(
            exponential("front", 5.0)
                .instances(2)
                .workers(4)
                .then(CallSpec::new("back", "get")),
        )
        .with(exponential("back", 5.0).instances(4).workers(1))
}

/// `back` is released to half of its instances after five minutes, and to the rest after ten.
fn released(kind: Option<FaultKind>, per_second: f64) -> CoarseScenario {
    let mut scenario = coarse(&chain(), per_second);
    scenario.background_errors = 0.0;
    scenario.network = TimeLaw::Exponential { mean_ms: 0.0 };
    let service = NodeKey::service("back");
    let to = Revision::from("back@2");
    let release = Release::new("back-2", service, to, seconds(300), [2, 2]);
    scenario.releases = vec![release.pause(seconds(300))];
    scenario.fault = kind.map(|kind| Fault::new("back-2", kind));
    scenario
}

/// States of `front` and `back` before, half-way through and after the release.
fn three(kind: FaultKind, per_second: f64) -> [[ServiceState; 2]; 3] {
    let steps = steps(&released(Some(kind), per_second));
    [5, 15, 25].map(|step| [steps[step].states[0], steps[step].states[1]])
}

#[test]
fn errors_reach_callers_in_the_share_of_the_new_instances() {
    let [before, half, after] = three(FaultKind::Errors { share: 0.2 }, 10.0);
    assert_relative_eq!(before[1].error_rate, 0.0);
    assert_relative_eq!(half[1].error_rate, 0.1, max_relative = 1e-9);
    assert_relative_eq!(after[1].error_rate, 0.2, max_relative = 1e-9);
    assert_relative_eq!(after[0].error_rate, 0.2 * 0.9, max_relative = 1e-9);
}

#[test]
fn waiting_slows_calls_and_computing_fills_the_processor_too() {
    let [before, half, after] = three(FaultKind::Slower { factor: 3.0 }, 10.0);
    assert!(half[1].latency_ms_mean > 1.9 * before[1].latency_ms_mean);
    assert!(after[1].latency_ms_mean > 2.9 * before[1].latency_ms_mean);
    assert!(after[0].latency_ms_mean > before[0].latency_ms_mean + 10.0);
    assert_relative_eq!(
        after[1].cpu_utilisation,
        before[1].cpu_utilisation,
        max_relative = 1e-9
    );

    let [before, half, after] = three(FaultKind::Capacity { factor: 3.0 }, 10.0);
    let busy = [before, half, after].map(|states| states[1].cpu_utilisation);
    assert_relative_eq!(busy[1], 2.0 * busy[0], max_relative = 1e-9);
    assert_relative_eq!(busy[2], 3.0 * busy[0], max_relative = 1e-9);

    let [before, _, after] = three(FaultKind::Delay { ms: 40.0 }, 10.0);
    assert!((40.0..43.0).contains(&(after[1].latency_ms_mean - before[1].latency_ms_mean)));

    let tail = FaultKind::Tail {
        share: 0.02,
        factor: 20.0,
    };
    let [before, _, after] = three(tail, 10.0);
    let rise = after.map(|state| state.latency_ms_mean);
    assert!(rise[1] > 1.3 * before[1].latency_ms_mean);
}

#[test]
fn a_callee_that_is_too_slow_swamps_its_callers() {
    // 8 workers of front are enough for 400 requests per second only while back is quick.
    let [before, half, after] = three(FaultKind::Capacity { factor: 10.0 }, 400.0);
    assert_relative_eq!(before[0].request_rate, 400.0, max_relative = 1e-9);
    assert!(before[0].backlog < 1.0);
    // Eight workers go round four instances of back that take 50 ms each: a closed network of
    // balanced queues has the throughput 8 / (12.5 ms · (8 + 4 - 1)), 58 per second, by mean value
    // analysis (Reiser and Lavenberg 1980), without the 5 ms that front takes.
    assert!((50.0..=66.0).contains(&after[1].request_rate), "{after:?}");
    assert!(
        after[0].request_rate < 90.0 && after[0].backlog > 10_000.0,
        "{after:?}"
    );
    assert!(half[0].backlog < after[0].backlog);
    // No more wait than workers of front can ask at once.
    assert!(after[1].backlog <= 8.0);
}

#[test]
fn releases_are_reported_as_in_a_run_of_events() {
    let releases = |records: Vec<Record>| {
        let changes = records
            .into_iter()
            .filter(|r| matches!(r, Record::Change(_)));
        changes.collect::<Vec<_>>()
    };
    for batches in [vec![2, 2], vec![1, 1, 1], vec![4]] {
        let mut coarse = released(Some(FaultKind::Errors { share: 0.2 }), 1.0);
        coarse.releases[0].batches = batches;
        let mut events = Scenario::new(chain(), 21);
        events.load.per_second = 1.0;
        events.healthy = seconds(0);
        events.releases.clone_from(&coarse.releases);
        events.fault.clone_from(&coarse.fault);
        let simulator = CoarseSimulator::new(&coarse).unwrap();
        let records = simulator.clone().flat_map(|step| simulator.records(&step));
        let simulation = run(&events).unwrap();
        assert_eq!(releases(records.collect()), releases(simulation.records));
        assert_eq!(*simulator.truth(), simulation.truth);
    }
}

#[test]
fn records_are_the_states_with_the_noise_of_counting() {
    let mut scenario = coarse(&chain(), 50.0);
    scenario.edges = true;
    let simulator = CoarseSimulator::new(&scenario).unwrap();
    let steps: Vec<CoarseStep> = simulator.clone().collect();
    let mut values: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    for record in steps.iter().flat_map(|step| simulator.records(step)) {
        let Record::Sample(sample) = record else {
            panic!("{record:?}")
        };
        let name = (sample.subject.to_string(), sample.metric.to_string());
        values.entry(name).or_default().push(sample.value);
    }
    let state = steps[50].states[1];
    let of = |metric: &str| mean(values[&("service/back".to_owned(), metric.to_owned())].clone());
    assert_eq!(values.len(), 11);
    // 90 steps of 1,500 calls: a standard error of 0.3 %.
    for (metric, wanted) in [
        ("request_rate", state.request_rate),
        ("latency_ms_p50", state.latency_ms_p50),
        ("latency_ms_p95", state.latency_ms_p95),
        ("cpu_utilisation", state.cpu_utilisation),
    ] {
        assert_relative_eq!(of(metric), wanted, max_relative = 0.02);
    }
    assert!((of("error_rate") - state.error_rate).abs() < 4e-4);
    let edge = (
        "service/front calls service/back".to_owned(),
        "request_rate".to_owned(),
    );
    assert_relative_eq!(
        mean(values[&edge].clone()),
        state.request_rate,
        max_relative = 0.02
    );
    assert_relative_eq!(
        steps[50].call_rates[0],
        state.request_rate,
        max_relative = 1e-9
    );
}

#[test]
fn the_same_seed_gives_the_same_records_in_any_order() {
    let of = |seed| {
        let topology = Topology::generated(200, 3).unwrap();
        let simulator = CoarseSimulator::new(&CoarseScenario::new(topology, seed)).unwrap();
        let steps: Vec<CoarseStep> = simulator.clone().collect();
        let last = simulator.records(&steps[89]);
        let first = simulator.records(&steps[0]);
        format!("{first:?} {last:?}")
    };
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
}

#[test]
fn a_service_without_calls_has_a_rate_and_nothing_else() {
    let mut scenario = queue(1, 1e-9);
    scenario.span = seconds(30);
    let simulator = CoarseSimulator::new(&scenario).unwrap();
    let records = simulator.records(&simulator.clone().next().unwrap());
    let metrics: Vec<_> = records
        .iter()
        .map(|record| match record {
            Record::Sample(sample) => (sample.metric.to_string(), sample.value),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = ["request_rate", "cpu_utilisation"].map(|name| (name.to_owned(), 0.0));
    assert_eq!(metrics, expected);
}

#[test]
fn values_stay_finite_at_the_ends_of_the_rules() {
    let mut scenario = released(Some(FaultKind::Capacity { factor: 1e3 }), 1e6);
    scenario.background_errors = 1.0;
    scenario.topology.services[1].work = TimeLaw::LogNormal {
        mean_ms: 1e6,
        sigma: 3.0,
    };
    scenario.topology.services[0].work = TimeLaw::Exponential { mean_ms: 0.0 };
    let simulator = CoarseSimulator::new(&scenario).unwrap();
    for step in simulator.clone() {
        for state in &step.states {
            let all = [state.request_rate, state.latency_ms_p95, state.backlog];
            assert!(all.iter().all(|value| value.is_finite()), "{state:?}");
            assert!((0.0..=1.0).contains(&state.cpu_utilisation), "{state:?}");
        }
        assert!(!simulator.records(&step).is_empty());
    }
}

fn refused(change: impl FnOnce(&mut CoarseScenario)) -> CoarseError {
    let mut scenario = released(Some(FaultKind::Errors { share: 0.2 }), 1.0);
    change(&mut scenario);
    CoarseSimulator::new(&scenario).map(drop).unwrap_err()
}

#[test]
fn each_rule_refuses() {
    let param = |error: CoarseError| matches!(error, CoarseError::Scenario(SimError::Param { .. }));
    assert!(param(refused(|s| s.span = Duration::ZERO)));
    assert!(param(refused(|s| s.step = Duration::ZERO)));
    assert!(param(refused(|s| s.load.per_second = f64::NAN)));
    assert!(param(refused(
        |s| s.network = TimeLaw::Exponential { mean_ms: -1.0 }
    )));
    assert!(param(refused(|s| s.background_errors = 1.1)));
    assert!(param(refused(|s| s.propagation = -0.1)));
    assert!(param(refused(|s| s.releases[0].batches = vec![3, 3])));
    assert!(param(refused(|s| s.releases[0].pause = Duration::ZERO)));
    assert!(param(refused(|s| s.topology = Topology::new("front"))));
    assert!(param(refused(|s| s.topology.services[0].workers = 0)));
    let crowd = |count: usize| {
        let spec = |i: usize| exponential(&i.to_string(), 1.0);
        (0..count)
            .map(spec)
            .fold(Topology::new("0"), Topology::with)
    };
    assert!(param(refused(|s| s.topology = crowd(100_001))));
    let leak = FaultKind::Leak { per_minute: 0.1 };
    let error = refused(|s| s.fault = Some(Fault::new("back-2", leak)));
    assert_eq!(error, CoarseError::Fault { kind: leak });
    let nobody = Fault::new("nobody", FaultKind::Errors { share: 0.1 });
    let error = refused(|s| s.fault = Some(nobody));
    assert!(matches!(
        error,
        CoarseError::Scenario(SimError::UnknownChange { .. })
    ));
    let error = refused(|s| s.releases[0].service = NodeKey::service("nobody"));
    assert!(matches!(
        error,
        CoarseError::Scenario(SimError::UnknownService { .. })
    ));
    let error = refused(|s| s.releases[0].to = s.topology.services[1].revision.clone());
    assert!(matches!(
        error,
        CoarseError::Scenario(SimError::SameRevision { .. })
    ));
    let error = refused(|s| s.topology = alone("front", 1.0).with(exponential("front", 1.0)));
    assert!(matches!(
        error,
        CoarseError::Scenario(SimError::Duplicate { .. })
    ));
}

const WITHOUT_VARIANCE: TimeLaw = TimeLaw::Pareto {
    mean_ms: 1.0,
    alpha: 1.5,
};

#[test]
fn what_means_cannot_show_is_refused_and_never_left_out() {
    type Wish = fn(&mut CoarseScenario);
    let wishes: [Wish; 18] = [
        |s| s.topology.services[0].queue_limit = Some(9),
        |s| s.topology.services[0].hosts = vec!["node".into()],
        |s| s.topology.hosts = vec![HostSpec::new("node", 4.0)],
        |s| s.topology.services[0].steps[0][0].timeout = Some(seconds(1)),
        |s| s.topology.services[0].steps[0][0].retries = Some(Retries::at_once(2)),
        |s| s.topology.services[0].steps[0][0].breaker = Some(Breaker::default()),
        |s| s.topology.services[0].steps[0][0].connections = Some(2),
        |s| s.topology.services[0].speeds = vec![0.5],
        |s| s.topology.services[0].client_errors = 0.1,
        |s| s.topology.services[0].start_up = Some(StartUp::default()),
        |s| s.topology.services[0].work = WITHOUT_VARIANCE,
        |s| s.network = WITHOUT_VARIANCE,
        |s| s.releases[0].work_factor = 1.02,
        |s| s.load.segments = vec![Segment::new("eu", 1.0)],
        |s| s.releases[0].kind = ChangeKind::BlueGreen,
        |s| s.releases[0].traffic = vec![TrafficShare::FULL],
        |s| {
            let min_compatible = s.releases[0].to.clone();
            s.releases[0].reversibility = Reversibility::ForwardOnly { min_compatible };
        },
        |s| {
            let scope = Scope::segment("eu");
            s.fault = s.fault.take().map(|fault| fault.only(scope));
        },
    ];
    for (place, wish) in wishes.into_iter().enumerate() {
        let error = refused(wish);
        let message = error.to_string();
        assert!(
            matches!(error, CoarseError::CannotShow { .. }),
            "{place}: {message}"
        );
        assert!(
            message.starts_with("a coarse simulation cannot show "),
            "{message}"
        );
    }
}

#[test]
fn a_surge_is_there_for_its_time() {
    let mut scenario = CoarseScenario::new(alone("front", 1.0), 3);
    scenario.load.per_second = 100.0;
    scenario.step = seconds(60);
    scenario.span = seconds(300);
    scenario.load.surges = vec![Surge {
        starts: seconds(60),
        lasts: seconds(120),
        factor: 3.0,
    }];
    let simulator = CoarseSimulator::new(&scenario).unwrap();
    let rates: Vec<f64> = simulator.map(|step| step.states[0].request_rate).collect();
    for (rate, expected) in rates.into_iter().zip([100.0, 300.0, 300.0, 100.0, 100.0]) {
        assert_relative_eq!(rate, expected, max_relative = 0.1);
    }
}
