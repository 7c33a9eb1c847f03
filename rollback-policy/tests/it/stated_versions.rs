//! Changes that say which version they made.

use astern_graph_core::signal::Diagnosis;
use astern_graph_core::{ChangeEvent, ChangeKind, ChangePhase};
use astern_rollback_policy::conformance::MemoryPlatform;
use astern_rollback_policy::{
    Fact, Mode, Planner, PlannerParams, Precondition, Run, RunParams, RunState, drive,
};

use crate::world::{NOW, at, blame, diamond, outline, plan_for, regressed, release, service};

#[test]
fn a_version_that_was_stated_is_required_of_the_first_move() {
    let flag = ChangeKind::FeatureFlag {
        flag: "fast".into(),
    };
    for kind in [
        ChangeKind::Rolling,
        ChangeKind::Canary,
        ChangeKind::BlueGreen,
        ChangeKind::Config,
        flag,
    ] {
        let first = release("left").by(kind);
        let mut last = first.clone().reached(ChangePhase::Progressed, vec![]);
        last.at = at(110);
        let required = |steps: [&ChangeEvent; 2]| {
            let plan = plan_for(&diamond(), &steps.map(Clone::clone)).unwrap();
            let versions = plan.steps.iter().map(|step| {
                let mut requires = step.requires.iter();
                requires.find_map(|one| match one {
                    Precondition::Unchanged { place, token } => {
                        assert_eq!(Some(place), step.action.place().as_ref());
                        Some(token.to_string())
                    }
                    _ => None,
                })
            });
            versions.collect::<Vec<_>>()
        };
        let [old, new] = [first.clone().versioned("7"), last.clone().versioned("8")];
        let versions = required([&old, &new]);
        assert_eq!(versions[0].as_deref(), Some("8"));
        assert!(versions[1..].iter().all(Option::is_none), "{versions:?}");
        // The last step does not say what it made of it.
        assert_eq!(required([&old, &last])[0], None);
    }
}

#[test]
fn the_version_is_that_of_the_newest_step_of_whichever_change() {
    let bad = release("left")
        .reached(ChangePhase::Completed, vec![])
        .versioned("7");
    let mut hotfix = ChangeEvent::new(
        "hotfix",
        at(110),
        service("left"),
        Some("left-2".into()),
        "left-3".into(),
    );
    hotfix = hotfix.versioned("8");
    let mut back = hotfix.clone().reached(ChangePhase::RolledBack, vec![]);
    back.at = at(120);
    for (version, expected) in [(Some("9"), Some("9")), (None, None)] {
        back.version = version.map(Into::into);
        let steps = [bad.clone(), hotfix.clone(), back.clone()];
        let diagnosis = Diagnosis::new(vec![], vec![blame(&bad, 0.9)]);
        let planner = Planner::new(PlannerParams::default()).unwrap();
        let plan = planner.plan(&diamond(), &regressed(), &diagnosis, &steps, at(NOW));
        let plan = plan.unwrap();
        assert_eq!(outline(&plan), ["set service/left to revision left-1"]);
        let mut requires = plan.steps[0].requires.iter();
        let token = requires.find_map(|one| match one {
            Precondition::Unchanged { token, .. } => Some(&**token),
            _ => None,
        });
        assert_eq!(token, expected);
    }
}

#[test]
fn a_release_again_before_the_first_look_is_not_overwritten() {
    let fact = || Fact::Revision {
        service: service("left"),
        revision: "left-2".into(),
    };
    for acts in [false, true] {
        let platform = MemoryPlatform::new();
        platform.set(fact());
        let change = release("left").reached(ChangePhase::Completed, vec![]);
        let plan = plan_for(&diamond(), &[change.versioned("1")]).unwrap();
        if acts {
            // Somebody releases the same revision again: all facts are as before.
            platform.set(fact());
        }
        let mut run = Run::new(plan, Mode::Apply, 1, RunParams::default(), at(NOW)).unwrap();
        drive(&mut run, &platform, at(NOW)).unwrap();
        assert_eq!(platform.holds(&fact()), acts);
        assert_eq!(run.state() == RunState::Failed, acts, "{}", run.summary());
    }
}
