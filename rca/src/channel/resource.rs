//! What the resources of a node show.

use std::collections::BTreeMap;

use astern_graph_core::signal::Evidence;
use astern_graph_core::{Feature, FeatureClass, MetricName, NodeId};
use astern_stats::order;

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
        let all = order::sorted_finite(&all);
        for level in levels {
            let z = level.z - median_of_others(&all, level.z).max(0.0);
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

/// Median of ascending values but one of this value; 0 without others. `O(log n)`.
fn median_of_others(all: &[f64], but: f64) -> f64 {
    let left_out = all.partition_point(|x| *x < but);
    let at = |i: usize| all.get(i + usize::from(i >= left_out)).copied();
    let others = all.len().saturating_sub(1);
    let middle = at(others.saturating_sub(1) / 2).zip(at(others / 2));
    middle.map_or(0.0, |(low, high)| f64::midpoint(low, high))
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

#[cfg(test)]
mod tests {
    use super::*;
    use astern_stats::robust;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_median_of_the_others_is_that_without_one(
            values in prop::collection::vec(0..20_i32, 1..12), place in 0..12_usize,
        ) {
            let all: Vec<f64> = values.iter().map(|x| f64::from(*x)).collect();
            let mut others = all.clone();
            let but = others.swap_remove(place % all.len());
            let expected = robust::median(&others).unwrap_or(0.0);
            prop_assert_eq!(median_of_others(&order::sorted_finite(&all), but), expected);
        }
    }
}
