//! What somebody has rolled back is not rolled forward again.

use astern_graph_core::signal::Diagnosis;
use astern_graph_core::{ChangeEvent, ChangeKind, ChangePhase, Revision};
use astern_rollback_policy::{Planner, PlannerParams};

use crate::world::{NOW, at, blame, diamond, outline, plan_for, regressed, rejected, service};

fn change(id: &str, secs: i64, from: &str, to: &str) -> ChangeEvent {
    let (from, to) = (Some(Revision::from(from)), to.into());
    ChangeEvent::new(id, at(secs), service("base"), from, to)
}

/// The actions of the plan for the last of these, which is blamed, and what it rejects.
fn planned(changes: &[ChangeEvent]) -> (Vec<String>, Vec<String>) {
    let last = changes.last().unwrap();
    let diagnosis = Diagnosis::new(vec![], vec![blame(last, 0.9)]);
    let planner = Planner::new(PlannerParams::default()).unwrap();
    let plan = planner.plan(&diamond(), &regressed(), &diagnosis, changes, at(NOW));
    let plan = plan.unwrap();
    (outline(&plan), rejected(&plan))
}

#[test]
fn a_rollback_that_somebody_made_is_left_to_people() {
    let release = change("base@2", 100, "base-1", "base-2");
    let back = change("back", 200, "base-2", "base-1");
    let (actions, rejected) = planned(&[release.clone(), back.clone()]);
    assert!(
        actions
            .iter()
            .all(|action| action.starts_with("call a person")),
        "{actions:?}"
    );
    let why = "set service/base to revision base-2: back is a rollback to base-1 itself, which only a person undoes";
    assert_eq!(rejected[0], why);
    // Nor is it stopped half-way, whatever was announced of the release.
    let left = change("base@2", 150, "base-1", "base-2").reached(ChangePhase::RolledBack, vec![]);
    let under_way = back.reached(ChangePhase::Progressed, vec![]);
    let (actions, _) = planned(&[release, left, under_way]);
    assert!(
        !actions.iter().any(|action| action.starts_with("hold")),
        "{actions:?}"
    );
}

#[test]
fn a_rollback_under_way_is_not_held_for_what_it_rolls_back() {
    let release = change("base@2", 100, "base-1", "base-2");
    let back = change("back", 200, "base-2", "base-1").reached(ChangePhase::Progressed, vec![]);
    for blamed in [vec![release.clone()], vec![release.clone(), back.clone()]] {
        let entries = blamed.iter().map(|change| blame(change, 0.9)).collect();
        let diagnosis = Diagnosis::new(vec![], entries);
        let planner = Planner::new(PlannerParams::default()).unwrap();
        let changes = [release.clone(), back.clone()];
        let plan = planner.plan(&diamond(), &regressed(), &diagnosis, &changes, at(NOW));
        let actions = outline(&plan.unwrap());
        let is_call = |action: &String| action.starts_with("call a person");
        assert!(actions.iter().all(is_call), "{actions:?}");
    }
}

#[test]
fn a_flag_that_somebody_has_turned_off_is_not_turned_on_again() {
    let flag = |id: &str, secs, to: &str| {
        let kind = ChangeKind::FeatureFlag { flag: "new".into() };
        let to = to.into();
        ChangeEvent::new(id, at(secs), service("base"), None, to).by(kind)
    };
    let (on, off) = (flag("on", 100, "on"), flag("off", 200, "off"));
    let (actions, _) = planned(&[on.clone(), off.clone()]);
    assert!(
        actions
            .iter()
            .all(|action| action.starts_with("call a person")),
        "{actions:?}"
    );
    // One that is turned off as a change of its own is.
    let mut alone = off;
    alone.from = Some("on".into());
    let (actions, _) = planned(&[alone]);
    assert_eq!(actions, ["turn flag new of service/base on"]);
}

#[test]
fn the_same_release_once_more_after_a_rollback_is_no_rollback() {
    let release = change("base@2", 100, "base-1", "base-2");
    let back = change("back", 200, "base-2", "base-1");
    let again = change("again", 300, "base-1", "base-2");
    let (actions, _) = planned(&[release, back, again]);
    assert_eq!(actions, ["set service/base to revision base-1"]);
    // Without history nothing is known to be older.
    let alone = change("down", 100, "base-2", "base-1");
    let plan = plan_for(&diamond(), &[alone]).unwrap();
    assert_eq!(outline(&plan), ["set service/base to revision base-2"]);
}
