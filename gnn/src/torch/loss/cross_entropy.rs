//! Cross entropy with class weights.

use tch::{Device, Kind, Reduction, Tensor};

use super::super::TorchError;
use super::super::error::Named;
use super::super::tensor::{from_indices, from_values, int};
use super::{mean, same_shape};
use crate::error::ConfigError;

/// Cross entropy of logits `[N, C]` against one class an item:
/// `Σ_i w_i u_{y_i} (-log softmax(l_i)_{y_i}) / Σ_i w_i u_{y_i}`, with weights `u` of classes and
/// `w` of items; torch's `CrossEntropyLoss(weight=u)` where all `w` are 1.
///
/// # Example
///
/// ```
/// use astern_gnn::torch::loss::CrossEntropy;
/// use astern_gnn::torch::tch::{Device, Tensor};
///
/// let loss = CrossEntropy::new(&[0, 1, 1], 2, Device::Cpu)?.balanced()?;
/// let logits = Tensor::f_from_slice(&[2f32, 0.0, 0.0, 2.0, 0.0, 2.0])?.f_reshape([3, 2])?;
/// let value = loss.loss(&logits, None)?.f_double_value(&[])?;
/// assert!((value - (1.0 + (-2f64).exp()).ln()).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CrossEntropy {
    labels: Vec<u32>,
    n_classes: usize,
    targets: Tensor,
    /// `[N]`, of the class of each item.
    class_weights: Option<Tensor>,
}

/// Greatest number of classes: a weight of each is held.
const MAX_CLASSES: usize = 1 << 24;

impl CrossEntropy {
    /// For items of these classes, below `n_classes`. Items without a class get any one, and a
    /// weight of 0.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for a class out of range, or more than 2²⁴ classes.
    pub fn new(labels: &[u32], n_classes: usize, device: Device) -> Result<Self, TorchError> {
        if let Some(&label) = labels.iter().find(|&&label| label as usize >= n_classes) {
            let error = ConfigError::OutOfRange {
                name: "label",
                value: label.into(),
                allowed: "below the number of classes",
            };
            return Err(TorchError::new("cross_entropy", &[], error));
        }
        if n_classes > MAX_CLASSES {
            let error = ConfigError::OutOfRange {
                name: "n_classes",
                value: n_classes as f64,
                allowed: "at most 2^24",
            };
            return Err(TorchError::new("cross_entropy", &[], error));
        }
        Ok(Self {
            labels: labels.to_vec(),
            n_classes,
            targets: from_indices(labels.iter().map(|&label| label.into()), device)?,
            class_weights: None,
        })
    }

    /// Sets a weight for each class.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for another number of weights than classes, or one that is negative or not
    /// finite.
    pub fn class_weights(mut self, weights: &[f64]) -> Result<Self, TorchError> {
        let bad = |w: &&f64| !(w.is_finite() && **w >= 0.0);
        let error = match weights.iter().find(bad) {
            Some(&value) => Some(("class_weights", value, "at least 0, finite")),
            None if weights.len() != self.n_classes => {
                let n = weights.len() as f64;
                Some(("class_weights.len()", n, "the number of classes"))
            }
            None => None,
        };
        if let Some((name, value, allowed)) = error {
            let error = ConfigError::OutOfRange {
                name,
                value,
                allowed,
            };
            return Err(TorchError::new("cross_entropy", &[], error));
        }
        let of_items: Vec<f64> = self.labels.iter().map(|&l| weights[l as usize]).collect();
        let (shape, device) = ([int(of_items.len())], self.targets.device());
        self.class_weights = Some(from_values(&of_items, &shape, Kind::Double, device)?);
        Ok(self)
    }

    /// Weighs classes by `N / (C n_c)`, so that each counts the same; an empty class by 0.
    ///
    /// # Errors
    ///
    /// [`TorchError`], for instance when the device has no room.
    pub fn balanced(self) -> Result<Self, TorchError> {
        let mut counts = vec![0usize; self.n_classes];
        for &label in &self.labels {
            counts[label as usize] += 1;
        }
        let even = self.labels.len() as f64 / self.n_classes as f64;
        let weight = |&n: &usize| if n == 0 { 0.0 } else { even / n as f64 };
        let weights: Vec<f64> = counts.iter().map(weight).collect();
        self.class_weights(&weights)
    }

    /// `-log softmax(l_i)_{y_i}` of each item, `[N]`, without weights.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for logits of another shape than `[N, C]`.
    pub fn items(&self, logits: &Tensor) -> Result<Tensor, TorchError> {
        if logits.size() != [int(self.labels.len()), int(self.n_classes)] {
            let expected = format!("expected [{}, {}]", self.labels.len(), self.n_classes);
            return Err(TorchError::new("cross_entropy", &[logits], expected));
        }
        let none = Option::<&Tensor>::None;
        logits
            .f_cross_entropy_loss(&self.targets, none, Reduction::None, -100, 0.0)
            .named("cross_entropy", &[logits, &self.targets])
    }

    /// The weighted mean.
    ///
    /// # Errors
    ///
    /// Those of [`items`](Self::items), and for weights of another shape or sum 0.
    pub fn loss(&self, logits: &Tensor, weights: Option<&Tensor>) -> Result<Tensor, TorchError> {
        let items = self.items(logits)?;
        let Some(of_class) = &self.class_weights else {
            return mean(&items, weights);
        };
        let of_class = of_class
            .f_to_kind(items.kind())
            .named("to_kind", &[of_class])?;
        let Some(weights) = weights else {
            return mean(&items, Some(&of_class));
        };
        same_shape("weights", &items, weights)?;
        let both = of_class
            .f_mul(weights)
            .named("mul", &[&of_class, weights])?;
        mean(&items, Some(&both))
    }
}
