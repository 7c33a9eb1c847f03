//! What the symptom would be without each node's own fault, in a linear model.

use std::collections::BTreeMap;

use astern_graph_core::schema::Worse;
use astern_graph_core::signal::{Evidence, RankedCause};
use astern_graph_core::{NodeId, TemporalGraph};
use astern_stats::robust;
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::depth_first::DepthFirst;
use crate::candidates::{Candidate, candidate, symptom};
use crate::error::RankError;
use crate::incident::Incident;
use crate::ranker::ranking::keys;
use crate::ranker::{Ranker, Ranking};
use crate::regression::Mechanism;

/// Quantile of the two-sided 95 % interval.
const UPPER: f64 = 0.975;

/// Ranks the nodes from which a fault can have come to the symptom by how much of the symptom's
/// excess is due to their own noise: what their dependencies do not explain.
///
/// The healthy steps give a linear structural causal model (SCM) of the symptom's metric,
/// `x_v = a_v + Σ_o b_vo x_o + e_v` over the [origins](TemporalGraph::fault_origins) o of v (of
/// plain calls: its callees), by ordinary least squares. The symptom is then a sum of noises,
/// `x_s = const + Σ_v c_v e_v`, where `c_v` sums the products of slopes over all ways from v to the
/// symptom. With the mean noise `ē_v` of the abnormal steps, the score of v is `c_v ē_v` in the
/// symptom's unit, positive where it makes the symptom worse (where either direction may be worse:
/// where it goes the way that the symptom went).
///
/// [`Evidence::Counterfactual`] says what the symptom's mean would be if v's noise were as when all
/// was well, `x_s - c_v ē_v`, with the 95 % interval `± t · |c_v| s_v · √(1/k + 1/n)`: `s_v` is the
/// standard deviation of v's healthy noise over n steps, t Student's quantile for the freedom of its
/// regression, and the k abnormal steps count as independent. The uncertainty of
/// the slopes is not in it: far beyond the healthy values they matter most.
///
/// Counterfactual attribution of outliers (Budhathoki, Minorics, Blöbaum and Janzing, ICML 2022; in
/// `DoWhy` by sampled Shapley values). In a linear model the contribution of a noise is the same in
/// whatever order noises are replaced, so the Shapley values of the symptom's expectation are these
/// products, without sampling. Deviations: they attribute the symptom's IT score, which is not
/// linear; here it is the symptom's value. A callee that closes a circle in a depth-first search
/// from the symptom is left out of its caller's regression, so that the model has no circles and
/// keeps all ways from the symptom outwards. Gaps and short series are treated as in
/// [`Circa`](super::Circa).
///
/// # Errors
/// [`RankError`] when the graph does not hold the symptom.
///
/// # Complexity
/// `O(Σ_v T · d_v² + E)` in time for nodes with d origins, `O(N · T + E)` in memory.
///
/// # Example
/// ```
#[doc = include_str!("example.md")]
/// use astern_graph_core::signal::Evidence;
/// use astern_rca::Ranker;
/// use astern_rca::ranker::baseline::LinearCounterfactual;
///
/// let ranking = LinearCounterfactual.rank(&graph, &incident)?;
/// let first = &ranking.causes[0];
/// assert_eq!(first.subject, cart.into());
/// let would_be = |e: &Evidence| match e {
///     Evidence::Counterfactual { observed, low, high, .. } => Some((*observed, *low, *high)),
///     _ => None,
/// };
/// let (observed, low, high) = first.evidence.iter().find_map(would_be).ok_or("no evidence")?;
/// // `web` took 42 ms on average, and takes 85 ms now.
/// assert!(39.0 < low && low < 42.0 && 42.0 < high && high < 45.0 && 85.0 < observed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinearCounterfactual;

/// The linear model of an incident, its nodes in the order of the search from the symptom.
struct Model {
    nodes: BTreeMap<NodeId, Candidate>,
    /// Each node's mechanism and its effect on the symptom.
    mechanisms: BTreeMap<NodeId, (Mechanism, f64)>,
    search: DepthFirst,
}

impl Model {
    fn of(
        graph: &TemporalGraph,
        incident: &Incident,
        target: &Candidate,
    ) -> Result<Self, RankError> {
        let search = DepthFirst::from(graph, target.id, |_, _| true);
        let mut nodes = BTreeMap::new();
        for id in &search.finished {
            if let Some(node) = candidate(graph, incident, *id, &incident.symptom.metric)? {
                nodes.insert(*id, node);
            }
        }
        // From the symptom on: an effect is complete when it is a node's turn.
        let callers_first = search.finished.iter().rev();
        let place: BTreeMap<NodeId, usize> = callers_first.clone().copied().zip(0..).collect();
        let mut effects = BTreeMap::from([(target.id, 1.0)]);
        let mut mechanisms = BTreeMap::new();
        for id in callers_first {
            let Some(node) = nodes.get(id) else { continue };
            let later = graph
                .fault_origins(*id)
                .filter(|o| place.get(o) > place.get(id));
            let origins: Vec<&Candidate> = later.filter_map(|id| nodes.get(&id)).collect();
            let Some(mechanism) = Mechanism::of(node, &origins) else {
                continue;
            };
            let effect = effects.get(id).copied().unwrap_or(0.0);
            let slopes = mechanism.origins.iter().zip(&mechanism.regression.slopes);
            for (origin, slope) in slopes {
                *effects.entry(origins[*origin].id).or_insert(0.0) += effect * slope;
            }
            mechanisms.insert(*id, (mechanism, effect));
        }
        Ok(Self {
            nodes,
            mechanisms,
            search,
        })
    }
}

/// How a node's own noise moved the symptom.
struct Share {
    amount: f64,
    /// Half the width of the interval.
    half: f64,
}

impl Share {
    fn of(mechanism: &Mechanism, effect: f64) -> Option<Self> {
        let noise = robust::mean(&mechanism.noise)?;
        let steps = mechanism.noise.iter().filter(|x| x.is_finite()).count();
        let fit = &mechanism.regression;
        let t = StudentsT::new(0.0, 1.0, fit.freedom() as f64).ok()?;
        let spread = (1.0 / steps as f64 + 1.0 / fit.rows as f64).sqrt();
        let half = t.inverse_cdf(UPPER) * effect.abs() * fit.unbiased_deviation()? * spread;
        let amount = effect * noise;
        (amount.is_finite() && half.is_finite()).then_some(Self { amount, half })
    }
}

impl Ranker for LinearCounterfactual {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        let target = symptom(graph, incident)?;
        let model = Model::of(graph, incident, &target)?;
        let observed = robust::mean(&target.abnormal).unwrap_or(f64::NAN);
        let worse = match (target.feature.worse, robust::mean(&target.healthy)) {
            (Worse::Down, _) => -1.0,
            (Worse::Both, Some(healthy)) if observed < healthy => -1.0,
            _ => 1.0,
        };
        let causes = model
            .mechanisms
            .iter()
            .filter_map(|(id, (mechanism, effect))| {
                let share = Share::of(mechanism, *effect)?;
                let expected = observed - share.amount;
                let counterfactual = Evidence::Counterfactual {
                    metric: incident.symptom.metric.clone(),
                    observed,
                    expected,
                    low: expected - share.half,
                    high: expected + share.half,
                };
                let evidence = [counterfactual]
                    .into_iter()
                    .chain(mechanism.fallback.clone());
                let key = model.nodes.get(id)?.key.clone();
                Some(RankedCause::new(key, worse * share.amount).because(evidence))
            });
        let mut ranking = Ranking::of(causes.collect());
        for cause in ranking.with_path() {
            let id = graph.id(cause.subject.node());
            cause.path = id.map_or_else(Vec::new, |id| keys(graph, &model.search.path(id)));
        }
        Ok(ranking)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, assert_scores};

    const D: [f64; 8] = [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0];
    const C: [f64; 8] = [1.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0, -1.0];
    const A: [f64; 8] = [1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0];

    /// `a = 3 b + c + noise`, `b = 2 d`, `c = d + noise` around 100 ms, where d fell back by 1 ms, c
    /// rose by 20 ms of its own, and a by 4 ms; of two abnormal steps the first has half of that.
    fn diamond() -> Fixture {
        let mut fixture = Fixture::new(8, 2);
        for (from, to) in [
            ("a", "b"),
            ("a", "c"),
            ("b", "d"),
            ("c", "d"),
            ("d", "a"),
            ("x", "a"),
        ] {
            fixture.calls(from, to);
        }
        let noise = |own: [f64; 8], now: f64| -> Vec<f64> {
            own.into_iter().chain([now / 2.0, now * 1.5]).collect()
        };
        let d = noise(D, -1.0);
        let b: Vec<f64> = d.iter().map(|x| 2.0 * x).collect();
        let c: Vec<f64> = d.iter().zip(noise(C, 20.0)).map(|(x, e)| x + e).collect();
        let a: Vec<f64> = (0..10)
            .map(|t| 3.0 * b[t] + c[t] + noise(A, 4.0)[t])
            .collect();
        for (name, values) in [("a", &a), ("b", &b), ("c", &c), ("d", &d), ("x", &a)] {
            let values: Vec<f64> = values.iter().map(|x| x + 100.0).collect();
            fixture.series(name, "latency_ms", &values);
        }
        fixture
    }

    #[test]
    fn contributions_are_effects_times_noise() {
        let fixture = diamond();
        let found = fixture.scores(&LinearCounterfactual, "a");
        // d reaches a by b (3 · 2) and by c (1). b is d's double: it has no noise.
        let expected = [("c", 20.0), ("a", 4.0), ("b", 0.0), ("d", -7.0)];
        assert_scores(&found, &expected);
        let ranking = LinearCounterfactual.rank(&fixture.graph(), &fixture.incident("a"));
        let first = &ranking.unwrap().causes[0];
        let Evidence::Counterfactual {
            observed,
            expected,
            low,
            high,
            ..
        } = first.evidence[0]
        else {
            panic!("{first:?}");
        };
        // a rose by 20 + 4 - 7. c's noise has squares 8 on 8 - 2 degrees of freedom, and t is 2.446912.
        let half = 2.446_911_851 * (8.0_f64 / 6.0).sqrt() * (1.0_f64 / 2.0 + 1.0 / 8.0).sqrt();
        for (found, expected) in [
            (observed, 117.0),
            (expected, 97.0),
            (low, 97.0 - half),
            (high, 97.0 + half),
        ] {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        let path: Vec<&str> = first.path.iter().map(|key| &*key.name).collect();
        assert_eq!(path, ["c", "a"]);
    }

    #[test]
    fn contributions_add_up_to_the_excess() {
        let total: f64 = diamond()
            .scores(&LinearCounterfactual, "a")
            .iter()
            .map(|c| c.1)
            .sum();
        assert!((total - 17.0).abs() < 1e-9, "{total}");
    }

    #[test]
    fn the_sign_is_that_of_the_worse_direction() {
        let mut fixture = Fixture::new(6, 1);
        fixture.calls("a", "b");
        let availability = [99.0, 100.0, 98.0, 99.0, 100.0, 98.0, 50.0];
        for name in ["a", "b"] {
            fixture.series(name, "availability_percent", &availability);
        }
        let mut incident = fixture.incident("a");
        incident.symptom.metric = "availability_percent".into();
        let ranking = LinearCounterfactual
            .rank(&fixture.graph(), &incident)
            .unwrap();
        assert_eq!(&*ranking.causes[0].subject.node().name, "b");
        assert!((ranking.causes[0].score - 49.0).abs() < 1e-9, "{ranking}");
    }
}
