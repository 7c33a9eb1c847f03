//! Exponential moving average with the exact variance of its weights.

use serde::{Deserialize, Serialize};

use crate::param::{ParamError, in_range};

/// Exponentially weighted mean of a series, and how much smaller than one input's variance its
/// own variance is.
///
/// With weight `λ` the state after `n` inputs is `s_n = λ x_n + (1-λ) s_(n-1)`, `s_1 = x_1`. For
/// independent inputs of variance σ² its variance is exactly `σ² · v_n` with `v_1 = 1` and
/// `v_n = λ² + (1-λ)² v_(n-1)`, which tends to `λ / (2-λ)`. The textbook limits of Roberts (1959)
/// start from a known mean instead; here the first input starts the average, so `v` starts at 1.
///
/// A missing input (`NaN`) leaves the state as it is: nothing was learnt.
///
/// ```
/// use astern_stats::ema::Ema;
/// let mut ema = Ema::new(0.5)?;
/// for z in [1.0, f64::NAN, 3.0] {
///     ema.push(z);
/// }
/// assert_eq!(ema.value(), Some(2.0));
/// assert_eq!(ema.variance_factor(), Some(0.5));
/// # Ok::<(), astern_stats::ParamError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ema {
    weight: f64,
    state: Option<(f64, f64)>,
}

impl Ema {
    /// An empty average with the weight `λ` of the newest input, in (0, 1].
    ///
    /// # Errors
    /// [`ParamError::OutOfRange`] for a weight outside (0, 1].
    pub fn new(weight: f64) -> Result<Self, ParamError> {
        in_range("ema weight", weight, f64::MIN_POSITIVE, 1.0)?;
        Ok(Self {
            weight,
            state: None,
        })
    }

    /// Takes the next input; a non-finite one is ignored.
    pub fn push(&mut self, x: f64) {
        if !x.is_finite() {
            return;
        }
        let keep = 1.0 - self.weight;
        self.state = Some(match self.state {
            None => (x, 1.0),
            Some((mean, factor)) => (
                self.weight * x + keep * mean,
                self.weight * self.weight + keep * keep * factor,
            ),
        });
    }

    /// The average, or `None` before the first input.
    pub fn value(&self) -> Option<f64> {
        self.state.map(|(mean, _)| mean)
    }

    /// Variance of the average over the variance of one input, in (0, 1].
    pub fn variance_factor(&self) -> Option<f64> {
        self.state.map(|(_, factor)| factor)
    }

    /// The average over its own standard deviation when inputs have unit variance: a z-score again.
    pub fn standardised(&self) -> Option<f64> {
        self.state.map(|(mean, factor)| mean / factor.sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variance_factor_matches_the_sum_of_squared_weights() {
        let weight: f64 = 0.3;
        let mut ema = Ema::new(weight).unwrap();
        for n in 1..=20u32 {
            ema.push(1.0);
            // Weights: λ(1-λ)^i for the newer n-1 inputs, (1-λ)^(n-1) for the first.
            let keep = 1.0 - weight;
            let n = n.cast_signed();
            let newer: f64 = (0..n - 1).map(|i| (weight * keep.powi(i)).powi(2)).sum();
            let exact = newer + keep.powi(n - 1).powi(2);
            assert!((ema.variance_factor().unwrap() - exact).abs() < 1e-14);
        }
    }

    #[test]
    fn factor_tends_to_the_stationary_value() {
        let mut ema = Ema::new(0.2).unwrap();
        (0..500).for_each(|_| ema.push(0.0));
        assert!((ema.variance_factor().unwrap() - 0.2 / 1.8).abs() < 1e-12);
    }

    #[test]
    fn weight_outside_its_range_is_refused() {
        for bad in [0.0, -0.1, 1.01, f64::NAN] {
            assert!(Ema::new(bad).is_err());
        }
        assert!(Ema::new(1.0).is_ok());
    }

    #[test]
    fn missing_inputs_change_nothing() {
        let mut ema = Ema::new(0.5).unwrap();
        ema.push(f64::NAN);
        assert_eq!(ema.value(), None);
        ema.push(4.0);
        let before = ema;
        ema.push(f64::INFINITY);
        assert_eq!(ema, before);
    }
}
