//! Transfer entropy of jointly Gaussian series.

use serde::{Deserialize, Serialize};

use super::cholesky::Factor;
use super::embed::Rows;
use super::error::TeError;
use super::estimate::{Estimator, Information};
use super::lags::Lags;
use super::scale::standardised;

/// Parameters of [`Gaussian`]: the lags alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GaussianParams {
    lags: Lags,
}

astern_stats::setters!(GaussianParams {
    /// Sets the lags.
    lags: Lags,
});

impl GaussianParams {
    /// Checks the parameters and makes the estimator.
    ///
    /// # Errors
    /// [`TeError::Param`] for lags outside their rules.
    pub fn check(self) -> Result<Gaussian, TeError> {
        self.lags.check()?;
        Ok(Gaussian { lags: self.lags })
    }
}

/// Transfer entropy of jointly Gaussian series: half of Granger's log-ratio (Barnett, Barrett and
/// Seth 2009).
///
/// `TE = ½ ln(|Σ_xz| |Σ_yz| / (|Σ_xyz| |Σ_z|))` over the covariances of the target's next value y, of
/// what is known z and of the source's past x: half the log of the target's unexplained variance
/// without the source over that with it. Without influence `2N·TE` is χ² distributed with
/// `dim x · dim y` degrees of freedom, and the bias is that over 2N.
///
/// A column of x or z that others determine is left out, as JIDT does.
///
/// # Errors
/// Of its methods: [`TeError::TooFew`] below 4 samples a column, [`TeError::Degenerate`] for a constant
/// column or where y is determined.
///
/// # Complexity
/// `O(N d²)` in time, `O(N d)` in memory for d columns; a surrogate takes `O(N d · dim x)`.
///
/// # Example
/// ```
/// use astern_rca::te::{Estimator, GaussianParams};
/// // The target repeats the source one step later, with a ripple of its own.
/// let source: Vec<f64> = (0..200).map(|t| f64::from(t * t % 17)).collect();
/// let target: Vec<f64> = (0..200_usize)
///     .map(|t| if t == 0 { 0.0 } else { source[t - 1] } + (t % 3) as f64)
///     .collect();
/// let te = GaussianParams::default().check()?;
/// let there = te.estimate(&source, &target)?;
/// let back = te.estimate(&target, &source)?;
/// assert!(there.p_value.unwrap() < 1e-6 && there.nats > 5.0 * back.nats);
/// # Ok::<(), astern_rca::te::TeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gaussian {
    lags: Lags,
}

impl Estimator for Gaussian {
    type Value = f64;

    fn lags(&self) -> &Lags {
        &self.lags
    }

    fn with_lags(self, lags: Lags) -> Result<Self, TeError> {
        GaussianParams { lags }.check()
    }

    fn prepare(&self, rows: &Rows<'_, f64>) -> Result<Box<dyn Information>, TeError> {
        rows.at_least(4 * rows.columns.len())?;
        // What is known first, then the source, then the target: see `Covariance`.
        let columns = rows.z().iter().chain(rows.x()).chain(rows.y());
        let columns: Result<_, _> = columns.map(|column| standardised(column)).collect();
        let covariance = Covariance::new(columns?, rows.known, rows.x().len())?;
        Ok(Box::new(covariance))
    }
}

/// Correlations of standardised columns in the order z, x, y.
#[derive(Debug)]
pub(super) struct Covariance {
    columns: Vec<Vec<f64>>,
    known: usize,
    source: usize,
    /// Correlations, row-major.
    r: Vec<f64>,
    /// Log of the variance of y beyond z.
    without_source: f64,
    /// Rank of x beyond z.
    freedom: f64,
}

impl Covariance {
    pub(super) fn new(
        columns: Vec<Vec<f64>>,
        known: usize,
        source: usize,
    ) -> Result<Self, TeError> {
        let width = columns.len();
        let mut r = vec![0.0; width * width];
        for i in 0..width {
            for j in 0..=i {
                r[i * width + j] = correlation(&columns[i], &columns[j]);
            }
        }
        let mut covariance = Self {
            columns,
            known,
            source,
            r,
            without_source: 0.0,
            freedom: 0.0,
        };
        let reduced = covariance.reduced();
        let without_source = reduced.log_variance(known..width - source);
        covariance.without_source = without_source.ok_or(TeError::Degenerate)?;
        let of_source = covariance.full(&covariance.r).rank(known..known + source);
        covariance.freedom = (of_source * (width - known - source)) as f64;
        Ok(covariance)
    }

    fn width(&self) -> usize {
        self.columns.len()
    }

    /// Of z and y.
    fn reduced(&self) -> Factor {
        let at = |i: usize| if i < self.known { i } else { i + self.source };
        let width = self.width();
        Factor::of(width - self.source, |i, j| self.r[at(i) * width + at(j)])
    }

    /// Of z, x and y.
    fn full(&self, r: &[f64]) -> Factor {
        Factor::of(self.width(), |i, j| r[i * self.width() + j])
    }

    /// The correlations with the source's rows in another order.
    fn reordered(&self, order: &[u32]) -> Vec<f64> {
        let (width, x) = (self.width(), self.known..self.known + self.source);
        let mut r = self.r.clone();
        for i in x.clone() {
            let moved: Vec<f64> = order
                .iter()
                .map(|row| self.columns[i][*row as usize])
                .collect();
            for j in (0..width).filter(|j| !x.contains(j)) {
                // The lower triangle alone is read.
                r[i.max(j) * width + i.min(j)] = correlation(&moved, &self.columns[j]);
            }
        }
        r
    }
}

impl Information for Covariance {
    fn samples(&self) -> usize {
        self.columns[0].len()
    }

    fn nats(&self, order: Option<&[u32]>, locals: Option<&mut Vec<f64>>) -> Result<f64, TeError> {
        let full = match order {
            Some(order) => self.full(&self.reordered(order)),
            None => self.full(&self.r),
        };
        let y = self.known + self.source..self.width();
        let with_source = full.log_variance(y.clone());
        let nats = 0.5 * (self.without_source - with_source.ok_or(TeError::Degenerate)?);
        if let Some(locals) = locals {
            let reduced = self.reduced();
            locals.extend((0..self.samples()).map(|row| {
                let all: Vec<f64> = self.columns.iter().map(|column| column[row]).collect();
                let mut less = all.clone();
                less.drain(self.known..y.start);
                let gained = reduced.surprise(&less, self.known..less.len());
                nats + 0.5 * (gained - full.surprise(&all, y.clone()))
            }));
        }
        // A source that tells nothing may come out below 0 by rounding.
        Ok(nats.max(0.0))
    }

    fn bias_nats(&self) -> f64 {
        self.freedom / (2.0 * self.samples() as f64)
    }

    fn chi_square(&self, nats: f64) -> Option<(f64, f64)> {
        Some((2.0 * self.samples() as f64 * nats, self.freedom))
    }
}

/// Of two standardised columns.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    // Four sums at a time: one alone waits for each addition.
    let (mut sums, whole) = ([0.0; 4], a.len() - a.len() % 4);
    for (a, b) in a.chunks_exact(4).zip(b.chunks_exact(4)) {
        for lane in 0..4 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a[whole..].iter().zip(&b[whole..]).map(|(a, b)| a * b).sum();
    ((sums[0] + sums[1]) + (sums[2] + sums[3]) + rest) / (a.len() as f64 - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::te::Series;
    use crate::te::tests::noise;
    use proptest::prelude::*;

    fn te() -> Gaussian {
        GaussianParams::default().check().unwrap()
    }

    #[test]
    fn each_bad_input_has_its_error() {
        let (te, series) = (te(), noise(1, 100));
        assert!(matches!(
            te.estimate(&series, &series[1..]),
            Err(TeError::Lengths { .. })
        ));
        let few = TeError::TooFew { have: 11, need: 12 };
        assert_eq!(te.estimate(&series[..12], &series[..12]), Err(few));
        assert_eq!(
            te.estimate(&[1.0; 50], &series[..50]),
            Err(TeError::Degenerate)
        );
        assert!(te.estimate(&series, &[f64::NAN; 100]).is_err());
        let lags = Lags::default().target_history(0);
        assert!(matches!(te.with_lags(lags), Err(TeError::Param(_))));
    }

    #[test]
    fn what_is_known_tells_nothing_more() {
        let (x, y) = (noise(2, 300), noise(3, 300));
        let again = te().estimate_given(&x, &y, &x).unwrap();
        assert!(again.nats.abs() < 1e-12 && again.effective_nats.abs() < 1e-12);
        assert_eq!(again.p_value, Some(1.0));
        assert!(te().estimate(&x, &x).unwrap().nats.abs() < 1e-12);
    }

    #[test]
    fn local_values_average_to_the_whole() {
        let (x, mut y) = (noise(2, 300), noise(3, 300));
        y[100] = f64::NAN;
        let local = te().estimate_local(&x, &y, Series::none()).unwrap();
        // The value itself and the one that needs it as its past.
        assert_eq!(local.samples, 299 - 2);
        let values = local.local_nats.unwrap();
        assert!(values[0].is_nan() && values[100].is_nan() && values[101].is_nan());
        let finite: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
        let mean = finite.iter().sum::<f64>() / finite.len() as f64;
        assert!((mean - local.nats).abs() < 1e-12);
    }

    #[test]
    fn two_targets_at_once_are_at_least_as_well_predicted_as_each() {
        let (x, y, own) = (noise(2, 300), noise(3, 300), noise(4, 300));
        let both: Vec<f64> = (0..300)
            .map(|t| y[t] + own[t] + x[(t + 299) % 300])
            .collect();
        let joint = te().estimate(&x, vec![&y[..], &both]).unwrap();
        assert!(joint.nats > te().estimate(&x, &both).unwrap().nats - 1e-9);
        assert_eq!(joint.null, crate::te::Null::ChiSquare { freedom: 2.0 });
    }

    proptest! {
        #[test]
        fn never_negative_and_invariant_to_scale(seed in any::<u64>(), scale in 1e-150..1e150f64) {
            let (x, y) = (noise(seed, 200), noise(!seed, 200));
            let a = te().estimate(&x, &y).unwrap();
            let scaled: Vec<f64> = x.iter().map(|v| v * scale).collect();
            let b = te().estimate(&scaled, &y).unwrap();
            prop_assert!(a.nats >= 0.0);
            prop_assert!((a.nats - b.nats).abs() < 1e-9);
        }
    }
}
