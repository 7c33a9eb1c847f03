//! The series that are compared, without gaps.

use std::collections::BTreeMap;

use astern_graph_core::{NodeId, TemporalGraph};

use crate::candidates::{Candidate, candidate, filled, symptom};
use crate::error::RankError;
use crate::incident::Incident;

/// Nodes with the symptom's metric in both ranges. Missing values are the mean of their range.
pub(super) struct Rows {
    pub(super) of: BTreeMap<NodeId, Candidate>,
    /// The symptom's node.
    pub(super) target: NodeId,
}

impl Rows {
    /// `O(N · T)`.
    pub(super) fn of(graph: &TemporalGraph, incident: &Incident) -> Result<Self, RankError> {
        let target = symptom(graph, incident)?.id;
        let mut of = BTreeMap::new();
        for id in graph.ids() {
            let Some(mut row) = candidate(graph, incident, id, &incident.symptom.metric)? else {
                continue;
            };
            row.healthy = filled(&row.healthy);
            row.abnormal = filled(&row.abnormal);
            if !row.healthy.is_empty() && !row.abnormal.is_empty() {
                of.insert(id, row);
            }
        }
        Ok(Self { of, target })
    }

    /// The callees of a node (its [`fault_origins`](TemporalGraph::fault_origins)) that have a row.
    pub(super) fn callees(&self, graph: &TemporalGraph, id: NodeId) -> Vec<NodeId> {
        let known = |other: &NodeId| *other != id && self.of.contains_key(other);
        graph.fault_origins(id).filter(known).collect()
    }

    /// The callers of a node that have a row.
    pub(super) fn callers(&self, graph: &TemporalGraph, id: NodeId) -> Vec<NodeId> {
        let known = |other: &NodeId| *other != id && self.of.contains_key(other);
        graph.fault_targets(id).filter(known).collect()
    }
}
