//! In which order services are acted on: callers first, greater relief first.

use std::collections::{BTreeMap, BTreeSet};

use astern_graph_core::{NodeId, NodeKey, TemporalGraph};

/// Which of a few services come before which.
#[derive(Debug, Clone, Default)]
pub(crate) struct Order {
    /// Services by worth, greatest first.
    ranked: Vec<NodeKey>,
    /// Their places in `ranked`.
    place: BTreeMap<NodeKey, usize>,
    /// For each service, those of interest that it depends on, directly or not.
    depends_on: BTreeMap<NodeKey, BTreeSet<NodeKey>>,
}

impl Order {
    /// The order of `ranked` services (greatest worth first), with what is known of `others` too.
    ///
    /// Any edge makes its source depend on its target, as in
    /// [`TemporalGraph::callers_first`]. `O(S (V + E))` for `S` services.
    pub(crate) fn of(graph: &TemporalGraph, ranked: Vec<NodeKey>, others: &[NodeKey]) -> Self {
        let mut targets: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        for (source, target, _) in graph.edges() {
            targets.entry(source).or_default().push(target);
        }
        let of_interest: BTreeSet<&NodeKey> = ranked.iter().chain(others).collect();
        let mut depends_on = BTreeMap::new();
        for service in &of_interest {
            let mut reached = BTreeSet::new();
            let mut open: Vec<NodeId> = graph.id(service).into_iter().collect();
            while let Some(id) = open.pop() {
                for target in targets.get(&id).into_iter().flatten() {
                    if reached.insert(*target) {
                        open.push(*target);
                    }
                }
            }
            let keys = reached.into_iter().filter_map(|id| graph.key(id));
            let below = keys
                .filter(|key| of_interest.contains(key))
                .cloned()
                .collect();
            depends_on.insert((*service).clone(), below);
        }
        let place = ranked.iter().cloned().zip(0..).collect();
        Self {
            ranked,
            place,
            depends_on,
        }
    }

    /// Whether `caller` depends on `callee`, directly or not.
    pub(crate) fn depends(&self, caller: &NodeKey, callee: &NodeKey) -> bool {
        self.depends_on
            .get(caller)
            .is_some_and(|below| below.contains(callee))
    }

    /// Whether two services depend on each other, so that no order is right.
    pub(crate) fn in_circle(&self, a: &NodeKey, b: &NodeKey) -> bool {
        a != b && self.depends(a, b) && self.depends(b, a)
    }

    /// Whether `a` must be acted on before `b`: it depends on it; in a circle, by worth.
    fn precedes(&self, a: &NodeKey, b: &NodeKey) -> bool {
        a != b
            && self.depends(a, b)
            && (!self.depends(b, a) || self.place.get(a) < self.place.get(b))
    }

    /// The ranked services, each after all that precede it, otherwise by worth. `O(S³)` look-ups.
    pub(crate) fn sorted(&self) -> Vec<NodeKey> {
        let mut open: Vec<&NodeKey> = self.ranked.iter().collect();
        let mut sorted = Vec::with_capacity(open.len());
        while !open.is_empty() {
            let free = |b: &&NodeKey| !open.iter().any(|a| self.precedes(a, b));
            // `precedes` has no circles, so one is always free.
            let next = open.iter().position(free).unwrap_or(0);
            sorted.push(open.remove(next).clone());
        }
        sorted
    }

    /// Those of `services` that come right before `service`: no other of them lies between.
    pub(crate) fn right_before<'a>(
        &self,
        service: &NodeKey,
        services: &'a [NodeKey],
    ) -> Vec<&'a NodeKey> {
        let before: Vec<&NodeKey> = services
            .iter()
            .filter(|other| self.precedes(other, service))
            .collect();
        let between = |a: &NodeKey| before.iter().any(|b| self.precedes(a, b));
        before.iter().copied().filter(|a| !between(a)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams};
    use proptest::prelude::*;

    fn key(index: usize) -> NodeKey {
        NodeKey::service(format!("s{index}"))
    }

    fn graph(edges: &[(usize, usize)]) -> TemporalGraph {
        let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
        (0..6).for_each(|index| builder.declare_node(key(index)));
        for (from, to) in edges {
            builder.declare_edge(key(*from), key(*to), EdgeKind::Calls);
        }
        builder.build()
    }

    #[test]
    fn only_the_nearest_come_right_before() {
        let ranked = vec![key(2), key(1), key(0)];
        let order = Order::of(&graph(&[(0, 1), (1, 2)]), ranked.clone(), &[]);
        assert_eq!(order.sorted(), [key(0), key(1), key(2)]);
        assert_eq!(order.right_before(&key(2), &ranked), [&key(1)]);
    }

    proptest! {
        #[test]
        fn it_agrees_with_callers_first(
            edges in prop::collection::vec((0..6usize, 0..6usize), 0..12),
            ranked in Just((0..6).collect::<Vec<usize>>()).prop_shuffle(),
        ) {
            let graph = graph(&edges);
            let ranked: Vec<NodeKey> = ranked.into_iter().map(key).collect();
            let order = Order::of(&graph, ranked.clone(), &[]);
            let sorted = order.sorted();
            prop_assert_eq!(sorted.len(), ranked.len());
            let group = |key: &NodeKey| {
                let id = graph.id(key).unwrap();
                graph.callers_first().iter().position(|group| group.contains(&id)).unwrap()
            };
            for (at, earlier) in sorted.iter().enumerate() {
                for later in &sorted[at + 1..] {
                    prop_assert_eq!(
                        order.in_circle(earlier, later),
                        group(earlier) == group(later)
                    );
                    prop_assert!(!order.precedes(later, earlier));
                }
            }
        }
    }
}
