//! Which services and which arrows between them are drawn, and in which order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use astern_graph_core::{EdgeKind, NodeId, NodeKey, NodeKind};
use astern_stats::order;

use super::scene::Scene;

/// Most boxes of a drawing that can still be read.
const BOXES_MAX: usize = 48;

/// Most arrows.
const ARROWS_MAX: usize = 200;

/// What joins two nodes, by their ends.
type Pairs = BTreeMap<(NodeId, NodeId), Vec<EdgeKind>>;

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

/// The nodes and arrows that matter most.
pub(super) fn select<'a>(scene: &Scene<'a>) -> Selection<'a> {
    let graph = scene.page.graph;
    let mut pairs = Pairs::new();
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
    let matters = |id: &NodeId| {
        let key = graph.key(*id).filter(|key| is_drawn(key));
        key.is_some_and(|key| key.kind != NodeKind::Host || joined.contains(id))
    };
    let mut ids: Vec<NodeId> = graph.ids().filter(matters).collect();
    let all = ids.len();
    let busy = busy(scene, &pairs);
    ids.sort_by_cached_key(|id| weight(scene, &busy, *id));
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
fn weight(
    scene: &Scene<'_>,
    busy: &BTreeMap<NodeId, u64>,
    id: NodeId,
) -> (u8, Reverse<u64>, NodeId) {
    let page = scene.page;
    let Some(key) = page.graph.key(id) else {
        return (u8::MAX, Reverse(0), id);
    };
    let suspected = page
        .diagnosis
        .is_some_and(|d| d.causes.iter().take(10).any(|c| c.subject.node() == key));
    let class = if scene.path.contains(&key) {
        0
    } else if scene.released(key).is_some() {
        1
    } else if scene.scores.contains_key(key) || suspected {
        2
    } else {
        3
    };
    (class, Reverse(busy.get(&id).copied().unwrap_or(0)), id)
}

/// Calls that each node made and received.
fn busy(scene: &Scene<'_>, pairs: &Pairs) -> BTreeMap<NodeId, u64> {
    let mut busy = BTreeMap::new();
    for (from, to) in pairs.keys() {
        let calls = calls(scene, (*from, *to));
        for id in [from, to] {
            *busy.entry(*id).or_insert(0) += calls;
        }
    }
    busy
}

fn calls(scene: &Scene<'_>, (from, to): (NodeId, NodeId)) -> u64 {
    let graph = scene.page.graph;
    let ends = graph.key(from).zip(graph.key(to));
    let summary = ends.and_then(|(from, to)| graph.calls_between(from, to, scene.page.range));
    summary.map_or(0, |summary| summary.calls)
}

/// Callers before callees; where nodes call each other in circles, as few arrows as a greedy choice
/// finds point back (Eades, Lin and Smyth 1993).
fn callers_first(scene: &Scene<'_>, chosen: &BTreeSet<NodeId>, pairs: &Pairs) -> Vec<NodeId> {
    let groups = scene.page.graph.callers_first().into_iter();
    let chosen_of =
        |group: Vec<NodeId>| group.into_iter().filter(|id| chosen.contains(id)).collect();
    groups
        .flat_map(|group| unrolled(chosen_of(group), pairs))
        .collect()
}

fn unrolled(mut left: BTreeSet<NodeId>, pairs: &Pairs) -> Vec<NodeId> {
    let (mut front, mut back) = (Vec::new(), Vec::new());
    while let Some(first) = left.first().copied() {
        let callees = |id: NodeId| {
            left.iter()
                .filter(|to| pairs.contains_key(&(id, **to)))
                .count()
        };
        let callers = |id: NodeId| {
            left.iter()
                .filter(|from| pairs.contains_key(&(**from, id)))
                .count()
        };
        let sink = left
            .iter()
            .copied()
            .find(|id| callees(*id) == 0 && callers(*id) > 0);
        let surplus = |id: NodeId| {
            (
                callers(id) == 0,
                callees(id).saturating_sub(callers(id)),
                callees(id),
            )
        };
        let best = left
            .iter()
            .copied()
            .fold(first, |a, b| if surplus(b) > surplus(a) { b } else { a });
        left.remove(&sink.unwrap_or(best));
        match sink {
            Some(sink) => back.push(sink),
            None => front.push(best),
        }
    }
    front.extend(back.into_iter().rev());
    front
}

fn arrow(
    scene: &Scene<'_>,
    number: &BTreeMap<NodeId, usize>,
    (from, to): (NodeId, NodeId),
    kinds: Vec<EdgeKind>,
) -> Option<Arrow> {
    let graph = scene.page.graph;
    let (source, target) = (graph.key(from)?, graph.key(to)?);
    let seconds = scene.page.range.span().as_secs_f64().max(1.0);
    let is = |pair: &[&NodeKey], a: &NodeKey, b: &NodeKey| pair[0] == a && pair[1] == b;
    let on_path = scene
        .path
        .windows(2)
        .any(|pair| is(pair, source, target) || is(pair, target, source));
    Some(Arrow {
        ends: (*number.get(&from)?, *number.get(&to)?),
        kinds,
        per_second: calls(scene, (from, to)) as f64 / seconds,
        on_path,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use astern_graph_core::{GraphBuilder, GraphParams};

    #[test]
    fn a_circle_is_opened_where_most_comes_from() {
        let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
        for (from, to) in [("z", "a"), ("z", "b"), ("a", "b"), ("b", "c"), ("c", "z")] {
            builder.declare_edge(
                NodeKey::service(from),
                NodeKey::service(to),
                EdgeKind::Calls,
            );
        }
        let graph = builder.build();
        let pairs: Pairs = graph
            .edges()
            .map(|(from, to, kind)| ((from, to), vec![kind]))
            .collect();
        let order = unrolled(graph.ids().collect(), &pairs);
        let names: Vec<&str> = order
            .iter()
            .map(|id| &*graph.key(*id).unwrap().name)
            .collect();
        assert_eq!(names, ["z", "a", "b", "c"]);
    }
}
