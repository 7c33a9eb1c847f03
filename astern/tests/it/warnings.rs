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
