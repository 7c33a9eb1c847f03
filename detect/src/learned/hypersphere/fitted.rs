//! The fitted detector.

use astern_gnn::GraphSnapshots;
use astern_graph_core::{MetricName, TemporalGraph, Window};
use astern_stats::order::ascending;
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use super::HypersphereModel;
use crate::ScoreError;
use crate::learned::inputs::{snapshots, standardised};
use crate::learned::{ControlScores, LearnedError, message_edges};
use crate::score::RobustZ;

/// A hypersphere around healthy embeddings of a graph neural network, with its three controls, fitted on healthy
/// data.
///
/// Scoring is pure Rust; training needs the feature `torch`. See [the module](crate::learned) for the
/// method. Rows of a window are matched by key and columns by name, so windows of other graphs
/// and times can be scored; a node that was not seen while healthy scores `NaN`, and its
/// neighbours receive an average node's message in its place.
///
/// # Complexity
/// A window `[T, N, F]` costs `O(T L (N d² + E d))` for L layers of width d and E edges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hypersphere {
    pub(super) model: HypersphereModel,
    /// Level and spread of each metric of each node, which inputs are measured from.
    pub(super) levels: RobustZ,
    /// Level and spread of each network's distance of each node.
    pub(super) distances: RobustZ,
}

impl Hypersphere {
    /// What the network sees of a window, and the edges that its messages run along.
    ///
    /// # Errors
    /// [`LearnedError::Score`] for a window of another kind of node,
    /// [`LearnedError::MissingFeature`] for one that lacks a feature.
    pub fn snapshots(
        &self,
        graph: &TemporalGraph,
        window: &Window,
    ) -> Result<GraphSnapshots, LearnedError> {
        snapshots_of(&self.model, &self.levels, graph, window)
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
    pub fn score_window(
        &self,
        graph: &TemporalGraph,
        window: &Window,
    ) -> Result<Array2<f64>, LearnedError> {
        Ok(self.model.gnn().score(&self.snapshots(graph, window)?)?)
    }

    /// [`score_window`](Self::score_window) of the same network with its initial weights.
    ///
    /// # Errors
    /// Those of [`snapshots`](Self::snapshots).
    pub fn control_score(
        &self,
        graph: &TemporalGraph,
        window: &Window,
    ) -> Result<Array2<f64>, LearnedError> {
        let data = self.snapshots(graph, window)?;
        Ok(self.model.gnn().control_score(&data)?)
    }

    /// The score and its three controls, for the same data. Those of networks are above 0 outside
    /// their spheres.
    ///
    /// # Errors
    /// Those of [`snapshots`](Self::snapshots).
    pub fn scores(
        &self,
        graph: &TemporalGraph,
        window: &Window,
    ) -> Result<ControlScores, LearnedError> {
        Self::scores_of(&self.model, &self.levels, graph, window)
    }

    /// [`scores`](Self::scores), those of networks as deviations of the distance from the centre
    /// from each node's own healthy median, in its healthy standard deviations.
    ///
    /// So none is ahead only because it separates busy nodes from quiet ones: these are the scores to
    /// compare across nodes.
    ///
    /// # Errors
    /// Those of [`snapshots`](Self::snapshots).
    pub fn deviations(
        &self,
        graph: &TemporalGraph,
        window: &Window,
    ) -> Result<ControlScores, LearnedError> {
        self.deviations_of(window, &self.scores(graph, window)?)
    }

    /// The networks.
    pub fn model(&self) -> &HypersphereModel {
        &self.model
    }

    pub(super) fn scores_of(
        model: &HypersphereModel,
        levels: &RobustZ,
        graph: &TemporalGraph,
        window: &Window,
    ) -> Result<ControlScores, LearnedError> {
        let data = snapshots_of(model, levels, graph, window)?;
        let alone = snapshots(data.x().clone(), data.features(), Vec::new())?;
        Ok(ControlScores {
            trained: model.gnn().score(&data)?,
            untrained: model.gnn().control_score(&data)?,
            mlp: model.mlp().score(&alone)?,
            classic: classic(model, levels, window)?,
        })
    }
}

fn snapshots_of(
    model: &HypersphereModel,
    levels: &RobustZ,
    graph: &TemporalGraph,
    window: &Window,
) -> Result<GraphSnapshots, LearnedError> {
    let (fitted, given) = (model.kind(), window.kind);
    if fitted != given {
        let (fitted, given) = (fitted.into(), given.into());
        return Err(ScoreError::OtherKind { fitted, given }.into());
    }
    let names = model.gnn().features();
    let x = standardised(levels, names, window)?;
    Ok(snapshots(x, names, message_edges(graph, window))?)
}

/// Greatest robust z-score `[T, N]` of a node over the features that the networks see.
fn classic(
    model: &HypersphereModel,
    levels: &RobustZ,
    window: &Window,
) -> Result<Array2<f64>, ScoreError> {
    let names = model.gnn().features().iter();
    let columns: Vec<usize> = names
        .filter_map(|name| window.column(&MetricName::from(name.as_str())))
        .collect();
    let scores = levels.score_window(window)?.select(Axis(2), &columns);
    Ok(scores.map_axis(Axis(2), |of_node| {
        let greatest = of_node.iter().copied().max_by(|a, b| ascending(*a, *b));
        greatest.unwrap_or(f64::NAN)
    }))
}
