//! What a guard says of records that are probably not what was meant.

use std::collections::VecDeque;
use std::time::Duration;

use astern::graph::{Call, ChangeEvent, NodeKey, Party, Record, Sample, Timestamp};
use astern::policy::{DryRun, Executor};
use astern::{Event, Guard, Warning};
use astern_sim::run;

use crate::support::{STEP, batches, params, scenario};

/// What is warned of when a guard is fed these records step by step; restored once half-way.
fn warned(records: impl Fn(i64) -> Vec<Record>) -> Vec<Warning> {
    let mut guard = Guard::new(params()).unwrap();
    let mut warned = Vec::new();
    for step in 0..20_i64 {
        if step == 10 {
            guard = Guard::from_bytes(&guard.to_bytes().unwrap(), params(), 2).unwrap();
        }
        let now = at(step).plus(STEP);
        warned.extend(guard.observe(records(step), now).into_iter().filter_map(
            |event| match event {
                Event::Warned(warning) => Some(warning),
                _ => None,
            },
        ));
    }
    warned
}

fn at(step: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_100 + 30 * step)
}

fn cart() -> NodeKey {
    NodeKey::service("cart")
}

fn call(step: i64, took: Duration) -> Record {
    let call = Call::new(at(step), Party::new(cart()));
    call.took(None, Some(took)).into()
}

#[test]
fn each_mistake_is_named_once_and_what_is_right_is_not() {
    let sample = |step, metric: &str| Record::from(Sample::new(at(step), cart(), metric, 1.0));
    let change = |service: &str| {
        let service = NodeKey::service(service);
        Record::from(ChangeEvent::new(
            "typo-7",
            at(2),
            service,
            None,
            "v2".into(),
        ))
    };
    let ms = Duration::from_millis(20);
    let right = warned(|step| {
        let mut records = vec![call(step, ms), sample(step, "cpu_utilisation")];
        records.extend((step == 2).then(|| change("cart")));
        records
    });
    assert_eq!(right, []);
    let metric = "my_gauge".into();
    assert_eq!(
        warned(|step| vec![call(step, ms), sample(step, "my_gauge")]),
        [Warning::UndeclaredMetric { metric }]
    );
    let unknown = warned(|step| {
        let change = (step == 2).then(|| change("carts"));
        change.into_iter().chain([call(step, ms)]).collect()
    });
    let service = NodeKey::service("carts");
    let change = "typo-7".into();
    assert_eq!(unknown, [Warning::UnknownService { change, service }]);
    // Milliseconds taken for nanoseconds.
    let short = warned(|step| {
        (0..30)
            .map(|i| call(step, Duration::from_nanos(20 + i)))
            .collect()
    });
    assert_eq!(short, [Warning::ShortDurations { service: cart() }]);
    let far = warned(|step| {
        let in_ms = Timestamp::from_nanos(at(step).nanos() / 1_000_000);
        vec![Call::new(in_ms, Party::new(cart())).into()]
    });
    assert!(matches!(far[..], [Warning::FarTimes { .. }]), "{far:?}");
    assert!(far[0].to_string().contains("1970-01-01"), "{}", far[0]);
}

/// What is warned of where twenty calls a step take 100 to 290 ms beside samples of a metric.
fn warned_beside(metric: &str, value: impl Fn(i64) -> f64, party: &Party) -> Vec<Warning> {
    warned(|step| {
        let took = |i: u64| Some(Duration::from_millis(100 + 10 * i));
        let call = |i| Call::new(at(step), party.clone()).took(None, took(i));
        let calls = (0..20).map(|i| call(i).into());
        let sample = Sample::new(at(step), party.clone(), metric, value(step));
        calls.chain([sample.into()]).collect()
    })
}

#[test]
fn durations_in_another_unit_than_their_name_says_are_named_once() {
    let whole = Party::new(cart());
    let v2 = Party::new(cart()).running("v2".into());
    let pod = Party::new(cart()).on(NodeKey::instance("cart-0"), "v2".into());
    for party in [&whole, &v2, &pod] {
        for (metric, value) in [("latency_ms_p99", 0.28), ("latency_ms", 0.19)] {
            let said = warned_beside(metric, |_| value, party);
            let (service, metric) = (cart(), metric.into());
            assert_eq!(said, [Warning::ThousandthOfCalls { service, metric }]);
        }
        for metric in ["http_server_request_duration_seconds", "latency_ms_p50"] {
            let value = if metric.starts_with("latency") {
                190_000.0
            } else {
                190.0
            };
            let said = warned_beside(metric, |_| value, party);
            let (service, metric) = (cart(), metric.into());
            assert_eq!(said, [Warning::ThousandTimesCalls { service, metric }]);
        }
    }
    let named = warned_beside("latency_ms", |_| 0.2, &whole)[0].to_string();
    assert!(named.contains("latency_ms of service/cart"), "{named}");
}

#[test]
fn durations_that_only_differ_are_no_mistaken_unit() {
    let whole = Party::new(cart());
    for (metric, value) in [
        ("latency_ms_p99", 280.0),
        ("http_server_request_duration_seconds_p99", 0.28),
        // A cache answers most calls, or the samples are of something else.
        ("latency_ms_p50", 5.0),
        ("latency_ms_p50", 0.001),
        ("latency_ms_p99", 20_000.0),
        // A part of a call may take as short.
        ("exclusive_ms_p50", 0.19),
        ("db_client_operation_duration_seconds", 0.000_2),
    ] {
        assert_eq!(warned_beside(metric, |_| value, &whole), [], "{metric}");
    }
    // In two steps of three.
    let at_times = |step| if step % 3 == 0 { 190.0 } else { 0.19 };
    assert_eq!(warned_beside("latency_ms_p50", at_times, &whole), []);
    // Without calls.
    let sample = |step| Sample::new(at(step), cart(), "latency_ms_p99", 0.28).into();
    assert_eq!(warned(|step| vec![sample(step)]), []);
}

#[test]
fn a_bad_release_that_is_never_announced_is_planned_for_and_once_announced_not_again() {
    let scenario = scenario();
    let simulation = run(&scenario).unwrap();
    let culprit = scenario.fault.as_ref().unwrap().change.clone();
    let release = scenario.releases.iter().find(|r| r.id == culprit).unwrap();
    let (changes, telemetry): (Vec<Record>, Vec<Record>) = simulation
        .records
        .into_iter()
        .partition(|record| matches!(record, Record::Change(_)));
    let mut late = changes
        .into_iter()
        .find(|record| matches!(record, Record::Change(change) if change.id == culprit));
    let mut guard = Guard::new(params()).unwrap();
    let (mut seen, mut plans) = (Vec::new(), Vec::new());
    for (now, mut batch) in batches(telemetry, simulation.start, simulation.end) {
        if !plans.is_empty() {
            batch.extend(late.take());
        }
        let mut events = VecDeque::from(guard.observe(batch, now));
        while let Some(event) = events.pop_front() {
            match event {
                Event::Warned(Warning::Unannounced { service, .. }) => seen.push(service),
                Event::Planned(plan) => plans.push(plan),
                Event::Execute(request) => {
                    let outcome = DryRun.execute(&request);
                    events.extend(guard.report(&request.key, outcome, now).unwrap());
                }
                _ => {}
            }
        }
    }
    assert!(seen.contains(&release.service), "{seen:?}");
    assert_eq!(plans.len(), 1);
    let answers = plans[0].steps.iter().flat_map(|step| &step.answers);
    let blamed: Vec<&str> = answers.map(|blame| blame.change.as_str()).collect();
    let id = format!("seen:{}@", release.service.name);
    assert!(
        blamed.iter().any(|change| change.starts_with(&id)),
        "{blamed:?}"
    );
}
