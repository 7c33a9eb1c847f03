//! What is to be explained: the symptom, when it was healthy, when it was not.

use astern_graph_core::signal::Assessment;
use astern_graph_core::{MetricName, NodeKey, TimeRange};

/// What users notice: one metric of one node, the service level indicator (SLI).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Symptom {
    /// Which node.
    pub node: NodeKey,
    /// Which of its metrics.
    pub metric: MetricName,
}

/// A symptom with the time ranges to compare and what detectors said.
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
}

impl Incident {
    /// An incident without assessments.
    pub fn new(node: NodeKey, metric: MetricName, healthy: TimeRange, abnormal: TimeRange) -> Self {
        Self {
            symptom: Symptom { node, metric },
            healthy,
            abnormal,
            assessments: Vec::new(),
        }
    }

    /// With what detectors said, the newest last.
    #[must_use]
    pub fn assessed(mut self, assessments: Vec<Assessment>) -> Self {
        self.assessments = assessments;
        self
    }
}
