//! The content that a builder fills and a graph reads: cells by step, of nodes and of edges.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cell::Cell;
use crate::edge::EdgeKind;
use crate::key::NodeKey;
use crate::name::Revision;
use crate::params::GraphParams;
use crate::record::ChangeEvent;
use crate::time::{Timestamp, nanos_of};

/// Cells by step number; shared with the graphs that were built before, copied on write.
pub(crate) type Cells = BTreeMap<i64, Arc<Cell>>;

/// An edge's ends and kind.
pub(crate) type EdgeKey = (NodeKey, NodeKey, EdgeKind);

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct NodeState {
    pub(crate) cells: Cells,
    /// Instances only: the service they belong to.
    pub(crate) owner: Option<NodeKey>,
    /// Instances only: the revision, with the time it was last seen running it.
    pub(crate) revision: Option<(Timestamp, Revision)>,
    /// Declared by the user, so never retired.
    pub(crate) declared: bool,
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
        at.nanos().div_euclid(nanos_of(self.params.step))
    }

    /// Start of a step.
    pub(crate) fn start_of(&self, step: i64) -> Timestamp {
        Timestamp::from_nanos(step.saturating_mul(nanos_of(self.params.step)))
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

    /// Drops cells before `oldest` and retires what is empty then.
    pub(crate) fn retire_before(&mut self, oldest: i64) {
        let keep = |cells: &mut Cells| {
            if cells
                .first_key_value()
                .is_some_and(|(step, _)| *step < oldest)
            {
                *cells = cells.split_off(&oldest);
            }
            !cells.is_empty()
        };
        self.edges
            .retain(|_, edge| keep(&mut edge.cells) || edge.declared);
        let mut in_use: Vec<NodeKey> = self
            .edges
            .keys()
            .flat_map(|(from, to, _)| [from.clone(), to.clone()])
            .collect();
        in_use.sort();
        self.nodes.retain(|key, node| {
            keep(&mut node.cells) || node.declared || in_use.binary_search(key).is_ok()
        });
        let oldest_at = self.start_of(oldest);
        self.changes.retain(|change| change.at >= oldest_at);
    }
}
