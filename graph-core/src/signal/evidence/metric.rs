//! What the series of a node say.

use super::stance::Stance;
use crate::key::NodeKey;
use crate::name::MetricName;

pub(super) fn shift(metric: &MetricName, healthy: f64, observed: f64, z: f64) -> String {
    format!("{metric} is {observed:.3}, healthy {healthy:.3} (z {z:.1})")
}

pub(super) fn correlation(metric: &MetricName, r: f64) -> String {
    format!("{metric} moves with the symptom (r {r:.2})")
}

pub(super) fn counterfactual(
    metric: &MetricName,
    observed: f64,
    expected: f64,
    (low, high): (f64, f64),
) -> String {
    let without = format!("{expected:.3} ({low:.3} to {high:.3}) without it");
    format!("{metric} of the symptom would be {without}, is {observed:.3}")
}

pub(super) fn load(node: &NodeKey, ratio: f64) -> String {
    format!("{node} gets {ratio:.1} times its healthy requests")
}

pub(super) fn explained(share: f64) -> String {
    let percent = 100.0 * share;
    format!("the best cause explains {percent:.0} % of the symptom's rise")
}

pub(super) fn stance_of_shift(z: f64) -> Stance {
    Stance::of_deviation(z)
}

/// What moves the other way, or not at all, is not what the symptom shows.
pub(super) fn stance_of_correlation(r: f64) -> Stance {
    Stance::of(r, |r| r > 0.0)
}
