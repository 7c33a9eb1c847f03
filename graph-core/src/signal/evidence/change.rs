//! What is seen of a change: what runs it beside what does not, and when it came.

use std::time::Duration;

use super::stance::{Role, Stance};
use crate::name::{ChangeId, MetricName};
use crate::signal::p_value::PValue;

/// Correlation above which the symptom follows the traffic on a change.
const FOLLOWS_R: f64 = 0.5;

pub(super) fn new_against_old(metric: &MetricName, old: f64, new: f64, p_value: f64) -> String {
    let p = PValue(p_value);
    format!("{metric} is {new:.3} on new instances, {old:.3} on old ({p})")
}

pub(super) fn beyond_limit(
    metric: &MetricName,
    (limit, worst): (f64, Option<f64>),
    checks: usize,
    failed: usize,
    without_value: usize,
) -> String {
    let worst = match worst {
        Some(worst) => format!("is up to {worst:.3} on new instances"),
        None => "is unknown on new instances".to_owned(),
    };
    let fail = format!("{failed} of {checks} checks fail, {without_value} without a value");
    format!("{metric} {worst}, limit {limit:.3}: {fail}")
}

pub(super) fn contrast(
    metric: &MetricName,
    ratio: f64,
    (low, high): (f64, f64),
    p_value: f64,
    steps: usize,
) -> String {
    let p = PValue(p_value);
    let times = format!("{ratio:.2} times ({low:.2} to {high:.2})");
    format!("{metric} on new instances is {times} that on old ones over {steps} steps ({p})")
}

pub(super) fn dose(change: &ChangeId, r: f64, steps: usize) -> String {
    let follows = if r > FOLLOWS_R {
        "follows"
    } else {
        "does not follow"
    };
    format!("the symptom {follows} the traffic on {change} (r {r:.2} over {steps} steps)")
}

pub(super) fn changed_before(change: &ChangeId, delay: Duration) -> String {
    format!("{change} came {} s before", delay.as_secs())
}

pub(super) fn older_than_change(change: &ChangeId, lead: Duration) -> String {
    format!("the fault is {} s older than {change}", lead.as_secs())
}

pub(super) fn not_found_worse(change: &ChangeId, is_ruled_out: bool) -> String {
    if is_ruled_out {
        format!("{change} is no worse than what it replaces")
    } else {
        format!("{change} is so far not found worse than what it replaces")
    }
}

/// New beside old instances, by the p-value of "worse".
///
/// A rise that is not beyond chance yet is no reason to acquit a change: only where the p-value is 1, so that
/// "worse" was at no look likelier than its absence, it speaks against it.
pub(super) fn stance_of_comparison(p_value: f64, role: Role) -> Stance {
    let worse = Stance::of_p_value(p_value);
    match role {
        Role::Change => worse.unless_weak(p_value < 1.0),
        Role::Origin | Role::Passage => worse.of_node_itself(role),
    }
}

/// For a change that the symptom follows, as the sentence says; against one where it does not even lean that way.
pub(super) fn stance_of_dose(r: f64, role: Role) -> Stance {
    match role {
        Role::Change => Stance::of(r, |r| r > FOLLOWS_R).unless_weak(r > 0.0),
        Role::Origin | Role::Passage => Stance::Neutral,
    }
}

/// When a change came says nothing of where a fault began.
pub(super) fn stance_of_time(came_first: bool, role: Role) -> Stance {
    match role {
        Role::Change if came_first => Stance::For,
        Role::Change => Stance::Against,
        Role::Origin | Role::Passage => Stance::Neutral,
    }
}
