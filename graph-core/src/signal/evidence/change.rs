//! What is seen of a change: what runs it beside what does not, and when it came.

use std::fmt;
use std::time::Duration;

use super::stance::{Role, Stance};
use crate::name::{ChangeId, MetricName};
use crate::signal::p_value::PValue;

/// Correlation above which the symptom follows the traffic on a change.
const FOLLOWS_R: f64 = 0.5;

pub(super) fn new_against_old(
    f: &mut fmt::Formatter<'_>,
    metric: &MetricName,
    old: f64,
    new: f64,
    p_value: f64,
) -> fmt::Result {
    write!(
        f,
        "{metric} is {new:.3} on new instances, {old:.3} on old ({})",
        PValue(p_value)
    )
}

pub(super) fn contrast(
    f: &mut fmt::Formatter<'_>,
    metric: &MetricName,
    ratio: f64,
    (low, high): (f64, f64),
    p_value: f64,
    steps: usize,
) -> fmt::Result {
    let times = format_args!("{ratio:.2} times ({low:.2} to {high:.2})");
    write!(f, "{metric} on new instances is {times} that on old ones ")?;
    write!(f, "over {steps} steps ({})", PValue(p_value))
}

pub(super) fn dose(
    f: &mut fmt::Formatter<'_>,
    change: &ChangeId,
    r: f64,
    steps: usize,
) -> fmt::Result {
    let follows = if r > FOLLOWS_R {
        "follows"
    } else {
        "does not follow"
    };
    write!(f, "the symptom {follows} the traffic on {change} ")?;
    write!(f, "(r {r:.2} over {steps} steps)")
}

pub(super) fn changed_before(
    f: &mut fmt::Formatter<'_>,
    change: &ChangeId,
    delay: Duration,
) -> fmt::Result {
    write!(f, "{change} came {} s before", delay.as_secs())
}

pub(super) fn older_than_change(
    f: &mut fmt::Formatter<'_>,
    change: &ChangeId,
    lead: Duration,
) -> fmt::Result {
    write!(f, "the fault is {} s older than {change}", lead.as_secs())
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
