//! The fitted detector.

use astern_gnn::{EncodeError, GraphSnapshots, OneClass};
use astern_graph_core::{MetricName, NodeKind, TemporalGraph, Window};
use astern_stats::order::ascending;
use ndarray::{Array2, Array3, Axis};

use super::inputs::{deviations, message_edges, snapshots};
use super::judge::{Calibration, smoothed};
use super::params::Prepared;
use super::{HypersphereParams, LearnedError, Scores};
use crate::error::ScoreError;
use crate::score::RobustZ;

/// A hypersphere around healthy embeddings of a graph neural network, with its three controls and
/// a calibrated threshold.
///
/// Scoring is pure Rust; training needs the feature `torch`. See [the module](super) for the
/// method. Rows of a window are matched by key and columns by name, so windows of other graphs
/// and times can be judged; a node that was not seen while healthy scores `NaN`, and its
/// neighbours hear an average node in its place.
///
/// # Complexity
/// A window `[T, N, F]` costs `O(T L (N d² + E d))` for L layers of width d and E edges.
#[derive(Debug, Clone)]
pub struct Hypersphere {
    pub(super) params: HypersphereParams,
    pub(super) kind: NodeKind,
    pub(super) healthy: RobustZ,
    pub(super) gnn: OneClass,
    pub(super) mlp: OneClass,
    pub(super) calibration: Calibration,
}

impl Hypersphere {
    /// A detector of two networks that were trained elsewhere: `gnn` on
    /// [`training_data`](HypersphereParams::training_data) of the graph, `mlp` on that of none,
    /// from this very window. Their settings replace those of `params`.
    ///
    /// # Errors
    /// Those of [`training_data`](HypersphereParams::training_data);
    /// [`LearnedError::MissingFeature`] for a network that takes a feature that the window lacks,
    /// [`LearnedError::Encode`] for networks that take different features.
    pub fn from_models(
        params: &HypersphereParams,
        graph: &TemporalGraph,
        healthy: &Window,
        gnn: OneClass,
        mlp: OneClass,
    ) -> Result<Self, LearnedError> {
        let params = params.clone().network(gnn.params().clone());
        Self::calibrated(&params, &Prepared::new(&params, graph, healthy)?, gnn, mlp)
    }

    /// Fits the tail to the smoothed scores of the part of the healthy window that the networks
    /// have not seen.
    pub(super) fn calibrated(
        params: &HypersphereParams,
        prepared: &Prepared<'_>,
        gnn: OneClass,
        mlp: OneClass,
    ) -> Result<Self, LearnedError> {
        same_features(&gnn, &mlp)?;
        let window = &prepared.calibrate;
        let x = deviations(&prepared.healthy, gnn.features(), window)?;
        let edges = message_edges(prepared.graph, window);
        let scores = gnn.score(&snapshots(x, gnn.features(), edges)?)?;
        Ok(Self {
            calibration: Calibration::fit(&smoothed(&scores, params.ema_weight))?,
            params: params.clone(),
            kind: window.kind,
            healthy: prepared.healthy.clone(),
            gnn,
            mlp,
        })
    }

    /// What the network sees of a window, and the edges it hears along.
    ///
    /// # Errors
    /// [`LearnedError::Score`] for a window of another kind of node,
    /// [`LearnedError::MissingFeature`] for one that lacks a feature.
    pub fn snapshots(
        &self,
        graph: &TemporalGraph,
        window: &Window,
    ) -> Result<GraphSnapshots, LearnedError> {
        let x = self.inputs(window)?;
        Ok(snapshots(
            x,
            self.gnn.features(),
            message_edges(graph, window),
        )?)
    }

    fn inputs(&self, window: &Window) -> Result<Array3<f64>, LearnedError> {
        let (fitted, given) = (self.kind, window.kind);
        if fitted != given {
            return Err(ScoreError::OtherKind { fitted, given }.into());
        }
        deviations(&self.healthy, self.gnn.features(), window)
    }

    /// Scores `[T, N]` of a window: squared distance from the centre less the squared radius,
    /// above 0 outside the sphere; `NaN` for a node without any value in a step and for one that
    /// was not seen while healthy.
    ///
    /// # Errors
    /// Those of [`snapshots`](Self::snapshots).
    pub fn score(
        &self,
        graph: &TemporalGraph,
        window: &Window,
    ) -> Result<Array2<f64>, LearnedError> {
        Ok(self.gnn.score(&self.snapshots(graph, window)?)?)
    }

    /// [`score`](Self::score) of the same network with its initial weights.
    ///
    /// # Errors
    /// Those of [`snapshots`](Self::snapshots).
    pub fn control_score(
        &self,
        graph: &TemporalGraph,
        window: &Window,
    ) -> Result<Array2<f64>, LearnedError> {
        Ok(self.gnn.control_score(&self.snapshots(graph, window)?)?)
    }

    /// The score and its three controls, for the same data.
    ///
    /// # Errors
    /// Those of [`snapshots`](Self::snapshots).
    pub fn scores(&self, graph: &TemporalGraph, window: &Window) -> Result<Scores, LearnedError> {
        let data = self.snapshots(graph, window)?;
        let alone = snapshots(data.x().clone(), data.features(), Vec::new())?;
        Ok(Scores {
            trained: self.gnn.score(&data)?,
            untrained: self.gnn.control_score(&data)?,
            mlp: self.mlp.score(&alone)?,
            classic: self.classic(window)?,
        })
    }

    /// Greatest robust z-score `[T, N]` of a node over the features that the networks see.
    fn classic(&self, window: &Window) -> Result<Array2<f64>, LearnedError> {
        let names = self.gnn.features().iter();
        let columns: Vec<usize> = names
            .filter_map(|name| window.column(&MetricName::from(name.as_str())))
            .collect();
        let scores = self.healthy.score(window)?.select(Axis(2), &columns);
        Ok(scores.map_axis(Axis(2), |of_node| {
            let greatest = of_node.iter().copied().max_by(|a, b| ascending(*a, *b));
            greatest.unwrap_or(f64::NAN)
        }))
    }

    /// The settings that it was fitted with.
    pub fn params(&self) -> &HypersphereParams {
        &self.params
    }

    /// The network that hears its neighbours; its report says how training went and where.
    pub fn gnn(&self) -> &OneClass {
        &self.gnn
    }

    /// The network that sees each node by itself.
    pub fn mlp(&self) -> &OneClass {
        &self.mlp
    }
}

/// Both networks are compared on the same data, so they take the same.
pub(super) fn same_features(gnn: &OneClass, mlp: &OneClass) -> Result<(), EncodeError> {
    let (expected, got) = (gnn.features(), mlp.features());
    if expected.len() != got.len() {
        let (expected, got) = (expected.len(), got.len());
        return Err(EncodeError::FeatureCount { expected, got });
    }
    let mut pairs = expected.iter().zip(got).enumerate();
    match pairs.find(|(_, (expected, got))| expected != got) {
        Some((index, (expected, got))) => Err(EncodeError::FeatureName {
            index,
            expected: expected.clone(),
            got: got.clone(),
        }),
        None => Ok(()),
    }
}
