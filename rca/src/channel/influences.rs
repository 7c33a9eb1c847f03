//! What transfer entropy says along the best paths.

use std::collections::BTreeMap;

use astern_graph_core::NodeId;
use astern_graph_core::signal::Evidence;

use super::reach::Reach;
use crate::influence::Influence;

/// Influence along the best path from each node to the symptom.
#[derive(Debug, Clone, Default)]
pub(crate) struct Influences {
    /// Influence of each node on the next one of its path.
    on_next: BTreeMap<NodeId, Influence>,
    along: BTreeMap<NodeId, Along>,
}

#[derive(Debug, Clone, Copy)]
struct Along {
    /// The least weight of the path, of those there are.
    least: Option<f64>,
    /// The node whose influence on the next is weakest; none at all is weaker than any.
    weakest: NodeId,
}

impl Influences {
    /// Estimates every step `(cause, effect)` of the paths. `O(V log V)` and V estimates: each path
    /// goes on from the next node's.
    pub(crate) fn of(
        reach: &Reach,
        mut estimate: impl FnMut(NodeId, NodeId) -> Option<Influence>,
    ) -> Self {
        let mut influences = Self::default();
        for (cause, effect) in reach.steps() {
            let rest = influences.along.get(&effect).copied();
            let Some(own) = estimate(cause, effect) else {
                continue;
            };
            let mut along = Along {
                least: own.weight,
                weakest: cause,
            };
            if let Some(rest) = rest {
                along.least = match (own.weight, rest.least) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
                let weight_of = |id| {
                    influences
                        .on_next
                        .get(&id)
                        .and_then(|i: &Influence| i.weight)
                };
                // `None` is less than any weight.
                if weight_of(rest.weakest) < own.weight {
                    along.weakest = rest.weakest;
                }
            }
            influences.along.insert(cause, along);
            influences.on_next.insert(cause, own);
        }
        influences
    }

    /// The least weight along the path from a node, `None` when no step of it has one.
    pub(crate) fn least(&self, id: NodeId) -> Option<f64> {
        self.along.get(&id).and_then(|along| along.least)
    }

    /// What is known of the weakest step of the path from a node. A step without an estimate is
    /// weaker than any with one; of equally weak ones that nearest to the node counts.
    pub(crate) fn weakest(&self, id: NodeId) -> Option<&Evidence> {
        let along = self.along.get(&id)?;
        self.on_next.get(&along.weakest).map(|i| &i.evidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey};

    /// Least weight and weakest step (by the index of its cause) from the far end of a chain, whose
    /// steps have those weights from the symptom on.
    fn along(weights: &[Option<f64>]) -> (Option<f64>, f64) {
        let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
        let key = |i: usize| NodeKey::service(format!("{i}"));
        for i in 0..weights.len() {
            builder.declare_edge(key(i), key(i + 1), EdgeKind::Calls);
        }
        let graph = builder.build();
        let ids: Vec<NodeId> = graph.ids().collect();
        let reach = Reach::from(&graph, ids[0], |_| 1.0);
        let influences = Influences::of(&reach, |cause, _| {
            let at = ids.iter().position(|id| *id == cause)?;
            let evidence = Evidence::Correlation {
                metric: "step".into(),
                r: at as f64,
            };
            let weight = weights[at - 1];
            Some(Influence { weight, evidence })
        });
        let last = *ids.last().unwrap();
        let Some(Evidence::Correlation { r, .. }) = influences.weakest(last) else {
            panic!("no step");
        };
        (influences.least(last), *r)
    }

    #[test]
    fn the_weakest_step_is_kept_wherever_it_lies() {
        for (weights, expected) in [
            (vec![Some(0.1), Some(0.2), Some(0.3)], (Some(0.1), 1.0)),
            (vec![Some(0.3), Some(0.1), Some(0.2)], (Some(0.1), 2.0)),
            (vec![Some(0.3), Some(0.2), Some(0.1)], (Some(0.1), 3.0)),
            // The nearer one to the cause, of two.
            (vec![Some(0.2), Some(0.2)], (Some(0.2), 2.0)),
            // No estimate is weaker than 0.
            (vec![Some(0.3), None, Some(0.0)], (Some(0.0), 2.0)),
            (vec![None, None], (None, 2.0)),
        ] {
            assert_eq!(along(&weights), expected, "{weights:?}");
        }
    }
}
