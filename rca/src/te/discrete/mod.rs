//! Transfer entropy of symbols.

mod correction;
mod counts;

use serde::{Deserialize, Serialize};

use super::embed::Rows;
use super::error::TeError;
use super::estimate::{Estimator, Information};
use super::lags::Lags;

use counts::Counts;

pub use correction::Correction;

/// Parameters of [`Discrete`].
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `lags` | see [`Lags`] | |
/// | `correction` | [`Correction::None`] | |
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiscreteParams {
    lags: Lags,
    correction: Correction,
}

astern_stats::setters!(DiscreteParams {
    /// Sets the lags.
    lags: Lags,
    /// Sets the correction of the bias.
    correction: Correction,
});

impl DiscreteParams {
    /// Checks the parameters and makes the estimator.
    ///
    /// # Errors
    /// [`TeError::Param`] for lags outside their rules.
    pub fn check(self) -> Result<Discrete, TeError> {
        self.lags.check()?;
        Ok(Discrete { params: self })
    }
}

/// Transfer entropy of symbols, from their frequencies (Schreiber 2000).
///
/// `TE = H(x, z) + H(y, z) - H(x, y, z) - H(z)` with `H = -Σ p ln p` over the symbols that occurred: the
/// plug-in estimate, which is too great by about `df / 2N` for `df = (|X| - 1)(|Y| - 1)|Z|`, |·| the number
/// of possible values, of which the symbols seen are an estimate. [`Correction`] removes most of it;
/// without one, `effective_nats` is the estimate less the bias after Miller and Madow.
///
/// Without influence `2N·TE` (plug-in, in nats) is χ² distributed with df degrees of freedom (Barnett and
/// Bossomaier 2012). The test is cautious where many combinations never occur, and finds influence
/// where there is none in slowly varying series whose past is longer than `target_history`: take
/// circular surrogates there.
///
/// Numbers become symbols by [`equal_width_bins`](super::equal_width_bins) or
/// [`quantile_bins`](super::quantile_bins). `u16::MAX` stands for a missing symbol.
///
/// # Errors
/// Of its methods: [`TeError::TooFew`] below 2 samples.
///
/// # Complexity
/// `O(N + C)` for C possible combinations where `C <= 4N + 65,536`, else `O(N log N)`, and with
/// [`Correction::PanzeriTreves`] besides `O(S √N)` for S combinations that did not occur and are
/// thought possible.
///
/// # Example
/// ```
/// use astern_rca::te::{Correction, DiscreteParams, Estimator};
/// // The target is the source's symbol of the step before.
/// let source: Vec<u8> = (0..400_u32).map(|t| (t * t % 7 % 4) as u8).collect();
/// let target: Vec<u8> = (0..400_usize).map(|t| source[t.saturating_sub(1)]).collect();
/// let te = DiscreteParams::default().correction(Correction::MillerMadow).check()?;
/// let there = te.estimate(&source, &target)?;
/// assert!(there.bits() > 0.5 && there.p_value.unwrap() < 1e-6);
/// # Ok::<(), astern_rca::te::TeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discrete {
    params: DiscreteParams,
}

impl Estimator for Discrete {
    type Value = u16;

    fn lags(&self) -> &Lags {
        &self.params.lags
    }

    fn with_lags(self, lags: Lags) -> Result<Self, TeError> {
        self.params.lags(lags).check()
    }

    fn prepare(&self, rows: &Rows<'_, u16>) -> Result<Box<dyn Information>, TeError> {
        prepared(rows, self.params.correction)
    }
}

pub(super) fn prepared(
    rows: &Rows<'_, u16>,
    correction: Correction,
) -> Result<Box<dyn Information>, TeError> {
    rows.at_least(2)?;
    let counts = Counts::new(rows.z(), rows.y(), rows.x());
    let observed = counts.cells(None);
    let plug_in = observed.nats();
    Ok(Box::new(Frequencies {
        bias: correction.bias_nats(&observed, counts.possible()),
        miller_madow: Correction::MillerMadow.bias_nats(&observed, counts.possible()),
        plug_in,
        correction,
        counts,
    }))
}

#[derive(Debug)]
struct Frequencies {
    counts: Counts,
    correction: Correction,
    /// In nats, of the rows in their own order.
    plug_in: f64,
    bias: f64,
    miller_madow: f64,
}

impl Information for Frequencies {
    fn samples(&self) -> usize {
        self.counts.samples()
    }

    fn nats(&self, order: Option<&[u32]>, locals: Option<&mut Vec<f64>>) -> Result<f64, TeError> {
        let (plug_in, bias) = if order.is_some() {
            let cells = self.counts.cells(order);
            let bias = self.correction.bias_nats(&cells, self.counts.possible());
            (cells.nats(), bias)
        } else {
            (self.plug_in, self.bias)
        };
        if let Some(locals) = locals {
            // The bias is one of the whole: each step has its share.
            let values = self.counts.locals(order);
            locals.extend(values.iter().map(|value| value - bias));
        }
        Ok(plug_in - bias)
    }

    fn bias_nats(&self) -> f64 {
        match self.correction {
            Correction::None => self.miller_madow,
            _ => 0.0,
        }
    }

    fn chi_square(&self, _nats: f64) -> Option<(f64, f64)> {
        let [z, y, x] = self.counts.possible();
        let free = (x - 1.0) * (y - 1.0);
        // `z` is infinite where the past has more values than a number can say.
        let freedom = if free > 0.0 { free * z } else { 0.0 };
        Some((2.0 * self.samples() as f64 * self.plug_in, freedom))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::te::{Null, Series};

    fn te(k: u8, correction: Correction) -> Discrete {
        let params = DiscreteParams::default().lags(Lags::default().target_history(k));
        params.correction(correction).check().unwrap()
    }

    #[test]
    fn local_values_average_to_the_whole_in_tables_and_in_lists() {
        let x: Vec<usize> = (0..90).map(|t| t * t % 13).collect();
        let y: Vec<usize> = (0..90).map(|t| (t * t * t + x[t / 2]) % 11).collect();
        for (k, correction) in [
            (1, Correction::None),
            (2, Correction::MillerMadow),
            (9, Correction::None),
        ] {
            let local = te(k, correction)
                .estimate_local(&x, &y, Series::none())
                .unwrap();
            let values: Vec<f64> = local.local_nats.unwrap();
            let mean = values[usize::from(k)..].iter().sum::<f64>() / (90.0 - f64::from(k));
            assert!(
                (mean - local.nats).abs() < 1e-12,
                "{mean} is not {}",
                local.nats
            );
        }
    }

    #[test]
    fn more_combinations_than_a_number_can_say() {
        let coin = |prime: u16| (0..200).map(|t| t * t % prime % 2).collect::<Vec<u16>>();
        let (x, y, constant) = (coin(7), coin(11), vec![3; 200]);
        let columns: Vec<Vec<u16>> = (0..20_u16)
            .map(|i| (0..200).map(|t| (t + i) % 10).collect())
            .collect();
        // 10^320.
        let given = || columns.iter().map(|c| &c[..]).collect::<Vec<_>>();
        for correction in [Correction::None, Correction::PanzeriTreves] {
            let lags = Lags::default().given_history(16);
            let te = te(1, correction).with_lags(lags).unwrap();
            for (x, freedom) in [(&x, f64::INFINITY), (&constant, 0.0)] {
                let found = te.estimate_given(x, &y, given()).unwrap();
                assert_eq!(found.null, Null::ChiSquare { freedom });
                assert_eq!(found.p_value, Some(1.0));
                assert!(found.nats.is_finite() && found.effective_nats.is_finite());
            }
        }
    }

    #[test]
    fn freedom_counts_the_symbols_seen() {
        // Symbols 0 and 500 alone; a missing one in between.
        let mut x: Vec<u16> = (0..200_u16).map(|t| 500 * (t * t % 7 % 2)).collect();
        let y: Vec<u16> = (0..200_u16).map(|t| t * t % 11 % 3).collect();
        let freedom = |x: &[u16]| {
            let found = te(2, Correction::None).estimate(x, &y).unwrap();
            (found.null, found.samples)
        };
        let null = Null::ChiSquare {
            freedom: 1.0 * 2.0 * 9.0,
        };
        assert_eq!(freedom(&x), (null, 198));
        x[100] = u16::MAX;
        assert_eq!(freedom(&x), (null, 197));
        let constant = te(1, Correction::None)
            .estimate(&vec![7_u16; 200], &y)
            .unwrap();
        assert_eq!((constant.nats, constant.p_value), (0.0, Some(1.0)));
    }
}
