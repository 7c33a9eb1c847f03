//! What is drawn, whatever the language: nodes, frames, edges, and what is left out.

use std::collections::{BTreeMap, BTreeSet};

use super::params::{EdgeLabels, ExportParams, Mark};
use crate::edge::EdgeKind;
use crate::graph::TemporalGraph;
use crate::key::{NodeId, NodeKey, NodeKind};

/// A drawing; nodes are named by their place in `nodes`.
#[derive(Debug)]
pub(super) struct Scene<'g> {
    /// By key.
    pub(super) nodes: Vec<Node<'g>>,
    /// Services with their instances, the service first, by its key.
    pub(super) frames: Vec<Vec<usize>>,
    /// Nodes outside frames.
    pub(super) unframed: Vec<usize>,
    /// `(source, target, label)`, sorted by the keys of the ends.
    pub(super) edges: Vec<(usize, usize, Option<EdgeKind>)>,
    /// What is left out for want of room, in words.
    pub(super) more: Option<String>,
}

#[derive(Debug)]
pub(super) struct Node<'g> {
    pub(super) key: &'g NodeKey,
    pub(super) mark: Option<Mark>,
}

impl<'g> Scene<'g> {
    pub(super) fn of(graph: &'g TemporalGraph, params: &ExportParams) -> Self {
        let wanted: Vec<NodeId> = graph
            .ids()
            .filter(|id| graph.key(*id).is_some_and(|key| params.draws(key)))
            .collect();
        let mut is_wanted = vec![false; graph.node_count()];
        for id in &wanted {
            is_wanted[id.index()] = true;
        }
        let drawn = chosen(graph, params, &wanted);
        let mut place_of: Vec<Option<usize>> = vec![None; graph.node_count()];
        for (place, id) in drawn.iter().enumerate() {
            place_of[id.index()] = Some(place);
        }

        let mut edges = Vec::new();
        let mut edges_wanted = 0;
        for (from, to, kind) in graph.edges() {
            let ends_wanted = is_wanted[from.index()] && is_wanted[to.index()];
            if !ends_wanted || !params.draws_edge(kind) {
                continue;
            }
            edges_wanted += 1;
            if let (Some(from), Some(to)) = (place_of[from.index()], place_of[to.index()])
                && edges.len() < params.edges_max as usize
            {
                edges.push((from, to, params.label(kind)));
            }
        }

        let keys = drawn.iter().filter_map(|id| graph.key(*id));
        let nodes: Vec<Node<'g>> = keys
            .map(|key| Node {
                key,
                mark: params.marks.get(key).copied(),
            })
            .collect();
        let (frames, unframed) = framed(graph, &nodes, params.grouped);
        let more = more(wanted.len() - nodes.len(), edges_wanted - edges.len());
        Self {
            nodes,
            frames,
            unframed,
            edges,
            more,
        }
    }
}

impl ExportParams {
    fn draws(&self, key: &NodeKey) -> bool {
        let of_kind = |kinds: &BTreeSet<NodeKind>| kinds.contains(&key.kind);
        self.node_kinds.as_ref().is_none_or(of_kind)
            && self.only.as_ref().is_none_or(|only| only.contains(key))
    }

    fn draws_edge(&self, kind: EdgeKind) -> bool {
        let kinds = self.edge_kinds.as_ref();
        kinds.is_none_or(|kinds| kinds.contains(&kind))
    }

    fn label(&self, kind: EdgeKind) -> Option<EdgeKind> {
        let labelled = match self.edge_labels {
            EdgeLabels::None => false,
            EdgeLabels::NotCalls => kind != EdgeKind::Calls,
            EdgeLabels::All => true,
        };
        labelled.then_some(kind)
    }
}

/// The wanted nodes for which there is room, in order: marked ones first, then by key.
fn chosen(graph: &TemporalGraph, params: &ExportParams, wanted: &[NodeId]) -> Vec<NodeId> {
    let marked = |id: &NodeId| {
        graph
            .key(*id)
            .is_some_and(|key| params.marks.contains_key(key))
    };
    let (marked, others): (Vec<NodeId>, Vec<NodeId>) = wanted.iter().partition(|id| marked(id));
    let room = params.nodes_max as usize;
    let mut chosen: Vec<NodeId> = marked.into_iter().chain(others).take(room).collect();
    chosen.sort_unstable();
    chosen
}

/// Frames of the services of which instances are drawn, and the nodes outside them. What has an
/// owner has no frame of its own, so that no node is in two.
fn framed(
    graph: &TemporalGraph,
    nodes: &[Node<'_>],
    grouped: bool,
) -> (Vec<Vec<usize>>, Vec<usize>) {
    let place = |key| nodes.binary_search_by(|node| node.key.cmp(key)).ok();
    let owner = |key| {
        graph
            .owner(key)
            .filter(|owner| graph.owner(owner).is_none())
    };
    let mut frames: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut is_framed = vec![false; nodes.len()];
    for (instance, node) in nodes.iter().enumerate().filter(|_| grouped) {
        if let Some(service) = owner(node.key).and_then(place) {
            let frame = frames.entry(service).or_insert_with(|| vec![service]);
            frame.push(instance);
            is_framed[service] = true;
            is_framed[instance] = true;
        }
    }
    let unframed = (0..nodes.len()).filter(|node| !is_framed[*node]);
    (frames.into_values().collect(), unframed.collect())
}

/// What is left out, in words.
fn more(nodes: usize, edges: usize) -> Option<String> {
    let counted = |count: usize, what: &str| {
        let plural = if count == 1 { "" } else { "s" };
        (count > 0).then(|| format!("{count} more {what}{plural}"))
    };
    let parts = [counted(nodes, "node"), counted(edges, "edge")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("… and {}", parts.join(", ")))
}
