//! Whatever the network and the process do, a run ends, keeps its order, and does nothing twice.

use std::collections::BTreeMap;

use astern_graph_core::ChangeKind;
use astern_rollback_policy::{
    Effect, Executor, IdempotencyKey, Mode, Plan, Request, Run, RunError, RunParams, RunState,
    StepId, drive,
};
use proptest::prelude::*;

use crate::platform::{Fault, Platform};
use crate::world::{NOW, at, diamond, plan_for, release};

fn setting() -> (Plan, Platform) {
    let releases = [
        release("edge"),
        release("left"),
        release("right").by(ChangeKind::Canary),
        release("base"),
    ];
    let platform = Platform::after(&releases);
    platform.give_all_to(&releases[2]);
    (plan_for(&diamond(), &releases).unwrap(), platform)
}

/// What the process that drives the run does with one outcome.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Reports,
    Forgets,
    /// Dies; the run was stored after it was polled.
    DiesAfterStoring,
    /// Dies; the run was stored before it was polled.
    DiesBeforeStoring,
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        3 => Just(Fault::None),
        1 => Just(Fault::LostRequest),
        1 => Just(Fault::LostReply),
        1 => Just(Fault::Busy),
        1 => Just(Fault::Blind),
    ]
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Reports),
        1 => Just(Fate::Forgets),
        1 => Just(Fate::DiesAfterStoring),
        1 => Just(Fate::DiesBeforeStoring),
    ]
}

/// A run that went through storage, which must not change it.
fn stored(run: &Run, params: &RunParams) -> Run {
    let back = Run::from_bytes(&run.to_bytes().unwrap(), params.clone()).unwrap();
    assert_eq!(back, *run);
    back
}

/// Checks one request against the plan and the platform.
fn examine(
    plan: &Plan,
    platform: &Platform,
    keys: &mut BTreeMap<StepId, IdempotencyKey>,
    request: &Request,
) {
    let step = plan.step(request.key.step).unwrap();
    if let Effect::Apply(action) = &request.effect {
        assert_eq!(*action, step.action);
        assert_eq!(*keys.entry(step.id).or_insert(request.key), request.key);
        assert_eq!(request.key, IdempotencyKey::effect(plan.id, step.id));
        for before in &step.after {
            let target = plan.step(*before).unwrap().action.target().unwrap();
            assert!(
                platform.is(&target),
                "step {} before step {before}",
                step.id
            );
        }
    } else {
        assert!(request.key.observation.is_some());
    }
}

/// Drives a run through faults and fates until it ends.
fn survive(plan: &Plan, platform: &Platform, fates: &[Fate], params: &RunParams) -> Run {
    let mut run = Run::new(plan.clone(), Mode::Apply, 1, params.clone(), at(NOW)).unwrap();
    let (mut now, mut fence, mut polls) = (at(NOW), 1, 0);
    let mut fates = fates
        .iter()
        .copied()
        .chain(std::iter::repeat(Fate::Reports));
    let mut keys = BTreeMap::new();
    while let Some(due) = run.deadline() {
        polls += 1;
        assert!(polls < 2_000, "no end: {}", run.summary());
        now = now.max(due);
        let before = stored(&run, params);
        let requests = run.poll(now);
        let after = stored(&run, params);
        for request in requests {
            assert_eq!(request.fence, fence);
            examine(plan, platform, &mut keys, &request);
            let outcome = platform.execute(&request);
            let restored = match fates.next().unwrap() {
                Fate::Reports => {
                    run.report(&request.key, outcome, now).unwrap();
                    run = stored(&run, params);
                    continue;
                }
                Fate::Forgets => continue,
                Fate::DiesAfterStoring => after,
                Fate::DiesBeforeStoring => before,
            };
            run = restored;
            fence += 1;
            run.resume(fence).unwrap();
            break;
        }
    }
    run
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_run_ends_in_order_and_does_nothing_twice(
        faults in prop::collection::vec(fault(), 0..60),
        fates in prop::collection::vec(fate(), 0..60),
        max_parallel in 1..4u32,
    ) {
        let (plan, platform) = setting();
        let platform = platform.with_faults(faults);
        let params = RunParams::default().max_parallel(max_parallel);
        let run = survive(&plan, &platform, &fates, &params);
        prop_assert!(run.state() != RunState::Running);
        let mut writes = platform.writes();
        writes.sort();
        writes.dedup();
        prop_assert_eq!(writes.len(), platform.writes().len());
        if run.state() == RunState::Succeeded {
            for step in &plan.steps {
                prop_assert!(platform.is(&step.action.target().unwrap()));
            }
        }
    }

    #[test]
    fn a_few_faults_do_no_harm(
        faults in prop::collection::vec(fault(), 0..5),
        at_request in 0..20usize,
    ) {
        let (plan, platform) = setting();
        let faultless = std::iter::repeat_n(Fault::None, at_request);
        let platform = platform.with_faults(faultless.chain(faults));
        let run = survive(&plan, &platform, &[], &RunParams::default());
        prop_assert_eq!(run.state(), RunState::Succeeded, "{}", run.summary());
        prop_assert_eq!(platform.writes().len(), plan.steps.len());
    }

    #[test]
    fn damaged_bytes_are_refused_or_make_a_run_that_works(
        at_byte in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let (plan, platform) = setting();
        let mut run = Run::new(plan, Mode::Apply, 1, RunParams::default(), at(NOW)).unwrap();
        drive(&mut run, &platform.with_faults([Fault::LostReply]), at(NOW)).unwrap();
        let mut bytes = run.to_bytes().unwrap();
        let index = at_byte.index(bytes.len());
        bytes[index] = value;
        let restored = |bytes: &[u8]| Run::from_bytes(bytes, RunParams::default());
        if let Ok(mut run) = restored(&bytes) {
            run.poll(at(NOW + 5));
            prop_assert_eq!(run.deadline().is_none(), run.state() != RunState::Running);
        }
        prop_assert!(restored(&bytes[..index]).is_err());
    }
}

#[test]
fn lost_replies_at_every_step_converge_to_one_write_each() {
    use Fault::{LostReply, LostRequest, None};
    // Of each step: the effect, looks for it, the effect again where it was not there, looks at
    // the target.
    let replies: &[Fault] = &[LostReply, LostReply, None, LostReply, None];
    let requests: &[Fault] = &[LostRequest, LostRequest, None, None, LostRequest, None];
    for of_each_step in [replies, requests] {
        let (plan, platform) = setting();
        let platform = platform.with_faults(of_each_step.repeat(5));
        let run = survive(&plan, &platform, &[], &RunParams::default());
        assert_eq!(run.state(), RunState::Succeeded, "{}", run.summary());
        assert_eq!(platform.writes().len(), plan.steps.len());
    }
}

#[test]
fn a_holder_that_was_thought_dead_is_refused_by_the_fence() {
    let (plan, platform) = setting();
    let mut old = Run::new(plan, Mode::Apply, 1, RunParams::default(), at(NOW)).unwrap();
    let mut new = stored(&old, &RunParams::default());
    assert!(matches!(
        new.resume(0),
        Err(RunError::StaleFence {
            fence: 0,
            newest: 1
        })
    ));
    new.resume(2).unwrap();
    drive(&mut new, &platform, at(NOW)).unwrap();
    let written = platform.writes();
    drive(&mut old, &platform, at(NOW)).unwrap();
    assert_eq!(platform.writes(), written);
    assert_eq!(old.state(), RunState::Failed);
    assert_eq!(new.state(), RunState::Succeeded);
}

#[test]
fn a_stored_run_keeps_its_mode_and_takes_the_parameters_of_its_new_holder() {
    let (plan, _) = setting();
    let run = Run::new(plan, Mode::DryRun, 1, RunParams::default(), at(NOW)).unwrap();
    let bytes = run.to_bytes().unwrap();
    let mut new = Run::from_bytes(&bytes, RunParams::default().max_parallel(9)).unwrap();
    assert_eq!(new.mode(), Mode::DryRun);
    let dry = |request: &Request| matches!(request.effect, Effect::DryRun(_));
    assert!(new.poll(at(NOW)).iter().all(dry));
    let refused = Run::from_bytes(&bytes, RunParams::default().max_parallel(0)).unwrap_err();
    assert!(matches!(refused, RunError::Param(_)), "{refused}");
}
