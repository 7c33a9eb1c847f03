//! Transfer entropy of ordinal patterns.

use serde::{Deserialize, Serialize};

use astern_stats::order;
use astern_stats::param::in_range;

use super::discrete::{Correction, prepared};
use super::embed::{Rows, Series};
use super::error::TeError;
use super::estimate::{Estimator, Information};
use super::lags::Lags;

/// Parameters of [`Symbolic`].
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `lags` | see [`Lags`] | of patterns: k = 1 is the pattern of the window that ends one step before |
/// | `window` | 3 | values of a pattern, 2 to 7; there are `window!` patterns |
/// | `correction` | [`Correction::None`] | |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SymbolicParams {
    lags: Lags,
    window: u8,
    correction: Correction,
}

impl Default for SymbolicParams {
    fn default() -> Self {
        Self {
            lags: Lags::default(),
            window: 3,
            correction: Correction::None,
        }
    }
}

astern_stats::setters!(SymbolicParams {
    /// Sets the lags of patterns.
    lags: Lags,
    /// Sets the number of values of a pattern.
    window: u8,
    /// Sets the correction of the bias.
    correction: Correction,
});

impl SymbolicParams {
    /// Checks the parameters and makes the estimator.
    ///
    /// # Errors
    /// [`TeError::Param`] for a parameter outside its rule.
    pub fn check(self) -> Result<Symbolic, TeError> {
        self.lags.check()?;
        in_range("window", f64::from(self.window), 2.0, 7.0)?;
        Ok(Symbolic { params: self })
    }
}

/// Transfer entropy of ordinal patterns (Staniek and Lehnertz 2008): each value becomes the order of the
/// last few values, of equal ones the earlier first, then [`Discrete`](super::Discrete) takes over.
///
/// Robust to outliers and to any monotone distortion, and strongly attenuated: neighbouring patterns
/// share values, so that most of what there is to tell is already known (on a linear pair with 0.147 bits
/// it gives 0.06). Compare its values only with each other.
///
/// The p-value by χ² takes all `window!` patterns to follow each other freely, which overlapping windows do
/// not; it is cautious. A missing value makes the patterns that hold it missing.
///
/// # Example
/// ```
/// use astern_rca::te::{Estimator, SymbolicParams};
/// let source: Vec<f64> = (0..600).map(|t| f64::from(t * t % 101)).collect();
/// let target: Vec<f64> = (0..600_usize).map(|t| source[t.saturating_sub(1)].exp()).collect();
/// let te = SymbolicParams::default().check()?;
/// assert!(te.estimate(&source, &target)?.nats > 2.0 * te.estimate(&target, &source)?.nats);
/// # Ok::<(), astern_rca::te::TeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbolic {
    params: SymbolicParams,
}

impl Estimator for Symbolic {
    type Value = f64;

    fn lags(&self) -> &Lags {
        &self.params.lags
    }

    fn with_lags(self, lags: Lags) -> Result<Self, TeError> {
        self.params.lags(lags).check()
    }

    fn recoded<'a>(&self, series: Series<'a, f64>) -> Series<'a, f64> {
        let window = usize::from(self.params.window);
        series.mapped(|values| {
            let early = values.len().min(window - 1);
            let patterns = values.windows(window).map(pattern);
            std::iter::repeat_n(f64::NAN, early)
                .chain(patterns)
                .collect()
        })
    }

    fn prepare(&self, rows: &Rows<'_, f64>) -> Result<Box<dyn Information>, TeError> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "patterns are whole numbers below 5,040"
        )]
        let symbols = rows.mapped(|pattern| pattern as u16);
        prepared(&symbols, self.params.correction)
    }
}

/// Number of the order of a window's values (its Lehmer code), `NaN` where one is missing.
fn pattern(window: &[f64]) -> f64 {
    if window.iter().any(|x| !x.is_finite()) {
        return f64::NAN;
    }
    let mut code = 0;
    for (at, value) in window.iter().enumerate() {
        let later = &window[at + 1..];
        let less = later
            .iter()
            .filter(|x| order::ascending(**x, *value).is_lt());
        code = code * (window.len() - at) + less.count();
    }
    code as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::te::tests::noise;

    #[test]
    fn every_order_has_its_number() {
        let windows = [
            [1.0, 2.0, 3.0],
            [1.0, 3.0, 2.0],
            [2.0, 1.0, 3.0],
            [2.0, 3.0, 1.0],
            [3.0, 1.0, 2.0],
            [3.0, 2.0, 1.0],
        ];
        let mut codes: Vec<f64> = windows.iter().map(|w| pattern(w)).collect();
        codes.sort_by(f64::total_cmp);
        assert_eq!(codes, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(
            pattern(&[2.0, 2.0]).to_bits(),
            pattern(&[1.0, 2.0]).to_bits()
        );
        assert!(pattern(&[2.0, f64::NAN]).is_nan());
    }

    #[test]
    fn only_the_order_counts() {
        let (x, y) = (noise(1, 400), noise(2, 400));
        let te = SymbolicParams::default().check().unwrap();
        let bent: Vec<f64> = y.iter().map(|v| v.exp()).collect();
        let plain = te.estimate(&x, &y).unwrap();
        assert_eq!(plain, te.estimate(&x, &bent).unwrap());
        assert_eq!(plain.samples, 400 - 3);
        for bad in [
            SymbolicParams::default().window(1),
            SymbolicParams::default().window(8),
        ] {
            assert!(matches!(bad.check(), Err(TeError::Param(_))));
        }
    }
}
