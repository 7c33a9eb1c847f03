//! The fitted numbers.

/// Coefficients of the log-odds of each alternative against "a node is at fault": of the constant,
/// [`symptom`](super::DoubtFeatures::symptom), [`load`](super::DoubtFeatures::load),
/// [`unexplained`](super::DoubtFeatures::unexplained) and [`best`](super::DoubtFeatures::best).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DoubtCoefficients {
    /// Of "the symptom is in its healthy range".
    pub no_regression: [f64; 5],
    /// Of "more requests came".
    pub load: [f64; 5],
    /// Of "external or not seen".
    pub outside_graph: [f64; 5],
}

/// Made by `cargo xtask eval abstain` on seeds 1001 to 1150 of the simulator: of each seed a bad
/// release, benign ones, a surge, and the bad release with all telemetry of its service left out. The
/// four are equally many there, so that is the prior. Of what a coefficient has no business with it
/// is 0. The -1 is set, not fitted: a symptom far from health is a regression, whatever is found of its
/// cause. On the half of the seeds that the numbers were not fitted on, the expected calibration error is
/// 0.02 and the Brier score 0.10.
pub const FITTED: DoubtCoefficients = DoubtCoefficients {
    no_regression: [1.67, -1.0, 0.0, 0.0, -1.9],
    load: [-2.6, -1.12, 7.81, 0.0, -0.26],
    outside_graph: [0.45, 0.0, 0.0, 1.51, -2.24],
};

/// How much a difference of scores tells of which cause it is, for [`shares`](super::shares): the share of a
/// cause falls to 1/e with each `1 / SHARPNESS` of score. Made by the same command, as the most likely one.
pub const SHARPNESS: f64 = 0.66;

/// Probability that the node at fault is none of the causes: that what was taken for the symptom is no
/// consequence of it. The share of such incidents among those seeds.
pub const ELSEWHERE: f64 = 0.14;
