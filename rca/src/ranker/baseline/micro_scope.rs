//! `MicroScope`: the ends of anomalous paths.

use astern_graph_core::TemporalGraph;

use super::depth_first::blame_ends;
use crate::error::RankError;
use crate::incident::Incident;
use crate::ranker::{Ranker, Ranking};

/// Blames the ends of anomalous paths: anomalous nodes without an anomalous origin, by their
/// correlation with the symptom.
///
/// A depth-first search from the symptom goes from a node to those of its
/// [origins](TemporalGraph::fault_origins) (of plain calls: its callees) that are 3 healthy standard
/// deviations or more worse than their healthy mean. Nodes from which it can go no farther are
/// blamed, with the score `|r|` of Pearson's correlation with the symptom over the abnormal steps,
/// where a missing value counts as the mean. Where the symptom itself has no anomalous origin, it is
/// blamed alone with the score 1. Other nodes are not ranked.
///
/// `MicroScope` (Lin, Chen and Zheng, ICSOC 2018), in the form that CIRCA's authors compare with
/// (Li et al., KDD 2022). They learn the graph; here it is given. A deviation is judged on the
/// worse side only and never by less than the metric's noise floor, as in
/// [`NSigma`](super::NSigma). A circle ends where it would close, so that one of its nodes is
/// blamed; in their form it has no end. The symptom's metric is the only one that is looked at.
///
/// # Errors
/// [`RankError`] when the graph does not hold the symptom.
///
/// # Complexity
/// `O(N · T log T + E)` in time, `O(N · T + E)` in memory.
///
/// # Example
/// ```
#[doc = include_str!("example.md")]
/// use astern_rca::Ranker;
/// use astern_rca::ranker::baseline::MicroScope;
///
/// let ranking = MicroScope.rank(&graph, &incident)?;
/// assert_eq!(ranking.causes[0].path, [cart, web]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MicroScope;

impl Ranker for MicroScope {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        blame_ends(graph, incident, |_, _| true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, assert_scores};

    #[test]
    fn ends_of_anomalous_paths_are_ranked_by_correlation() {
        let healthy = [9.0, 11.0, 10.0, 9.0, 11.0, 10.0];
        let mut fixture = Fixture::new(6, 3);
        for (from, to) in [("a", "b"), ("a", "c"), ("b", "d"), ("b", "e"), ("x", "a")] {
            fixture.calls(from, to);
        }
        fixture.latency("a", &healthy, &[20.0, 30.0, 40.0]);
        fixture.latency("b", &healthy, &[20.0, 30.0, 40.0]);
        // Deviations -1, -1, 2 against -10, 0, 10: r = 30 / √(6 · 200).
        fixture.latency("c", &healthy, &[20.0, 20.0, 23.0]);
        fixture.latency("d", &healthy, &[23.0, 22.0, 21.0]);
        fixture.latency("e", &healthy, &[10.0, 11.0, 10.0]);
        fixture.latency("x", &healthy, &[20.0, 30.0, 40.0]);
        let ranked = fixture.scores(&MicroScope, "a");
        assert_scores(&ranked, &[("d", 1.0), ("c", 30.0 / 1200.0_f64.sqrt())]);
        assert_scores(&fixture.scores(&MicroScope, "e"), &[("e", 1.0)]);
    }
}
