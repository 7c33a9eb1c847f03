//! Public types can be moved to, and shared with, other threads.

use astern_rollback_policy::*;

fn is_normal<T: Send + Sync + Unpin>() {}

#[test]
fn types_are_send_and_sync() {
    is_normal::<Action>();
    is_normal::<Impact>();
    is_normal::<Plan>();
    is_normal::<PlanError>();
    is_normal::<Planner>();
    is_normal::<Policy>();
    is_normal::<Recording<DryRun>>();
    is_normal::<Request>();
    is_normal::<Run>();
    is_normal::<RunError>();
    is_normal::<RunSummary>();
}

#[test]
fn the_executor_is_object_safe() {
    let executors: Vec<Box<dyn Executor>> =
        vec![Box::new(DryRun), Box::new(Recording::new(DryRun))];
    assert_eq!(executors.len(), 2);
}
