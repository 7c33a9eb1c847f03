//! The robust scorer of BARO.

use astern_graph_core::TemporalGraph;
use astern_graph_core::signal::{Evidence, RankedCause};
use astern_stats::order::sorted_finite;
use astern_stats::robust;

use crate::candidates::{candidate, symptom};
use crate::error::RankError;
use crate::incident::Incident;
use crate::ranker::{Ranker, Ranking};

/// Ranks by the greatest deviation from the healthy median in healthy interquartile ranges.
///
/// `max_t (x_t - median) / IQR` (Pham, Ha and Zhang 2024, as in their code: signed although the
/// paper says absolute, an IQR of 0 counts as 1, and a series that is constant in either range is
/// left out; a series that repeats one value most of the time thus scores by
/// its unit). Missing values are left out, so are series whose values are too great to be
/// subtracted. One metric per node, the symptom's. Uses no graph. `O(N · T log T)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RobustScorer;

impl Ranker for RobustScorer {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        symptom(graph, incident)?;
        let mut causes = Vec::new();
        for id in graph.ids() {
            let Some(node) = candidate(graph, incident, id, &incident.symptom.metric)? else {
                continue;
            };
            let (healthy, abnormal) = (sorted_finite(&node.healthy), sorted_finite(&node.abnormal));
            if constant(&healthy) || constant(&abnormal) {
                continue;
            }
            let quantile = |q| robust::quantile(&healthy, q).unwrap_or(f64::NAN);
            let (median, iqr) = (quantile(0.5), quantile(0.75) - quantile(0.25));
            let scale = if iqr > 0.0 { iqr } else { 1.0 };
            let Some(observed) = robust::max(&abnormal) else {
                continue;
            };
            let z = (observed - median) / scale;
            if !z.is_finite() {
                continue;
            }
            let evidence = Evidence::Shift {
                metric: node.feature.name,
                healthy: median,
                observed,
                z,
            };
            causes.push(RankedCause::new(node.key, z).because([evidence]));
        }
        Ok(Ranking::of(causes))
    }
}

fn constant(series: &[f64]) -> bool {
    series
        .windows(2)
        .all(|pair| astern_stats::order::ascending(pair[0], pair[1]).is_eq())
}
