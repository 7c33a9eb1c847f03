//! Parameters of the hypersphere detector, and what they make of a healthy window.

use astern_gnn::{GraphSnapshots, OneClassParams};
use astern_graph_core::{TemporalGraph, Window};
use astern_stats::ParamError;
use astern_stats::param::in_range;
use serde::{Deserialize, Serialize};

use super::Hypersphere;
use crate::error::FitError;
use crate::learned::inputs::{features, snapshots, standardised};
use crate::learned::{LearnedError, message_edges};
use crate::score::{RobustZ, RobustZParams};

/// Parameters of a [`Hypersphere`].
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `network` | those of [`OneClassParams`], without hidden layers | see there |
/// | `ema_weight` | .3 | weight of the newest score, (0, 1] |
/// | `false_discovery_rate` | .001 | per tick over all nodes, (0, 1) |
/// | `score_min` | 3 | least smoothed deviation of an anomaly, 0 to 1,000 |
/// | `steps_min` | 30 | fewest healthy steps, 6 to 1,000,000 |
///
/// No hidden layer by default: one graph convolution is linear in the deviations, so training
/// weighs down the directions in which healthy nodes vary, and a deviation ten times as great is
/// as far again. A deeper network without bias can learn to answer nothing in the direction in
/// which healthy latencies are skewed, which is that of most faults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HypersphereParams {
    pub(super) network: OneClassParams,
    pub(super) ema_weight: f64,
    pub(super) false_discovery_rate: f64,
    pub(super) score_min: f64,
    steps_min: u32,
}

impl Default for HypersphereParams {
    fn default() -> Self {
        Self {
            network: OneClassParams::default().hidden(&[]),
            ema_weight: 0.3,
            false_discovery_rate: 1e-3,
            score_min: 3.0,
            steps_min: 30,
        }
    }
}

/// The two networks that are fitted side by side, with the same settings and inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Hears its neighbours.
    Graph,
    /// Sees each node by itself: the same layers on a graph without edges, where a graph
    /// convolution is a fully connected layer.
    Mlp,
}

impl HypersphereParams {
    /// With other settings of the networks.
    #[must_use]
    pub fn network(mut self, network: OneClassParams) -> Self {
        self.network = network;
        self
    }

    /// With another weight of the newest score: 1 does not smooth.
    #[must_use]
    pub fn ema_weight(mut self, weight: f64) -> Self {
        self.ema_weight = weight;
        self
    }

    /// With another false discovery rate per tick.
    #[must_use]
    pub fn false_discovery_rate(mut self, rate: f64) -> Self {
        self.false_discovery_rate = rate;
        self
    }

    /// With another least deviation of an anomaly.
    #[must_use]
    pub fn score_min(mut self, score: f64) -> Self {
        self.score_min = score;
        self
    }

    /// With another least number of healthy steps.
    #[must_use]
    pub fn steps_min(mut self, steps: u32) -> Self {
        self.steps_min = steps;
        self
    }

    /// What a network is trained on: the first two thirds of the healthy window as snapshots.
    ///
    /// Features are deviations from each node's own healthy level, in its healthy standard
    /// deviations ([`RobustZ`] without the sign of what is worse): a node is compared with its own
    /// past, and services of all sizes look alike while they are healthy. Edges are those of
    /// [`message_edges`]; [`Network::Mlp`] gets none.
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
        network: Network,
    ) -> Result<GraphSnapshots, LearnedError> {
        Prepared::new(self, graph, healthy)?.training_data(network)
    }

    /// A detector of networks with their initial weights, without training: needs no libtorch. It
    /// is what training has to beat, and serves where there is no libtorch to train with.
    ///
    /// # Errors
    /// Those of [`training_data`](Self::training_data); [`LearnedError::Train`] for settings of
    /// the networks that are not allowed and for embeddings that are one point.
    pub fn untrained(
        &self,
        graph: &TemporalGraph,
        healthy: &Window,
    ) -> Result<Hypersphere, LearnedError> {
        let prepared = Prepared::new(self, graph, healthy)?;
        let network = |network| {
            let data = prepared.training_data(network)?;
            Ok::<_, LearnedError>(self.network.untrained(&data)?)
        };
        let (gnn, mlp) = (network(Network::Graph)?, network(Network::Mlp)?);
        Hypersphere::calibrated(self, &prepared, gnn, mlp)
    }

    pub(super) fn check(&self) -> Result<(), ParamError> {
        in_range("ema_weight", self.ema_weight, f64::MIN_POSITIVE, 1.0)?;
        let rate = self.false_discovery_rate;
        let below_1 = 1.0 - f64::EPSILON;
        in_range("false_discovery_rate", rate, f64::MIN_POSITIVE, below_1)?;
        in_range("score_min", self.score_min, 0.0, 1e3)?;
        in_range("steps_min", f64::from(self.steps_min), 6.0, 1e6)?;
        Ok(())
    }
}

/// A healthy window, cut in two: one part to learn from, one to calibrate on.
pub(super) struct Prepared<'a> {
    pub(super) graph: &'a TemporalGraph,
    pub(super) healthy: RobustZ,
    pub(super) learn: Window,
    pub(super) calibrate: Window,
    features: Vec<String>,
}

impl<'a> Prepared<'a> {
    pub(super) fn new(
        params: &HypersphereParams,
        graph: &'a TemporalGraph,
        window: &Window,
    ) -> Result<Self, LearnedError> {
        params.check().map_err(FitError::from)?;
        let (have, need) = (window.len(), params.steps_min as usize);
        let too_short = || FitError::TooShort { have, need };
        if have < need {
            return Err(too_short().into());
        }
        let cut = window.times[have - have / 3];
        let (learn, calibrate) = window.split_at(cut).map_err(|_| too_short())?;
        Ok(Self {
            graph,
            healthy: RobustZParams::default().fit(&learn)?,
            features: features(window),
            learn,
            calibrate,
        })
    }

    pub(super) fn training_data(&self, network: Network) -> Result<GraphSnapshots, LearnedError> {
        let x = standardised(&self.healthy, &self.features, &self.learn)?;
        let edges = match network {
            Network::Graph => message_edges(self.graph, &self.learn),
            Network::Mlp => Vec::new(),
        };
        Ok(snapshots(x, &self.features, edges)?)
    }
}
