//! The series that rankers compare: one metric of each candidate, healthy and abnormal.

use std::ops::Range;

use astern_graph_core::schema::{Feature, FeatureClass, Worse};
use astern_graph_core::{MetricName, NodeId, NodeKey, TemporalGraph};
use astern_stats::{order, robust};

use crate::error::RankError;
use crate::incident::Incident;
use crate::order_statistic::usual;

/// Fewest finite healthy values with which a deviation is judged.
pub(crate) const HEALTHY_MIN: usize = 5;

/// Quantile over steps at which series are compared, unless parameters say otherwise.
pub(crate) const UPPER_QUANTILE: f64 = 0.9;

/// One candidate's series of one metric.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) id: NodeId,
    pub(crate) key: NodeKey,
    pub(crate) feature: Feature,
    pub(crate) healthy: Vec<f64>,
    pub(crate) abnormal: Vec<f64>,
}

/// Where a candidate stands: how far from healthy, in units and in standard deviations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shift {
    pub(crate) median: f64,
    /// The abnormal value, at the same quantile of badness as `excess`.
    pub(crate) observed: f64,
    /// How much worse than the median, in the metric's unit; never negative.
    pub(crate) excess: f64,
    /// `excess` over the healthy spread.
    pub(crate) z: f64,
}

/// Healthy level and spread of a series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) median: f64,
    /// Robust spread, at least the noise floor of the metric.
    pub(crate) spread: f64,
}

impl Candidate {
    /// Healthy level and spread; `None` with fewer than 5 healthy values.
    pub(crate) fn scale(&self) -> Option<Scale> {
        self.scale_of(&order::sorted_finite(&self.healthy))
    }

    fn scale_of(&self, healthy: &[f64]) -> Option<Scale> {
        if healthy.len() < HEALTHY_MIN {
            return None;
        }
        let median = robust::quantile_sorted(healthy, 0.5)?;
        let spread = robust::spread_sorted(healthy)?.max(self.feature.noise_floor(median));
        Some(Scale { median, spread })
    }

    /// How much worse the `upper` quantile of the badness over these of the abnormal steps is than the
    /// same quantile of [as many healthy ones](usual); `None` with fewer than 5 healthy values or no
    /// abnormal one.
    ///
    /// Like is compared with like: the worst of five steps may speak, and a series that has bursts when all
    /// is well is not suspect because of one. At the median nothing is taken off.
    pub(crate) fn shift(&self, upper: f64, steps: &Range<usize>) -> Option<Shift> {
        let healthy = order::sorted_finite(&self.healthy);
        let Scale { median, spread } = self.scale_of(&healthy)?;
        let badness = |x: &f64| self.feature.worse.badness(x - median);
        let abnormal = self.abnormal.get(steps.clone()).unwrap_or(&self.abnormal);
        let bad = order::sorted_finite(&abnormal.iter().map(badness).collect::<Vec<_>>());
        // Ascending without another sort: this is asked for every series of every node.
        let healthy_badness = match self.feature.worse {
            Worse::Up => healthy.iter().map(badness).collect(),
            Worse::Down => healthy.iter().rev().map(badness).collect(),
            Worse::Both => robust::deviations_sorted(&healthy, median),
        };
        let worst = robust::quantile_sorted(&bad, upper)?.max(0.0);
        let usual = usual(&healthy_badness, upper, bad.len())?;
        let excess = (worst - usual.level).max(0.0);
        let observed = match self.feature.worse {
            Worse::Up => median + worst,
            Worse::Down => median - worst,
            // Either side may be the bad one: the step nearest to it says which it was.
            Worse::Both => {
                let finite = abnormal.iter().copied().filter(|x| x.is_finite());
                let off = |x: f64| ((x - median).abs() - worst).abs();
                finite.min_by(|a, b| order::ascending(off(*a), off(*b)))?
            }
        };
        Some(Shift {
            median,
            observed,
            excess,
            z: excess / spread.max(usual.spread),
        })
    }
}

/// The series of one metric of one node over both ranges; `None` when nothing of it was seen.
pub(crate) fn candidate(
    graph: &TemporalGraph,
    incident: &Incident,
    id: NodeId,
    metric: &MetricName,
) -> Result<Option<Candidate>, RankError> {
    let Some(key) = graph.key(id) else {
        return Ok(None);
    };
    let healthy = graph.series(key, metric, incident.healthy)?;
    let abnormal = graph.series(key, metric, incident.abnormal)?;
    let seen = |series: &[f64]| series.iter().any(|x| x.is_finite());
    let feature = graph.feature(metric);
    Ok((seen(&healthy) || seen(&abnormal)).then(|| Candidate {
        id,
        key: key.clone(),
        feature,
        healthy,
        abnormal,
    }))
}

/// The candidate's series of the symptom's metric or, where it has none, of the application metric
/// in which it deviates most; of its resources where it has no application metric, as a host.
pub(crate) fn best_candidate(
    graph: &TemporalGraph,
    incident: &Incident,
    id: NodeId,
    upper: f64,
    steps: &Range<usize>,
) -> Result<Option<Candidate>, RankError> {
    if let Some(same) = candidate(graph, incident, id, &incident.symptom.metric)? {
        return Ok(Some(same));
    }
    let Some(key) = graph.key(id) else {
        return Ok(None);
    };
    let metrics = graph.metrics(key);
    for class in [FeatureClass::Application, FeatureClass::Infrastructure] {
        let mut best: Option<(f64, Candidate)> = None;
        let of_class = |name: &&MetricName| graph.feature(name).class == class;
        for metric in metrics.iter().filter(of_class) {
            let Some(found) = candidate(graph, incident, id, metric)? else {
                continue;
            };
            let z = found.shift(upper, steps).map_or(0.0, |shift| shift.z);
            if best.as_ref().is_none_or(|(least, _)| z > *least) {
                best = Some((z, found));
            }
        }
        if let Some((_, found)) = best {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The symptom's own series.
pub(crate) fn symptom(graph: &TemporalGraph, incident: &Incident) -> Result<Candidate, RankError> {
    let node = &incident.symptom.node;
    let unknown = || astern_graph_core::GraphError::UnknownNode { key: node.clone() };
    let id = graph.id(node).ok_or_else(unknown)?;
    candidate(graph, incident, id, &incident.symptom.metric)?
        .filter(|c| c.abnormal.iter().any(|x| x.is_finite()))
        .ok_or_else(|| RankError::NoSymptom {
            node: node.clone(),
            metric: incident.symptom.metric.clone(),
            range: incident.abnormal,
        })
}

/// Missing values replaced by the mean of the others; empty when there is none.
pub(crate) fn filled(series: &[f64]) -> Vec<f64> {
    match robust::mean(series) {
        Some(mean) => series
            .iter()
            .map(|x| if x.is_finite() { *x } else { mean })
            .collect(),
        None => Vec::new(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use astern_graph_core::schema::Unit;
    use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams};
    use proptest::prelude::*;

    /// A node with one series, of which either direction or one is worse.
    pub(crate) fn series(worse: Worse, healthy: &[f64], abnormal: &[f64]) -> Candidate {
        let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
        let key = NodeKey::service("a");
        builder.declare_edge(key.clone(), NodeKey::service("b"), EdgeKind::Calls);
        Candidate {
            id: builder.build().id(&key).unwrap(),
            key,
            feature: Feature::new("x", Unit::Count, FeatureClass::Application, worse),
            healthy: healthy.to_vec(),
            abnormal: abnormal.to_vec(),
        }
    }

    proptest! {
        #[test]
        fn a_worse_step_never_counts_for_less(
            healthy in prop::collection::vec(-1e3..1e3f64, 5..40),
            abnormal in prop::collection::vec(-1e3..1e3f64, 1..12),
            (place, more, upper) in (0..12_usize, 0.0..1e3f64, 0.5..=1.0f64),
        ) {
            let z = |abnormal: &[f64]| {
                let node = series(Worse::Up, &healthy, abnormal);
                node.shift(upper, &(0..abnormal.len())).unwrap().z
            };
            let mut worse = abnormal.clone();
            worse[place % abnormal.len()] += more;
            let (before, after) = (z(&abnormal), z(&worse));
            prop_assert!(before >= 0.0 && before.is_finite());
            prop_assert!(after >= before - 1e-9, "{before} {after}");
        }

        #[test]
        fn up_and_down_are_mirrors(
            healthy in prop::collection::vec(-1e3..1e3f64, 5..40),
            abnormal in prop::collection::vec(-1e3..1e3f64, 1..12),
        ) {
            let mirrored = |x: &[f64]| x.iter().map(|x| -x).collect::<Vec<_>>();
            let z = |worse, healthy: &[f64], abnormal: &[f64]| {
                let node = series(worse, healthy, abnormal);
                node.shift(0.9, &(0..abnormal.len())).unwrap().z
            };
            let up = z(Worse::Up, &healthy, &abnormal);
            let down = z(Worse::Down, &mirrored(&healthy), &mirrored(&abnormal));
            prop_assert!((up - down).abs() < 1e-6 * (1.0 + up), "{up} {down}");
        }
    }

    #[test]
    fn one_step_of_three_tells_where_bursts_are_not_healthy() {
        let z = |healthy: &[f64], abnormal: &[f64]| {
            let node = series(Worse::Up, healthy, abnormal);
            node.shift(0.9, &(0..abnormal.len())).unwrap().z
        };
        let healthy: Vec<f64> = (0..60).map(|i| 100.0 + f64::from(i % 5)).collect();
        let mut bursts = healthy.clone();
        bursts.iter_mut().step_by(12).for_each(|x| *x += 90.0);
        let fault = [102.0, 192.0, 101.0];
        assert!(z(&healthy, &fault) > 20.0);
        assert!(z(&bursts, &fault) < 2.0, "{}", z(&bursts, &fault));
        // Where all three are bad, bursts are no excuse.
        assert!(z(&bursts, &[290.0, 292.0, 291.0]) > 3.0);
        assert!(z(&healthy, &[101.0, 103.0, 102.0]) < 1.0);
    }

    #[test]
    fn a_fall_is_observed_as_a_fall_where_either_direction_is_worse() {
        let healthy = [99.0, 100.0, 101.0, 100.0, 100.0];
        let observed = |worse, abnormal: &[f64]| {
            let shift = series(worse, &healthy, abnormal)
                .shift(0.9, &(0..abnormal.len()))
                .unwrap();
            (shift.observed, shift.excess)
        };
        let close = |found: (f64, f64), observed: f64, excess: f64| {
            // What four healthy steps reach is taken off: one at most.
            (found.0 - observed).abs() < 1e-9 && (excess - 1.0..=excess).contains(&found.1)
        };
        let fell = [100.0, f64::NAN, 10.0, 10.0, 10.0];
        assert!(close(observed(Worse::Both, &fell), 10.0, 90.0));
        assert!(close(observed(Worse::Down, &fell), 10.0, 90.0));
        assert!(close(observed(Worse::Up, &fell), 100.0, 0.0));
        let rose = [100.0, 190.0, 190.0];
        assert!(close(observed(Worse::Both, &rose), 190.0, 90.0));
        assert!(close(observed(Worse::Up, &rose), 190.0, 90.0));
    }
}
