//! The baselines of all series, and a ranking from them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use astern_graph_core::signal::{Evidence, RankedCause};
use astern_graph_core::{GraphError, MetricName, NodeKey, TemporalGraph, TimeRange, Timestamp};
use astern_stats::order::{ascending, sorted_finite};
use astern_stats::robust;

use super::params::BaselineParams;
use super::sliding::SlidingSample;
use crate::candidates::{candidate, symptom};
use crate::error::RankError;
use crate::incident::Incident;
use crate::ranker::Ranking;

/// Healthy values of every series of every node over the last steps.
///
/// Call [`advance`](Self::advance) while all is well, and not while something is wrong; when all is
/// well again, [`restart`](Self::restart), so that what was wrong never counts as healthy.
///
/// A step is taken once and for all: advance to the end of steps for which no more telemetry will
/// come (now less the lateness of the graph). What comes later than that is in the graph and not in
/// the baselines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    #[serde(deserialize_with = "checked")]
    params: BaselineParams,
    /// The steps that are held; `None` before the first.
    range: Option<TimeRange>,
    series: BTreeMap<NodeKey, BTreeMap<MetricName, SlidingSample>>,
}

/// Stored parameters are checked as any others.
fn checked<'de, D: Deserializer<'de>>(stored: D) -> Result<BaselineParams, D::Error> {
    let params = BaselineParams::deserialize(stored)?;
    params.check().map_err(D::Error::custom)?;
    Ok(params)
}

impl Baselines {
    pub(super) fn new(params: BaselineParams) -> Self {
        Self {
            params,
            range: None,
            series: BTreeMap::new(),
        }
    }

    /// The steps that are held; `None` before the first.
    pub fn range(&self) -> Option<TimeRange> {
        self.range
    }

    /// The healthy values of one series; `None` where none was seen.
    pub fn sample(&self, node: &NodeKey, metric: &MetricName) -> Option<&SlidingSample> {
        self.series.get(node)?.get(metric)
    }

    /// Forgets everything.
    pub fn restart(&mut self) {
        self.range = None;
        self.series.clear();
    }

    /// Takes in the steps that ended until then, and drops those that are too old. Nothing happens
    /// where no step ended since the last call.
    ///
    /// # Errors
    /// [`GraphError::TooLong`] for more steps than a series may have; nothing is changed then.
    ///
    /// # Complexity
    /// For each of the S series and each new step `O(log W)` comparisons and one move of at most W
    /// values, W the steps that are held; a series that is new is read over all W. A call in a step that
    /// was taken costs nothing.
    pub fn advance(&mut self, graph: &TemporalGraph, until: Timestamp) -> Result<(), GraphError> {
        let end = graph.step_end(until);
        let earliest = end.minus(graph.step().saturating_mul(self.params.steps));
        let taken = self.range.map(|range| range.end);
        if taken.is_some_and(|taken| taken >= end) {
            return Ok(());
        }
        let Some(extent) = graph.extent() else {
            return Ok(());
        };
        let held = self.range.map_or(extent.start, |range| range.start);
        let start = held.max(earliest);
        let fresh = taken.map_or(start, |taken| taken.max(start));
        let (Ok(window), Ok(new)) = (TimeRange::new(start, end), TimeRange::new(fresh, end)) else {
            return Ok(());
        };
        if new.is_empty() {
            return Ok(());
        }
        // The graph of the new steps alone says which series there are, without a look at the rest.
        let part = graph.during(new)?;
        for key in part.keys() {
            let known = self.series.entry(key.clone()).or_default();
            for metric in part.metrics(key) {
                if let Entry::Vacant(place) = known.entry(metric) {
                    let mut sample = SlidingSample::default();
                    let before = TimeRange {
                        start: window.start,
                        end: new.start,
                    };
                    if !before.is_empty() {
                        take(&mut sample, graph, (key, place.key()), before)?;
                    }
                    place.insert(sample);
                }
            }
        }
        for (key, known) in &mut self.series {
            for (metric, sample) in known {
                // A node that the graph has retired says nothing more.
                if graph.id(key).is_some() {
                    take(sample, graph, (key, metric), new)?;
                }
                sample.drop_before(window.start);
            }
        }
        for known in self.series.values_mut() {
            known.retain(|_, sample| !sample.ascending().is_empty());
        }
        self.series.retain(|_, known| !known.is_empty());
        self.range = Some(window);
        Ok(())
    }

    /// What [`RobustScorer`](crate::ranker::baseline::RobustScorer) says of the incident with the baselines'
    /// [`range`](Self::range) as its healthy range; the incident's own is not looked at.
    ///
    /// # Errors
    /// [`RankError`] when the graph does not hold the symptom.
    ///
    /// # Complexity
    /// `O(N · A log A)` for N nodes and A abnormal steps, however long the baselines are.
    pub fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        // Only the abnormal part is read from the graph.
        let mut now = incident.clone();
        now.healthy = incident.abnormal;
        symptom(graph, &now)?;
        let metric = &incident.symptom.metric;
        let mut causes = Vec::new();
        for id in graph.ids() {
            let Some(node) = candidate(graph, &now, id, metric)? else {
                continue;
            };
            let healthy = self.sample(&node.key, metric);
            let healthy = healthy.map_or(&[][..], SlidingSample::ascending);
            let abnormal = sorted_finite(&node.abnormal);
            if is_constant(healthy) || is_constant(&abnormal) {
                continue;
            }
            let quantile = |q| robust::quantile_sorted(healthy, q).unwrap_or(f64::NAN);
            let (median, iqr) = (quantile(0.5), quantile(0.75) - quantile(0.25));
            let scale = if iqr > 0.0 { iqr } else { 1.0 };
            let Some(observed) = robust::max(&abnormal) else {
                continue;
            };
            let z = (observed - median) / scale;
            // Of values too great to be subtracted, as in the scorer of whole ranges.
            if !z.is_finite() {
                continue;
            }
            let metric = metric.clone();
            let evidence = Evidence::Shift {
                metric,
                healthy: median,
                observed,
                z,
            };
            causes.push(RankedCause::new(node.key, z).because([evidence]));
        }
        Ok(Ranking::of(causes))
    }
}

fn take(
    sample: &mut SlidingSample,
    graph: &TemporalGraph,
    (key, metric): (&NodeKey, &MetricName),
    range: TimeRange,
) -> Result<(), GraphError> {
    let mut at = range.start;
    for value in graph.series(key, metric, range)? {
        sample.push(at, value);
        at = at.plus(graph.step());
    }
    Ok(())
}

/// Of values in ascending order.
fn is_constant(sorted: &[f64]) -> bool {
    match (sorted.first(), sorted.last()) {
        (Some(first), Some(last)) => ascending(*first, *last).is_eq(),
        _ => true,
    }
}
