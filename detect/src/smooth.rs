//! Smoothing of scores over time.

use ndarray::{Array3, Axis};

use astern_stats::ParamError;
use astern_stats::ema::Ema;

/// Exponential moving average of scores along time, standardised by its exact variance.
///
/// Input and output have the shape `[T, N, F]`. The average of each series is divided by the
/// standard deviation that it has for independent inputs of unit variance (see
/// [`Ema::standardised`]), so thresholds keep their meaning whatever the weight. A missing score
/// leaves the average as it was. `O(T · N · F)`.
///
/// # Errors
/// [`ParamError`] for a weight outside (0, 1].
pub fn smooth(scores: &Array3<f64>, weight: f64) -> Result<Array3<f64>, ParamError> {
    let empty = Ema::new(weight)?;
    let mut smoothed = scores.clone();
    for mut series in smoothed.lanes_mut(Axis(0)) {
        let mut ema = empty;
        for score in &mut series {
            ema.push(*score);
            *score = ema.standardised().unwrap_or(f64::NAN);
        }
    }
    Ok(smoothed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_carry_the_last_average_and_start_missing() {
        let scores = Array3::from_shape_vec((3, 1, 1), vec![f64::NAN, 2.0, f64::NAN]).unwrap();
        let smoothed = smooth(&scores, 0.5).unwrap();
        assert!(smoothed[[0, 0, 0]].is_nan());
        assert!((smoothed[[1, 0, 0]] - 2.0).abs() < 1e-12);
        assert!((smoothed[[2, 0, 0]] - 2.0).abs() < 1e-12);
    }

    #[test]
    fn a_steady_shift_grows_towards_its_full_significance() {
        let scores = Array3::from_elem((200, 1, 1), 1.0);
        let smoothed = smooth(&scores, 0.2).unwrap();
        // In the limit the variance factor is λ/(2-λ) = 1/9, so a shift of 1 is worth 3.
        assert!((smoothed[[199, 0, 0]] - 3.0).abs() < 1e-9);
        assert!(smooth(&scores, 0.0).is_err());
    }
}
