//! What the resources of a node show.

use std::collections::BTreeMap;

use astern_graph_core::schema::FeatureClass;
use astern_graph_core::signal::Evidence;
use astern_graph_core::{MetricName, NodeId};
use astern_stats::order;

use super::{Readings, Scope, worst};
use crate::candidates::{Candidate, Shift};
use crate::order_statistic::median_of_others;

/// Where one metric of one node stands.
struct Level {
    id: NodeId,
    shift: Shift,
}

/// Deviation of each infrastructure metric, less what its peers deviate.
///
/// [`Candidate::shift`] over the steps in which the symptom shows: a burst of one step, of which resources have
/// many, counts for little where such bursts are healthy. More load moves the resources of all nodes, so the
/// median deviation of the same metric over all other candidates is taken off, where it is worse than
/// health. `O(M · T log T)` for M series of T steps.
pub(crate) fn read(scope: &Scope<'_>) -> Readings {
    let mut metrics: BTreeMap<MetricName, Vec<Level>> = BTreeMap::new();
    for id in scope.nodes {
        for node in sampled(scope, *id) {
            let steps = 0..node.abnormal.len();
            if let Some(shift) = node.shift(scope.upper, &steps) {
                let level = Level { id: *id, shift };
                metrics.entry(node.feature.name).or_default().push(level);
            }
        }
    }
    let mut readings = Readings::new();
    for (metric, levels) in metrics {
        let all: Vec<f64> = levels.iter().map(|level| level.shift.z).collect();
        let all = order::sorted_finite(&all);
        for level in levels {
            let z = level.shift.z - median_of_others(&all, level.shift.z).max(0.0);
            worst(&mut readings, level.id, z, || Evidence::Shift {
                metric: metric.clone(),
                healthy: level.shift.median,
                observed: level.shift.observed,
                z,
            });
        }
    }
    readings
}

/// The infrastructure metrics of a node that were sampled in both ranges.
fn sampled(scope: &Scope<'_>, id: NodeId) -> Vec<Candidate> {
    let Some(key) = scope.graph.key(id) else {
        return Vec::new();
    };
    let series = |range| scope.graph.sampled_series(key, range).unwrap_or_default();
    let mut abnormal = series(scope.abnormal).into_iter().peekable();
    let mut all = Vec::new();
    for (metric, healthy) in series(scope.healthy) {
        let feature = scope.graph.feature(&metric);
        // Both are sorted by name.
        while abnormal.next_if(|(name, _)| *name < metric).is_some() {}
        let now = abnormal.next_if(|(name, _)| *name == metric);
        if let Some((_, abnormal)) = now
            && feature.class == FeatureClass::Infrastructure
        {
            all.push(Candidate {
                id,
                key: key.clone(),
                feature,
                healthy,
                abnormal,
            });
        }
    }
    all
}
