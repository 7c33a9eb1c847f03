//! Why a ranking could not be made.

use astern_graph_core::{GraphError, MetricName, NodeKey, TimeRange};

/// A ranking could not be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RankError {
    /// The graph cannot answer.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The symptom has no finite value in the abnormal range.
    #[error("{node} has no value of {metric} from {range}")]
    NoSymptom {
        /// Node of the symptom.
        node: NodeKey,
        /// Its metric.
        metric: MetricName,
        /// The abnormal range.
        range: TimeRange,
    },
    /// The ranker looks at traces, and the incident carries none.
    #[error("the incident carries no traces")]
    NoTraces,
}
