//! Counts of samples by label and prediction.

use serde::{Deserialize, Serialize};

/// Most classes of a [`ConfusionMatrix`]; its memory grows with their square (128 MiB here).
pub const MAX_CLASSES: usize = 4096;

/// Why labels, predictions or counts make no [`ConfusionMatrix`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfusionError {
    /// Labels and predictions differ in number.
    #[error("{labels} labels do not go with {predictions} predictions")]
    LengthMismatch {
        /// Number of labels.
        labels: usize,
        /// Number of predictions.
        predictions: usize,
    },
    /// A label or prediction is not one of the classes.
    #[error("{what} {position} is class {class}; classes lie below {n_classes}")]
    ClassOutOfRange {
        /// `"label"` or `"prediction"`.
        what: &'static str,
        /// Its position in its slice.
        position: usize,
        /// The class given.
        class: usize,
        /// Number of classes.
        n_classes: usize,
    },
    /// There are no classes, or more than [`MAX_CLASSES`].
    #[error("{n_classes} classes; there must be 1 to {limit}")]
    ClassCount {
        /// Number of classes.
        n_classes: usize,
        /// Greatest allowed number.
        limit: usize,
    },
    /// A row of counts does not have one count per class.
    #[error("row {row} has {len} counts for {n_classes} classes")]
    NotSquare {
        /// Index of the row.
        row: usize,
        /// Its length.
        len: usize,
        /// Number of classes, which is the number of rows.
        n_classes: usize,
    },
    /// The counts add up to more than `u64::MAX`.
    #[error("the counts add up to more than {limit}")]
    TooManySamples {
        /// Greatest allowed sum.
        limit: u64,
    },
}

/// Counts of samples by class: row = label, column = prediction.
///
/// Shows as a table with totals. The serialised form is the rows of counts; reading it checks them.
///
/// # Complexity
/// `O(N + C²)` time to make from `N` samples of `C` classes, `O(C²)` memory.
///
/// # Example
/// ```
/// use astern_stats::classification::ConfusionMatrix;
///
/// let labels = [0, 0, 0, 1, 1, 2];
/// let predictions = [0, 0, 1, 1, 1, 0];
/// let matrix = ConfusionMatrix::new(&labels, &predictions, 3)?;
/// assert_eq!(matrix.counts(), [[2, 1, 0], [0, 2, 0], [1, 0, 0]]);
/// assert_eq!(matrix.accuracy(), Some(4.0 / 6.0));
/// assert_eq!(matrix.class(0).and_then(|class| class.precision), Some(2.0 / 3.0));
///
/// let table = "\
/// label \\ predicted  0  1  2  total
///                 0  2  1  0      3
///                 1  0  2  0      2
///                 2  1  0  0      1
///             total  3  3  0      6";
/// assert_eq!(matrix.to_string(), table);
/// # Ok::<(), astern_stats::classification::ConfusionError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<Vec<u64>>", try_from = "Vec<Vec<u64>>")]
pub struct ConfusionMatrix {
    counts: Vec<Vec<u64>>,
}

impl ConfusionMatrix {
    /// Counts samples, `labels` and `predictions` being `[N]` classes below `n_classes`.
    ///
    /// No samples are allowed: the figures are `None` then.
    ///
    /// # Errors
    /// [`ConfusionError`] for two lengths, a class out of range, no class, or more classes than
    /// [`MAX_CLASSES`].
    pub fn new(
        labels: &[usize],
        predictions: &[usize],
        n_classes: usize,
    ) -> Result<Self, ConfusionError> {
        check_class_count(n_classes)?;
        if labels.len() != predictions.len() {
            return Err(ConfusionError::LengthMismatch {
                labels: labels.len(),
                predictions: predictions.len(),
            });
        }
        check_classes("label", labels, n_classes)?;
        check_classes("prediction", predictions, n_classes)?;
        let mut counts = vec![vec![0; n_classes]; n_classes];
        for (label, prediction) in labels.iter().zip(predictions) {
            counts[*label][*prediction] += 1;
        }
        Ok(Self { counts })
    }

    /// Number of classes.
    pub fn n_classes(&self) -> usize {
        self.counts.len()
    }

    /// The counts, `[C][C]`: `counts()[label][prediction]`.
    pub fn counts(&self) -> &[Vec<u64>] {
        &self.counts
    }

    /// Number of samples.
    pub fn total(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// Number of correct predictions, the sum of the diagonal.
    pub fn correct(&self) -> u64 {
        self.counts.iter().enumerate().map(|(i, row)| row[i]).sum()
    }

    /// Samples by label, `[C]`: the row totals.
    pub fn labelled(&self) -> Vec<u64> {
        self.counts.iter().map(|row| row.iter().sum()).collect()
    }

    /// Samples by prediction, `[C]`: the column totals.
    pub fn predicted(&self) -> Vec<u64> {
        let column = |class: usize| self.counts.iter().map(|row| row[class]).sum();
        (0..self.n_classes()).map(column).collect()
    }
}

fn check_class_count(n_classes: usize) -> Result<(), ConfusionError> {
    if (1..=MAX_CLASSES).contains(&n_classes) {
        return Ok(());
    }
    Err(ConfusionError::ClassCount {
        n_classes,
        limit: MAX_CLASSES,
    })
}

fn check_classes(
    what: &'static str,
    classes: &[usize],
    n_classes: usize,
) -> Result<(), ConfusionError> {
    match classes.iter().position(|class| *class >= n_classes) {
        None => Ok(()),
        Some(position) => Err(ConfusionError::ClassOutOfRange {
            what,
            position,
            class: classes[position],
            n_classes,
        }),
    }
}

/// Counts that were made elsewhere: a sum over folds, or a published table.
impl TryFrom<Vec<Vec<u64>>> for ConfusionMatrix {
    type Error = ConfusionError;

    fn try_from(counts: Vec<Vec<u64>>) -> Result<Self, ConfusionError> {
        let n_classes = counts.len();
        check_class_count(n_classes)?;
        if let Some(row) = counts.iter().position(|row| row.len() != n_classes) {
            return Err(ConfusionError::NotSquare {
                row,
                len: counts[row].len(),
                n_classes,
            });
        }
        let mut all = counts.iter().flatten();
        match all.try_fold(0_u64, |sum, count| sum.checked_add(*count)) {
            Some(_) => Ok(Self { counts }),
            None => Err(ConfusionError::TooManySamples { limit: u64::MAX }),
        }
    }
}

impl From<ConfusionMatrix> for Vec<Vec<u64>> {
    fn from(matrix: ConfusionMatrix) -> Self {
        matrix.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::IntoDeserializer;
    use serde::de::value::Error as ValueError;

    #[test]
    fn what_does_not_fit_is_refused_with_its_values() {
        let refused = |labels: &[usize], predictions: &[usize], n_classes| {
            ConfusionMatrix::new(labels, predictions, n_classes)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refused(&[0, 1], &[0], 2),
            "2 labels do not go with 1 predictions"
        );
        assert_eq!(
            refused(&[0, 2], &[0, 1], 2),
            "label 1 is class 2; classes lie below 2"
        );
        assert_eq!(
            refused(&[0, 1], &[7, 1], 2),
            "prediction 0 is class 7; classes lie below 2"
        );
        assert_eq!(refused(&[], &[], 0), "0 classes; there must be 1 to 4096");
        assert!(refused(&[], &[], usize::MAX).ends_with("there must be 1 to 4096"));
    }

    #[test]
    fn counts_made_elsewhere_are_checked() {
        let made = |counts: Vec<Vec<u64>>| ConfusionMatrix::try_from(counts);
        assert_eq!(made(vec![vec![1, 2], vec![3, 4]]).unwrap().total(), 10);
        assert!(matches!(
            made(vec![]),
            Err(ConfusionError::ClassCount { n_classes: 0, .. })
        ));
        assert!(matches!(
            made(vec![vec![1, 2], vec![3]]),
            Err(ConfusionError::NotSquare {
                row: 1,
                len: 1,
                n_classes: 2
            })
        ));
        assert!(matches!(
            made(vec![vec![u64::MAX, 0], vec![1, 0]]),
            Err(ConfusionError::TooManySamples { .. })
        ));
    }

    #[test]
    fn reading_checks_as_making_does() {
        let read = |rows: Vec<Vec<u64>>| {
            let rows: serde::de::value::SeqDeserializer<_, ValueError> = rows.into_deserializer();
            ConfusionMatrix::deserialize(rows)
        };
        let matrix = read(vec![vec![5, 1], vec![0, 2]]).unwrap();
        assert_eq!(
            (matrix.labelled(), matrix.predicted()),
            (vec![6, 2], vec![5, 3])
        );
        let refused = read(vec![vec![1, 2]]).unwrap_err().to_string();
        assert_eq!(refused, "row 0 has 2 counts for 1 classes");
    }
}
