//! The fitted detector.

use astern_gnn::{GraphSnapshots, OneClass};
use astern_graph_core::{TemporalGraph, Window};
use ndarray::Array2;

use super::HypersphereParams;
use super::calibration::Calibration;
use super::networks::Networks;
use super::params::Prepared;
use crate::learned::{LearnedError, Scores};

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
    pub(super) networks: Networks,
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

    pub(super) fn calibrated(
        params: &HypersphereParams,
        prepared: &Prepared<'_>,
        gnn: OneClass,
        mlp: OneClass,
    ) -> Result<Self, LearnedError> {
        let healthy = prepared.healthy.clone();
        let networks = Networks::new(prepared.learn.kind, healthy, gnn, mlp)?;
        Ok(Self {
            calibration: Calibration::fit(params, prepared, &networks)?,
            params: params.clone(),
            networks,
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
        self.networks.snapshots(graph, window)
    }

    /// Scores `[T, N]` of a window: squared distance from the centre less the squared radius,
    /// above 0 outside the sphere; `NaN` for a node without any value in a step and for one that
    /// was not seen while healthy.
    ///
    /// Nodes with many callees have other scores than leaves even while healthy:
    /// [`deviations`](Self::deviations) can be compared between nodes.
    ///
    /// # Errors
    /// Those of [`snapshots`](Self::snapshots).
    pub fn score(
        &self,
        graph: &TemporalGraph,
        window: &Window,
    ) -> Result<Array2<f64>, LearnedError> {
        Ok(self.networks.gnn.score(&self.snapshots(graph, window)?)?)
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
        let data = self.snapshots(graph, window)?;
        Ok(self.networks.gnn.control_score(&data)?)
    }

    /// The score and its three controls, for the same data. Those of networks are above 0 outside
    /// their spheres.
    ///
    /// # Errors
    /// Those of [`snapshots`](Self::snapshots).
    pub fn scores(&self, graph: &TemporalGraph, window: &Window) -> Result<Scores, LearnedError> {
        self.networks.scores(graph, window)
    }

    /// [`scores`](Self::scores), those of networks as deviations of the distance from the centre
    /// from each node's own healthy median, in its healthy standard deviations.
    ///
    /// So none is ahead only because it tells busy nodes from quiet ones: these are the scores to
    /// compare across nodes.
    ///
    /// # Errors
    /// Those of [`snapshots`](Self::snapshots).
    pub fn deviations(
        &self,
        graph: &TemporalGraph,
        window: &Window,
    ) -> Result<Scores, LearnedError> {
        let scores = self.networks.scores(graph, window)?;
        Ok(self
            .calibration
            .deviations(&self.networks, window, scores)?)
    }

    /// The settings that it was fitted with.
    pub fn params(&self) -> &HypersphereParams {
        &self.params
    }

    /// The network that hears its neighbours; its report says how training went and where.
    pub fn gnn(&self) -> &OneClass {
        &self.networks.gnn
    }

    /// The network that sees each node by itself.
    pub fn mlp(&self) -> &OneClass {
        &self.networks.mlp
    }
}
