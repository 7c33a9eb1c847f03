//! In which order services are acted on: callers first, greater relief first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use astern_graph_core::{NodeId, NodeKey, TemporalGraph};

/// Which of a few services come before which.
#[derive(Debug, Clone, Default)]
pub(crate) struct Order {
    /// Services by worth, greatest first.
    ranked: Vec<NodeKey>,
    /// The numbers of the services: the ranked ones by their places, then the others.
    number: BTreeMap<NodeKey, usize>,
    /// For each service, those of interest that it depends on, directly or not.
    depends_on: Vec<Numbers>,
}

/// A set of numbers, one bit each.
#[derive(Debug, Clone, Default, PartialEq)]
struct Numbers(Vec<u64>);

impl Numbers {
    fn insert(&mut self, number: usize) {
        let word = number / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(bits) = self.0.get_mut(word) {
            *bits |= 1 << (number % 64);
        }
    }

    fn contains(&self, number: usize) -> bool {
        let bits = self.0.get(number / 64);
        bits.is_some_and(|bits| bits & (1 << (number % 64)) != 0)
    }

    fn extend(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (bits, more) in self.0.iter_mut().zip(&other.0) {
            *bits |= more;
        }
    }
}

impl Order {
    /// The order of `ranked` services (greatest worth first), with what is known of `others` too.
    ///
    /// Any edge makes its source depend on its target, as in
    /// [`TemporalGraph::callers_first`]. `O((V + E) S / 64)` for `S` services.
    pub(crate) fn of(graph: &TemporalGraph, ranked: Vec<NodeKey>, others: &[NodeKey]) -> Self {
        let mut number: BTreeMap<NodeKey, usize> = ranked.iter().cloned().zip(0..).collect();
        for other in others {
            let next = number.len();
            number.entry(other.clone()).or_insert(next);
        }
        let below = below(graph, &number);
        let mut depends_on = vec![Numbers::default(); number.len()];
        for (key, number) in &number {
            let below = graph.id(key).and_then(|id| below.get(&id));
            if let (Some(of_service), Some(below)) = (depends_on.get_mut(*number), below) {
                of_service.clone_from(below);
            }
        }
        Self {
            ranked,
            number,
            depends_on,
        }
    }

    /// Whether `caller` depends on `callee`, directly or not.
    pub(crate) fn depends(&self, caller: &NodeKey, callee: &NodeKey) -> bool {
        let numbers = self.number.get(caller).zip(self.number.get(callee));
        numbers.is_some_and(|(caller, callee)| self.depends_by_number(*caller, *callee))
    }

    fn depends_by_number(&self, caller: usize, callee: usize) -> bool {
        let below = self.depends_on.get(caller);
        below.is_some_and(|below| below.contains(callee))
    }

    /// The order among some services.
    pub(crate) fn among(&self, services: &[NodeKey]) -> Among<'_> {
        let number = |service| self.number.get(service).copied();
        Among {
            order: self,
            numbers: services.iter().map(number).collect(),
        }
    }

    /// Whether `a` must be acted on before `b`: it depends on it; in a circle, by worth.
    fn precedes_by_number(&self, a: usize, b: usize) -> bool {
        // What has no worth comes first.
        let place = |number| Some(number).filter(|number| *number < self.ranked.len());
        a != b
            && self.depends_by_number(a, b)
            && (!self.depends_by_number(b, a) || place(a) < place(b))
    }

    /// The ranked services, each after all that precede it, otherwise by worth. `O(S²)`.
    pub(crate) fn sorted(&self) -> Vec<NodeKey> {
        let all = 0..self.ranked.len();
        let before = |b| {
            all.clone()
                .filter(|a| self.precedes_by_number(*a, b))
                .count()
        };
        let mut waits_for: Vec<usize> = all.clone().map(before).collect();
        let free = waits_for
            .iter()
            .enumerate()
            .filter(|(_, count)| **count == 0);
        let mut free: BinaryHeap<Reverse<usize>> = free.map(|(at, _)| Reverse(at)).collect();
        let mut sorted = Vec::with_capacity(self.ranked.len());
        while let Some(Reverse(a)) = free.pop() {
            sorted.extend(self.ranked.get(a).cloned());
            for (b, count) in waits_for.iter_mut().enumerate() {
                if *count > 0 && self.precedes_by_number(a, b) {
                    *count -= 1;
                    if *count == 0 {
                        free.push(Reverse(b));
                    }
                }
            }
        }
        // `precedes` has no circles, so each has become free.
        sorted
    }
}

/// The order among some services, by their places in the list that was given.
#[derive(Debug)]
pub(crate) struct Among<'a> {
    order: &'a Order,
    numbers: Vec<Option<usize>>,
}

impl Among<'_> {
    /// The first that depends on this one and it on that, so that no order is right.
    pub(crate) fn in_circle(&self, place: usize) -> Option<usize> {
        let of = self.number(place)?;
        let is_mutual = |other: usize| {
            let depends = |a, b| self.order.depends_by_number(a, b);
            other != of && depends(of, other) && depends(other, of)
        };
        let mut numbers = self.numbers.iter();
        numbers.position(|number| number.is_some_and(is_mutual))
    }

    /// Those that come right before this one: no other of them lies between.
    pub(crate) fn right_before(&self, place: usize) -> Vec<usize> {
        let precedes = |a, b| self.order.precedes_by_number(a, b);
        let Some(of) = self.number(place) else {
            return Vec::new();
        };
        let all = self.numbers.iter().enumerate();
        let before: Vec<(usize, usize)> = all
            .filter_map(|(place, number)| Some((place, (*number)?)))
            .filter(|(_, number)| precedes(*number, of))
            .collect();
        let between = |a| before.iter().any(|(_, b)| precedes(a, *b));
        let right = before.iter().filter(|(_, number)| !between(*number));
        right.map(|(place, _)| *place).collect()
    }

    fn number(&self, place: usize) -> Option<usize> {
        self.numbers.get(place).copied().flatten()
    }
}

/// For each node, the numbered services that can be reached from it over edges. Circle by circle, callees first: within a
/// circle each reaches all.
fn below(graph: &TemporalGraph, number: &BTreeMap<NodeKey, usize>) -> BTreeMap<NodeId, Numbers> {
    let mut targets: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
    for (source, target, _) in graph.edges() {
        targets.entry(source).or_default().insert(target);
    }
    let numbered = number
        .iter()
        .filter_map(|(key, number)| Some((graph.id(key)?, *number)));
    let own: BTreeMap<NodeId, usize> = numbered.collect();
    let mut below: BTreeMap<NodeId, Numbers> = BTreeMap::new();
    for circle in graph.callers_first().into_iter().rev() {
        let mut reached = Numbers::default();
        for target in circle.iter().filter_map(|id| targets.get(id)).flatten() {
            if let Some(number) = own.get(target) {
                reached.insert(*number);
            }
            if let Some(further) = below.get(target) {
                reached.extend(further);
            }
        }
        if !reached.0.is_empty() {
            below.extend(circle.into_iter().map(|id| (id, reached.clone())));
        }
    }
    below
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
        assert_eq!(order.among(&ranked).right_before(0), [1]);
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
                    let both = [earlier.clone(), later.clone()];
                    let among = order.among(&both);
                    let circle = (group(earlier) == group(later)).then_some(1);
                    prop_assert_eq!(among.in_circle(0), circle);
                    prop_assert_eq!(among.right_before(0), Vec::<usize>::new());
                }
            }
        }
    }
}
