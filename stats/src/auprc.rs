//! Area under the precision-recall curve, as average precision.

use crate::scored::{positives, sorted, ties};

/// Average precision: the mean over positives of the precision at their score.
///
/// `Σ (Rᵢ - Rᵢ₋₁) Pᵢ` over the distinct scores from the greatest down, where `Pᵢ` and `Rᵢ` are
/// precision and recall when everything with at least that score is called positive. Equal scores
/// share one threshold, so their order does not count. Nothing is interpolated: linear
/// interpolation between points of this curve is too optimistic (Davis and Goadrich 2006). Scores
/// without information reach the share of positives, not one half.
///
/// `scores` and `labels` are `[N]`; `true` is positive. A `NaN` score is left out with its label.
/// `None` when no positive is left or the slices differ in length. scikit-learn's
/// `average_precision_score` gives the same values, except that it counts no positive as 0.
///
/// # Complexity
/// `O(N log N)`.
///
/// # Example
/// ```
/// use astern_stats::auprc::average_precision;
/// // The first positive is found at precision 1, the second at precision 2/3.
/// let found = average_precision(&[0.9, 0.7, 0.4, 0.1], &[true, false, true, false]).unwrap();
/// assert!((found - (1.0 + 2.0 / 3.0) / 2.0).abs() < 1e-12);
/// assert_eq!(average_precision(&[0.9, 0.4], &[false, false]), None);
/// ```
pub fn average_precision(scores: &[f64], labels: &[bool]) -> Option<f64> {
    let pairs = sorted(scores, labels)?;
    let (mut hits, mut called, mut sum) = (0.0, 0.0, 0.0);
    for tied in ties(&pairs).rev() {
        let found = positives(tied);
        hits += found;
        called += tied.len() as f64;
        sum += found * hits / called;
    }
    (hits > 0.0).then(|| sum / hits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(found: Option<f64>, expected: f64) -> bool {
        found.is_some_and(|x| (x - expected).abs() < 1e-12)
    }

    #[test]
    fn agrees_with_scikit_learn() {
        // average_precision_score of scikit-learn 1.9.1; the first is its documented example.
        let labels = [false, false, true, true];
        let found = average_precision(&[0.1, 0.4, 0.35, 0.8], &labels);
        assert!(close(found, 0.833_333_333_333_333_3));

        let scores = [0.9, 0.9, 0.8, 0.5, 0.5, 0.5, 0.5, 0.3, 0.1, 0.1];
        let labels = [1, 0, 1, 1, 0, 0, 1, 0, 0, 1].map(|label| label == 1);
        assert!(close(
            average_precision(&scores, &labels),
            0.561_904_761_904_761_8
        ));
    }

    #[test]
    fn ties_are_one_threshold() {
        // By hand: at .9 one of two is a positive, at .2 two of three: (1/2 + 2/3) / 2 = 7/12.
        let found = average_precision(&[0.9, 0.9, 0.2], &[true, false, true]);
        assert!(close(found, 7.0 / 12.0));
        // Scores that say nothing reach the share of positives.
        let found = average_precision(&[0.5; 5], &[true, false, false, true, false]);
        assert!(close(found, 0.4));
        assert!(close(average_precision(&[0.2, 0.3], &[true, true]), 1.0));
    }

    #[test]
    fn without_positives_or_with_two_lengths_there_is_no_area() {
        assert_eq!(average_precision(&[], &[]), None);
        assert_eq!(average_precision(&[1.0, 2.0], &[false, false]), None);
        assert_eq!(average_precision(&[f64::NAN, 2.0], &[true, false]), None);
        assert_eq!(average_precision(&[1.0, 2.0], &[true]), None);
    }

    #[test]
    fn a_missing_score_takes_its_label_along() {
        let scores = [f64::NAN, 0.4, 0.35, 0.8, 0.1];
        let labels = [true, false, true, true, false];
        assert!(close(average_precision(&scores, &labels), 5.0 / 6.0));
        let infinite = [f64::NEG_INFINITY, f64::INFINITY];
        assert!(close(average_precision(&infinite, &[false, true]), 1.0));
    }

    proptest! {
        #[test]
        fn equals_the_mean_precision_at_each_positive(
            pairs in prop::collection::vec((0..6i8, any::<bool>()), 0..40),
        ) {
            let scores: Vec<f64> = pairs.iter().map(|p| f64::from(p.0)).collect();
            let labels: Vec<bool> = pairs.iter().map(|p| p.1).collect();
            let hits: Vec<i8> = pairs.iter().filter(|p| p.1).map(|p| p.0).collect();
            let precision = |at: i8| {
                let called = pairs.iter().filter(|p| p.0 >= at).count();
                hits.iter().filter(|score| **score >= at).count() as f64 / called as f64
            };
            let expected = hits.iter().map(|at| precision(*at)).sum::<f64>() / hits.len() as f64;
            match average_precision(&scores, &labels) {
                Some(found) => prop_assert!((found - expected).abs() < 1e-12 && found <= 1.0),
                None => prop_assert!(hits.is_empty()),
            }
        }

        #[test]
        fn the_order_of_samples_does_not_count(
            (pairs, shuffled) in prop::collection::vec((0..6i8, any::<bool>()), 0..40)
                .prop_flat_map(|pairs| (Just(pairs.clone()), Just(pairs).prop_shuffle())),
        ) {
            let value = |pairs: &[(i8, bool)]| {
                let scores: Vec<f64> = pairs.iter().map(|p| f64::from(p.0)).collect();
                let labels: Vec<bool> = pairs.iter().map(|p| p.1).collect();
                average_precision(&scores, &labels).map(f64::to_bits)
            };
            prop_assert_eq!(value(&pairs), value(&shuffled));
        }
    }
}
