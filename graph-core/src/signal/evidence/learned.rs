//! What a learned model says, and which method stood in for another.

use super::stance::Stance;

pub(super) fn learned(model: &str, score: f64, untrained: f64) -> String {
    format!("{model} scores {score:.2} (untrained {untrained:.2})")
}

pub(super) fn fallback(wanted: &str, used: &str, reason: &str) -> String {
    format!("{used} in place of {wanted}: {reason}")
}

/// Outside the hypersphere, and further than the untrained control: what that sees too was not learned.
pub(super) fn stance_of_score(score: f64, untrained: f64) -> Stance {
    Stance::of(score, |score| score > 0.0 && score > untrained)
}
