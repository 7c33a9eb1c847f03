//! Which services and which arrows between them are drawn, and in which order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use astern_graph_core::{EdgeKind, NodeId, NodeKey, NodeKind};
use astern_stats::order;

use super::scene::Scene;

/// Most boxes of a drawing that can still be read.
const BOXES_MAX: usize = 48;

/// Most arrows.
const ARROWS_MAX: usize = 200;

/// Everything between two nodes, in one direction.
#[derive(Debug, Clone)]
pub(super) struct Arrow {
    /// Its ends, as numbers of the boxes.
    pub(super) ends: (usize, usize),
    /// What it stands for.
    pub(super) kinds: Vec<EdgeKind>,
    /// Calls per second, where there are any.
    pub(super) per_second: f64,
    /// It is a part of the way that the fault took.
    pub(super) on_path: bool,
}

/// What is drawn, and how much is not.
#[derive(Debug)]
pub(super) struct Selection<'a> {
    /// Callers first.
    pub(super) boxes: Vec<&'a NodeKey>,
    /// Between different boxes.
    pub(super) arrows: Vec<Arrow>,
    /// Nodes that were left out.
    pub(super) boxes_left: usize,
    /// Arrows between drawn nodes that were left out.
    pub(super) arrows_left: usize,
}

/// Whether nodes like this one are drawn at all; instances belong to their service.
pub(super) fn is_drawn(key: &NodeKey) -> bool {
    key.kind != NodeKind::Instance
}

/// The most telling nodes and arrows.
pub(super) fn select<'a>(scene: &Scene<'a>) -> Selection<'a> {
    let graph = scene.page.graph;
    let mut pairs: BTreeMap<(NodeId, NodeId), Vec<EdgeKind>> = BTreeMap::new();
    let drawn = |id: NodeId| graph.key(id).is_some_and(is_drawn);
    for (from, to, kind) in graph
        .edges()
        .filter(|(from, to, _)| drawn(*from) && drawn(*to))
    {
        pairs.entry((from, to)).or_default().push(kind);
    }
    pairs.retain(|(from, to), _| from != to);
    let joined: BTreeSet<NodeId> = pairs.keys().flat_map(|(from, to)| [*from, *to]).collect();
    // A host that only instances run on stands for nothing here.
    let tells = |id: &NodeId| {
        let key = graph.key(*id).filter(|key| is_drawn(key));
        key.is_some_and(|key| key.kind != NodeKind::Host || joined.contains(id))
    };
    let mut ids: Vec<NodeId> = graph.ids().filter(tells).collect();
    let all = ids.len();
    ids.sort_by_cached_key(|id| weight(scene, *id));
    ids.truncate(BOXES_MAX);
    let chosen: BTreeSet<NodeId> = ids.into_iter().collect();
    pairs.retain(|(from, to), _| chosen.contains(from) && chosen.contains(to));
    let order = callers_first(scene, &chosen, &pairs);
    let number: BTreeMap<NodeId, usize> =
        order.iter().enumerate().map(|(n, id)| (*id, n)).collect();
    let mut arrows: Vec<Arrow> = pairs
        .into_iter()
        .filter_map(|((from, to), kinds)| arrow(scene, &number, (from, to), kinds))
        .collect();
    let all_arrows = arrows.len();
    arrows.sort_by(|a, b| {
        let by_traffic = order::descending(a.per_second, b.per_second);
        b.on_path
            .cmp(&a.on_path)
            .then(by_traffic)
            .then(a.ends.cmp(&b.ends))
    });
    arrows.truncate(ARROWS_MAX);
    Selection {
        boxes_left: all - order.len(),
        arrows_left: all_arrows - arrows.len(),
        boxes: order.into_iter().filter_map(|id| graph.key(id)).collect(),
        arrows,
    }
}

/// The least is drawn first: nodes of the path, released ones, anomalous ones, busy ones.
fn weight(scene: &Scene<'_>, id: NodeId) -> (u8, std::cmp::Reverse<u64>, NodeId) {
    let page = scene.page;
    let Some(key) = page.graph.key(id) else {
        return (u8::MAX, std::cmp::Reverse(0), id);
    };
    let told = page
        .diagnosis
        .is_some_and(|d| d.causes.iter().take(10).any(|c| c.subject.node() == key));
    let class = if scene.path.contains(&key) {
        0
    } else if scene.released(key).is_some() {
        1
    } else if scene.scores.contains_key(key) || told {
        2
    } else {
        3
    };
    let calls = page
        .graph
        .calls_received(key, page.range)
        .map_or(0, |calls| calls.calls);
    (class, std::cmp::Reverse(calls), id)
}

/// Callers before callees; within a circle, those that are called from outside it come first.
fn callers_first(
    scene: &Scene<'_>,
    chosen: &BTreeSet<NodeId>,
    pairs: &BTreeMap<(NodeId, NodeId), Vec<EdgeKind>>,
) -> Vec<NodeId> {
    let mut order = Vec::with_capacity(chosen.len());
    for group in scene.page.graph.callers_first() {
        let mut left: BTreeSet<NodeId> =
            group.into_iter().filter(|id| chosen.contains(id)).collect();
        let entered = |id: &NodeId| order.iter().any(|from| pairs.contains_key(&(*from, *id)));
        let entries: Vec<NodeId> = left.iter().copied().filter(entered).collect();
        let mut queue: VecDeque<NodeId> = entries.into();
        while !left.is_empty() {
            let next = queue.pop_front().or_else(|| left.first().copied());
            let Some(id) = next.filter(|id| left.remove(id)) else {
                continue;
            };
            order.push(id);
            queue.extend(left.iter().filter(|to| pairs.contains_key(&(id, **to))));
        }
    }
    order
}

fn arrow(
    scene: &Scene<'_>,
    number: &BTreeMap<NodeId, usize>,
    (from, to): (NodeId, NodeId),
    kinds: Vec<EdgeKind>,
) -> Option<Arrow> {
    let graph = scene.page.graph;
    let (source, target) = (graph.key(from)?, graph.key(to)?);
    let calls = graph
        .calls_between(source, target, scene.page.range)
        .map_or(0, |c| c.calls);
    let seconds = scene.page.range.span().as_secs_f64().max(1.0);
    let is = |pair: &[&NodeKey], a: &NodeKey, b: &NodeKey| pair[0] == a && pair[1] == b;
    let on_path = scene
        .path
        .windows(2)
        .any(|pair| is(pair, source, target) || is(pair, target, source));
    Some(Arrow {
        ends: (*number.get(&from)?, *number.get(&to)?),
        kinds,
        per_second: calls as f64 / seconds,
        on_path,
    })
}
