//! Bytes that are right, as small as may be: what fuzzing begins from.

use std::time::Duration;

use astern::graph::{ChangeEvent, ChangePhase, GraphBuilder, NodeKey, Timestamp};
use astern::policy::conformance::MemoryPlatform;
use astern::policy::{
    Action, Check, Executor, Fact, Limit, Mode, Plan, Precondition, Run, RunParams, Step, StepId,
};
use astern::{Guard, GuardParams};

use super::check::{calls, graph_params, guard_params};

/// When the first record comes.
pub(super) const START: Timestamp = Timestamp::from_secs(1_700_000_040);

fn after(steps: u64) -> Timestamp {
    START.plus(Duration::from_secs(10 * steps))
}

fn release(at: Timestamp) -> ChangeEvent {
    let cart = NodeKey::service("cart");
    let all = ["cart-0", "cart-1"].map(NodeKey::instance).to_vec();
    ChangeEvent::new("release", at, cart, Some("cart-1".into()), "cart-2".into())
        .reached(ChangePhase::Completed, all)
}

fn built(steps: u64) -> GraphBuilder {
    let mut builder = GraphBuilder::new(graph_params()).expect("sound parameters");
    for step in 0..steps {
        builder.extend(calls(after(step), "cart-1"));
    }
    builder.extend([release(after(1)).into()]);
    builder
}

pub(super) fn builders() -> Vec<Vec<u8>> {
    let bytes = |steps| built(steps).to_bytes().expect("bytes");
    [0, 1, 3].map(bytes).to_vec()
}

pub(super) fn graphs() -> Vec<Vec<u8>> {
    let bytes = |steps| built(steps).build().to_bytes().expect("bytes");
    [0, 1, 3].map(bytes).to_vec()
}

fn steps() -> Vec<Step> {
    let cart = || NodeKey::service("cart");
    let minute = Duration::from_secs(60);
    let is_one = Fact::Revision {
        service: cart(),
        revision: "cart-1".into(),
    };
    let is_two = Fact::Revision {
        service: cart(),
        revision: "cart-2".into(),
    };
    let set = Action::SetRevision {
        service: cart(),
        to: "cart-1".into(),
    };
    let latency = "latency_ms_p95".into();
    let flag = Action::SetFlag {
        service: NodeKey::service("web"),
        flag: "new-basket".into(),
        on: false,
    };
    vec![
        Step::new(StepId::new(1), flag),
        Step::new(StepId::new(2), set)
            .after([StepId::new(1)])
            .requiring([Precondition::Is(is_two)])
            .verified_by([
                Check::reached(is_one, minute),
                Check::metric(cart(), latency, Limit::AtMost(80.0), minute),
            ]),
    ]
}

fn plan() -> Plan {
    Plan::new(START, steps(), Vec::new()).expect("a sound plan")
}

pub(super) fn plans() -> Vec<Vec<u8>> {
    let cart = NodeKey::service("cart");
    let reason = "nobody knows".into();
    let escalate = Action::Escalate {
        service: cart.clone(),
        reason,
    };
    let escalate = vec![
        Step::new(StepId::new(1), escalate),
        Step::new(StepId::new(2), Action::Hold { service: cart }),
    ];
    let other = Plan::new(START, escalate, Vec::new()).expect("a sound plan");
    let json = |plan: Plan| plan.to_json().expect("JSON").into_bytes();
    vec![json(plan()), json(other)]
}

/// A run at each point until it waits for the metrics.
pub(super) fn runs() -> Vec<Vec<u8>> {
    let platform = MemoryPlatform::new();
    let cart = NodeKey::service("cart");
    platform.set(Fact::Revision {
        service: cart,
        revision: "cart-2".into(),
    });
    let params = RunParams::default();
    let mut run = Run::new(plan(), Mode::Apply, 1, params, START).expect("a sound plan");
    let mut points = vec![run.to_bytes().expect("bytes")];
    for _ in 0..4 {
        for request in run.poll(START) {
            points.push(run.to_bytes().expect("bytes"));
            let outcome = platform.execute(&request);
            run.report(&request.key, outcome, START).expect("an answer");
            points.push(run.to_bytes().expect("bytes"));
        }
    }
    points
}

/// A guard that is new, has seen a step, has a baseline, and rolls back.
pub(super) fn guards() -> Vec<Vec<u8>> {
    const RELEASED: u64 = 24;
    let mut guard = Guard::new(guard_params()).expect("sound parameters");
    let mut points = vec![guard.to_bytes().expect("bytes")];
    for step in 0..40 {
        let is_released = step >= RELEASED;
        let revision = if is_released { "cart-2" } else { "cart-1" };
        let mut records = calls(after(step), revision);
        if step == RELEASED {
            records.push(release(after(step)).into());
        }
        guard.observe(records, after(step + 1));
        let acts = guard.deadline().is_some();
        if step == 0 || step == RELEASED || acts {
            points.push(guard.to_bytes().expect("bytes"));
        }
        if acts {
            return points;
        }
    }
    panic!("a failing release is not rolled back")
}

pub(super) fn params() -> Vec<Vec<u8>> {
    let text = toml::to_string(&GuardParams::default()).expect("TOML");
    let few = "mode = \"apply\"\nhealthy_steps = 30\n[graph]\nstep = \"30s\"\n";
    vec![text.into_bytes(), few.as_bytes().to_vec()]
}
