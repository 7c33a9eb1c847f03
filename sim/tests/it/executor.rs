//! Plans on a platform whose calls fail on demand: whatever happens, nothing is done twice, and a
//! run ends in the planned state or says that a person is needed.

use std::collections::BTreeSet;
use std::time::Duration;

use astern_graph_core::{NodeKey, Revision, Timestamp, TrafficShare};
use astern_rollback_policy::{
    Action, Check, Effect, Executor, Fact, IdempotencyKey, Mode, Outcome, Plan, Precondition,
    Refusal, Request, Run, RunParams, RunState, Step, StepId, StepStatus,
};
use astern_sim::{
    CallFault, CallSpec, ExecutorFaults, Release, Scenario, SimError, SimExecutor, Simulator,
    Topology, When,
};
use proptest::prelude::*;

use crate::{exponential, seconds};

/// Two services, both released, half of whose instances run the new revision.
fn scenario() -> Scenario {
    let topology = Topology::new("front")
        .with(
            exponential("front", 5.0)
                .instances(4)
                .then(CallSpec::new("back", "get")),
        )
        .with(exponential("back", 5.0).instances(4));
    let mut scenario = Scenario::new(topology, 5);
    scenario.healthy = seconds(0);
    scenario.span = seconds(100_000);
    scenario.releases = ["front", "back"]
        .map(|name| {
            let id = format!("{name}-2");
            Release::new(id.as_str(), service(name), new(name), seconds(10), [2, 2])
                .pause(seconds(90_000))
        })
        .into();
    scenario
}

fn service(name: &str) -> NodeKey {
    NodeKey::service(name)
}

fn new(name: &str) -> Revision {
    Revision::from(format!("{name}@2").as_str())
}

fn old(name: &str) -> Revision {
    let services = scenario().topology.services;
    let spec = services
        .iter()
        .find(|spec| *spec.key.name == *name)
        .unwrap();
    spec.revision.clone()
}

fn at(secs: u64) -> Timestamp {
    scenario().start.plus(seconds(secs))
}

/// The platform once both releases have begun.
fn platform(faults: ExecutorFaults) -> SimExecutor {
    let simulator = Simulator::new(&scenario()).unwrap();
    let executor = SimExecutor::with_faults(simulator, faults).unwrap();
    executor.advance(at(20)).unwrap();
    executor
}

fn step(number: u32, action: Action) -> Step {
    let target = action.target();
    let step = Step::new(StepId::new(number), action);
    match target {
        Some(target) => step.verified_by([Check::reached(target, seconds(120))]),
        None => step,
    }
}

/// Takes traffic off the bad revision of `front`, rolls both back, callers first, and calls a person.
fn plan() -> Plan {
    let back = |name: &str| Action::SetRevision {
        service: service(name),
        to: old(name),
    };
    let traffic = Action::SetTraffic {
        service: service("front"),
        revision: new("front"),
        share: TrafficShare::ZERO,
    };
    let page = Action::Escalate {
        service: service("back"),
        reason: "two releases at once".into(),
    };
    let still_released = Precondition::Is(Fact::Revision {
        service: service("back"),
        revision: new("back"),
    });
    let [one, two, three] = [1, 2, 3].map(StepId::new);
    let steps = vec![
        step(1, traffic),
        step(2, back("front")).after([one]),
        step(3, back("back"))
            .after([two])
            .requiring([still_released]),
        step(4, page).after([three]),
    ];
    Plan::new(at(20), steps, Vec::new()).unwrap()
}

/// Carries the plan out as a process does that stores its run before it sends anything, and that
/// is started again, with a greater fence, when it crashes. Gives the run and the crashes.
fn carry_out(executor: &SimExecutor) -> (Run, u64) {
    let (mut now, mut crashes) = (at(20), 0);
    let mut run = Run::new(plan(), Mode::Apply, 1, RunParams::default(), now).unwrap();
    for _ in 0..1_000 {
        let Some(due) = run.deadline() else {
            return (run, crashes);
        };
        now = now.max(due);
        executor.advance(now).unwrap();
        let requests = run.poll(now);
        let stored = run.to_bytes().unwrap();
        for request in requests {
            let outcome = executor.execute(&request);
            if executor.take_crash() {
                crashes += 1;
                drop(run);
                run = Run::from_bytes(&stored, RunParams::default()).unwrap();
                run.resume(1 + crashes).unwrap();
                break;
            }
            run.report(&request.key, outcome, now).unwrap();
        }
    }
    panic!("the run does not end: {}", run.summary());
}

fn runs(executor: &SimExecutor, name: &str) -> BTreeSet<Revision> {
    let instances = executor.revisions(&service(name)).unwrap();
    instances
        .into_iter()
        .map(|(_, revision)| revision)
        .collect()
}

fn rolled_back(executor: &SimExecutor) -> bool {
    ["front", "back"]
        .iter()
        .all(|name| runs(executor, name) == [old(name)].into())
}

/// Numbers of the steps that were really done, in their order.
fn done(executor: &SimExecutor) -> Vec<u32> {
    let applied = executor.applied();
    applied
        .iter()
        .map(|effect| effect.key.step.number())
        .collect()
}

fn forbidden() -> CallFault {
    CallFault::Fail(Refusal::Forbidden {
        reason: "locked".into(),
    })
}

fn busy() -> CallFault {
    CallFault::Fail(Refusal::Busy {
        reason: "another rollout".into(),
        retry_after: seconds(3),
    })
}

fn on_step(number: u32, fault: CallFault) -> ExecutorFaults {
    ExecutorFaults::new(1).on(When::Step(StepId::new(number)), fault)
}

#[test]
fn whatever_is_lost_slow_or_crashes_once_is_made_good() {
    let faults = [
        CallFault::LoseReply,
        CallFault::LoseRequest,
        CallFault::CrashBefore,
        CallFault::CrashAfter,
        CallFault::Slow(seconds(60)),
        busy(),
    ];
    for number in 1..=4 {
        for fault in &faults {
            let executor = platform(on_step(number, fault.clone()));
            let (run, crashes) = carry_out(&executor);
            let text = || format!("step {number}, {fault:?}: {}", run.summary());
            assert_eq!(run.state(), RunState::Succeeded, "{}", text());
            assert!(rolled_back(&executor), "{}", text());
            let crashing = matches!(fault, CallFault::CrashBefore | CallFault::CrashAfter);
            assert_eq!(crashes, u64::from(crashing), "{}", text());
            if number == 4 && matches!(fault, CallFault::Slow(_)) {
                // Nothing waits for a person to be called.
                assert_eq!(done(&executor), [1, 2, 3], "{}", text());
            } else {
                assert_eq!(done(&executor), [1, 2, 3, 4], "{}", text());
            }
        }
    }
}

#[test]
fn a_refusal_stops_what_depends_on_it_and_says_so() {
    let executor = platform(on_step(2, forbidden()));
    let (run, _) = carry_out(&executor);
    assert_eq!(run.state(), RunState::Failed);
    let text = run.summary().to_string();
    assert!(text.contains("forbidden: locked"), "{text}");
    assert_eq!(done(&executor), [1]);
    assert_eq!(runs(&executor, "back"), [old("back"), new("back")].into());
    for (number, because) in [(3, 2), (4, 3)] {
        let skipped = StepStatus::Skipped {
            because: StepId::new(because),
        };
        assert_eq!(run.status(StepId::new(number)), Some(&skipped));
    }
}

#[test]
fn a_platform_that_never_answers_is_given_up() {
    let executor = platform(ExecutorFaults::new(1).by_chance(1.0, CallFault::LoseRequest));
    let (run, _) = carry_out(&executor);
    assert_eq!(run.state(), RunState::Failed);
    assert!(
        run.summary()
            .to_string()
            .contains("gave up after 5 attempts")
    );
    assert!(done(&executor).is_empty());
}

#[test]
fn an_effect_that_comes_too_late_is_not_vouched_for_and_comes_all_the_same() {
    let executor = platform(on_step(2, CallFault::Slow(seconds(300))));
    let (run, _) = carry_out(&executor);
    assert_eq!(run.state(), RunState::Failed);
    // Instances of two revisions are neither the target nor its contrary.
    assert!(run.summary().to_string().contains("done, not seen: "));
    assert_eq!(runs(&executor, "front").len(), 2);
    executor.advance(at(600)).unwrap();
    assert_eq!(runs(&executor, "front"), [old("front")].into());
    // The first step takes no time, so the second was asked for at once.
    let applied = executor.applied();
    assert_eq!(applied.last().unwrap().at, at(20).plus(seconds(300)));
}

#[test]
fn a_slow_effect_that_is_asked_for_again_is_on_its_way() {
    let executor = platform(on_step(1, CallFault::Slow(seconds(50))));
    let of_step = |number, to: Revision| {
        let action = Action::SetRevision {
            service: service("back"),
            to,
        };
        let key = IdempotencyKey::effect(plan().id, StepId::new(number));
        Request::new(key, 1, Effect::Apply(action))
    };
    let request = |to| of_step(1, to);
    assert!(matches!(
        executor.execute(&request(old("back"))),
        Outcome::Done(_)
    ));
    let again = executor.execute(&request(old("back")));
    assert!(matches!(&again, Outcome::AlreadyDone(observed) if observed.facts.is_empty()));
    assert_eq!(runs(&executor, "back").len(), 2);
    // Another wish takes its place.
    assert!(matches!(
        executor.execute(&of_step(2, new("back"))),
        Outcome::Done(_)
    ));
    executor.advance(at(200)).unwrap();
    assert_eq!(runs(&executor, "back"), [new("back")].into());
    assert_eq!(executor.applied().len(), 1);
}

#[test]
fn slow_effects_lose_no_telemetry() {
    let slow = platform(on_step(3, CallFault::Slow(Duration::from_millis(1_500))));
    let quick = platform(ExecutorFaults::new(1));
    let action = Action::SetRevision {
        service: service("back"),
        to: old("back"),
    };
    let key = IdempotencyKey::effect(plan().id, StepId::new(3));
    slow.execute(&Request::new(key, 1, Effect::Apply(action.clone())));
    let records = slow.advance(at(40)).unwrap();
    let mut expected = quick
        .advance(at(20).plus(Duration::from_millis(1_500)))
        .unwrap();
    quick.execute(&Request::new(key, 1, Effect::Apply(action)));
    expected.extend(quick.advance(at(40)).unwrap());
    astern_sim::sort_records(&mut expected);
    assert_eq!(records, expected);
}

#[test]
fn the_script_goes_by_number_key_and_step_and_each_entry_is_used_once() {
    let key = |number| IdempotencyKey::effect(plan().id, StepId::new(number));
    let executor = platform(
        ExecutorFaults::new(1)
            .on(When::Request(2), forbidden())
            .on(When::Key(key(7)), busy())
            .on(When::Step(StepId::new(8)), forbidden())
            .on(When::Step(StepId::new(8)), busy()),
    );
    let ask = |number| {
        let page = Action::Escalate {
            service: service("back"),
            reason: "why".into(),
        };
        match executor.execute(&Request::new(key(number), 1, Effect::Apply(page))) {
            Outcome::Done(_) => "done",
            Outcome::AlreadyDone(_) => "already",
            Outcome::Refused(Refusal::Busy { .. }) => "busy",
            Outcome::Refused(Refusal::Forbidden { .. }) => "forbidden",
            other => panic!("{other:?}"),
        }
    };
    let answers = [7, 7, 7, 7, 8, 8, 8, 8].map(ask);
    let expected = [
        "busy",
        "forbidden",
        "done",
        "already",
        "forbidden",
        "busy",
        "done",
        "already",
    ];
    assert_eq!(answers, expected);
}

#[test]
fn chance_is_as_often_as_it_says_and_the_same_for_the_same_seed() {
    let lost = |seed| {
        let executor = platform(
            ExecutorFaults::new(seed)
                .by_chance(0.2, CallFault::LoseRequest)
                .by_chance(0.1, CallFault::LoseReply),
        );
        let ask = |number| {
            let key = IdempotencyKey::observation(plan().id, StepId::new(1), number);
            matches!(
                executor.execute(&Request::new(key, 1, Effect::Observe(vec![]))),
                Outcome::Unknown(_)
            )
        };
        (0..2_000).map(ask).collect::<Vec<_>>()
    };
    let count = lost(3).into_iter().filter(|lost| *lost).count();
    // Standard error 20.
    assert!((520..=680).contains(&count), "{count}");
    assert_eq!(lost(3), lost(3));
    assert_ne!(lost(3), lost(4));
}

#[test]
fn a_crashed_caller_reaches_nothing_until_it_is_restarted() {
    let executor = platform(ExecutorFaults::new(1).on(When::Request(1), CallFault::CrashBefore));
    let back = Action::SetRevision {
        service: service("back"),
        to: old("back"),
    };
    let key = IdempotencyKey::effect(plan().id, StepId::new(1));
    let request = Request::new(key, 1, Effect::Apply(back));
    for _ in 0..3 {
        assert!(matches!(executor.execute(&request), Outcome::Unknown(_)));
    }
    assert!(executor.applied().is_empty());
    assert!(executor.take_crash() && !executor.take_crash());
    assert!(matches!(executor.execute(&request), Outcome::Done(_)));
    assert_eq!(done(&executor), [1]);
}

#[test]
fn a_caller_that_was_thought_dead_is_fenced_off() {
    let executor = platform(ExecutorFaults::new(1));
    let mut first = Run::new(plan(), Mode::Apply, 1, RunParams::default(), at(20)).unwrap();
    let mut second = Run::from_bytes(&first.to_bytes().unwrap(), RunParams::default()).unwrap();
    second.resume(2).unwrap();
    let outcomes = [second.poll(at(20)), first.poll(at(20))].map(|requests| {
        assert!(!requests.is_empty());
        executor.execute(&requests[0])
    });
    assert!(matches!(outcomes[0], Outcome::Done(_)));
    let fenced = Refusal::Fenced {
        fence: 1,
        newest: 2,
    };
    assert_eq!(outcomes[1], Outcome::Refused(fenced));
}

#[test]
fn setting_a_revision_ends_the_split_of_traffic() {
    let executor = platform(ExecutorFaults::new(1));
    let apply = |number, action: Action| {
        let key = IdempotencyKey::effect(plan().id, StepId::new(number));
        match executor.execute(&Request::new(key, 1, Effect::Apply(action))) {
            Outcome::Done(observed) | Outcome::AlreadyDone(observed) => observed.facts,
            other => panic!("{other:?}"),
        }
    };
    let (service, revision) = (service("front"), new("front"));
    let share = TrafficShare::ZERO;
    let split = Action::SetTraffic {
        service: service.clone(),
        revision: revision.clone(),
        share,
    };
    // The other revision has the rest.
    let rest = Fact::Traffic {
        service: service.clone(),
        revision: old("front"),
        share: TrafficShare::FULL,
    };
    assert_eq!(apply(1, split.clone()), [split.target().unwrap(), rest]);
    let back = Action::SetRevision {
        service,
        to: old("front"),
    };
    assert_eq!(apply(2, back.clone()), [back.target().unwrap()]);
}

#[test]
fn a_dry_run_says_what_applying_would_say() {
    let executor = platform(ExecutorFaults::new(1));
    let nobody = Action::SetRevision {
        service: service("back"),
        to: Revision::from("back@none"),
    };
    let scale = Action::Scale {
        service: service("back"),
        replicas: 3,
    };
    for action in [nobody, scale] {
        let key = IdempotencyKey::effect(plan().id, StepId::new(1));
        let dry = executor.execute(&Request::new(key, 1, Effect::DryRun(action.clone())));
        let wet = executor.execute(&Request::new(key, 1, Effect::Apply(action)));
        assert!(matches!(dry, Outcome::Refused(_)));
        assert_eq!(dry, wet);
    }
}

#[test]
fn faults_that_are_none_are_refused() {
    let refused = |faults| {
        let simulator = Simulator::new(&scenario()).unwrap();
        match SimExecutor::with_faults(simulator, faults) {
            Err(SimError::Param { part, .. }) => assert_eq!(part, "the executor's faults"),
            other => panic!("{other:?}"),
        }
    };
    let none = || ExecutorFaults::new(1);
    refused(none().on(When::Request(0), CallFault::LoseReply));
    refused(none().on(When::Request(1), CallFault::Slow(Duration::ZERO)));
    refused(none().by_chance(0.1, CallFault::Slow(Duration::MAX)));
    refused(none().by_chance(-0.1, CallFault::LoseReply));
    refused(none().by_chance(f64::NAN, CallFault::LoseReply));
    refused(
        none()
            .by_chance(0.6, CallFault::LoseReply)
            .by_chance(0.6, CallFault::LoseRequest),
    );
}

fn fault() -> impl Strategy<Value = CallFault> {
    prop_oneof![
        3 => Just(CallFault::LoseReply),
        3 => Just(CallFault::LoseRequest),
        2 => Just(CallFault::CrashBefore),
        2 => Just(CallFault::CrashAfter),
        2 => (1_u64..400).prop_map(|secs| CallFault::Slow(seconds(secs))),
        2 => Just(busy()),
        1 => Just(forbidden()),
    ]
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        (1_u64..30).prop_map(When::Request),
        (1_u32..=4).prop_map(|number| When::Step(StepId::new(number))),
        (1_u32..=4).prop_map(|number| {
            When::Key(IdempotencyKey::effect(plan().id, StepId::new(number)))
        }),
    ]
}

proptest! {
    #[test]
    fn no_script_makes_anything_happen_twice_or_end_unclear(
        script in prop::collection::vec((when(), fault()), 0..12),
        seed in any::<u64>(),
        chance in 0.0_f64..0.2,
    ) {
        let faults = ExecutorFaults::new(seed).by_chance(chance, CallFault::LoseReply);
        let faults = script.into_iter().fold(faults, |faults, (when, fault)| faults.on(when, fault));
        let executor = platform(faults);
        let (run, _) = carry_out(&executor);

        let done = done(&executor);
        prop_assert!(done.is_sorted_by(|a, b| a < b), "each once and in order: {done:?}");
        for summary in run.summary().steps {
            let verified = summary.status == StepStatus::Verified;
            let there = done.contains(&summary.step.number());
            let observable = summary.action.target().is_some();
            prop_assert!(!(verified && observable) || there, "{}", run.summary());
            prop_assert!(summary.status.is_final());
        }
        let text = run.summary().to_string();
        match run.state() {
            RunState::Succeeded => prop_assert!(rolled_back(&executor)),
            // A person can read what is wrong, or what the last look did not show in time.
            RunState::Failed | RunState::Unverified => {
                prop_assert!(text.contains("failed: ") || text.contains("done, not seen: "));
            }
            RunState::Running => prop_assert!(false, "{text}"),
        }
    }
}
