//! What holds of any bytes at an entry: they are refused, or what is read from them can be used, stored, and read again.
//! Each says whether they were read.

use std::time::Duration;

use astern::detect::catalogue::DetectionParams;
use astern::detect::pipeline::PipelineParams;
use astern::graph::{
    Call, CallStatus, GraphBuilder, GraphParams, NodeKey, Party, Record, TemporalGraph, Timestamp,
};
use astern::policy::{ExecError, Mode, Observed, Outcome, Plan, Refusal, Run, RunParams, RunState};
use astern::{Event, Guard, GuardParams};

use super::seeds::START;

pub(super) fn graph(bytes: &[u8]) -> bool {
    let Ok(graph) = TemporalGraph::from_bytes(bytes) else {
        return false;
    };
    let stored = graph.to_bytes().expect("what was read can be stored");
    let again = TemporalGraph::from_bytes(&stored).expect("what was stored can be read");
    assert_eq!(again.to_bytes().expect("as before"), stored);
    look_at(graph);
    true
}

/// Reads what a user reads.
fn look_at(graph: TemporalGraph) {
    let range = graph.extent();
    for key in graph.keys() {
        let _ = (graph.owner(key), graph.revisions(key), graph.hosts(key));
        assert!(graph.instances(key).count() <= graph.node_count());
        for metric in ["latency_ms_p95", "requests"] {
            let _ = range.map(|range| graph.series(key, &metric.into(), range));
        }
    }
    let _ = range.map(|range| graph.changes(range).len());
    let unannounced = graph.unannounced();
    let _ = graph.with_changes(unannounced);
}

pub(super) fn builder(bytes: &[u8]) -> bool {
    let Ok(mut builder) = GraphBuilder::from_bytes(bytes, graph_params()) else {
        return false;
    };
    let stored = builder.to_bytes().expect("what was read can be stored");
    let again = GraphBuilder::from_bytes(&stored, graph_params());
    let again = again.expect("what was stored can be read");
    assert_eq!(again.to_bytes().expect("as before"), stored);
    builder.advance(START);
    builder.extend(calls(START, "cart-1"));
    look_at(builder.build());
    true
}

pub(super) fn run(bytes: &[u8]) -> bool {
    let Ok(run) = Run::from_bytes(bytes, RunParams::default()) else {
        return false;
    };
    let stored = run.to_bytes().expect("what was read can be stored");
    let mut run = Run::from_bytes(&stored, RunParams::default()).expect("as before");
    run.resume(u64::MAX).expect("no fence is greater");
    ends(run);
    true
}

/// Whatever a platform answers, a run ends.
fn ends(mut run: Run) {
    let mut now = START;
    // Each step asks at most hundreds of times in the days that it may take.
    let rounds = 10_000 * run.plan().steps.len();
    for round in 0..rounds {
        for request in run.poll(now) {
            let outcome = match round % 4 {
                0 => Outcome::Done(Observed::new()),
                1 => Outcome::Unknown(ExecError::NoReply {
                    waited: Duration::from_secs(1),
                }),
                2 => Outcome::Refused(Refusal::Busy {
                    reason: "locked".into(),
                    retry_after: Duration::MAX,
                }),
                _ => Outcome::AlreadyDone(Observed::new()),
            };
            run.report(&request.key, outcome, now)
                .expect("what was asked can be answered");
        }
        let Some(deadline) = run.deadline() else {
            assert_ne!(run.state(), RunState::Running, "{run:#?}");
            let _ = run.summary().to_string();
            return;
        };
        now = deadline.max(now.plus(Duration::from_secs(3_600)));
    }
    panic!("goes on for ever: {}", run.summary());
}

pub(super) fn plan(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let _ = Plan::from_json(text);
    // The id is that of the content: it keeps nothing from what is behind it here.
    let Ok(mut file) = serde_json::from_str::<serde_json::Value>(text) else {
        return false;
    };
    let Some(plan) = file.get_mut("plan") else {
        return false;
    };
    let Ok(Plan {
        made,
        steps,
        rejected,
        ..
    }) = serde_json::from_value(plan.take())
    else {
        return false;
    };
    let Ok(plan) = Plan::new(made, steps, rejected) else {
        return false;
    };
    let json = plan.to_json().expect("what was read can be stored");
    // As text: no plan with `NaN` in it is equal to itself.
    let again = Plan::from_json(&json).expect("as before");
    assert_eq!(again.to_json().expect("as before"), json);
    let _ = plan.to_string();
    for mode in [Mode::Apply, Mode::DryRun] {
        let run = Run::new(plan.clone(), mode, 1, RunParams::default(), START);
        ends(run.expect("a plan that is sound"));
    }
    true
}

pub(super) fn params(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let Ok(params) = toml::from_str::<GuardParams>(text) else {
        return false;
    };
    let Ok(mut guard) = Guard::new(params.clone()) else {
        return false;
    };
    let written = toml::to_string(&params).expect("what was read can be stored");
    let again = toml::from_str::<GuardParams>(&written).expect("as before");
    assert_eq!(again, params);
    for second in [0, 1, 60, 3_600] {
        let now = START.plus(Duration::from_secs(second));
        say(&guard.observe(calls(now, "cart-1"), now));
    }
    true
}

pub(super) fn guard(bytes: &[u8]) -> bool {
    let restored = Guard::from_bytes(bytes, guard_params(), u64::MAX);
    let Ok(mut guard) = restored else {
        return false;
    };
    let stored = guard.to_bytes().expect("what was read can be stored");
    Guard::from_bytes(&stored, guard_params(), u64::MAX).expect("what was stored can be read");
    let _ = (guard.deadline(), guard.healthy_range());
    for step in 0..4 {
        let now = START.plus(Duration::from_secs(10 * step));
        say(&guard.observe(calls(now, "cart-1"), now));
    }
    true
}

/// Everything that is said can be read.
fn say(events: &[Event]) {
    for event in events {
        let _ = event.to_string();
    }
}

pub(crate) fn graph_params() -> GraphParams {
    let step = Duration::from_secs(10);
    GraphParams::default().step(step).retention_steps(60)
}

pub(crate) fn guard_params() -> GuardParams {
    let pipeline = PipelineParams::default().steps_min(12);
    let detection = DetectionParams::default().pipeline(pipeline);
    GuardParams::default()
        .graph(graph_params())
        .healthy_steps(20)
        .memory_steps(6)
        .detectors([("robust_z", detection)])
        .mode(Mode::Apply)
}

/// A few calls within ten seconds from a time; all to `cart-2` fail.
pub(super) fn calls(at: Timestamp, revision: &str) -> Vec<Record> {
    let instance = |index: u64| NodeKey::instance(format!("cart-{index}"));
    let call = |index: u64| {
        let cart = NodeKey::service("cart");
        let callee = Party::new(cart).on(instance(index % 2), revision.into());
        let took = Some(Duration::from_millis(10 + index));
        let status = if revision == "cart-2" {
            CallStatus::Error
        } else {
            CallStatus::Ok
        };
        let web = Party::new(NodeKey::service("web"));
        let call = Call::new(at.plus(Duration::from_millis(400 * index)), callee);
        call.from(web).took(took, took).ended(status).into()
    };
    (0..24).map(call).collect()
}
