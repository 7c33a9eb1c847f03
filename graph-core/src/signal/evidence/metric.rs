//! What the series of a node say.

use std::fmt;

use super::stance::Stance;
use crate::key::NodeKey;
use crate::name::MetricName;

pub(super) fn shift(
    f: &mut fmt::Formatter<'_>,
    metric: &MetricName,
    healthy: f64,
    observed: f64,
    z: f64,
) -> fmt::Result {
    write!(
        f,
        "{metric} is {observed:.3}, healthy {healthy:.3} (z {z:.1})"
    )
}

pub(super) fn correlation(f: &mut fmt::Formatter<'_>, metric: &MetricName, r: f64) -> fmt::Result {
    write!(f, "{metric} moves with the symptom (r {r:.2})")
}

pub(super) fn counterfactual(
    f: &mut fmt::Formatter<'_>,
    metric: &MetricName,
    observed: f64,
    expected: f64,
    (low, high): (f64, f64),
) -> fmt::Result {
    write!(f, "{metric} of the symptom would be {expected:.3} ")?;
    write!(f, "({low:.3} to {high:.3}) without it, is {observed:.3}")
}

pub(super) fn load(f: &mut fmt::Formatter<'_>, node: &NodeKey, ratio: f64) -> fmt::Result {
    write!(f, "{node} gets {ratio:.1} times its healthy requests")
}

pub(super) fn explained(f: &mut fmt::Formatter<'_>, share: f64) -> fmt::Result {
    let share = 100.0 * share;
    write!(
        f,
        "the best cause explains {share:.0} % of the symptom's rise"
    )
}

pub(super) fn stance_of_shift(z: f64) -> Stance {
    Stance::of_deviation(z)
}

/// What moves the other way, or not at all, is not what the symptom shows.
pub(super) fn stance_of_correlation(r: f64) -> Stance {
    Stance::of(r, |r| r > 0.0)
}
