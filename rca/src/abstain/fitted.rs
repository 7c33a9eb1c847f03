//! The fitted numbers.

/// Coefficients of the log-odds of each alternative against "a node is at fault": of the constant,
/// [`symptom`](super::DoubtFeatures::symptom), [`load`](super::DoubtFeatures::load) and
/// [`unexplained`](super::DoubtFeatures::unexplained).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DoubtCoefficients {
    /// Of "the symptom is in its healthy range".
    pub no_regression: [f64; 4],
    /// Of "more requests came".
    pub load: [f64; 4],
    /// Of "external or not seen".
    pub outside_graph: [f64; 4],
}

/// Made by `cargo xtask eval abstain` on seeds 1001 to 1150 of the simulator.
pub const FITTED: DoubtCoefficients = DoubtCoefficients {
    no_regression: [4.0, -3.0, 0.0, 0.0],
    load: [-3.0, 0.0, 6.0, 0.0],
    outside_graph: [-4.0, 0.0, 0.0, 4.0],
};
