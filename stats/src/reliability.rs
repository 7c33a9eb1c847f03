//! Whether probabilities mean what they say: predicted against observed.

use serde::{Deserialize, Serialize};

use crate::interval::{Interval, wilson};
use crate::param::{ParamError, in_range};

/// One bin of predictions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ReliabilityBin {
    /// Probabilities from here ...
    pub low: f64,
    /// ... up to here; the last bin holds its upper end too.
    pub high: f64,
    /// Number of predictions in it.
    pub count: usize,
    /// Mean of the predictions; `None` without any.
    pub predicted: Option<f64>,
    /// Share of them that came true; `None` without any.
    pub observed: Option<f64>,
    /// 95 % Wilson interval of that share.
    pub interval: Interval,
}

/// Predicted probabilities against what came true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reliability {
    /// Bins of equal width over 0 to 1, the lowest first.
    pub bins: Vec<ReliabilityBin>,
    /// Mean gap between predicted and observed, weighted by the bins' counts (Naeini et al. 2015):
    /// `Σ n_b/n · |observed_b - predicted_b|`.
    pub expected_calibration_error: f64,
    /// Mean squared distance of the probability from what happened, 0 or 1 (Brier 1950).
    pub brier: f64,
    /// Number of predictions.
    pub count: usize,
}

/// Table of `bins` bins, expected calibration error and Brier score of predictions `(probability,
/// came true)`. `O(n + bins)`; it does not depend on the order of the predictions but for rounding.
///
/// `None` without predictions.
///
/// # Errors
/// [`ParamError::OutOfRange`] for no or more than 1,000 bins, and for a probability that is `NaN` or
/// outside 0 to 1.
///
/// # Example
/// ```
/// use astern_stats::reliability::reliability;
/// let stated = [(0.1, false), (0.1, false), (0.8, true), (0.8, true), (0.8, false)];
/// let table = reliability(&stated, 5)?.unwrap();
/// assert_eq!(table.bins[4].count, 3);
/// assert!((table.bins[4].observed.unwrap() - 2.0 / 3.0).abs() < 1e-12);
/// assert!((table.expected_calibration_error - 0.12).abs() < 1e-12);
/// # Ok::<(), astern_stats::ParamError>(())
/// ```
pub fn reliability(
    predictions: &[(f64, bool)],
    bins: usize,
) -> Result<Option<Reliability>, ParamError> {
    in_range("bins", bins as f64, 1.0, 1e3)?;
    let mut sums = vec![(0_usize, 0.0_f64, 0_usize); bins];
    let mut brier = 0.0;
    for (probability, came_true) in predictions {
        in_range("probability", *probability, 0.0, 1.0)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0..=bins"
        )]
        let bin = ((probability * bins as f64) as usize).min(bins - 1);
        let (count, sum, hits) = &mut sums[bin];
        *count += 1;
        *sum += probability;
        *hits += usize::from(*came_true);
        brier += (probability - f64::from(u8::from(*came_true))).powi(2);
    }
    let n = predictions.len() as f64;
    if predictions.is_empty() {
        return Ok(None);
    }
    let mut table = Vec::with_capacity(bins);
    let mut error = 0.0;
    for (bin, (count, sum, hits)) in sums.into_iter().enumerate() {
        let share = |x: f64| (count > 0).then(|| x / count as f64);
        error += (hits as f64 - sum).abs() / n;
        table.push(ReliabilityBin {
            low: bin as f64 / bins as f64,
            high: (bin + 1) as f64 / bins as f64,
            count,
            predicted: share(sum),
            observed: share(hits as f64),
            interval: wilson(hits, count, 0.95)?,
        });
    }
    Ok(Some(Reliability {
        bins: table,
        expected_calibration_error: error,
        brier: brier / n,
        count: predictions.len(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn agrees_with_the_definitions() {
        // Worked out by hand.
        let stated = [(0.1, false), (0.4, true), (0.35, false), (0.8, true)];
        let table = reliability(&stated, 2).unwrap().unwrap();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
        close(table.bins[0].predicted.unwrap(), 0.283_333_333_333);
        close(table.bins[0].observed.unwrap(), 1.0 / 3.0);
        close(table.bins[1].predicted.unwrap(), 0.8);
        close(table.brier, (0.01 + 0.36 + 0.1225 + 0.04) / 4.0);
        close(table.expected_calibration_error, (0.15 + 0.2) / 4.0);
    }

    #[test]
    fn refuses_nonsense_and_has_nothing_to_say_of_nothing() {
        assert_eq!(reliability(&[], 5).unwrap(), None);
        for (p, bins) in [(0.5, 0), (0.5, 1_001), (1.1, 5), (f64::NAN, 5)] {
            assert!(reliability(&[(p, true)], bins).is_err());
        }
        let edge = reliability(&[(1.0, true), (0.0, false)], 5)
            .unwrap()
            .unwrap();
        assert_eq!((edge.bins[0].count, edge.bins[4].count), (1, 1));
        assert!(edge.brier.abs() < 1e-12);
        assert_eq!(edge.bins[2].observed, None);
    }

    proptest! {
        #[test]
        fn figures_are_shares(
            stated in prop::collection::vec((0.0..=1.0f64, any::<bool>()), 1..60),
            bins in 1..20usize,
        ) {
            let table = reliability(&stated, bins).unwrap().unwrap();
            prop_assert!((0.0..=1.0).contains(&table.brier));
            prop_assert!((0.0..=1.0).contains(&table.expected_calibration_error));
            prop_assert_eq!(table.bins.iter().map(|b| b.count).sum::<usize>(), stated.len());
        }
    }
}
