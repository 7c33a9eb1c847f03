//! CIRCA: the nodes that changed otherwise than what they depend on explains.

use std::collections::BTreeMap;

use astern_graph_core::signal::{Evidence, RankedCause};
use astern_graph_core::{NodeId, TemporalGraph};
use astern_stats::{order, robust};

use crate::candidates::{Candidate, candidate, symptom};
use crate::error::RankError;
use crate::incident::Incident;
use crate::ranker::{Ranker, Ranking};
use crate::regression::Mechanism;

/// Deviation in standard deviations from which a node is anomalous.
const ANOMALOUS_Z: f64 = 3.0;

/// Ranks the nodes from which a fault can have come to the symptom by how much they changed beyond
/// what their origins explain, and by how much the nodes changed that they may have hurt.
///
/// The regression-based hypothesis test: over the healthy steps each node's metric is regressed on
/// the same metric of its [origins](TemporalGraph::fault_origins) (of plain calls: its callees);
/// `z(v) = max over the abnormal steps of |e_t| / max(σ_e, floor)`, where e is what the regression
/// leaves and `σ_e` its healthy standard deviation. Under the causal Bayesian network of CIRCA only
/// a node that was intervened on fails this test.
///
/// The descendant adjustment: to a node with `z ≥ 3` the greatest z of what it may have hurt is
/// added, so that of two anomalous neighbours the one farther from the symptom is first. Those are
/// the nodes that depend on it, and through those with `z < 3` what depends on them in turn.
///
/// CIRCA (Li et al., KDD 2022). Deviations: one metric a node, the symptom's; `σ_e` is never below
/// the noise floor of the metric; an origin counts if it has a value in at least half of the
/// healthy and half of the abnormal steps in which the node has one, and rows with a gap are left
/// out. With fewer than two complete rows a coefficient a node is judged by its own mean, and says
/// so by [`Evidence::Fallback`]. The evidence shows what the regression expects as the healthy
/// value. Equal sums are ties; there they are broken by topological order. Circles are no obstacle:
/// a regression may use any origin but the node itself.
///
/// # Errors
/// [`RankError`] when the graph does not hold the symptom.
///
/// # Complexity
/// `O(Σ_v T · d_v² + E + N log N)` in time for nodes with d origins, `O(N · T + E)` in memory.
///
/// # Example
/// ```
#[doc = include_str!("example.md")]
/// use astern_rca::Ranker;
/// use astern_rca::ranker::baseline::Circa;
///
/// let ranking = Circa.rank(&graph, &incident)?;
/// assert_eq!(ranking.causes[0].subject, cart.into());
/// assert!(ranking.causes[1].score < 3.0); // `web` did as its callee explains
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Circa;

/// One node's test.
struct Tested {
    z: f64,
    /// What the regression expected at the step of z, and what was there.
    expected: f64,
    observed: f64,
    fallback: Option<Evidence>,
}

impl Ranker for Circa {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        let target = symptom(graph, incident)?;
        let mut nodes = BTreeMap::new();
        for id in graph.fault_ancestry(target.id).into_keys() {
            if let Some(node) = candidate(graph, incident, id, &incident.symptom.metric)? {
                nodes.insert(id, node);
            }
        }
        let tests: BTreeMap<NodeId, Tested> = nodes
            .iter()
            .filter_map(|(id, node)| {
                let origins = graph.fault_origins(*id).filter(|origin| origin != id);
                let origins: Vec<&Candidate> = origins.filter_map(|id| nodes.get(&id)).collect();
                Some((*id, test(node, &origins)?))
            })
            .collect();
        let hurt = worst_hurt(graph, &tests);
        let causes = tests.into_iter().map(|(id, tested)| {
            let Tested {
                z,
                expected,
                observed,
                fallback,
            } = tested;
            let adjustment = if z >= ANOMALOUS_Z {
                hurt.get(&id).copied().unwrap_or(0.0)
            } else {
                0.0
            };
            let shift = Evidence::Shift {
                metric: incident.symptom.metric.clone(),
                healthy: expected,
                observed,
                z,
            };
            let cause = RankedCause::new(nodes[&id].key.clone(), z + adjustment);
            cause.because([shift].into_iter().chain(fallback))
        });
        Ok(Ranking::of(causes.collect()))
    }
}

fn test(node: &Candidate, origins: &[&Candidate]) -> Option<Tested> {
    let mechanism = Mechanism::of(node, origins)?;
    let median = robust::median(&node.healthy)?;
    let deviation = mechanism.regression.deviation();
    let scale = deviation.max(node.feature.noise_floor(median));
    let rest = mechanism.noise.iter().zip(&node.abnormal);
    let (noise, observed) = rest
        .filter(|(noise, _)| noise.is_finite())
        .max_by(|a, b| order::ascending(a.0.abs(), b.0.abs()))?;
    Some(Tested {
        z: noise.abs() / scale,
        expected: observed - noise,
        observed: *observed,
        fallback: mechanism.fallback,
    })
}

/// For each node the greatest z of the nodes that it may have hurt: those that it is an origin of,
/// and through those with `z < 3` what they are origins of. `O(V log V + E)`: from the greatest z
/// on, each passes its own to the origins that have none yet.
fn worst_hurt(graph: &TemporalGraph, tests: &BTreeMap<NodeId, Tested>) -> BTreeMap<NodeId, f64> {
    let mut by_z: Vec<(NodeId, f64)> = tests.iter().map(|(id, t)| (*id, t.z)).collect();
    by_z.sort_by(|a, b| order::descending(a.1, b.1).then_with(|| a.0.cmp(&b.0)));
    let mut hurt = BTreeMap::new();
    for (id, z) in by_z {
        let mut open = vec![id];
        while let Some(effect) = open.pop() {
            for origin in graph
                .fault_origins(effect)
                .filter(|o| *o != effect && *o != id)
            {
                let Some(tested) = tests.get(&origin).filter(|_| !hurt.contains_key(&origin))
                else {
                    continue;
                };
                hurt.insert(origin, z);
                if tested.z < ANOMALOUS_Z {
                    open.push(origin);
                }
            }
        }
    }
    hurt
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, assert_scores};

    const C: [f64; 8] = [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0];
    const B: [f64; 8] = [1.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0, -1.0];
    const A: [f64; 8] = [1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0];

    /// `x → a → b → c`, where each takes what its callee takes and 10 ms more. Own noise is
    /// orthogonal, of standard deviation 1, in the abnormal step as given.
    fn chain(noise: [f64; 3]) -> Fixture {
        let mut fixture = Fixture::new(8, 1);
        for (from, to) in [("x", "a"), ("a", "b"), ("b", "c")] {
            fixture.calls(from, to);
        }
        let mut healthy = [20.0; 8];
        let mut abnormal = 20.0;
        for (name, own, now) in [("c", C, noise[2]), ("b", B, noise[1]), ("a", A, noise[0])] {
            healthy = std::array::from_fn(|t| healthy[t] + own[t]);
            abnormal += now;
            fixture.latency(name, &healthy, &[abnormal]);
        }
        fixture.latency("x", &healthy, &[500.0]);
        fixture
    }

    #[test]
    fn a_node_is_judged_by_what_its_callees_leave_unexplained() {
        let ranked = chain([2.0, -4.0, 9.0]).scores(&Circa, "a");
        // c adds the z of b, which is anomalous; b that of a.
        assert_scores(&ranked, &[("c", 9.0 + 4.0), ("b", 4.0 + 2.0), ("a", 2.0)]);
    }

    #[test]
    fn what_is_hurt_through_a_node_that_is_not_anomalous_counts() {
        let ranked = chain([5.0, 2.0, 9.0]).scores(&Circa, "a");
        assert_scores(&ranked, &[("c", 9.0 + 5.0), ("a", 5.0), ("b", 2.0)]);
    }

    #[test]
    fn in_a_circle_no_node_hurts_itself() {
        let mut fixture = chain([2.0, 2.5, 9.0]);
        fixture.calls("c", "c");
        fixture.calls("c", "a");
        let ranking = Circa
            .rank(&fixture.graph(), &fixture.incident("a"))
            .unwrap();
        // c now has an origin, and its own z is not added to itself.
        let of_c = &ranking
            .causes
            .iter()
            .find(|c| *c.subject.node().name == *"c")
            .unwrap();
        let Evidence::Shift { z, .. } = of_c.evidence[0] else {
            panic!("{ranking}");
        };
        assert!(of_c.score < 2.0 * z, "{ranking}");
    }
}
