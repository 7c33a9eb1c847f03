//! What healthy is, and when to learn it anew.

use serde::{Deserialize, Serialize};

use astern_detect::Assessor;
use astern_graph_core::{GraphBuilder, NodeKind, TemporalGraph, TimeRange, Timestamp};

use super::params::GuardParams;
use crate::error::Error;

/// An assessor with the range that it was fitted on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Baseline {
    pub(super) range: TimeRange,
    pub(super) assessor: Assessor,
}

impl Baseline {
    /// Fits on the `healthy_steps` that end at `end`; `None` while the telemetry is shorter.
    pub(super) fn learn(
        params: &GuardParams,
        graph: &TemporalGraph,
        end: Timestamp,
    ) -> Result<Option<Self>, Error> {
        let span = graph.step().saturating_mul(params.healthy_steps);
        let start = end.minus(span);
        let covered = graph.extent().is_some_and(|extent| extent.start <= start);
        let Ok(range) = TimeRange::new(start, end) else {
            return Ok(None);
        };
        if !covered {
            return Ok(None);
        }
        Self::of(params, graph, range).map(Some)
    }

    /// The baseline under these parameters: learnt again from the same steps where the detector is
    /// another one. `None` where that fails; it is then learnt as by a new guard.
    pub(super) fn under(self, params: &GuardParams, builder: &GraphBuilder) -> Option<Self> {
        if *self.assessor.params() == params.assessor {
            return Some(self);
        }
        Self::of(params, &builder.build(), self.range).ok()
    }

    fn of(params: &GuardParams, graph: &TemporalGraph, range: TimeRange) -> Result<Self, Error> {
        let healthy = graph.window(NodeKind::Service, range)?;
        let assessor = params.assessor.clone().fit(&healthy)?;
        Ok(Self { range, assessor })
    }

    /// Whether half of the learning time has passed since: time to follow a drift.
    pub(super) fn is_stale(
        &self,
        params: &GuardParams,
        graph: &TemporalGraph,
        end: Timestamp,
    ) -> bool {
        end.since(self.range.end) >= graph.step().saturating_mul(params.healthy_steps / 2)
    }
}
