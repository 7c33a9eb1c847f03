//! Smoothing of scores over time.

use astern_stats::ema::Ema;
use ndarray::{Array3, Axis};

/// Exponential moving average of scores `[T, N, F]` along time, standardised by its exact variance.
///
/// The average of each series, that starts from `empty`, is divided by the standard deviation that it
/// has for independent inputs of unit variance (see [`Ema::standardised`]), so thresholds keep their
/// meaning whatever the weight. A missing score leaves the average as it was. `O(T · N · F)`.
pub(super) fn smooth(scores: &mut Array3<f64>, empty: Ema) {
    for mut series in scores.lanes_mut(Axis(0)) {
        let mut ema = empty;
        for score in &mut series {
            ema.push(*score);
            *score = ema.standardised().unwrap_or(f64::NAN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smoothed(scores: &[f64], weight: f64) -> Vec<f64> {
        let mut array = Array3::from_shape_vec((scores.len(), 1, 1), scores.to_vec()).unwrap();
        smooth(&mut array, Ema::new(weight).unwrap());
        array.into_iter().collect()
    }

    #[test]
    fn gaps_carry_the_last_average_and_start_missing() {
        let smoothed = smoothed(&[f64::NAN, 2.0, f64::NAN], 0.5);
        assert!(smoothed[0].is_nan());
        assert!((smoothed[1] - 2.0).abs() < 1e-12);
        assert!((smoothed[2] - 2.0).abs() < 1e-12);
    }

    #[test]
    fn a_steady_shift_grows_towards_its_full_significance() {
        let smoothed = smoothed(&[1.0; 200], 0.2);
        // In the limit the variance factor is λ/(2-λ) = 1/9, so a shift of 1 is worth 3.
        assert!((smoothed[199] - 3.0).abs() < 1e-9);
    }

    #[test]
    fn series_are_smoothed_by_themselves() {
        let mut scores = Array3::zeros((3, 2, 2));
        scores[[2, 1, 0]] = 8.0;
        smooth(&mut scores, Ema::new(1.0).unwrap());
        let others = scores.indexed_iter().filter(|(at, _)| *at != (2, 1, 0));
        assert!(others.into_iter().all(|(_, score)| score.abs() < 1e-12));
        assert!((scores[[2, 1, 0]] - 8.0).abs() < 1e-12);
    }
}
