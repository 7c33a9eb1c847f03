//! Figures that follow from a confusion matrix.

use serde::{Deserialize, Serialize};

use super::ConfusionMatrix;
use crate::robust::mean;

/// How well one class is distinguished from the others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClassMetrics {
    /// Share of this class among its predictions; `None` when it was never predicted.
    pub precision: Option<f64>,
    /// Share of its samples that were found; `None` when it has no sample.
    pub recall: Option<f64>,
    /// `2 tp / (labelled + predicted)`; `None` when it has neither sample nor prediction.
    pub f1: Option<f64>,
    /// Number of samples with this label.
    pub support: u64,
}

impl ClassMetrics {
    fn new(hits: u64, labelled: u64, predicted: u64) -> Self {
        let hits = hits as f64;
        let share = |whole: f64| (whole > 0.0).then(|| hits / whole);
        let (of_labels, of_predictions) = (labelled as f64, predicted as f64);
        Self {
            precision: share(of_predictions),
            recall: share(of_labels),
            f1: share(f64::midpoint(of_labels, of_predictions)),
            support: labelled,
        }
    }
}

impl ConfusionMatrix {
    /// Precision, recall, F1 and support of one class; `None` when there is no such class. `O(C²)`.
    ///
    /// scikit-learn counts an undefined precision or recall as 0; here it is `None`.
    pub fn class(&self, class: usize) -> Option<ClassMetrics> {
        self.classes().get(class).copied()
    }

    /// [`ConfusionMatrix::class`] of every class, `[C]`. `O(C²)`.
    pub fn classes(&self) -> Vec<ClassMetrics> {
        let hits = self.counts().iter().enumerate().map(|(i, row)| row[i]);
        hits.zip(self.labelled())
            .zip(self.predicted())
            .map(|((hits, labelled), predicted)| ClassMetrics::new(hits, labelled, predicted))
            .collect()
    }

    /// Share of correct predictions; `None` without samples. `O(C²)`.
    pub fn accuracy(&self) -> Option<f64> {
        let total = self.total();
        (total > 0).then(|| self.correct() as f64 / total as f64)
    }

    /// Mean recall over the classes that have samples; `None` without samples. `O(C²)`.
    ///
    /// A classifier that says the same for every sample reaches 1 over the number of such classes,
    /// however unequal they are (Brodersen et al. 2010).
    pub fn balanced_accuracy(&self) -> Option<f64> {
        let recalls: Vec<f64> = self.classes().iter().filter_map(|c| c.recall).collect();
        mean(&recalls)
    }

    /// Mean F1 over the classes that have samples or predictions; `None` without samples. `O(C²)`.
    ///
    /// A class that has samples but no prediction, or predictions but no sample, counts with F1 of
    /// 0; one that has neither is left out. So scikit-learn's `f1_score(average="macro")` has it.
    /// It is the mean of F1 scores, not the F1 of mean precision and mean recall, which may be much
    /// greater (Opitz and Burst 2019).
    ///
    /// ```
    /// use astern_stats::classification::ConfusionMatrix;
    /// // Class 2 is predicted once and never right; class 3 does not occur.
    /// let matrix = ConfusionMatrix::new(&[0, 0, 1, 1], &[0, 0, 1, 2], 4)?;
    /// let macro_f1 = matrix.macro_f1().unwrap();
    /// assert!((macro_f1 - (1.0 + 2.0 / 3.0 + 0.0) / 3.0).abs() < 1e-12);
    /// # Ok::<(), astern_stats::classification::ConfusionError>(())
    /// ```
    pub fn macro_f1(&self) -> Option<f64> {
        let scores: Vec<f64> = self.classes().iter().filter_map(|c| c.f1).collect();
        mean(&scores)
    }

    /// Mean F1, each class weighted by its number of samples; `None` without samples. `O(C²)`.
    pub fn weighted_f1(&self) -> Option<f64> {
        let classes = self.classes();
        let weighted = classes
            .iter()
            .map(|c| c.support as f64 * c.f1.unwrap_or(0.0));
        let total = self.total();
        (total > 0).then(|| weighted.sum::<f64>() / total as f64)
    }

    /// F1 of the counts pooled over all classes; `None` without samples. `O(C²)`.
    ///
    /// Every wrong prediction is one false positive and one false negative, so for exclusive classes
    /// this is [`ConfusionMatrix::accuracy`]; it goes by this name in many papers.
    pub fn micro_f1(&self) -> Option<f64> {
        self.accuracy()
    }

    /// Matthews' correlation of labels and predictions, in -1..=1; `None` without samples. `O(C²)`.
    ///
    /// `(c s - Σ pₖ tₖ) / √((s² - Σ pₖ²) (s² - Σ tₖ²))` for `c` correct of `s` samples and class `k`
    /// predicted `pₖ` times and labelled `tₖ` times (Matthews 1975; several classes: Gorodkin 2004).
    /// Where all labels or all predictions are one class it is 0 over 0 and counts as 0, as in
    /// scikit-learn.
    ///
    /// ```
    /// use astern_stats::classification::ConfusionMatrix;
    /// let matrix = ConfusionMatrix::new(&[1, 1, 1, 0], &[1, 0, 1, 1], 2)?;
    /// assert!((matrix.matthews_correlation().unwrap() + 1.0 / 3.0).abs() < 1e-12);
    /// # Ok::<(), astern_stats::classification::ConfusionError>(())
    /// ```
    pub fn matthews_correlation(&self) -> Option<f64> {
        let (labelled, predicted) = (self.labelled(), self.predicted());
        // Products of two counts whose sums fit u64 fit u128, so the differences are exact.
        let dot = |a: &[u64], b: &[u64]| -> u128 {
            let products = a
                .iter()
                .zip(b)
                .map(|(x, y)| u128::from(*x) * u128::from(*y));
            products.sum()
        };
        let total = u128::from(self.total());
        if total == 0 {
            return None;
        }
        let agreed = u128::from(self.correct()) * total;
        let by_chance = dot(&labelled, &predicted);
        let covariance = agreed.abs_diff(by_chance) as f64;
        let covariance = if agreed < by_chance {
            -covariance
        } else {
            covariance
        };
        let variance = |counts: &[u64]| (total * total - dot(counts, counts)) as f64;
        let scale = variance(&labelled).sqrt() * variance(&predicted).sqrt();
        Some(if scale > 0.0 {
            (covariance / scale).clamp(-1.0, 1.0)
        } else {
            0.0
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn figures(m: &ConfusionMatrix) -> [Option<f64>; 6] {
        [
            m.accuracy(),
            m.balanced_accuracy(),
            m.macro_f1(),
            m.weighted_f1(),
            m.micro_f1(),
            m.matthews_correlation(),
        ]
    }

    fn assert_figures(labels: &[usize], predictions: &[usize], n: usize, expected: [f64; 6]) {
        let found = figures(&ConfusionMatrix::new(labels, predictions, n).unwrap());
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found.unwrap() - expected).abs() < 1e-12,
                "{found:?} {expected}"
            );
        }
    }

    // Expected values are those of scikit-learn 1.9.1: accuracy_score, balanced_accuracy_score,
    // f1_score with average "macro", "weighted" and "micro", matthews_corrcoef.

    #[test]
    fn four_classes_agree_with_scikit_learn() {
        let labels = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3];
        let predictions = [0, 0, 1, 3, 1, 1, 0, 2, 2, 0, 2, 3, 3, 2];
        let expected = [
            0.571_428_571_428_571_4,
            0.566_666_666_666_666_7,
            0.558_333_333_333_333_2,
            0.580_952_380_952_380_9,
            0.571_428_571_428_571_4,
            0.423_651_974_576_320_8,
        ];
        assert_figures(&labels, &predictions, 4, expected);
        let second = ConfusionMatrix::new(&labels, &predictions, 4)
            .unwrap()
            .classes()[2];
        assert_eq!(
            (second.precision, second.recall, second.support),
            (Some(0.75), Some(0.6), 5)
        );
        assert!((second.f1.unwrap() - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn classes_without_label_or_prediction_agree_with_scikit_learn() {
        // Class 2 is only predicted, class 3 only labelled, class 4 neither.
        let labels = [0, 0, 0, 1, 1, 3, 3, 0];
        let predictions = [0, 0, 2, 1, 0, 1, 0, 0];
        let expected = [
            0.5,
            0.416_666_666_666_666_6,
            0.291_666_666_666_666_6,
            0.458_333_333_333_333_3,
            0.5,
            0.216_930_457_818_656_2,
        ];
        assert_figures(&labels, &predictions, 5, expected);
        let classes = ConfusionMatrix::new(&labels, &predictions, 5)
            .unwrap()
            .classes();
        let of = |i: usize| (classes[i].precision, classes[i].recall, classes[i].f1);
        assert_eq!(of(2), (Some(0.0), None, Some(0.0)));
        assert_eq!(of(3), (None, Some(0.0), Some(0.0)));
        assert_eq!(of(4), (None, None, None));
    }

    #[test]
    fn a_constant_prediction_agrees_with_scikit_learn() {
        let expected = [0.25, 1.0 / 3.0, 2.0 / 15.0, 0.1, 0.25, 0.0];
        assert_figures(&[0, 1, 2, 0], &[1, 1, 1, 1], 3, expected);
    }

    #[test]
    fn no_samples_have_no_figures() {
        let empty = ConfusionMatrix::new(&[], &[], 2).unwrap();
        assert_eq!(figures(&empty), [None; 6]);
        assert_eq!(empty.class(2), None);
    }

    #[test]
    fn the_greatest_counts_do_not_overflow() {
        let half = u64::MAX / 2;
        let perfect = ConfusionMatrix::try_from(vec![vec![half, 0], vec![0, half]]).unwrap();
        for found in figures(&perfect) {
            assert!((found.unwrap() - 1.0).abs() < 1e-12);
        }
    }

    type Samples = Vec<(usize, usize)>;

    fn samples() -> impl Strategy<Value = (usize, Samples)> {
        (1..6_usize).prop_flat_map(|n| (Just(n), prop::collection::vec((0..n, 0..n), 1..60)))
    }

    fn matrix(n: usize, samples: &[(usize, usize)]) -> ConfusionMatrix {
        let (labels, predictions): (Vec<_>, Vec<_>) = samples.iter().copied().unzip();
        ConfusionMatrix::new(&labels, &predictions, n).unwrap()
    }

    proptest! {
        #[test]
        fn figures_stay_in_their_ranges((n, samples) in samples()) {
            let m = matrix(n, &samples);
            for found in figures(&m).into_iter().take(5) {
                prop_assert!((0.0..=1.0 + 1e-12).contains(&found.unwrap()));
            }
            prop_assert!(m.matthews_correlation().unwrap().abs() <= 1.0);
        }

        #[test]
        fn accuracy_is_trace_over_total((n, samples) in samples()) {
            let hits = samples.iter().filter(|(label, prediction)| label == prediction).count();
            let expected = hits as f64 / samples.len() as f64;
            prop_assert!((matrix(n, &samples).accuracy().unwrap() - expected).abs() < 1e-12);
        }

        #[test]
        fn the_order_of_samples_does_not_count(
            (n, samples, shuffled) in samples()
                .prop_flat_map(|(n, s)| (Just(n), Just(s.clone()), Just(s).prop_shuffle())),
        ) {
            prop_assert_eq!(figures(&matrix(n, &samples)), figures(&matrix(n, &shuffled)));
        }

        #[test]
        fn names_of_classes_do_not_count((n, samples) in samples()) {
            let renamed: Samples = samples.iter().map(|(a, b)| (n - 1 - a, n - 1 - b)).collect();
            let pairs = figures(&matrix(n, &samples)).into_iter().zip(figures(&matrix(n, &renamed)));
            for (before, after) in pairs {
                prop_assert!((before.unwrap() - after.unwrap()).abs() < 1e-12);
            }
        }

        #[test]
        fn labels_and_predictions_may_swap_in_symmetric_figures((n, samples) in samples()) {
            let swapped: Samples = samples.iter().map(|(a, b)| (*b, *a)).collect();
            let (m, s) = (matrix(n, &samples), matrix(n, &swapped));
            prop_assert!((m.macro_f1().unwrap() - s.macro_f1().unwrap()).abs() < 1e-12);
            let (m, s) = (m.matthews_correlation().unwrap(), s.matthews_correlation().unwrap());
            prop_assert!((m - s).abs() < 1e-12);
        }

        #[test]
        fn two_classes_correlate_as_zeros_and_ones_do(
            samples in prop::collection::vec((0..2_usize, 0..2_usize), 2..60),
        ) {
            let (x, y): (Vec<f64>, Vec<f64>) =
                samples.iter().map(|(a, b)| (*a as f64, *b as f64)).unzip();
            let expected = crate::correlation::pearson(&x, &y).unwrap_or(0.0);
            let found = matrix(2, &samples).matthews_correlation().unwrap();
            prop_assert!((found - expected).abs() < 1e-9);
        }
    }
}
