//! Transfer entropy of jointly Gaussian series.

use nalgebra::DMatrix;
use statrs::distribution::{ChiSquared, ContinuousCDF};

use astern_stats::ParamError;
use astern_stats::param::in_range;

/// Parameters of the estimator.
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `target_history` (k) | 1 | own past values of the target, 1 to 16 |
/// | `source_history` (l) | 1 | past values of the source, 1 to 16 |
/// | `delay` (u) | 1 | steps from source to target, 1 to 64 |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GaussianTeParams {
    target_history: u8,
    source_history: u8,
    delay: u8,
}

impl Default for GaussianTeParams {
    fn default() -> Self {
        Self {
            target_history: 1,
            source_history: 1,
            delay: 1,
        }
    }
}

/// A transfer entropy could not be estimated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TeError {
    /// A parameter is outside its rule.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// The series differ in length.
    #[error("the source has {source_len} values, the target {target_len}")]
    Lengths {
        /// Length of the source.
        source_len: usize,
        /// Length of the target.
        target_len: usize,
    },
    /// Too few complete samples.
    #[error("{have} complete samples; at least {need} are needed")]
    TooFew {
        /// Samples there are.
        have: usize,
        /// Samples needed.
        need: usize,
    },
    /// A series is constant, or one is a linear function of the other.
    #[error("the series are constant or linearly dependent")]
    Degenerate,
}

/// A transfer entropy with its significance.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct GaussianTe {
    /// The estimate in nats; never negative but for rounding.
    pub nats: f64,
    /// The estimate less its bias `l / 2N`; may be negative.
    pub effective_nats: f64,
    /// Probability of such a value without influence, by χ² with l degrees of freedom.
    pub p_value: f64,
    /// Number of samples that were complete.
    pub samples: usize,
}

impl GaussianTeParams {
    /// With other lengths of history of the target (k) and of the source (l).
    #[must_use]
    pub fn history(mut self, target: u8, source: u8) -> Self {
        self.target_history = target;
        self.source_history = source;
        self
    }

    /// With another delay from source to target, in steps.
    #[must_use]
    pub fn delay(mut self, steps: u8) -> Self {
        self.delay = steps;
        self
    }

    /// Estimates the transfer entropy from `source` to `target`.
    ///
    /// `TE = ½ ln(|Σ_xz| |Σ_yz| / (|Σ_xyz| |Σ_z|))` over the covariances of the target's next value
    /// y, its past z (k values) and the source's past x (l values ending `delay` steps before y):
    /// half of Granger's log-ratio (Barnett, Barrett and Seth 2009). Without influence `2N·TE` is χ²
    /// distributed with l degrees of freedom. A sample with a missing value is left out.
    ///
    /// The series must be stationary: a level shift that both share looks like influence.
    /// Difference them, or estimate on healthy data only.
    ///
    /// # Errors
    /// [`TeError`] for a parameter outside its rule, unequal lengths, fewer than `4 (k + l + 1)`
    /// complete samples, or degenerate series.
    ///
    /// # Complexity
    /// `O(N (k + l)²)` in time, `O(N (k + l))` in memory.
    ///
    /// # Example
    /// ```
    /// use astern_rca::te::GaussianTeParams;
    /// // The target repeats the source one step later, with a ripple of its own.
    /// let source: Vec<f64> = (0..200).map(|t| f64::from(t * t % 17)).collect();
    /// let target: Vec<f64> = (0..200_usize)
    ///     .map(|t| if t == 0 { 0.0 } else { source[t - 1] } + (t % 3) as f64)
    ///     .collect();
    /// let there = GaussianTeParams::default().estimate(&source, &target)?;
    /// let back = GaussianTeParams::default().estimate(&target, &source)?;
    /// assert!(there.p_value < 1e-6 && there.nats > 5.0 * back.nats);
    /// # Ok::<(), astern_rca::te::TeError>(())
    /// ```
    pub fn estimate(&self, source: &[f64], target: &[f64]) -> Result<GaussianTe, TeError> {
        let k = checked("target_history", self.target_history, 16)?;
        let l = checked("source_history", self.source_history, 16)?;
        let u = checked("delay", self.delay, 64)?;
        if source.len() != target.len() {
            return Err(TeError::Lengths {
                source_len: source.len(),
                target_len: target.len(),
            });
        }
        let rows = embed(source, target, k, l, u);
        let width = k + l + 1;
        let (have, need) = (rows.len() / width, 4 * width);
        if have < need {
            return Err(TeError::TooFew { have, need });
        }
        let covariance = covariance(&rows, width)?;
        let log_det = |columns: &[usize]| {
            let block = covariance.select_rows(columns).select_columns(columns);
            let factor = block.cholesky().ok_or(TeError::Degenerate)?;
            Ok::<f64, TeError>(2.0 * factor.l().diagonal().iter().map(|d| d.ln()).sum::<f64>())
        };
        // Columns: 0 is y, 1..=k is z, the rest is x.
        let z: Vec<usize> = (1..=k).collect();
        let yz: Vec<usize> = (0..=k).collect();
        let xz: Vec<usize> = (1..width).collect();
        let xyz: Vec<usize> = (0..width).collect();
        let nats = 0.5 * (log_det(&xz)? + log_det(&yz)? - log_det(&xyz)? - log_det(&z)?);
        if !nats.is_finite() {
            return Err(TeError::Degenerate);
        }
        let (n, freedom) = (have as f64, l as f64);
        let null = ChiSquared::new(freedom).map_err(|_| TeError::Degenerate)?;
        Ok(GaussianTe {
            nats,
            effective_nats: nats - freedom / (2.0 * n),
            p_value: null.sf((2.0 * n * nats).max(0.0)),
            samples: have,
        })
    }
}

fn checked(name: &'static str, value: u8, high: u8) -> Result<usize, ParamError> {
    in_range(name, f64::from(value), 1.0, f64::from(high))?;
    Ok(usize::from(value))
}

/// Complete samples, row-major: next value of the target, its past, the source's past.
fn embed(source: &[f64], target: &[f64], k: usize, l: usize, u: usize) -> Vec<f64> {
    let first = k.max(l + u - 1);
    let width = k + l + 1;
    let mut rows = Vec::with_capacity(target.len() * width);
    for t in first..target.len() {
        let start = rows.len();
        rows.push(target[t]);
        rows.extend((1..=k).map(|lag| target[t - lag]));
        rows.extend((0..l).map(|lag| source[t - u - lag]));
        if rows[start..].iter().any(|x| !x.is_finite()) {
            rows.truncate(start);
        }
    }
    rows
}

/// Correlation matrix of the columns: determinants of blocks have the same ratio as those of the
/// covariance, and the scale of the data cannot over- or underflow them.
fn covariance(rows: &[f64], width: usize) -> Result<DMatrix<f64>, TeError> {
    let mut data = DMatrix::from_row_slice(rows.len() / width, width, rows);
    for mut column in data.column_iter_mut() {
        let scale = column.amax();
        if scale > 0.0 {
            column /= scale;
        }
        let mean = column.mean();
        column.add_scalar_mut(-mean);
        let norm = column.norm();
        // Rounding noise of a constant column must not count as variation.
        if norm <= 1e-12 * (rows.len() as f64).sqrt() {
            return Err(TeError::Degenerate);
        }
        column /= norm;
    }
    Ok(data.tr_mul(&data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn noise(seed: u64, n: usize) -> Vec<f64> {
        let mut state = seed;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as f64 / f64::from(u32::MAX)
        };
        (0..n)
            .map(|_| (0..6).map(|_| next()).sum::<f64>())
            .collect()
    }

    #[test]
    fn each_bad_input_has_its_error() {
        let te = GaussianTeParams::default();
        let series = noise(1, 100);
        assert!(matches!(
            te.estimate(&series, &series[1..]),
            Err(TeError::Lengths { .. })
        ));
        assert!(matches!(
            te.estimate(&[], &[]),
            Err(TeError::TooFew { have: 0, need: 12 })
        ));
        assert_eq!(
            te.estimate(&[1.0; 50], &series[..50]),
            Err(TeError::Degenerate)
        );
        assert!(te.estimate(&series, &[f64::NAN; 100]).is_err());
        for bad in [
            te.history(0, 1),
            te.history(1, 17),
            te.delay(0),
            te.delay(65),
        ] {
            assert!(matches!(
                bad.estimate(&series, &series),
                Err(TeError::Param(_))
            ));
        }
    }

    #[test]
    fn missing_values_are_left_out() {
        let (x, mut y) = (noise(2, 300), noise(3, 300));
        y[100] = f64::NAN;
        let te = GaussianTeParams::default().estimate(&x, &y).unwrap();
        // The value itself and the one that needs it as its past.
        assert_eq!(te.samples, 299 - 2);
    }

    proptest! {
        #[test]
        fn never_negative_and_invariant_to_scale(seed in any::<u64>(), scale in 1e-150..1e150f64) {
            let (x, y) = (noise(seed, 200), noise(!seed, 200));
            let a = GaussianTeParams::default().estimate(&x, &y).unwrap();
            let scaled: Vec<f64> = x.iter().map(|v| v * scale).collect();
            let b = GaussianTeParams::default().estimate(&scaled, &y).unwrap();
            prop_assert!(a.nats >= -1e-12);
            prop_assert!((a.nats - b.nats).abs() < 1e-9);
        }
    }
}
