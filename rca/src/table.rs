//! Which metric of each node says most: the one loop over nodes and metrics that rankers share.

use std::collections::BTreeMap;

use astern_graph_core::{NodeId, TemporalGraph};
use astern_stats::order;
use serde::{Deserialize, Serialize};

use crate::candidates::{Candidate, candidate};
use crate::error::RankError;
use crate::incident::Incident;

/// Which metrics of a node a ranker looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Metrics {
    /// All; the one with the greatest score speaks for the node.
    #[default]
    All,
    /// The symptom's only; nodes without it are left out.
    Symptom,
}

/// What one metric of a node scores, and what the score was taken from.
#[derive(Debug, Clone)]
pub(crate) struct Scored<T> {
    pub(crate) series: Candidate,
    pub(crate) score: f64,
    pub(crate) detail: T,
}

/// For each node the metric with the greatest score; of equal ones the first in the order of
/// [`TemporalGraph::metrics`]. Nodes of which no metric has a finite score are left out.
pub(crate) fn strongest<T>(
    graph: &TemporalGraph,
    incident: &Incident,
    metrics: Metrics,
    score: impl Fn(&Candidate) -> Option<(f64, T)>,
) -> Result<BTreeMap<NodeId, Scored<T>>, RankError> {
    let mut best: BTreeMap<NodeId, Scored<T>> = BTreeMap::new();
    for (id, key) in graph.ids().zip(graph.keys()) {
        let names = match metrics {
            Metrics::All => graph.metrics(key),
            Metrics::Symptom => vec![incident.symptom.metric.clone()],
        };
        for metric in names {
            let Some(series) = candidate(graph, incident, id, &metric)? else {
                continue;
            };
            let scored = score(&series).filter(|(score, _)| score.is_finite());
            let Some((score, detail)) = scored else {
                continue;
            };
            let known = best.get(&id).map_or(f64::NAN, |known| known.score);
            if order::ascending(known, score).is_lt() {
                let scored = Scored {
                    series,
                    score,
                    detail,
                };
                best.insert(id, scored);
            }
        }
    }
    Ok(best)
}

/// Mean and standard deviation (of the population) of the finite values, summed in their order;
/// `None` when there is none or when they are too great to be summed.
pub(crate) fn moments(values: &[f64]) -> Option<(f64, f64)> {
    let finite = || values.iter().copied().filter(|x| x.is_finite());
    let n = finite().count() as f64;
    let mean = finite().sum::<f64>() / n;
    let variance = finite().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    variance.is_finite().then(|| (mean, variance.sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    #[test]
    fn moments_are_of_the_finite_values() {
        let (mean, deviation) = moments(&[1.0, f64::NAN, 3.0, f64::INFINITY]).unwrap();
        assert!((mean - 2.0).abs() < 1e-12 && (deviation - 1.0).abs() < 1e-12);
        assert_eq!(moments(&[]), None);
        assert_eq!(moments(&[f64::MAX, f64::MIN]), None);
    }

    #[test]
    fn the_greatest_score_speaks_and_none_leaves_out() {
        let mut fixture = Fixture::new(5, 1);
        fixture.series("a", "latency_ms", &[1.0; 6]);
        fixture.series("a", "cpu_utilisation", &[3.0; 6]);
        fixture.series("b", "cpu_utilisation", &[2.0; 6]);
        fixture.series("c", "cpu_utilisation", &[9.0; 6]);
        let (graph, incident) = (fixture.graph(), fixture.incident("a"));
        let level = |c: &Candidate| {
            let level = c.abnormal[0];
            Some((if level > 5.0 { f64::NAN } else { level }, ()))
        };
        let of = |metrics| {
            let best = strongest(&graph, &incident, metrics, level).unwrap();
            let names = best
                .values()
                .map(|s| (s.series.key.name.to_string(), s.score));
            names.collect::<Vec<_>>()
        };
        assert_eq!(of(Metrics::All), [("a".into(), 3.0), ("b".into(), 2.0)]);
        assert_eq!(of(Metrics::Symptom), [("a".into(), 1.0)]);
    }
}
