//! Gaussian transfer entropy of normal scores.

use serde::{Deserialize, Serialize};

use statrs::distribution::{ContinuousCDF, Normal};

use super::embed::Rows;
use super::error::TeError;
use super::estimate::{Estimator, Information};
use super::gaussian::Covariance;
use super::lags::Lags;
use super::neighbours::Column;
use super::scale::standardised;

/// Parameters of [`Copula`]: the lags alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CopulaParams {
    lags: Lags,
}

astern_stats::setters!(CopulaParams {
    /// Sets the lags.
    lags: Lags,
});

impl CopulaParams {
    /// Checks the parameters and makes the estimator.
    ///
    /// # Errors
    /// [`TeError::Param`] for lags outside their rules.
    pub fn check(self) -> Result<Copula, TeError> {
        self.lags.check()?;
        Ok(Copula { lags: self.lags })
    }
}

/// Transfer entropy under a Gaussian copula (Ince et al. 2017): every column becomes the normal quantile
/// of `rank / (N + 1)`, then the formula of [`Gaussian`](super::Gaussian) holds.
///
/// A lower bound of the true value for monotone influence, whatever the distributions, and robust to
/// outliers: right for latencies. The ranks of equal values are averaged, so that no order is made up among
/// them. Ranks do not follow the χ² law exactly; p-values come from surrogates.
///
/// # Errors
/// Of its methods: as for [`Gaussian`](super::Gaussian).
///
/// # Complexity
/// `O(N (log N + d²) d)` in time, `O(N d)` in memory for d columns.
///
/// # Example
/// ```
/// use astern_rca::te::{CopulaParams, Estimator, GaussianParams};
/// let source: Vec<f64> = (0..500).map(|t| f64::from(t * t % 101) / 10.0).collect();
/// // Heavy tails hide the influence from the linear estimate.
/// let target: Vec<f64> = (0..500_usize)
///     .map(|t| (2.0 * source[t.saturating_sub(1)] + (t % 7) as f64).exp())
///     .collect();
/// let of_ranks = CopulaParams::default().check()?.estimate(&source, &target)?;
/// let linear = GaussianParams::default().check()?.estimate(&source, &target)?;
/// assert!(of_ranks.nats > 3.0 * linear.nats);
/// # Ok::<(), astern_rca::te::TeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copula {
    lags: Lags,
}

impl Estimator for Copula {
    type Value = f64;

    fn lags(&self) -> &Lags {
        &self.lags
    }

    fn with_lags(self, lags: Lags) -> Result<Self, TeError> {
        CopulaParams { lags }.check()
    }

    fn prepare(&self, rows: &Rows<'_, f64>) -> Result<Box<dyn Information>, TeError> {
        rows.at_least(4 * rows.columns.len())?;
        let columns = rows.z().iter().chain(rows.x()).chain(rows.y());
        let columns: Result<_, _> = columns.map(|c| standardised(&normal_scores(c))).collect();
        let covariance = Covariance::new(columns?, rows.known, rows.x().len())?;
        Ok(Box::new(WithoutLaw(covariance)))
    }
}

/// Normal quantiles of the ranks, which are averaged over equal values.
fn normal_scores(values: &[f64]) -> Vec<f64> {
    let column = Column::new(values.to_vec());
    let normal = Normal::standard();
    let mut scores = vec![0.0; values.len()];
    let mut before = 0.0;
    for (equal, rows) in column.runs() {
        let rank = before + f64::midpoint(equal as f64, 1.0);
        let score = normal.inverse_cdf(rank / (values.len() as f64 + 1.0));
        for row in rows {
            scores[*row as usize] = score;
        }
        before += equal as f64;
    }
    scores
}

/// A covariance whose estimate has no known distribution.
#[derive(Debug)]
struct WithoutLaw(Covariance);

impl Information for WithoutLaw {
    fn samples(&self) -> usize {
        self.0.samples()
    }

    fn nats(&self, order: Option<&[u32]>, locals: Option<&mut Vec<f64>>) -> Result<f64, TeError> {
        self.0.nats(order, locals)
    }

    fn bias_nats(&self) -> f64 {
        self.0.bias_nats()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::te::tests::noise;

    #[test]
    fn scores_are_normal_quantiles_of_mean_ranks() {
        let scores = normal_scores(&[5.0, 1.0, 5.0]);
        // Ranks 2.5, 1, 2.5 of 4.
        for (score, expected) in scores
            .iter()
            .zip([0.318_639_36, -0.674_489_75, 0.318_639_36])
        {
            assert!((score - expected).abs() < 1e-7, "{score}");
        }
    }

    #[test]
    fn only_the_order_of_values_counts() {
        let (x, y) = (noise(1, 200), noise(2, 200));
        let bent: Vec<f64> = y.iter().map(|v| v.exp()).collect();
        let te = CopulaParams::default().check().unwrap();
        let plain = te.estimate(&x, &y).unwrap();
        assert_eq!(plain, te.estimate(&x, &bent).unwrap());
        assert_eq!(plain.p_value, None);
    }
}
