//! How the networks of a hypersphere are made of a healthy window.

use astern_gnn::{GraphSnapshots, OneClassParams};
use astern_graph_core::{TemporalGraph, Window};
use astern_stats::param::in_range;
use serde::{Deserialize, Serialize};

use super::HypersphereModel;
use crate::FitError;
use crate::learned::inputs::{features, snapshots, standardised};
use crate::learned::{LearnedError, message_edges};
use crate::pipeline::split::learning_steps;
use crate::score::RobustZ;

/// Parameters of a [`HypersphereModel`]: how its networks are made.
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `network` | those of [`OneClassParams`], without hidden layers | see there |
/// | `steps_min` | 30 | fewest healthy steps, 6 to 1,000,000 |
///
/// A `network` that is given states its layers itself. No hidden layer by default: one graph convolution is linear in the deviations, so training
/// weighs down the directions in which healthy nodes vary, and a deviation ten times as great is
/// as far again. A deeper network without bias can learn to answer nothing in the direction in
/// which healthy latencies are skewed, which is that of most faults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HypersphereParams {
    pub(super) network: OneClassParams,
    steps_min: u32,
}

impl Default for HypersphereParams {
    fn default() -> Self {
        Self {
            network: OneClassParams::default().hidden([]),
            steps_min: 30,
        }
    }
}

astern_stats::setters!(HypersphereParams {
    /// Sets the settings of the networks.
    network: OneClassParams,
    /// Sets the fewest healthy steps to learn from.
    steps_min: u32,
});

/// The two networks that are fitted side by side, with the same settings and inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkRole {
    /// Receives messages from neighbours.
    Graph,
    /// Sees each node by itself: the same layers on a graph without edges, where a graph
    /// convolution is a fully connected layer.
    Mlp,
}

impl HypersphereParams {
    /// What a network is trained on: the first two thirds of the healthy window as snapshots.
    ///
    /// Features are deviations from each node's own healthy level, in its healthy standard
    /// deviations ([`RobustZ`] without the sign of what is worse): a node is compared with its own
    /// past, and services of all sizes look alike while they are healthy. Edges are those of
    /// [`message_edges`]; [`NetworkRole::Mlp`] gets none.
    ///
    /// # Errors
    /// [`LearnedError::Fit`] for a parameter outside its rule, too few steps, or when no series
    /// has enough values; [`LearnedError::Snapshots`] when no feature says how a node behaves.
    ///
    /// # Complexity
    /// `O(N · F · T log T)` for a window `[T, N, F]`.
    pub fn training_data(
        &self,
        graph: &TemporalGraph,
        healthy: &Window,
        network: NetworkRole,
    ) -> Result<GraphSnapshots, LearnedError> {
        Prepared::new(self, graph, healthy)?.training_data(network)
    }

    /// A model of networks with their initial weights, without training: needs no libtorch. It
    /// is what training has to beat, and serves where there is no libtorch to train with.
    ///
    /// # Errors
    /// Those of [`training_data`](Self::training_data); [`LearnedError::Train`] for settings of
    /// the networks that are not allowed and for embeddings that are one point.
    pub fn untrained(
        &self,
        graph: &TemporalGraph,
        healthy: &Window,
    ) -> Result<HypersphereModel, LearnedError> {
        let prepared = Prepared::new(self, graph, healthy)?;
        let network = |network| {
            let data = prepared.training_data(network)?;
            Ok::<_, LearnedError>(self.network.untrained(&data)?)
        };
        let (gnn, mlp) = (network(NetworkRole::Graph)?, network(NetworkRole::Mlp)?);
        HypersphereModel::new(healthy.kind, gnn, mlp)
    }
}

/// The part of a healthy window that networks learn from; the rest is left to calibrate on.
pub(super) struct Prepared<'a> {
    graph: &'a TemporalGraph,
    levels: RobustZ,
    learn: Window,
    features: Vec<String>,
}

impl<'a> Prepared<'a> {
    pub(super) fn new(
        params: &HypersphereParams,
        graph: &'a TemporalGraph,
        window: &Window,
    ) -> Result<Self, LearnedError> {
        let steps_min = f64::from(params.steps_min);
        in_range("steps_min", steps_min, 6.0, 1e6).map_err(FitError::from)?;
        let (have, need) = (window.len(), params.steps_min as usize);
        let too_short = || FitError::TooShort { have, need };
        if have < need {
            return Err(too_short().into());
        }
        let cut = window.times[learning_steps(have)];
        let (learn, _) = window.split_at(cut).map_err(|_| too_short())?;
        Ok(Self {
            graph,
            levels: RobustZ::of_window(&learn)?,
            features: features(window),
            learn,
        })
    }

    pub(super) fn training_data(
        &self,
        network: NetworkRole,
    ) -> Result<GraphSnapshots, LearnedError> {
        let x = standardised(&self.levels, &self.features, &self.learn)?;
        let edges = match network {
            NetworkRole::Graph => message_edges(self.graph, &self.learn),
            NetworkRole::Mlp => Vec::new(),
        };
        Ok(snapshots(x, &self.features, edges)?)
    }
}
