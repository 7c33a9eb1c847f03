//! What the resources of a node show.

use std::collections::BTreeMap;

use astern_graph_core::signal::Evidence;
use astern_graph_core::{Feature, FeatureClass, MetricName, NodeId};
use astern_stats::robust;

use super::{Readings, Scope, worst};
use crate::candidates::Candidate;

/// One metric of one node.
struct Level {
    id: NodeId,
    healthy: f64,
    observed: f64,
    z: f64,
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
        let Some(key) = scope.graph.key(*id) else {
            continue;
        };
        for metric in scope.graph.metrics(key) {
            let feature = scope.graph.feature(&metric);
            if feature.class == FeatureClass::Infrastructure
                && let Some(level) = level(scope, *id, &feature)
            {
                metrics.entry(metric).or_default().push(level);
            }
        }
    }
    let mut readings = Readings::new();
    for (metric, levels) in metrics {
        let all: Vec<f64> = levels.iter().map(|level| level.z).collect();
        for (i, level) in levels.iter().enumerate() {
            let mut others = all.clone();
            others.swap_remove(i);
            let peers = robust::median(&others).unwrap_or(0.0).max(0.0);
            let z = level.z - peers;
            worst(&mut readings, level.id, z, || Evidence::Shift {
                metric: metric.clone(),
                healthy: level.healthy,
                observed: level.observed,
                z,
            });
        }
    }
    readings
}

fn level(scope: &Scope<'_>, id: NodeId, feature: &Feature) -> Option<Level> {
    let key = scope.graph.key(id)?;
    let series = |range| scope.graph.series(key, &feature.name, range).ok();
    let node = Candidate {
        id,
        key: key.clone(),
        feature: feature.clone(),
        healthy: series(scope.healthy)?,
        abnormal: series(scope.abnormal)?,
    };
    let shift = node.shift(scope.upper, &(0..node.abnormal.len()))?;
    Some(Level {
        id,
        healthy: shift.median,
        observed: shift.observed,
        z: shift.z,
    })
}
