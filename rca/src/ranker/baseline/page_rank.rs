//! Personalised `PageRank`.

use std::collections::BTreeMap;

use astern_graph_core::signal::RankedCause;
use astern_graph_core::{NodeId, TemporalGraph};

use super::limit::Limit;
use super::n_sigma::Deviation;
use crate::candidates::symptom;
use crate::error::RankError;
use crate::incident::Incident;
use crate::ranker::{Ranker, Ranking};
use crate::table::{Metrics, strongest};

/// Probability of following an edge rather than to begin again.
pub(super) const DAMPING: f64 = 0.85;

/// Ranks nodes by personalised `PageRank`: a walk that follows edges towards the origins of faults
/// and begins again at anomalous nodes.
///
/// `r = (1 - d) p + d Wᵀ r`, d = .85. W goes from each node to its
/// [origins](TemporalGraph::fault_origins) (of plain calls: its callees), all alike; p is in
/// proportion to each node's deviation in healthy standard deviations of the symptom's metric, as
/// in [`NSigma`](super::NSigma), 0 for a node that is not worse. Where nothing is worse, p is
/// uniform. A node without an origin begins again. Nodes without that metric are left out of the
/// graph.
///
/// `PageRank` with preferences (Jeh and Widom, WWW 2003) on the call graph, as root-cause
/// benchmarks use it (Pham et al., ASE 2024, on learned graphs). `PageRank` favours what many nodes
/// depend on, anomalous or not. The symptom's node and its callers are candidates too.
///
/// # Errors
/// [`RankError`] when the graph does not hold the symptom.
///
/// # Complexity
/// `O(N · T log T + R E)` in time for R rounds (about 170), `O(N · T + E)` in memory.
///
/// # Example
/// ```
#[doc = include_str!("example.md")]
/// use astern_rca::Ranker;
/// use astern_rca::ranker::baseline::PageRank;
///
/// let ranking = PageRank.rank(&graph, &incident)?;
/// assert_eq!(ranking.causes[0].subject, cart.into());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PageRank;

/// Solves `r = (1 - d) p + d Wᵀ r`, where W has the given rows, which are normalised here, and p the
/// given preferences, uniform where none is positive. The rest of an empty row begins again by p.
pub(super) fn page_rank(rows: &[Vec<(usize, f64)>], preferences: &[f64]) -> Limit {
    let total: f64 = preferences.iter().sum();
    let all_alike = 1.0 / preferences.len().max(1) as f64;
    let preference = |p: &f64| if total > 0.0 { p / total } else { all_alike };
    let p: Vec<f64> = preferences.iter().map(preference).collect();
    let totals: Vec<f64> = rows
        .iter()
        .map(|row| row.iter().map(|(_, w)| w).sum())
        .collect();
    Limit::of(p.clone(), |shares, next| {
        let mut anew = 0.0;
        for ((share, row), total) in shares.iter().zip(rows).zip(&totals) {
            anew += (1.0 - DAMPING) * share;
            if *total > 0.0 {
                for (to, weight) in row {
                    next[*to] += DAMPING * share * weight / total;
                }
            } else {
                anew += DAMPING * share;
            }
        }
        for (next, p) in next.iter_mut().zip(&p) {
            *next += anew * p;
        }
    })
}

impl Ranker for PageRank {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        symptom(graph, incident)?;
        let nodes = strongest(graph, incident, Metrics::Symptom, |series| {
            Deviation::of(series).map(|deviation| (deviation.z, deviation))
        })?;
        let places: BTreeMap<NodeId, usize> = nodes.keys().copied().zip(0..).collect();
        let row = |id: &NodeId| {
            let origins = graph.fault_origins(*id).filter(|origin| origin != id);
            let known = origins.filter_map(|origin| places.get(&origin));
            known.map(|place| (*place, 1.0)).collect()
        };
        let rows: Vec<Vec<(usize, f64)>> = nodes.keys().map(row).collect();
        let preferences: Vec<f64> = nodes.values().map(|s| s.score.max(0.0)).collect();
        let limit = page_rank(&rows, &preferences);
        let causes = nodes
            .into_values()
            .zip(&limit.shares)
            .map(|(scored, share)| {
                let evidence = scored.detail.evidence(scored.series.feature.name);
                RankedCause::new(scored.series.key, *share).because([evidence])
            });
        let mut ranking = Ranking::of(causes.collect());
        limit.note(&mut ranking);
        Ok(ranking)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, assert_scores};

    #[test]
    fn shares_solve_the_equation() {
        // b has no origin. With g all that begins again: a = .25 g + .85 c, b = .75 g + .85 a, c = 0 g;
        // c has no preference and nobody leads there. g = .15 + .85 b, since b begins again.
        // a = .25 g, b = .75 g + .2125 g = .9625 g; a + b = 1: g = 1 / 1.2125.
        let rows = [vec![(1, 2.0)], Vec::new(), vec![(0, 1.0)]];
        let limit = page_rank(&rows, &[1.0, 3.0, 0.0]);
        let g = 1.0 / 1.2125;
        for (found, expected) in limit.shares.iter().zip([0.25 * g, 0.9625 * g, 0.0]) {
            assert!((found - expected).abs() < 1e-9, "{:?}", limit.shares);
        }
        assert!((g - (0.15 + 0.85 * 0.9625 * g)).abs() < 1e-12);
    }

    #[test]
    fn without_preference_all_begin_alike() {
        let limit = page_rank(&[vec![(1, 1.0)], vec![(0, 1.0)]], &[0.0, 0.0]);
        assert!(limit.shares.iter().all(|share| (share - 0.5).abs() < 1e-9));
        assert!(page_rank(&[], &[]).shares.is_empty());
    }

    #[test]
    fn anomalous_nodes_and_their_origins_gain() {
        let healthy = [9.0, 11.0, 10.0, 9.0, 11.0, 10.0];
        let mut fixture = Fixture::new(6, 1);
        fixture.calls("a", "b");
        fixture.calls("a", "gone");
        // Deviations in the ratio of 1 to 3.
        fixture.latency("a", &healthy, &[20.0]);
        fixture.latency("b", &healthy, &[40.0]);
        let g = 1.0 / 1.2125;
        let found = fixture.scores(&PageRank, "a");
        assert_scores(&found, &[("b", 0.9625 * g), ("a", 0.25 * g)]);
    }
}
