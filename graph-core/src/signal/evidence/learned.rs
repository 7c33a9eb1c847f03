//! What a learned model says, and which method stood in for another.

use std::fmt;

use super::stance::Stance;

pub(super) fn learned(
    f: &mut fmt::Formatter<'_>,
    model: &str,
    score: f64,
    untrained: f64,
) -> fmt::Result {
    write!(f, "{model} scores {score:.2} (untrained {untrained:.2})")
}

pub(super) fn fallback(
    f: &mut fmt::Formatter<'_>,
    wanted: &str,
    used: &str,
    reason: &str,
) -> fmt::Result {
    write!(f, "{used} in place of {wanted}: {reason}")
}

/// Outside the hypersphere, and further than the untrained control: what that sees too was not learned.
pub(super) fn stance_of_score(score: f64, untrained: f64) -> Stance {
    Stance::of(score, |score| score > 0.0 && score > untrained)
}
