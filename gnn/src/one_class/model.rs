//! The fitted model.

use ndarray::{Array1, Array2, Array3, Axis, Zip};

use super::sphere::Sphere;
use super::{OneClassParams, TrainReport};
use crate::error::EncodeError;
use crate::graph::GraphSnapshots;
use crate::model::{Checkpoint, PreparedGraph};
use crate::scale::Scaler;

/// A fitted one-class model: scaler, network, hypersphere, and its untrained twin.
///
/// Scoring is pure Rust in `f64`: the same bytes whether the model was trained on CPU or GPU a
/// moment ago or read from a file without libtorch. The graph may differ from the one that was
/// trained on, in nodes and edges; the features may not. See [the module](super) for the method.
///
/// # Complexity
///
/// T passes of the network: time O(T L (N d² + E d)), memory O(T N d).
#[derive(Debug, Clone, PartialEq)]
pub struct OneClass {
    pub(super) params: OneClassParams,
    pub(super) features: Vec<String>,
    pub(super) scaler: Scaler,
    pub(super) trained: Sphere,
    pub(super) control: Sphere,
    pub(super) report: TrainReport,
}

impl OneClass {
    /// Score of each node in each snapshot, `[T, N]`: squared distance from the centre less the
    /// squared radius.
    ///
    /// Above 0 is outside the sphere; a share of about ν of the training rows is. The unit is that
    /// of squared embeddings: it orders the nodes, it is no probability. A node without any value
    /// in a snapshot scores `NaN` there.
    ///
    /// # Errors
    ///
    /// [`EncodeError::FeatureCount`] and [`EncodeError::FeatureName`] when the features are not
    /// those of the training data.
    pub fn score(&self, data: &GraphSnapshots) -> Result<Array2<f64>, EncodeError> {
        let squared = self.squared(&self.trained, data)?;
        Ok(squared - self.trained.radius * self.trained.radius)
    }

    /// [`score`](Self::score) of the untrained twin: the same network with its initial weights,
    /// the same centre, and a radius of its own. When this ranks as well, training was for nothing.
    ///
    /// # Errors
    ///
    /// Those of [`score`](Self::score).
    pub fn control_score(&self, data: &GraphSnapshots) -> Result<Array2<f64>, EncodeError> {
        let squared = self.squared(&self.control, data)?;
        Ok(squared - self.control.radius * self.control.radius)
    }

    /// Euclidean distance of each node from the centre in each snapshot, `[T, N]`; `NaN` for a
    /// node without any value.
    ///
    /// # Errors
    ///
    /// Those of [`score`](Self::score).
    pub fn distance(&self, data: &GraphSnapshots) -> Result<Array2<f64>, EncodeError> {
        Ok(self.squared(&self.trained, data)?.mapv_into(f64::sqrt))
    }

    /// Embedding of each node in each snapshot, `[T, N, d]`; that of a node without any value
    /// stands for its neighbours alone.
    ///
    /// # Errors
    ///
    /// Those of [`score`](Self::score).
    pub fn embed(&self, data: &GraphSnapshots) -> Result<Array3<f64>, EncodeError> {
        self.check(data)?;
        let graph = PreparedGraph::new(&data.structure());
        self.trained.embed(&self.scaler.apply(data.x()), &graph)
    }

    fn squared(&self, sphere: &Sphere, data: &GraphSnapshots) -> Result<Array2<f64>, EncodeError> {
        self.check(data)?;
        let graph = PreparedGraph::new(&data.structure());
        let z = sphere.embed(&self.scaler.apply(data.x()), &graph)?;
        let mut squared = z.map_axis(Axis(2), |z| sphere.squared_distance(&z));
        Zip::from(&mut squared)
            .and(data.x().lanes(Axis(2)))
            .for_each(|d, x| {
                if x.iter().all(|v| v.is_nan()) {
                    *d = f64::NAN;
                }
            });
        Ok(squared)
    }

    fn check(&self, data: &GraphSnapshots) -> Result<(), EncodeError> {
        let (expected, got) = (self.features.len(), data.n_features());
        if expected != got {
            return Err(EncodeError::FeatureCount { expected, got });
        }
        let names = self.features.iter().zip(data.features());
        match names
            .enumerate()
            .find(|(_, (expected, got))| expected != got)
        {
            Some((index, (expected, got))) => Err(EncodeError::FeatureName {
                index,
                expected: expected.clone(),
                got: got.clone(),
            }),
            None => Ok(()),
        }
    }

    /// The settings that it was fitted with.
    pub fn params(&self) -> &OneClassParams {
        &self.params
    }

    /// Names of the features that it was fitted on.
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// The standardisation of its inputs.
    pub fn scaler(&self) -> &Scaler {
        &self.scaler
    }

    /// Settings and weights of the trained network.
    pub fn network(&self) -> &Checkpoint {
        &self.trained.checkpoint
    }

    /// Centre of the sphere, one entry per entry of the embedding.
    pub fn center(&self) -> &Array1<f64> {
        &self.trained.center
    }

    /// Radius of the sphere, in units of the embedding.
    pub fn radius(&self) -> f64 {
        self.trained.radius
    }

    /// How training went.
    pub fn report(&self) -> &TrainReport {
        &self.report
    }
}
