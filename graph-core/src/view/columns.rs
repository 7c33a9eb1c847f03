//! Which features things have.

use std::collections::BTreeSet;

use crate::cell::Cell;
use crate::graph::TemporalGraph;
use crate::key::NodeKey;
use crate::name::MetricName;
use crate::schema::{CALL_FEATURES, Feature};
use crate::store::Cells;

impl TemporalGraph {
    /// Names of the features that a node has in all the time that is held: those of calls first,
    /// then sampled ones by name.
    pub fn metrics(&self, key: &NodeKey) -> Vec<MetricName> {
        columns(
            self.node(key).into_iter().map(|node| &node.cells),
            &CALL_FEATURES,
        )
    }

    /// Meaning of a metric in this graph.
    pub fn feature(&self, metric: &MetricName) -> Feature {
        self.params.catalogue.get(metric)
    }
}

/// Features that these have: those of calls first, where there were any, then sampled metrics by
/// name.
pub(super) fn columns<'a>(
    all: impl Iterator<Item = &'a Cells>,
    of_calls: &[&str],
) -> Vec<MetricName> {
    let mut any_calls = false;
    let mut sampled = BTreeSet::new();
    let mut last: Option<&Cell> = None;
    for (_, cell) in all.flat_map(Cells::iter) {
        any_calls |= cell.calls() > 0;
        // Most cells of a thing hold the same metrics as the one before.
        if last.is_some_and(|last| last.metrics().eq(cell.metrics())) {
            continue;
        }
        last = Some(cell);
        for metric in cell.metrics() {
            if !sampled.contains(metric) {
                sampled.insert(metric.clone());
            }
        }
    }
    let mut columns: Vec<MetricName> = of_calls
        .iter()
        .filter(|_| any_calls)
        .map(|name| (*name).into())
        .collect();
    sampled.retain(|metric| !columns.contains(metric));
    columns.extend(sampled);
    columns
}
