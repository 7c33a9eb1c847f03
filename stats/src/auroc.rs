//! Area under the receiver operating characteristic.

use crate::order::ascending;

/// Probability that a positive scores higher than a negative, ties counting half.
///
/// `(Σ ranks of positives - m (m + 1) / 2) / (m n)` for `m` positives and `n` negatives, where
/// equal scores share their mean rank (the rank sum of Mann and Whitney 1947). A `NaN`
/// score is left out with its label. `None` when either class is empty or the slices differ in
/// length. `O(k log k)` for `k` scores.
///
/// ```
/// use astern_stats::auroc::auroc;
/// let labels = [true, true, false, false];
/// assert_eq!(auroc(&[0.9, 0.4, 0.4, 0.1], &labels), Some(0.875));
/// assert_eq!(auroc(&[0.9, 0.4], &[true, true]), None);
/// ```
pub fn auroc(scores: &[f64], labels: &[bool]) -> Option<f64> {
    if scores.len() != labels.len() {
        return None;
    }
    let pairs = scores.iter().copied().zip(labels.iter().copied());
    let mut pairs: Vec<(f64, bool)> = pairs.filter(|(score, _)| !score.is_nan()).collect();
    pairs.sort_by(|a, b| ascending(a.0, b.0));
    let positives = |ties: &[(f64, bool)]| ties.iter().filter(|(_, label)| *label).count() as f64;
    let (mut rank_sum, mut below) = (0.0, 0.0);
    for ties in pairs.chunk_by(|a, b| ascending(a.0, b.0).is_eq()) {
        let size = ties.len() as f64;
        rank_sum += (below + f64::midpoint(size, 1.0)) * positives(ties);
        below += size;
    }
    let m = positives(&pairs);
    let n = below - m;
    (m > 0.0 && n > 0.0).then(|| (rank_sum - m * (m + 1.0) / 2.0) / (m * n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_values() {
        // scikit-learn's example: roc_auc_score([0, 0, 1, 1], [.1, .4, .35, .8]) = .75.
        let labels = [false, false, true, true];
        assert_eq!(auroc(&[0.1, 0.4, 0.35, 0.8], &labels), Some(0.75));
        assert_eq!(auroc(&[0.1, 0.2, 0.3, 0.4], &labels), Some(1.0));
        assert_eq!(auroc(&[0.4, 0.3, 0.2, 0.1], &labels), Some(0.0));
        assert_eq!(auroc(&[7.0; 4], &labels), Some(0.5));
        let infinite = [f64::NEG_INFINITY, 0.0, 1.0, f64::INFINITY];
        assert_eq!(auroc(&infinite, &labels), Some(1.0));
    }

    #[test]
    fn one_class_or_two_lengths_have_no_area() {
        assert_eq!(auroc(&[], &[]), None);
        assert_eq!(auroc(&[1.0, 2.0], &[false, false]), None);
        assert_eq!(auroc(&[1.0, f64::NAN], &[true, false]), None);
        assert_eq!(auroc(&[1.0, 2.0], &[true]), None);
    }

    #[test]
    fn a_missing_score_takes_its_label_along() {
        let scores = [f64::NAN, 0.4, 0.35, 0.8, 0.1];
        let labels = [true, false, true, true, false];
        assert_eq!(auroc(&scores, &labels), Some(0.75));
    }

    proptest! {
        #[test]
        fn equals_the_share_of_ordered_pairs(
            pairs in prop::collection::vec((0..6i8, any::<bool>()), 2..40),
        ) {
            let scores: Vec<f64> = pairs.iter().map(|p| f64::from(p.0)).collect();
            let labels: Vec<bool> = pairs.iter().map(|p| p.1).collect();
            let (mut won, mut of) = (0.0, 0.0);
            for a in pairs.iter().filter(|p| p.1) {
                for b in pairs.iter().filter(|p| !p.1) {
                    of += 1.0;
                    won += match a.0.cmp(&b.0) {
                        std::cmp::Ordering::Greater => 1.0,
                        std::cmp::Ordering::Equal => 0.5,
                        std::cmp::Ordering::Less => 0.0,
                    };
                }
            }
            match auroc(&scores, &labels) {
                Some(area) => prop_assert!((area - won / of).abs() < 1e-12),
                None => prop_assert!(of < 1.0),
            }
        }
    }
}
