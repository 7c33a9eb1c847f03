//! What every estimator answers, and how it is asked.

use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::embed::{Rows, Series, Value, embed, embed_past};
use super::error::TeError;
use super::lags::Lags;
use super::significance::{Surrogates, surrogate_test};

/// An estimated information: a transfer entropy or an active information storage.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Estimate {
    /// The estimate in nats. Never negative by definition; estimators that correct their bias, the
    /// nearest-neighbour ones among them, may return less.
    pub nats: f64,
    /// The estimate less its bias: less the mean of the surrogates where there are some, else less
    /// the estimator's known bias (Gaussian, discrete), else the estimate itself.
    pub effective_nats: f64,
    /// Complete samples that were used.
    pub samples: usize,
    /// Probability of such a value without influence; `None` where only surrogates could tell and
    /// none were asked for.
    pub p_value: Option<f64>,
    /// Where the p-value is from.
    pub null: Null,
    /// Local values in nats, one for each step of the series, `NaN` where there was no complete
    /// sample; their mean is `nats`. Only from [`Estimator::estimate_local`].
    pub local_nats: Option<Vec<f64>>,
}

impl Estimate {
    /// The estimate in bits.
    pub fn bits(&self) -> f64 {
        self.nats / std::f64::consts::LN_2
    }
}

/// How a p-value was obtained.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Null {
    /// There is none.
    Untested,
    /// `2N·TE` against χ² with so many degrees of freedom, exact for large N.
    ChiSquare {
        /// Degrees of freedom.
        freedom: f64,
    },
    /// Against series that keep their own dynamics and lost their relation.
    Surrogates {
        /// How many were drawn.
        drawn: usize,
        /// How many of them were at least as great as the estimate.
        at_least: usize,
    },
}

/// An estimator of transfer entropy, with its parameters checked.
///
/// `TE = I(y(t); x | z)`: how much the source's past x tells about the target's next value y(t)
/// beyond what is known, z: the target's own past and, in the conditional form, that of other series
/// (Schreiber 2000). [`Lags`] says which values count. A row with a missing value is left out.
///
/// Series must be stationary: a level shift that both share looks like influence. See
/// [`differenced`](super::differenced) and [`demeaned_by_regime`](super::demeaned_by_regime).
///
/// Which one to take:
///
/// | | for | p-value without surrogates |
/// |---|---|---|
/// | [`Gaussian`](super::Gaussian) | linear influence; short series; many pairs | yes |
/// | [`Copula`](super::Copula) | monotone influence, heavy tails | no |
/// | [`Ksg`](super::Ksg) | any influence; some hundred samples at least | no |
/// | [`Kernel`](super::Kernel) | comparison with older work | no |
/// | [`Symbolic`](super::Symbolic) | order patterns alone; robust to any monotone distortion | yes |
/// | [`Discrete`](super::Discrete) | symbols, or numbers in bins | yes |
///
/// # Example
/// ```
/// use astern_rca::te::{Estimator, KsgParams, Lags, Surrogates};
///
/// // Any noise will do.
/// let mut state = 7_u32;
/// let mut noise = || {
///     state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
///     f64::from(state >> 8) / 16_777_216.0 - 0.5
/// };
/// let source: Vec<f64> = (0..400).map(|_| noise()).collect();
/// // The target follows the source two steps later.
/// let target: Vec<f64> = (0..400_usize)
///     .map(|t| source[t.saturating_sub(2)] + 0.3 * noise())
///     .collect();
///
/// let te = KsgParams::default().lags(Lags::default().delay(2)).check()?;
/// let there = te.estimate(&source, &target)?;
/// assert!(there.bits() > 0.8);
///
/// let back = te.test(&target, &source, &Surrogates::circular(99).seed(7))?;
/// assert!(back.p_value.unwrap() > 0.05);
///
/// // Nothing is left for the source to tell once it is known.
/// let given = KsgParams::default().lags(Lags::default().delay(2).given_delay(2)).check()?;
/// assert!(given.estimate_given(&source, &target, &source)?.nats.abs() < 1e-9);
/// # Ok::<(), astern_rca::te::TeError>(())
/// ```
pub trait Estimator: Copy + Sync {
    /// What its series consist of: `f64`, or `u16` for symbols.
    type Value: Value;

    /// The lags in force.
    fn lags(&self) -> &Lags;

    /// The same estimator with other lags.
    ///
    /// # Errors
    /// [`TeError::Param`] for lags outside their rules.
    fn with_lags(self, lags: Lags) -> Result<Self, TeError>;

    #[doc(hidden)]
    fn prepare(&self, rows: &Rows<'_, Self::Value>) -> Result<Box<dyn Information>, TeError>;

    #[doc(hidden)]
    fn recoded<'a>(&self, series: Series<'a, Self::Value>) -> Series<'a, Self::Value> {
        series
    }

    /// Transfer entropy from `source` to `target`.
    ///
    /// # Errors
    /// [`TeError`] for series of unequal length, too few complete samples or degenerate series.
    fn estimate<'a>(
        &self,
        source: impl Into<Series<'a, Self::Value>>,
        target: impl Into<Series<'a, Self::Value>>,
    ) -> Result<Estimate, TeError> {
        self.estimate_given(source, target, Series::none())
    }

    /// Transfer entropy from `source` to `target` beyond what the past of `given` tells.
    ///
    /// # Errors
    /// As [`estimate`](Self::estimate).
    fn estimate_given<'a>(
        &self,
        source: impl Into<Series<'a, Self::Value>>,
        target: impl Into<Series<'a, Self::Value>>,
        given: impl Into<Series<'a, Self::Value>>,
    ) -> Result<Estimate, TeError> {
        let all = Triple::new(self, source.into(), target.into(), given.into());
        summarised(&*all.information(self, 0)?.0)
    }

    /// [`estimate_given`](Self::estimate_given) with the local value of every step; `given` may be
    /// [`Series::none`].
    ///
    /// # Errors
    /// As [`estimate`](Self::estimate).
    fn estimate_local<'a>(
        &self,
        source: impl Into<Series<'a, Self::Value>>,
        target: impl Into<Series<'a, Self::Value>>,
        given: impl Into<Series<'a, Self::Value>>,
    ) -> Result<Estimate, TeError> {
        let all = Triple::new(self, source.into(), target.into(), given.into());
        let (information, rows) = all.information(self, 0)?;
        with_locals(&*information, &rows)
    }

    /// [`estimate`](Self::estimate) with a p-value from surrogates.
    ///
    /// # Errors
    /// As [`estimate`](Self::estimate), and [`TeError::Param`] for the surrogates' parameters.
    fn test<'a>(
        &self,
        source: impl Into<Series<'a, Self::Value>>,
        target: impl Into<Series<'a, Self::Value>>,
        surrogates: &Surrogates,
    ) -> Result<Estimate, TeError> {
        self.test_given(source, target, Series::none(), surrogates)
    }

    /// [`estimate_given`](Self::estimate_given) with a p-value from surrogates.
    ///
    /// # Errors
    /// As [`test`](Self::test).
    fn test_given<'a>(
        &self,
        source: impl Into<Series<'a, Self::Value>>,
        target: impl Into<Series<'a, Self::Value>>,
        given: impl Into<Series<'a, Self::Value>>,
        surrogates: &Surrogates,
    ) -> Result<Estimate, TeError> {
        let all = Triple::new(self, source.into(), target.into(), given.into());
        let (information, _) = all.information(self, 0)?;
        surrogate_test(&*information, surrogates).map(|(estimate, _)| estimate)
    }

    /// Active information storage `I(y(t); own past)`: how much the target's own past tells of its
    /// next value (Lizier, Prokopenko and Zomaya 2012), with local values.
    ///
    /// # Errors
    /// As [`estimate`](Self::estimate).
    fn active_storage<'a>(
        &self,
        target: impl Into<Series<'a, Self::Value>>,
    ) -> Result<Estimate, TeError> {
        let target = self.recoded(target.into());
        let rows = embed_past(&target, self.lags(), 0)?;
        with_locals(&*self.prepare(&rows)?, &rows)
    }
}

/// The three series of a transfer entropy.
#[derive(Debug)]
pub(super) struct Triple<'a, T: Value> {
    source: Series<'a, T>,
    target: Series<'a, T>,
    given: Series<'a, T>,
}

impl<'a, T: Value> Triple<'a, T> {
    pub(super) fn new<E: Estimator<Value = T>>(
        estimator: &E,
        source: Series<'a, T>,
        target: Series<'a, T>,
        given: Series<'a, T>,
    ) -> Self {
        Self {
            source: estimator.recoded(source),
            target: estimator.recoded(target),
            given: estimator.recoded(given),
        }
    }

    /// What the estimator prepares from the rows from step `first` on, and the rows.
    pub(super) fn information<E: Estimator<Value = T>>(
        &self,
        estimator: &E,
        first: usize,
    ) -> Result<(Box<dyn Information>, Rows<'_, T>), TeError> {
        let lags = estimator.lags();
        let rows = embed(&self.source, &self.target, &self.given, lags, first)?;
        Ok((estimator.prepare(&rows)?, rows))
    }
}

/// A conditional mutual information `I(y; x | z)` over rows, ready to be evaluated for the source's
/// rows in any order: what does not depend on their order has been computed.
pub trait Information: Sync {
    /// Number of rows.
    fn samples(&self) -> usize;

    /// The value in nats with row i of the source taken from row `order[i]`. Local values are added
    /// to `locals` where it is asked for.
    ///
    /// # Errors
    /// [`TeError::Degenerate`] where it is infinite.
    fn nats(&self, order: Option<&[u32]>, locals: Option<&mut Vec<f64>>) -> Result<f64, TeError>;

    /// How much [`nats`](Self::nats) is too great on average, where that is known.
    fn bias_nats(&self) -> f64 {
        0.0
    }

    /// The χ² statistic for a value that `nats` gave and its degrees of freedom, where it has some.
    fn chi_square(&self, _nats: f64) -> Option<(f64, f64)> {
        None
    }
}

pub(super) fn summarised(information: &dyn Information) -> Result<Estimate, TeError> {
    let nats = information.nats(None, None)?;
    let mut estimate = Estimate {
        nats,
        effective_nats: nats - information.bias_nats(),
        samples: information.samples(),
        p_value: None,
        null: Null::Untested,
        local_nats: None,
    };
    if let Some((statistic, freedom)) = information.chi_square(nats) {
        estimate.p_value = Some(chi_square_upper(statistic, freedom));
        estimate.null = Null::ChiSquare { freedom };
    }
    Ok(estimate)
}

fn with_locals<T: Value>(
    information: &dyn Information,
    rows: &Rows<'_, T>,
) -> Result<Estimate, TeError> {
    let mut locals = Vec::with_capacity(rows.len());
    information.nats(None, Some(&mut locals))?;
    Ok(Estimate {
        local_nats: Some(rows.by_time(&locals)),
        ..summarised(information)?
    })
}

/// `P(χ² >= statistic)`; 1 without degrees of freedom, where the statistic is 0 for certain.
fn chi_square_upper(statistic: f64, freedom: f64) -> f64 {
    // It differs from 1 by less than rounding, and the library's own answer fails for infinitely many.
    if freedom > 1_000.0 && freedom > 2.0 * statistic {
        return 1.0;
    }
    ChiSquared::new(freedom).map_or(1.0, |null| null.sf(statistic.max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_degrees_of_freedom_has_a_probability() {
        for (statistic, freedom, expected) in [
            (0.0, 0.0, 1.0),
            (2.0, 2.0, (-1.0_f64).exp()),
            (700.0, 1_500.0, 1.0),
            (1e5, 1e15, 1.0),
            (1e5, 1e308, 1.0),
            (1e5, f64::INFINITY, 1.0),
            (1e5, 1e3, 0.0),
        ] {
            let found = chi_square_upper(statistic, freedom);
            assert!((found - expected).abs() < 1e-12, "{freedom}: {found}");
        }
    }
}
