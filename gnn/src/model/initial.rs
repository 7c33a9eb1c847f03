//! Weights of a network that has not learned yet.

use astern_stats::rng::{ChaCha8Rng, seeded};
use rand_chacha::rand_core::Rng;

use super::{Checkpoint, NetworkConfig};
use crate::error::ConfigError;
use crate::state::StateDict;

impl Checkpoint {
    /// The network with random weights: every weight by Glorot's uniform initialisation, `U(-b, b)` with
    /// `b = sqrt(6 / (inputs + outputs))` (Glorot and Bengio, 2010), every bias 0.
    ///
    /// Numbers come from `ChaCha8` seeded with `seed`, parameter by parameter and row by row, and are rounded
    /// to `f32`: training with libtorch and scoring without it start from the same weights, on every machine.
    ///
    /// # Errors
    ///
    /// Those of [`NetworkConfig::check`].
    ///
    /// # Example
    ///
    /// ```
    /// use astern_gnn::layer::GcnConfig;
    /// use astern_gnn::{Checkpoint, NetworkConfig};
    ///
    /// let config = NetworkConfig::new().layer(GcnConfig::new(4, 16)).layer(GcnConfig::new(16, 8));
    /// let untrained = Checkpoint::glorot(config.clone(), 7)?;
    /// assert_eq!(untrained, Checkpoint::glorot(config, 7)?);
    /// # Ok::<(), astern_gnn::ConfigError>(())
    /// ```
    pub fn glorot(config: NetworkConfig, seed: u64) -> Result<Self, ConfigError> {
        config.check()?;
        let mut rng = seeded(seed, 0);
        let mut state = StateDict::default();
        for (name, shape) in config.parameters() {
            let count = shape.iter().product();
            let values = match shape[..] {
                [.., outputs, inputs] => {
                    let bound = (6.0 / (inputs + outputs) as f64).sqrt();
                    uniform(&mut rng, count, bound)
                }
                _ => vec![0.0; count],
            };
            state.insert(name, &shape, values);
        }
        Self::new(config, state)
    }
}

/// Numbers in `[-bound, bound)` from the upper 24 bits of the generator's words, rounded to `f32`.
pub(crate) fn uniform(rng: &mut ChaCha8Rng, count: usize, bound: f64) -> Vec<f64> {
    let unit = |rng: &mut ChaCha8Rng| f64::from(rng.next_u32() >> 8) / f64::from(1u32 << 23) - 1.0;
    (0..count)
        .map(|_| round_to_f32(unit(rng) * bound))
        .collect()
}

/// The nearest `f32`, as `f64`.
#[allow(
    clippy::cast_possible_truncation,
    reason = "rounding is what this function is for"
)]
fn round_to_f32(value: f64) -> f64 {
    f64::from(value as f32)
}
