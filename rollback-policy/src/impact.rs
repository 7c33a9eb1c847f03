//! Whom a service drags down: the weight of what depends on it.

use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_graph_core::{GraphError, NodeId, NodeKey, NodeKind, TemporalGraph, TimeRange};
use astern_stats::param::in_range;
use astern_stats::{ParamError, order};

/// How strongly a fault at one node shows at its neighbour, 0..=1, by pair; 1 where not given.
///
/// Pairs go the way that the fault goes, from callee to caller, as in
/// [`Evidence::Influence`](astern_graph_core::signal::Evidence::Influence).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InfluenceWeights {
    weights: BTreeMap<(NodeKey, NodeKey), f64>,
}

impl InfluenceWeights {
    /// Every neighbour feels a fault in full.
    pub fn full() -> Self {
        Self::default()
    }

    /// With the weight of one pair: how much of a fault at `from` shows at `to`.
    ///
    /// # Errors
    /// [`ParamError::OutOfRange`] outside 0..=1.
    pub fn with(mut self, from: NodeKey, to: NodeKey, weight: f64) -> Result<Self, ParamError> {
        in_range("influence", weight, 0.0, 1.0)?;
        self.weights.insert((from, to), weight);
        Ok(self)
    }

    fn of(&self, from: &NodeKey, to: &NodeKey) -> f64 {
        if self.weights.is_empty() {
            return 1.0;
        }
        let pair = (from.clone(), to.clone());
        self.weights.get(&pair).copied().unwrap_or(1.0)
    }
}

/// The cumulative impact of a fault at one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Impact {
    /// The service.
    pub service: NodeKey,
    /// Calls per second that it receives itself.
    #[serde(with = "astern_stats::real")]
    pub calls_per_second: f64,
    /// What depends on it, with the calls per second that a fault puts at risk there, greatest
    /// first.
    pub affected: Vec<(NodeKey, f64)>,
    /// Calls per second at risk: its own and those of all that are affected.
    #[serde(with = "astern_stats::real")]
    pub score: f64,
}

impl Impact {
    /// The impact of a fault at `service`, from the calls in `range`:
    ///
    /// ```text
    /// score = r(service) + Σ_v w(v) · r(v)
    /// ```
    ///
    /// over every node `v` that a fault can reach (the blast radius), where
    /// - `w(v)` is the greatest product of influences along a path that the fault can take, and
    /// - `r(v)` is the calls per second that `v` receives, or those that it makes into the
    ///   affected part where that is more: a batch job or a client outside receives none.
    ///
    /// A request counts once at every service that handles it. Instances and hosts are left out:
    /// their calls are those of their services. Paths of best product exist with cycles too,
    /// because no weight exceeds 1. The score never falls when traffic grows.
    ///
    /// # Errors
    /// [`GraphError::UnknownNode`] when the graph does not know the service.
    ///
    /// # Complexity
    /// `O((V + E) log V)` over the blast radius.
    ///
    /// # Example
    /// ```
    /// use std::time::Duration;
    /// use astern_graph_core::{Call, GraphBuilder, GraphParams, NodeKey, Party, TimeRange, Timestamp};
    /// use astern_rollback_policy::{Impact, InfluenceWeights};
    ///
    /// let (web, cart) = (NodeKey::service("web"), NodeKey::service("cart"));
    /// let at = Timestamp::from_secs(0);
    /// let mut builder = GraphBuilder::new(GraphParams::default().step(Duration::from_secs(1)))?;
    /// builder.extend([
    ///     Call::new(at, Party::new(web.clone())).into(),
    ///     Call::new(at, Party::new(cart.clone())).from(Party::new(web.clone())).into(),
    /// ]);
    /// let range = TimeRange::new(at, Timestamp::from_secs(1))?;
    /// let impact = Impact::of(&builder.build(), &cart, range, &InfluenceWeights::full())?;
    /// assert_eq!(impact.to_string(), "service/cart: 2.0 calls/s at risk, 1.0 of them its own");
    /// assert_eq!(impact.affected, [(web, 1.0)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(
        graph: &TemporalGraph,
        service: &NodeKey,
        range: TimeRange,
        influence: &InfluenceWeights,
    ) -> Result<Self, GraphError> {
        let unknown = || GraphError::UnknownNode {
            key: service.clone(),
        };
        let id = graph.id(service).ok_or_else(unknown)?;
        Ok(Impacts::new(graph, range, influence).at(id, service))
    }

    /// The impacts of several services, greatest first, ties by key; a service named twice counts
    /// once.
    ///
    /// # Errors
    /// [`GraphError::UnknownNode`] when the graph does not know one of them.
    pub fn rank<'a>(
        graph: &TemporalGraph,
        services: impl IntoIterator<Item = &'a NodeKey>,
        range: TimeRange,
        influence: &InfluenceWeights,
    ) -> Result<Vec<Self>, GraphError> {
        let mut impacts = Impacts::new(graph, range, influence);
        let of = |service: &NodeKey| {
            let unknown = || GraphError::UnknownNode {
                key: service.clone(),
            };
            let id = graph.id(service).ok_or_else(unknown)?;
            Ok(impacts.at(id, service))
        };
        let all: Result<Vec<Self>, GraphError> = services.into_iter().map(of).collect();
        all.map(Self::ranked)
    }

    pub(crate) fn ranked(mut impacts: Vec<Self>) -> Vec<Self> {
        impacts.sort_by(|a, b| {
            order::descending(a.score, b.score).then_with(|| a.service.cmp(&b.service))
        });
        impacts.dedup_by(|a, b| a.service == b.service);
        impacts
    }
}

impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            service,
            calls_per_second,
            score,
            ..
        } = self;
        write!(
            f,
            "{service}: {score:.1} calls/s at risk, {calls_per_second:.1} of them its own"
        )
    }
}

/// Whether the calls of a node are its own and not a repetition of its service's.
fn counts(key: &NodeKey) -> bool {
    !matches!(key.kind, NodeKind::Instance | NodeKind::Host)
}

/// A node on the frontier, greatest weight first, then least id.
#[derive(PartialEq)]
struct Reached(f64, NodeId);

impl Eq for Reached {}

impl PartialOrd for Reached {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Reached {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        order::ascending(self.0, other.0).then_with(|| other.1.cmp(&self.1))
    }
}

/// Impacts of several services of one graph: what each node feels and calls is looked up once for all of them, since most
/// faults go the same ways.
#[derive(Debug)]
pub(crate) struct Impacts<'a> {
    graph: &'a TemporalGraph,
    range: TimeRange,
    influence: &'a InfluenceWeights,
    nodes: BTreeMap<NodeId, Rc<Node>>,
}

/// What counts of a node.
#[derive(Debug)]
struct Node {
    /// Where a fault here shows next, each with how much of it.
    targets: Vec<(NodeId, f64)>,
    /// Calls that it receives.
    received: u64,
    /// Calls that it makes, by callee.
    made: BTreeMap<NodeId, u64>,
}

impl<'a> Impacts<'a> {
    pub(crate) fn new(
        graph: &'a TemporalGraph,
        range: TimeRange,
        influence: &'a InfluenceWeights,
    ) -> Self {
        Self {
            graph,
            range,
            influence,
            nodes: BTreeMap::new(),
        }
    }

    /// The impact of a service whose id is `start`.
    pub(crate) fn at(&mut self, start: NodeId, service: &NodeKey) -> Impact {
        let reached = self.reach(start);
        let seconds = whole_steps(self.graph.step(), self.range).as_secs_f64();
        let rate = |node: &Node| node.calls(&reached) as f64 / seconds;
        let own = reached.get(&start);
        let calls_per_second = own.map_or(0.0, |(_, node)| rate(node));
        let mut affected = Vec::new();
        for (id, (weight, node)) in &reached {
            let key = self.graph.key(*id);
            if let Some(key) = key.filter(|key| *id != start && counts(key)) {
                affected.push((key.clone(), weight * rate(node)));
            }
        }
        affected.sort_by(|(a, x), (b, y)| order::descending(*x, *y).then_with(|| a.cmp(b)));
        let score = affected
            .iter()
            .fold(calls_per_second, |sum, (_, rate)| sum + rate);
        Impact {
            service: service.clone(),
            calls_per_second,
            affected,
            score,
        }
    }

    /// The greatest product of influences to each node that a fault can reach (Dijkstra's algorithm
    /// over products, 1959).
    fn reach(&mut self, start: NodeId) -> BTreeMap<NodeId, (f64, Rc<Node>)> {
        let mut reached = BTreeMap::new();
        let mut frontier = BinaryHeap::from([Reached(1.0, start)]);
        while let Some(Reached(weight, id)) = frontier.pop() {
            if reached.contains_key(&id) {
                continue;
            }
            let node = self.node(id);
            for (next, influence) in &node.targets {
                if !reached.contains_key(next) {
                    frontier.push(Reached(weight * influence, *next));
                }
            }
            reached.insert(id, (weight, node));
        }
        reached
    }

    fn node(&mut self, id: NodeId) -> Rc<Node> {
        let (graph, range, influence) = (self.graph, self.range, self.influence);
        let read = || Rc::new(Node::of(graph, id, range, influence));
        self.nodes.entry(id).or_insert_with(read).clone()
    }
}

impl Node {
    fn of(
        graph: &TemporalGraph,
        id: NodeId,
        range: TimeRange,
        influence: &InfluenceWeights,
    ) -> Self {
        let Some(key) = graph.key(id) else {
            return Self {
                targets: Vec::new(),
                received: 0,
                made: BTreeMap::new(),
            };
        };
        let target = |next| Some((next, influence.of(key, graph.key(next)?)));
        let received = graph.calls_received(key, range);
        let made = |callee| {
            let summary = graph.calls_between(key, graph.key(callee)?, range)?;
            Some((callee, summary.calls))
        };
        Self {
            targets: graph.fault_targets(id).filter_map(target).collect(),
            received: received.map_or(0, |summary| summary.calls),
            made: graph.callees(id).filter_map(made).collect(),
        }
    }

    /// Calls that it receives, or makes into the affected part where that is more.
    fn calls<T>(&self, affected: &BTreeMap<NodeId, T>) -> u64 {
        // An entrance calls nearly everything, while a fault reaches little of it.
        let made: u64 = if affected.len() < self.made.len() {
            affected.keys().filter_map(|id| self.made.get(id)).sum()
        } else {
            let made = self.made.iter();
            let into = made.filter(|(callee, _)| affected.contains_key(callee));
            into.map(|(_, calls)| calls).sum()
        };
        self.received.max(made)
    }
}

/// Length of the whole steps that a range touches: calls are counted by whole steps.
fn whole_steps(step: Duration, range: TimeRange) -> Duration {
    let step = step.max(Duration::from_nanos(1)).as_nanos();
    let length = i128::try_from(step).unwrap_or(i128::MAX);
    let first = i128::from(range.start.nanos()).div_euclid(length);
    let last = (i128::from(range.end.nanos()) - 1).div_euclid(length);
    let steps = last.abs_diff(first) + 1;
    Duration::from_nanos(u64::try_from(steps.saturating_mul(step)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn influences_outside_their_range_are_refused() {
        let (a, b) = (NodeKey::service("a"), NodeKey::service("b"));
        for bad in [-0.1, 1.1, f64::NAN] {
            assert!(
                InfluenceWeights::full()
                    .with(a.clone(), b.clone(), bad)
                    .is_err()
            );
        }
    }

    #[test]
    fn rates_are_over_whole_steps() {
        use astern_graph_core::Timestamp;
        let step = Duration::from_secs(60);
        let range =
            |a, b| TimeRange::new(Timestamp::from_secs(a), Timestamp::from_secs(b)).unwrap();
        for (range, steps) in [(range(0, 60), 1), (range(59, 61), 2), (range(-1, 61), 3)] {
            assert_eq!(whole_steps(step, range), step * steps);
        }
        let all = TimeRange::new(Timestamp::MIN, Timestamp::MAX).unwrap();
        assert!(whole_steps(step, all) > Duration::from_secs(1 << 33));
    }
}
