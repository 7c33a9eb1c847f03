//! The simulator keeps the laws of an executor.

use astern_graph_core::NodeKey;
use astern_rollback_policy::conformance::{Setting, check};
use astern_rollback_policy::{
    Action, Effect, Executor, Fact, IdempotencyKey, Plan, Request, Step, StepId,
};
use astern_sim::{Release, Scenario, SimExecutor, Simulator, Topology};

use crate::{exponential, seconds};

fn front() -> NodeKey {
    NodeKey::service("front")
}

/// A service whose release is complete.
fn scenario() -> Scenario {
    let topology = Topology::new("front").with(exponential("front", 5.0).instances(4));
    let mut scenario = Scenario::new(topology, 5);
    scenario.healthy = seconds(0);
    scenario.span = seconds(1_000);
    scenario.releases = vec![Release::new(
        "front-2",
        front(),
        "front@2".into(),
        seconds(10),
        [4],
    )];
    scenario
}

fn set(to: &str) -> Action {
    Action::SetRevision {
        service: front(),
        to: to.into(),
    }
}

/// Somebody sets the service back and releases it again, by plans of their own.
fn released_again(executor: &SimExecutor, old: &str) {
    let steps = [old, "front@2"].map(set);
    for (number, action) in (1..).zip(steps) {
        let step = Step::new(StepId::new(number), action.clone());
        let made = scenario().start.plus(seconds(1));
        let plan = Plan::new(made, vec![step], vec![]).unwrap();
        let key = IdempotencyKey::effect(plan.id, StepId::new(number));
        executor.execute(&Request::new(key, 1, Effect::Apply(action)));
    }
}

#[test]
fn the_simulator_keeps_the_laws_of_an_executor() {
    let scenario = scenario();
    let old = scenario.topology.services[0].revision.to_string();
    let breaches = check(|| {
        let executor = SimExecutor::new(Simulator::new(&scenario).unwrap());
        executor.advance(scenario.start.plus(seconds(100))).unwrap();
        let before = Fact::Revision {
            service: front(),
            revision: "front@2".into(),
        };
        let old = old.clone();
        Setting::new(executor, set(&old), before, move |executor| {
            released_again(executor, &old);
        })
    });
    assert!(breaches.is_empty(), "{breaches:?}");
}
