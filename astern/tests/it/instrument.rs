//! What a guard says to `tracing` and `metrics`.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::{self, ThreadId};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Subscriber};

use crate::released::{RELEASED, World};

/// Level and fields of each event, by the thread that made it. For the whole process: scoped subscribers of tests that run at the
/// same time switch each other's events off.
#[derive(Default, Clone)]
struct Seen(Arc<Mutex<Vec<(ThreadId, Level, String)>>>);

impl Seen {
    fn listen() -> Self {
        static SEEN: LazyLock<Seen> = LazyLock::new(|| {
            let seen = Seen::default();
            tracing::subscriber::set_global_default(seen.clone()).unwrap();
            seen
        });
        SEEN.clone()
    }

    /// What this thread has made.
    fn here(&self) -> Vec<(Level, String)> {
        let all = self.0.lock().unwrap();
        let here = all.iter().filter(|(of, ..)| *of == thread::current().id());
        here.map(|(_, level, fields)| (*level, fields.clone()))
            .collect()
    }
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

impl Subscriber for Seen {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        let level = *event.metadata().level();
        let here = thread::current().id();
        self.0.lock().unwrap().push((here, level, fields.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Counters by their name and labels.
#[derive(Default, Clone)]
struct Counted(Arc<Mutex<BTreeMap<String, u64>>>);

struct One(Counted, String);

impl CounterFn for One {
    fn increment(&self, by: u64) {
        *self.0.0.lock().unwrap().entry(self.1.clone()).or_default() += by;
    }

    fn absolute(&self, _: u64) {}
}

impl Recorder for Counted {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<String> = key
            .labels()
            .map(|l| format!("{}={}", l.key(), l.value()))
            .collect();
        let name = format!("{} {}", key.name(), labels.join(","));
        Counter::from_arc(Arc::new(One(self.clone(), name)))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn a_rollback_is_told_and_counted() {
    let (seen, counted) = (Seen::listen(), Counted::default());
    let mut world = World::new();
    metrics::with_local_recorder(&counted, || world.play(0..60, &[(RELEASED, "cart")]));
    let counted = counted.0.lock().unwrap();
    assert_eq!(
        counted["astern_plans_total does=roll back"], 1,
        "{counted:?}"
    );
    assert_eq!(counted["astern_runs_total state=succeeded"], 1);
    assert!(counted["astern_decisions_total decision=continue"] > 1);
    assert!(counted["astern_events_total kind=execute"] > 1);
    let seen = seen.here();
    let has = |level: Level, text: &str| {
        seen.iter()
            .any(|(of, fields)| *of == level && fields.contains(text))
    };
    assert!(has(Level::WARN, "changes_services=true"));
    assert!(has(Level::INFO, "decision=roll back"));
    assert!(has(Level::INFO, "state=succeeded"));
    assert!(!has(Level::INFO, "decision=continue"));
}

#[test]
fn what_fails_is_an_error() {
    let seen = Seen::listen();
    let mut world = World::new();
    world.play(0..30, &[]);
    world.guard.observe([], crate::released::at(1_000_000));
    let seen = seen.here();
    let is_error =
        |(level, fields): &(Level, String)| *level == Level::ERROR && fields.contains("now is");
    assert!(seen.iter().any(is_error), "{seen:?}");
}
