//! What is to be explained: the symptom, when it was healthy, when it was not.

use astern_graph_core::signal::Assessment;
use astern_graph_core::{MetricName, NodeKey, TimeRange};

use serde::{Deserialize, Serialize};

use crate::trace::Traces;

/// What users notice: one metric of one node, the service level indicator (SLI).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Symptom {
    /// Which node.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub node: NodeKey,
    /// Which of its metrics.
    pub metric: MetricName,
}

impl Symptom {
    /// A metric of a node.
    pub fn new(node: NodeKey, metric: impl Into<MetricName>) -> Self {
        let metric = metric.into();
        Self { node, metric }
    }
}

/// A symptom with the time ranges to compare and what detectors reported.
///
/// Made by [`builder`](Self::builder) from what is known of it, or from its parts by [`new`](Self::new).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Incident {
    /// What is to be explained.
    pub symptom: Symptom,
    /// When all was well.
    pub healthy: TimeRange,
    /// When it was not. Some steps from before the onset help: a cause moves with the symptom.
    pub abnormal: TimeRange,
    /// Assessments of the system and of changes, the newest last: only the last one of each change
    /// counts. Empty when there was no detector.
    pub assessments: Vec<Assessment>,
    /// Traces of both ranges, for the rankers that look at single requests; `None` where there are
    /// none. Equal places in the two stand for different services: compare by key.
    pub traces: Option<TracePair>,
}

/// The traces of an incident.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TracePair {
    /// Those from when all was well.
    pub healthy: Traces,
    /// Those from when it was not.
    pub abnormal: Traces,
}

impl Incident {
    /// An incident without assessments and traces.
    pub fn new(node: NodeKey, metric: MetricName, healthy: TimeRange, abnormal: TimeRange) -> Self {
        Self {
            symptom: Symptom::new(node, metric),
            healthy,
            abnormal,
            assessments: Vec::new(),
            traces: None,
        }
    }

    /// With the traces of the healthy and of the abnormal range.
    #[must_use]
    pub fn traced(mut self, healthy: Traces, abnormal: Traces) -> Self {
        self.traces = Some(TracePair { healthy, abnormal });
        self
    }

    /// With what detectors reported, the newest last.
    #[must_use]
    pub fn assessed(mut self, assessments: Vec<Assessment>) -> Self {
        self.assessments = assessments;
        self
    }
}
