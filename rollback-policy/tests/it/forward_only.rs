//! Changes that altered data: a version rollback would turn an incident into an outage.

use astern_graph_core::{ChangeEvent, ChangeKind, Record, Reversibility};
use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams};
use astern_rollback_policy::{Action, Plan, Rejection};

use crate::world::{at, diamond, outline, plan_for, rejected, release, service};

fn migrated(min_compatible: &str) -> ChangeEvent {
    let min_compatible = min_compatible.into();
    release("left").undo(Reversibility::ForwardOnly { min_compatible })
}

fn is_undone(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| step.action.changes_service())
}

#[test]
fn it_is_held_and_a_person_called() {
    let plan = plan_for(&diamond(), &[migrated("left-2")]).unwrap();
    let call =
        "call a person about service/left: left@2 is forward-only: data needs left-2 or newer";
    assert_eq!(outline(&plan), ["hold rollouts of service/left", call]);
    assert!(matches!(
        plan.rejected[0].reason,
        Rejection::ForwardOnly { .. }
    ));
    assert!(rejected(&plan)[0].starts_with("set service/left to revision left-1: "));
}

#[test]
fn not_even_a_canary_gives_its_traffic_back_to_what_no_longer_works() {
    let canary = migrated("left-2").by(ChangeKind::Canary);
    assert!(!is_undone(
        &plan_for(&diamond(), std::slice::from_ref(&canary)).unwrap()
    ));
    let mut unknown = canary;
    unknown.from = None;
    assert!(!is_undone(&plan_for(&diamond(), &[unknown]).unwrap()));
}

#[test]
fn it_is_undone_where_the_revision_before_still_works() {
    assert!(is_undone(
        &plan_for(&diamond(), &[migrated("left-1")]).unwrap()
    ));
}

#[test]
fn history_tells_that_a_revision_is_new_enough() {
    let mut before = release("left");
    before.id = "left@1".into();
    before.at = at(50);
    before.from = Some("left-0".into());
    before.to = "left-1".into();
    let change = migrated("left-0");
    assert!(!is_undone(
        &plan_for(&diamond(), std::slice::from_ref(&change)).unwrap()
    ));

    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    builder.declare_edge(service("edge"), service("left"), EdgeKind::Calls);
    builder.extend([Record::Change(before)]);
    assert!(is_undone(&plan_for(&builder.build(), &[change]).unwrap()));
}

#[test]
fn a_flag_can_be_turned_off_over_migrated_data() {
    let flag = migrated("left-2").by(ChangeKind::FeatureFlag {
        flag: "fast".into(),
    });
    let plan = plan_for(&diamond(), &[flag]).unwrap();
    assert!(matches!(
        plan.steps[0].action,
        Action::SetFlag { on: false, .. }
    ));
}

#[test]
fn data_that_was_only_added_to_is_no_bar() {
    let change = release("left").undo(Reversibility::ExpandContract);
    assert!(is_undone(&plan_for(&diamond(), &[change]).unwrap()));
}
