//! A learned score beside what it has to beat.

use std::fmt;

use astern_stats::auroc::auroc;
use astern_stats::order::ascending;
use ndarray::{Array2, ArrayRef2};

use super::LabelError;

/// The score of a learned detector and of its controls, each `[T, N]`, all of the same data.
///
/// Of [`Hypersphere::scores`](super::Hypersphere::scores) each is in its own unit, so only their
/// order says something; those of [`Hypersphere::deviations`](super::Hypersphere::deviations) are
/// in healthy standard deviations. `NaN` where nothing is known.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ControlScores {
    /// The trained graph neural network.
    pub trained: Array2<f64>,
    /// The same network with its initial weights.
    pub untrained: Array2<f64>,
    /// A network of the same layers, trained likewise, that sees each node by itself.
    pub mlp: Array2<f64>,
    /// Greatest robust z-score over the features of the node: nothing was learnt.
    pub classic: Array2<f64>,
}

impl ControlScores {
    /// How well each score separates labelled nodes and steps from the others.
    ///
    /// Steps of a node count where all four scores are finite, so that all are held against the
    /// same data.
    ///
    /// # Errors
    /// [`LabelError`] unless there is one label for each score.
    ///
    /// # Complexity
    /// `O(k log k)` for `k = T · N`.
    pub fn compare(&self, labels: &ArrayRef2<bool>) -> Result<Comparison, LabelError> {
        if labels.dim() != self.trained.dim() {
            return Err(LabelError {
                scores: self.trained.dim().into(),
                labels: labels.dim().into(),
            });
        }
        let all = [&self.trained, &self.untrained, &self.mlp, &self.classic];
        let (mut columns, mut kept) = ([const { Vec::new() }; 4], Vec::new());
        for (at, label) in labels.indexed_iter() {
            let row = all.map(|scores| scores.get(at).copied().unwrap_or(f64::NAN));
            if row.iter().all(|score| score.is_finite()) {
                columns.iter_mut().zip(row).for_each(|(c, x)| c.push(x));
                kept.push(*label);
            }
        }
        let [trained, untrained, mlp, classic] = columns.map(|scores| auroc(&scores, &kept));
        Ok(Comparison {
            trained,
            untrained,
            mlp,
            classic,
        })
    }
}

/// Area under the ROC curve of a learned score and of its controls; `None` when the labels are of
/// one class.
///
/// `Display` names the best in plain words.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// Of the trained graph neural network.
    pub trained: Option<f64>,
    /// Of the same network with its initial weights.
    pub untrained: Option<f64>,
    /// Of the network that sees each node by itself.
    pub mlp: Option<f64>,
    /// Of the greatest robust z-score.
    pub classic: Option<f64>,
}

impl Comparison {
    /// Name and area of each, from the simplest to the most learned.
    fn all(&self) -> [(&'static str, Option<f64>); 4] {
        [
            ("classic score", self.classic),
            ("untrained network", self.untrained),
            ("MLP", self.mlp),
            ("trained network", self.trained),
        ]
    }

    /// Name and area of the score that separates best; of equal ones the simplest.
    pub fn best(&self) -> Option<(&'static str, f64)> {
        let areas = self.all().into_iter();
        let known = areas.filter_map(|(name, area)| Some((name, area?)));
        // The last of equal maxima would win.
        known.rev().max_by(|a, b| ascending(a.1, b.1))
    }

    /// Whether the trained graph neural network separates better than each of its controls.
    pub fn learning_pays(&self) -> Option<bool> {
        let trained = self.trained?;
        let controls = [self.untrained, self.mlp, self.classic];
        Some(controls.into_iter().flatten().all(|area| trained > area))
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AUROC:")?;
        for (index, (name, area)) in self.all().into_iter().enumerate() {
            f.write_str(if index == 0 { " " } else { ", " })?;
            match area {
                Some(area) => write!(f, "{name} {area:.3}")?,
                None => write!(f, "{name} unknown")?,
            }
        }
        match (self.best(), self.learning_pays()) {
            (None, _) => f.write_str("; the labels are of one class"),
            (Some((name, _)), Some(true)) => {
                write!(f, "; the {name} separates best: learning on the graph pays")
            }
            (Some((name, _)), _) => write!(
                f,
                "; the {name} separates best: learning on the graph does not pay here"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn scores() -> ControlScores {
        ControlScores {
            trained: array![[0.0, 2.0], [1.0, f64::NAN]],
            untrained: array![[0.0, 2.0], [3.0, 9.0]],
            mlp: array![[0.0, 2.0], [2.0, 9.0]],
            classic: array![[5.0, 2.0], [3.0, 9.0]],
        }
    }

    #[test]
    fn only_what_all_four_know_is_compared() {
        let labels = array![[false, true], [false, true]];
        let areas = scores().compare(&labels).unwrap();
        let expected = (Some(1.0), Some(0.5), Some(0.75), Some(0.0));
        let found = (areas.trained, areas.untrained, areas.mlp, areas.classic);
        assert_eq!(found, expected);
        assert_eq!(areas.best(), Some(("trained network", 1.0)));
        assert_eq!(areas.learning_pays(), Some(true));
        assert!(areas.to_string().ends_with("learning on the graph pays"));
    }

    #[test]
    fn of_equal_ones_the_simplest_wins() {
        let mut areas = scores()
            .compare(&array![[false, true], [false, true]])
            .unwrap();
        areas.untrained = areas.trained;
        assert_eq!(areas.best(), Some(("untrained network", 1.0)));
        assert_eq!(areas.learning_pays(), Some(false));
        assert!(areas.to_string().contains("does not pay"));
    }

    #[test]
    fn labels_of_one_class_or_another_shape() {
        let areas = scores().compare(&Array2::from_elem((2, 2), false)).unwrap();
        assert_eq!((areas.best(), areas.learning_pays()), (None, None));
        assert!(areas.to_string().contains("one class"));
        let error = scores().compare(&array![[true, false]]).unwrap_err();
        let shapes = LabelError {
            scores: [2, 2],
            labels: [1, 2],
        };
        assert_eq!(error, shapes);
    }
}
