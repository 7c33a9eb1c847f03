//! Area under the receiver operating characteristic.

use crate::scored::{positives, sorted, ties};

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
    let pairs = sorted(scores, labels)?;
    let (mut rank_sum, mut below) = (0.0, 0.0);
    for tied in ties(&pairs) {
        let size = tied.len() as f64;
        rank_sum += (below + f64::midpoint(size, 1.0)) * positives(tied);
        below += size;
    }
    let m = positives(&pairs);
    let n = below - m;
    (m > 0.0 && n > 0.0).then(|| (rank_sum - m * (m + 1.0) / 2.0) / (m * n))
}

/// Macro one-vs-rest AUROC: the mean over classes of [`auroc`] of "this class" against all others.
///
/// `scores` is `[N][C]`, the score of each sample for each class; `labels` is `[N]`, each below
/// `C`. Only the order within a column counts, so logits serve as well as probabilities, and rows
/// need not sum to 1. A `NaN` score is left out of its own column alone.
///
/// `None` when the shapes do not fit, a label is not below `C`, or a class has no sample or all of
/// them: the mean over the other classes would be another figure under the same name.
/// scikit-learn's `roc_auc_score(multi_class="ovr")` gives the same values and refuses the same
/// cases.
///
/// # Complexity
/// `O(C N log N)`.
///
/// # Example
/// ```
/// use astern_stats::auroc::macro_auroc;
/// let scores = [[0.7, 0.2, 0.1], [0.3, 0.5, 0.2], [0.2, 0.2, 0.6], [0.1, 0.5, 0.4]];
/// assert_eq!(macro_auroc(&scores, &[0, 1, 2, 1]), Some(1.0));
/// assert_eq!(macro_auroc(&scores, &[0, 1, 1, 1]), None); // nothing to rank in class 2
/// ```
pub fn macro_auroc<R: AsRef<[f64]>>(scores: &[R], labels: &[usize]) -> Option<f64> {
    let classes = scores.first()?.as_ref().len();
    let fits = scores.len() == labels.len()
        && scores.iter().all(|row| row.as_ref().len() == classes)
        && labels.iter().all(|label| *label < classes);
    if !fits {
        return None;
    }
    let area = |class: usize| {
        let column: Vec<f64> = scores.iter().map(|row| row.as_ref()[class]).collect();
        let members: Vec<bool> = labels.iter().map(|label| *label == class).collect();
        auroc(&column, &members)
    };
    let sum: Option<f64> = (0..classes).map(area).sum();
    sum.map(|sum| sum / classes as f64)
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

    #[test]
    fn macro_agrees_with_scikit_learn() {
        // roc_auc_score(labels, scores, multi_class="ovr") of scikit-learn 1.9.1; by class
        // .8, .933…, .875.
        let scores = [
            [0.7, 0.2, 0.1],
            [0.4, 0.4, 0.2],
            [0.2, 0.5, 0.3],
            [0.3, 0.3, 0.4],
            [0.1, 0.2, 0.7],
            [0.5, 0.1, 0.4],
            [0.1, 0.6, 0.3],
            [0.25, 0.25, 0.5],
        ];
        let found = macro_auroc(&scores, &[0, 0, 1, 1, 2, 2, 1, 0]).unwrap();
        assert!((found - 0.869_444_444_444_444_5).abs() < 1e-12);
    }

    #[test]
    fn macro_refuses_what_has_no_mean() {
        let scores = [[0.1, 0.9], [0.8, 0.2]];
        assert_eq!(macro_auroc(&scores, &[1, 0]), Some(1.0));
        assert_eq!(macro_auroc(&scores, &[1]), None);
        assert_eq!(macro_auroc(&scores, &[1, 2]), None);
        assert_eq!(macro_auroc(&scores, &[1, 1]), None);
        assert_eq!(macro_auroc(&[vec![0.1, 0.9], vec![0.8]], &[1, 0]), None);
        assert_eq!(macro_auroc::<[f64; 2]>(&[], &[]), None);
        assert_eq!(macro_auroc(&[[], []], &[0, 0]), None);
    }

    #[test]
    fn macro_leaves_a_missing_score_out_of_its_column_alone() {
        // Column 0 ranks 1 over 0 (area 1); column 1 ranks 0 over 2 positives with 1 of 2 won.
        let scores = [[1.0, 0.2], [f64::NAN, 0.1], [0.0, 0.15]];
        assert_eq!(macro_auroc(&scores, &[0, 1, 1]), Some(0.5));
    }

    proptest! {
        #[test]
        fn macro_of_complementary_scores_is_the_area_of_two_classes(
            pairs in prop::collection::vec((0..6i8, any::<bool>()), 2..40),
        ) {
            let scores: Vec<f64> = pairs.iter().map(|p| f64::from(p.0)).collect();
            let labels: Vec<bool> = pairs.iter().map(|p| p.1).collect();
            let rows: Vec<[f64; 2]> = scores.iter().map(|x| [-x, *x]).collect();
            let classes: Vec<usize> = labels.iter().map(|label| usize::from(*label)).collect();
            match (auroc(&scores, &labels), macro_auroc(&rows, &classes)) {
                (Some(area), Some(mean)) => prop_assert!((area - mean).abs() < 1e-12),
                (area, mean) => prop_assert_eq!(area, mean),
            }
        }

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
