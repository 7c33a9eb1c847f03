//! The graph of a part of the time, and the times in which nothing was seen.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use crate::error::GraphError;
use crate::graph::{ChangeIndex, TemporalGraph};
use crate::key::NodeKey;
use crate::store::{Cells, EdgeState, Layout, NodeState};
use crate::time::TimeRange;

impl TemporalGraph {
    /// The graph of what was there in a range of whole steps: nodes and edges that a record of that
    /// time named, or that were declared, with what was measured in it, and the changes of that
    /// time.
    ///
    /// # Errors
    /// [`GraphError::EmptyRange`] when the range holds no instant.
    ///
    /// # Complexity
    /// `O(V + E)` and a reference for each cell of the range.
    pub fn during(&self, range: TimeRange) -> Result<Self, GraphError> {
        let (first, end) = self
            .steps_of(range)
            .ok_or(GraphError::EmptyRange { range })?;
        let mut places = vec![None; self.node_count()];
        let (mut keys, mut nodes) = (Vec::new(), Vec::new());
        for (place, (key, node)) in places.iter_mut().zip(self.keys().iter().zip(&self.nodes)) {
            if let Some(part) = node_part(node, first, end) {
                *place = u32::try_from(keys.len()).ok();
                keys.push(key.clone());
                nodes.push(Arc::new(part));
            }
        }
        let (mut edges, mut edge_states) = (Vec::new(), Vec::new());
        for ((from, to, kind), edge) in self.edges().zip(&self.edge_states) {
            // The ends of an edge were seen with it.
            let ends = places[from.index()].zip(places[to.index()]);
            if let Some(((from, to), part)) = ends.zip(edge_part(edge, first, end)) {
                edges.push((from, to, kind));
                edge_states.push(Arc::new(part));
            }
        }
        let steps: BTreeSet<i64> = self.call_steps.range(first..end).copied().collect();
        Ok(Self {
            params: Arc::clone(&self.params),
            layout: Arc::new(Layout::new(keys, edges.into_iter())),
            nodes,
            edge_states,
            changes: Arc::new(self.changes(range).to_vec()),
            call_steps: Arc::new(steps),
            instances: OnceLock::new(),
            change_index: ChangeIndex::default(),
        })
    }

    /// A graph for each step that a range touches, in order: what [`during`](Self::during) gives.
    ///
    /// # Errors
    /// [`GraphError::EmptyRange`] and [`GraphError::TooLong`], as for a window.
    pub fn snapshots(
        &self,
        range: TimeRange,
    ) -> Result<impl Iterator<Item = (TimeRange, Self)> + '_, GraphError> {
        let (first, count) = self.checked_steps(range)?;
        let steps = (first..).take(count).filter_map(|step| {
            let step = self.range_of_step(step);
            self.during(step).ok().map(|graph| (step, graph))
        });
        Ok(steps)
    }

    /// The parts of a range, in whole steps, in which no call was seen in the whole graph: no
    /// traffic, or no telemetry. Nothing can be concluded from silence in them.
    ///
    /// # Errors
    /// [`GraphError::EmptyRange`] and [`GraphError::TooLong`], as for a window.
    pub fn gaps(&self, range: TimeRange) -> Result<Vec<TimeRange>, GraphError> {
        let (first, count) = self.checked_steps(range)?;
        Ok(self.runs_of_steps(first, count, |step| !self.call_steps.contains(&step)))
    }

    /// The parts of a range, in whole steps, in which nothing was measured of a node: neither a
    /// call that it handled nor a sample.
    ///
    /// # Errors
    /// [`GraphError::UnknownNode`] for an unknown node; [`GraphError::EmptyRange`] and
    /// [`GraphError::TooLong`], as for a window.
    pub fn node_gaps(&self, key: &NodeKey, range: TimeRange) -> Result<Vec<TimeRange>, GraphError> {
        let node = self.node(key);
        let node = node.ok_or_else(|| GraphError::UnknownNode { key: key.clone() })?;
        let (first, count) = self.checked_steps(range)?;
        let is_silent = |step: i64| {
            let mut cell = node.cells.range(step, step.saturating_add(1));
            !cell.any(|(_, cell)| cell.is_measured())
        };
        Ok(self.runs_of_steps(first, count, is_silent))
    }
}

/// What is left of a node; `None` where nothing is and nobody declared it.
fn node_part(node: &NodeState, first: i64, end: i64) -> Option<NodeState> {
    let cells = node.cells.part(first, end);
    if cells.is_empty() && !node.declared {
        return None;
    }
    // When an owner was seen last is known, not when else: an instance there had one.
    Some(NodeState {
        cells,
        by_revision: parts(&node.by_revision, first, end),
        by_segment: parts(&node.by_segment, first, end),
        owners: node.owners.clone(),
        revisions: node
            .revisions
            .range(first..end)
            .map(|(step, run)| (*step, run.clone()))
            .collect(),
        declared: node.declared,
    })
}

fn edge_part(edge: &EdgeState, first: i64, end: i64) -> Option<EdgeState> {
    let cells = edge.cells.part(first, end);
    let declared = edge.declared;
    (declared || !cells.is_empty()).then_some(EdgeState { cells, declared })
}

fn parts<K: Clone + Ord>(
    slices: &std::collections::BTreeMap<K, Cells>,
    first: i64,
    end: i64,
) -> std::collections::BTreeMap<K, Cells> {
    let parts = slices
        .iter()
        .map(|(k, cells)| (k.clone(), cells.part(first, end)));
    parts.filter(|(_, cells)| !cells.is_empty()).collect()
}
