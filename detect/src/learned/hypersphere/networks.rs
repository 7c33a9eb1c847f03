//! Two networks and the healthy levels that their inputs are measured from.

use astern_gnn::{EncodeError, GraphSnapshots, OneClass};
use astern_graph_core::{MetricName, NodeKind, TemporalGraph, Window};
use astern_stats::order::ascending;
use ndarray::{Array2, Axis};

use crate::error::ScoreError;
use crate::learned::inputs::{snapshots, standardised};
use crate::learned::{LearnedError, Scores, message_edges};
use crate::score::RobustZ;

/// Everything that scores need.
#[derive(Debug, Clone)]
pub(super) struct Networks {
    pub(super) kind: NodeKind,
    pub(super) healthy: RobustZ,
    pub(super) gnn: OneClass,
    pub(super) mlp: OneClass,
}

impl Networks {
    /// Both networks have to take the same features: they are compared on the same data.
    pub(super) fn new(
        kind: NodeKind,
        healthy: RobustZ,
        gnn: OneClass,
        mlp: OneClass,
    ) -> Result<Self, EncodeError> {
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
            None => Ok(Self {
                kind,
                healthy,
                gnn,
                mlp,
            }),
        }
    }

    pub(super) fn snapshots(
        &self,
        graph: &TemporalGraph,
        window: &Window,
    ) -> Result<GraphSnapshots, LearnedError> {
        let (fitted, given) = (self.kind, window.kind);
        if fitted != given {
            return Err(ScoreError::OtherKind { fitted, given }.into());
        }
        let names = self.gnn.features();
        let x = standardised(&self.healthy, names, window)?;
        Ok(snapshots(x, names, message_edges(graph, window))?)
    }

    /// Radii of the trained network, of its untrained twin, and of the MLP.
    pub(super) fn radii(&self) -> [f64; 3] {
        let control = self.gnn.report().control_radius;
        [self.gnn.radius(), control, self.mlp.radius()]
    }

    pub(super) fn scores(
        &self,
        graph: &TemporalGraph,
        window: &Window,
    ) -> Result<Scores, LearnedError> {
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
    fn classic(&self, window: &Window) -> Result<Array2<f64>, ScoreError> {
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
}
