//! Actions other than revisions and traffic on the simulated platform: flags and restarts.

use astern_graph_core::{NodeKey, Revision, TrafficShare};
use astern_rollback_policy::{
    Action, Check, Executor, Fact, Mode, Plan, Precondition, Run, RunParams, RunState, Step, StepId,
};
use astern_sim::{Release, Scenario, SimExecutor, Simulator};

use crate::{alone, seconds};

fn front() -> NodeKey {
    NodeKey::service("front")
}

fn flag(on: bool) -> Action {
    Action::SetFlag {
        service: front(),
        flag: "new-search".into(),
        on,
    }
}

/// One service whose flag is on for half of the calls from the tenth second on.
fn scenario() -> Scenario {
    let mut scenario = Scenario::new(alone("front", 5.0), 3);
    scenario.healthy = seconds(0);
    scenario.span = seconds(1_000);
    let half = TrafficShare::basis_points(5_000).unwrap();
    let to = Revision::from("front@search");
    let release = Release::new("search", front(), to, seconds(10), Vec::new());
    scenario.releases = vec![release.flag("new-search", [half])];
    scenario
}

/// Carries out one action until its run ends, and says how.
fn carry_out(action: Action, requires: Vec<Precondition>) -> (SimExecutor, RunState) {
    let executor = SimExecutor::new(Simulator::new(&scenario()).unwrap());
    let mut now = scenario().start.plus(seconds(20));
    executor.advance(now).unwrap();
    let target = action.target().unwrap();
    let step = Step::new(StepId::new(1), action)
        .requiring(requires)
        .verified_by([Check::reached(target, seconds(60))]);
    let plan = Plan::new(now, vec![step], Vec::new()).unwrap();
    let mut run = Run::new(plan, Mode::Apply, 1, RunParams::default(), now).unwrap();
    while let Some(due) = run.deadline() {
        now = now.max(due);
        executor.advance(now).unwrap();
        for request in run.poll(now) {
            let outcome = executor.execute(&request);
            run.report(&request.key, outcome, now).unwrap();
        }
    }
    (executor, run.state())
}

fn flag_is(on: bool) -> Precondition {
    Precondition::Is(Fact::Flag {
        service: front(),
        flag: "new-search".into(),
        on,
    })
}

#[test]
fn a_flag_that_some_calls_have_on_is_turned_off_and_seen_to_be() {
    let (executor, state) = carry_out(flag(false), vec![flag_is(true)]);
    assert_eq!(state, RunState::Succeeded);
    assert_eq!(
        executor.flags(&front()).unwrap(),
        [("new-search".into(), 0.0)]
    );
}

#[test]
fn a_flag_is_not_touched_where_it_is_not_as_the_plan_thought() {
    // Half of the calls have it on: it is neither off nor on for all.
    let (executor, state) = carry_out(flag(true), vec![flag_is(false)]);
    assert_eq!(state, RunState::Failed);
    assert_eq!(
        executor.flags(&front()).unwrap(),
        [("new-search".into(), 0.5)]
    );
}

#[test]
fn an_unknown_flag_is_not_found() {
    let unknown = Action::SetFlag {
        service: front(),
        flag: "old-search".into(),
        on: false,
    };
    assert_eq!(carry_out(unknown, Vec::new()).1, RunState::Failed);
}

#[test]
fn a_restart_is_seen_by_the_start_of_every_copy() {
    let restart = Action::Restart {
        node: front(),
        started_before: scenario().start.plus(seconds(20)),
    };
    assert_eq!(carry_out(restart, Vec::new()).1, RunState::Succeeded);
}
