//! Changes that say which version they made.

use astern_graph_core::{ChangeEvent, ChangeKind, ChangePhase};
use astern_rollback_policy::conformance::MemoryPlatform;
use astern_rollback_policy::{Fact, Mode, Precondition, Run, RunParams, RunState, drive};

use crate::world::{NOW, at, diamond, plan_for, release, service};

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
