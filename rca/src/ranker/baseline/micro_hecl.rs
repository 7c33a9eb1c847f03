//! `MicroHECL`: the ends of anomalous paths whose nodes move together.

use astern_graph_core::TemporalGraph;

use super::correlation::together;
use super::depth_first::blame_ends;
use crate::error::RankError;
use crate::incident::Incident;
use crate::ranker::{Ranker, Ranking};

/// Correlation of a node and its origin below which the search stops.
const CORRELATED: f64 = 0.7;

/// Blames the ends of anomalous paths along which neighbours move together, by their correlation
/// with the symptom.
///
/// As [`MicroScope`](super::MicroScope), but the search goes from a node to an anomalous origin only
/// if Pearson's correlation of the two over the abnormal steps is at least .7: an anomaly that does
/// not move with what it is supposed to cause has another cause.
///
/// `MicroHECL` (Liu et al., ICSE-SEIP 2021), in the form that CIRCA's authors compare with (Li et
/// al., KDD 2022). The paper detects anomalies by models that are trained offline (a one-class SVM
/// for latency, a random forest for errors, 3 σ for traffic) and follows traffic anomalies from
/// callers to callees; here all are judged as in [`NSigma`](super::NSigma), and all are followed by
/// [`TemporalGraph::fault_origins`].
///
/// # Errors
/// [`RankError`] when the graph does not hold the symptom.
///
/// # Complexity
/// `O((N + E) · T log T)` in time, `O(N · T + E)` in memory.
///
/// # Example
/// ```
#[doc = include_str!("example.md")]
/// use astern_rca::Ranker;
/// use astern_rca::ranker::baseline::MicroHecl;
///
/// let ranking = MicroHecl.rank(&graph, &incident)?;
/// assert_eq!(ranking.causes[0].path, [cart, web]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MicroHecl;

impl Ranker for MicroHecl {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        blame_ends(graph, incident, |node, origin| {
            together(node, origin) >= CORRELATED
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, assert_scores};

    #[test]
    fn the_search_stops_where_neighbours_do_not_move_together() {
        let healthy = [9.0, 11.0, 10.0, 9.0, 11.0, 10.0];
        let mut fixture = Fixture::new(6, 4);
        for (from, to) in [("a", "b"), ("a", "c"), ("b", "d")] {
            fixture.calls(from, to);
        }
        fixture.latency("a", &healthy, &[20.0, 30.0, 40.0, 50.0]);
        // Deviations of a: -15 -5 5 15 (sum of squares 500); of b: -6 -6 4 8 (152): their products
        // sum to 260, r = .943.
        fixture.latency("b", &healthy, &[34.0, 34.0, 44.0, 48.0]);
        // Anomalous, but it falls while a rises.
        fixture.latency("c", &healthy, &[50.0, 40.0, 30.0, 20.0]);
        // Of d: 10 -10 10 -10 (400); with b: -60 + 60 + 40 - 80.
        fixture.latency("d", &healthy, &[60.0, 40.0, 60.0, 40.0]);
        let ranked = fixture.scores(&MicroHecl, "a");
        assert_scores(&ranked, &[("b", 260.0 / (500.0_f64 * 152.0).sqrt())]);
    }
}
