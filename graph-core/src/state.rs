//! The content that a builder fills and a graph reads: cells by step, of nodes and of edges.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use crate::cell::Cell;
use crate::edge::EdgeKind;
use crate::key::NodeKey;
use crate::name::{MetricName, Revision};
use crate::params::GraphParams;
use crate::record::ChangeEvent;
use crate::time::Timestamp;

/// Cells by step number; shared with the graphs that were built before, copied on write.
pub(crate) type Cells = BTreeMap<i64, Arc<Cell>>;

/// An edge's ends and kind.
pub(crate) type EdgeKey = (NodeKey, NodeKey, EdgeKind);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NodeState {
    pub(crate) cells: Cells,
    /// Newest step of all records that name the node, whether or not they fill a cell of it.
    pub(crate) last_seen: i64,
    /// Instances only: the service they belong to.
    pub(crate) owner: Option<NodeKey>,
    /// Instances only: the revision, with the time it was last seen running it.
    pub(crate) revision: Option<(Timestamp, Revision)>,
    /// Declared by the user, so never retired.
    pub(crate) declared: bool,
}

impl Default for NodeState {
    fn default() -> Self {
        Self {
            cells: Cells::new(),
            last_seen: i64::MIN,
            owner: None,
            revision: None,
            declared: false,
        }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct EdgeState {
    pub(crate) cells: Cells,
    pub(crate) declared: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) params: GraphParams,
    pub(crate) nodes: BTreeMap<NodeKey, NodeState>,
    pub(crate) edges: BTreeMap<EdgeKey, EdgeState>,
    /// In the order of [`change_order`], none twice.
    #[serde(deserialize_with = "in_order")]
    pub(crate) changes: Vec<ChangeEvent>,
}

impl State {
    pub(crate) fn new(params: GraphParams) -> Self {
        Self {
            params,
            nodes: BTreeMap::new(),
            edges: BTreeMap::new(),
            changes: Vec::new(),
        }
    }

    /// Number of the step that holds `at`.
    pub(crate) fn step_of(&self, at: Timestamp) -> i64 {
        self.params.step_of(at)
    }

    /// Start of a step.
    pub(crate) fn start_of(&self, step: i64) -> Timestamp {
        self.params.start_of(step)
    }

    /// The node of a key, made where it is new, seen in this step.
    pub(crate) fn see(&mut self, key: &NodeKey, step: i64) -> &mut NodeState {
        let node = self.nodes.entry(key.clone()).or_default();
        node.last_seen = node.last_seen.max(step);
        node
    }

    /// First and last step in which anything was seen.
    pub(crate) fn extent(&self) -> Option<(i64, i64)> {
        let cells = || {
            let nodes = self.nodes.values().map(|n| &n.cells);
            nodes.chain(self.edges.values().map(|e| &e.cells))
        };
        let first = cells().filter_map(|c| c.keys().next()).min()?;
        let last = cells().filter_map(|c| c.keys().next_back()).max()?;
        Some((*first, *last))
    }

    /// Drops what was seen before the step `oldest`, and retires what was not seen since.
    ///
    /// An edge that stays keeps its ends: they were seen with it, or declared with it.
    pub(crate) fn retire_before(&mut self, oldest: i64) {
        let drop_old = |cells: &mut Cells| {
            if cells
                .first_key_value()
                .is_some_and(|(step, _)| *step < oldest)
            {
                *cells = cells.split_off(&oldest);
            }
        };
        self.edges.retain(|_, edge| {
            drop_old(&mut edge.cells);
            !edge.cells.is_empty() || edge.declared
        });
        self.nodes.retain(|_, node| {
            drop_old(&mut node.cells);
            node.last_seen >= oldest || node.declared
        });
        let oldest_at = self.start_of(oldest);
        self.changes.retain(|change| change.at >= oldest_at);
    }

    /// Names of all metrics of which a sample is held.
    pub(crate) fn metrics(&self) -> BTreeSet<MetricName> {
        let nodes = self.nodes.values().flat_map(|node| node.cells.values());
        let edges = self.edges.values().flat_map(|edge| edge.cells.values());
        let mut metrics = BTreeSet::new();
        for metric in nodes.chain(edges).flat_map(|cell| cell.metrics()) {
            if !metrics.contains(metric) {
                metrics.insert(metric.clone());
            }
        }
        metrics
    }
}

/// The order of change events: by time, then by all that tells them apart. Only events equal in
/// every field are equal here.
pub(crate) fn change_order(a: &ChangeEvent, b: &ChangeEvent) -> Ordering {
    fn place(change: &ChangeEvent) -> impl Ord + '_ {
        let ChangeEvent {
            id,
            at,
            service,
            kind,
            phase,
            from,
            to,
            instances,
            share,
            reversibility,
        } = change;
        let first = (at, id, phase, service, to, instances);
        (first, from, kind, share, reversibility)
    }
    place(a).cmp(&place(b))
}

/// Change events from a file, in the order that look-ups rely on whatever the file says.
fn in_order<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ChangeEvent>, D::Error> {
    let mut changes = Vec::<ChangeEvent>::deserialize(deserializer)?;
    changes.sort_by(change_order);
    changes.dedup();
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_changes_are_put_in_order() {
        let change = |at: i64, service: &str| {
            let at = Timestamp::from_secs(at);
            ChangeEvent::new(
                "c",
                at,
                NodeKey::service(service),
                None,
                Revision::from("v2"),
            )
        };
        let mut state = State::new(GraphParams::default());
        state.changes = vec![
            change(9, "a"),
            change(1, "b"),
            change(1, "a"),
            change(9, "a"),
        ];
        let bytes = postcard::to_stdvec(&state).unwrap();
        let stored: State = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(
            stored.changes,
            [change(1, "a"), change(1, "b"), change(9, "a")]
        );
    }
}
