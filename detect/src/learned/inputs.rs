//! From a graph and a window to what a network takes.

use astern_gnn::{GraphError, GraphSnapshots};
use astern_graph_core::{FeatureClass, MetricName, NodeKey, TemporalGraph, Window};
use ndarray::Array3;

use super::LearnedError;
use crate::score::RobustZ;

/// Deviations beyond this many healthy standard deviations are cut off there, so that one wild
/// value stays a finite input.
const DEVIATION_MAX: f64 = 1e6;

/// The edges that messages run along between the rows of a window, ascending, each once.
///
/// A message goes where a fault goes, by [`EdgeKind::fault_flow`]: from the callee to its caller,
/// and both ways between a writer and what it writes to. An edge is the pair of rows (source,
/// target); what lies outside the window's rows (nodes of other kinds) carries none.
///
/// `O(N · d log N)` for N rows of degree d.
///
/// [`EdgeKind::fault_flow`]: astern_graph_core::EdgeKind::fault_flow
///
/// # Example
/// ```
/// use astern_detect::learned::message_edges;
/// use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey, NodeKind, TimeRange, Timestamp};
///
/// let mut builder = GraphBuilder::new(GraphParams::default())?;
/// builder.declare_edge(NodeKey::service("web"), NodeKey::service("cart"), EdgeKind::Calls);
/// let graph = builder.build();
/// let minute = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(60))?;
/// let window = graph.window(NodeKind::Service, minute)?;
///
/// let (cart, web) = (0, 1); // rows are sorted by key
/// assert_eq!(message_edges(&graph, &window), [(cart, web)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn message_edges(graph: &TemporalGraph, window: &Window) -> Vec<(u32, u32)> {
    let row = |key: &NodeKey| window.row(key).and_then(|row| u32::try_from(row).ok());
    let mut edges = Vec::new();
    for key in &window.rows {
        let (Some(target), Some(id)) = (row(key), graph.id(key)) else {
            continue;
        };
        let origins = graph.fault_origins(id).filter_map(|id| graph.key(id));
        edges.extend(origins.filter_map(row).map(|source| (source, target)));
    }
    edges.sort_unstable();
    edges
}

/// Names of the features to learn from: all that say how a node behaves. What was deployed is left
/// out, since it differs after every release by nature.
pub(super) fn features(window: &Window) -> Vec<String> {
    let wanted = |class| {
        matches!(
            class,
            FeatureClass::Application | FeatureClass::Infrastructure | FeatureClass::Behaviour
        )
    };
    let features = window.schema.iter().filter(|f| wanted(f.class));
    features.map(|f| f.name.to_string()).collect()
}

/// Deviations `[T, N, F]` of the features from each node's own healthy level, in its healthy
/// standard deviations, signed as the values are; `NaN` where a value is missing or the series was
/// not seen while healthy.
///
/// Columns are found by name, levels by key.
pub(super) fn standardised(
    healthy: &RobustZ,
    features: &[String],
    window: &Window,
) -> Result<Array3<f64>, LearnedError> {
    let (steps, rows, _) = window.values.dim();
    let mut x = Array3::from_elem((steps, rows, features.len()), f64::NAN);
    for (to, name) in features.iter().enumerate() {
        let name = MetricName::from(name.as_str());
        let Some(column) = window.column(&name) else {
            return Err(LearnedError::MissingFeature { feature: name });
        };
        for (row, key) in window.rows.iter().enumerate() {
            let Some((centre, spread)) = healthy.healthy(key, &window.schema[column]) else {
                continue;
            };
            for t in 0..steps {
                let z = (window.values[[t, row, column]] - centre) / spread;
                x[[t, row, to]] = z.clamp(-DEVIATION_MAX, DEVIATION_MAX);
            }
        }
    }
    Ok(x)
}

/// Snapshots of named features.
pub(super) fn snapshots(
    x: Array3<f64>,
    features: &[String],
    edges: Vec<(u32, u32)>,
) -> Result<GraphSnapshots, GraphError> {
    GraphSnapshots::new(x, edges)?.with_feature_names(features)
}
