//! What a builder fills and a graph reads: nodes and edges with their cells, changes.

mod cells;
mod content;
mod entry;
mod layout;
mod order;
mod table;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

pub(crate) use cells::Cells;
pub(crate) use content::Content;
pub(crate) use entry::{EdgeState, NodeState, Placed};
pub(crate) use layout::{Layout, Plan};
pub(crate) use order::change_order;
pub(crate) use table::{Slot, Table};

use crate::edge::EdgeKind;
use crate::key::NodeKey;
use crate::name::MetricName;
use crate::params::GraphParams;
use crate::record::{ChangeEvent, Party};
use crate::time::Timestamp;

/// An edge by the slots of its ends.
pub(crate) type EdgeKey = (Slot, Slot, EdgeKind);

/// All that a builder holds but for what it needs to judge records.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pub(crate) params: Arc<GraphParams>,
    pub(crate) nodes: Table<NodeKey, NodeState>,
    pub(crate) edges: Table<EdgeKey, EdgeState>,
    /// In the order of [`change_order`], none twice.
    pub(crate) changes: Arc<Vec<ChangeEvent>>,
    /// Steps in which any call was seen: in the others silence means nothing.
    pub(crate) call_steps: Arc<BTreeSet<i64>>,
    /// Made when first asked for after a node or edge came or went.
    plan: OnceLock<Plan>,
}

impl Store {
    pub(crate) fn new(params: GraphParams) -> Self {
        Self {
            params: Arc::new(params),
            nodes: Table::default(),
            edges: Table::default(),
            changes: Arc::default(),
            call_steps: Arc::default(),
            plan: OnceLock::new(),
        }
    }

    /// The slot of a node, made where it is new.
    pub(crate) fn node(&mut self, key: &NodeKey) -> Slot {
        match self.nodes.slot(key) {
            Some(slot) => slot,
            None => self.add_node(key.clone()),
        }
    }

    /// The slot of a node, made where it is new.
    pub(crate) fn add_node(&mut self, key: NodeKey) -> Slot {
        self.nodes.slot(&key).unwrap_or_else(|| {
            self.plan = OnceLock::new();
            self.nodes.insert(key, Arc::default())
        })
    }

    /// The slot of an edge, made where it is new.
    pub(crate) fn edge(&mut self, key: EdgeKey) -> Slot {
        self.edges.slot(&key).unwrap_or_else(|| {
            self.plan = OnceLock::new();
            self.edges.insert(key, Arc::default())
        })
    }

    /// The slot of a node that is named in this step.
    pub(crate) fn see(&mut self, key: &NodeKey, step: i64) -> Slot {
        let slot = self.node(key);
        let seen = |(_, node): &(_, Arc<NodeState>)| node.cells.has(step);
        if !self.nodes.get(slot).is_some_and(seen)
            && let Some(node) = self.nodes.get_mut(slot)
        {
            node.cells.at(step);
        }
        slot
    }

    /// The slot of an edge that is named in this step.
    pub(crate) fn see_edge(&mut self, key: EdgeKey, step: i64) -> Slot {
        let slot = self.edge(key);
        let seen = |(_, edge): &(_, Arc<EdgeState>)| edge.cells.has(step);
        if !self.edges.get(slot).is_some_and(seen)
            && let Some(edge) = self.edges.get_mut(slot)
        {
            edge.cells.at(step);
        }
        slot
    }

    /// Makes a party's nodes known, and the host that they run on.
    pub(crate) fn place(&mut self, party: &Party, at: Timestamp) -> Placed {
        let step = self.params.step_of(at);
        let service = self.see(&party.service, step);
        let instance = party.instance.as_ref().map(|instance| {
            let slot = self.see(instance, step);
            if let Some(node) = self.nodes.get_mut(slot) {
                node.belongs_to(&party.service, step);
                if let Some(revision) = &party.revision {
                    node.runs(revision, at, step);
                }
            }
            slot
        });
        if let Some(host) = &party.host {
            let host = self.see(host, step);
            for guest in instance.into_iter().chain([service]) {
                self.see_edge((guest, host, EdgeKind::RunsOn), step);
            }
        }
        Placed { service, instance }
    }

    /// What is held, in the order of its keys.
    pub(crate) fn plan(&self) -> &Plan {
        self.plan.get_or_init(|| Plan::of(&self.nodes, &self.edges))
    }

    /// Drops what was seen before the step `oldest`, and retires what was not seen since.
    ///
    /// An edge that stays keeps its ends: they were seen with it, or declared with it.
    pub(crate) fn retire_before(&mut self, oldest: i64) {
        let edges = self.edges.retain(|edge| {
            if edge.cells.first().is_some_and(|first| first < oldest) {
                Arc::make_mut(edge).cells.drop_before(oldest);
            }
            edge.declared || !edge.cells.is_empty()
        });
        let nodes = self.nodes.retain(|node| {
            if node.cells.first().is_some_and(|first| first < oldest) {
                Arc::make_mut(node).drop_before(oldest);
            }
            node.declared || !node.cells.is_empty()
        });
        if edges || nodes {
            self.plan = OnceLock::new();
        }
        let oldest_at = self.params.start_of(oldest);
        if self.changes.first().is_some_and(|c| c.at < oldest_at) {
            Arc::make_mut(&mut self.changes).retain(|change| change.at >= oldest_at);
        }
        if self.call_steps.first().is_some_and(|first| *first < oldest) {
            let steps = Arc::make_mut(&mut self.call_steps);
            *steps = steps.split_off(&oldest);
        }
    }

    /// Drops nodes, and the edges at them.
    pub(crate) fn retire(&mut self, nodes: &BTreeSet<Slot>) {
        let edges = self.edges.entries();
        let at_them = |(from, to, _): &EdgeKey| nodes.contains(from) || nodes.contains(to);
        let edges: Vec<Slot> = edges
            .filter(|(edge, _)| at_them(edge))
            .map(|(_, slot)| slot)
            .collect();
        for slot in edges {
            self.edges.remove(slot);
        }
        for slot in nodes {
            self.nodes.remove(*slot);
        }
        self.plan = OnceLock::new();
    }

    /// Names of all metrics of which a sample is held.
    pub(crate) fn metrics(&self) -> BTreeSet<MetricName> {
        let nodes = self.nodes.values().map(|node| &node.cells);
        let edges = self.edges.values().map(|edge| &edge.cells);
        let mut metrics = BTreeSet::new();
        for (_, cell) in nodes.chain(edges).flat_map(Cells::iter) {
            for metric in cell.metrics() {
                if !metrics.contains(metric) {
                    metrics.insert(metric.clone());
                }
            }
        }
        metrics
    }
}
