//! From a window to what a network takes.

use astern_gnn::{GraphDataError, GraphSnapshots};
use astern_graph_core::schema::FeatureClass;
use astern_graph_core::{MetricName, Subject, Window};
use ndarray::Array3;

use super::LearnedError;
use crate::score::RobustZ;

/// Deviations beyond this many healthy standard deviations are cut off there, so that one wild
/// value stays a finite input.
const DEVIATION_MAX: f64 = 1e6;

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
    features.map(|f| f.name.as_str().to_owned()).collect()
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
            let Some(level) = healthy.level(&Subject::from(key.clone()), &name) else {
                continue;
            };
            for t in 0..steps {
                let z = (window.values[[t, row, column]] - level.median) / level.spread;
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
) -> Result<GraphSnapshots, GraphDataError> {
    GraphSnapshots::new(x, edges)?.with_feature_names(features)
}
