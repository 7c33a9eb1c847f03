//! Old against new instances of one released service.

use serde::{Deserialize, Serialize};

use astern_graph_core::schema::{ERROR_RATE, LATENCY_MS_P50, LATENCY_MS_P95};
use astern_graph_core::signal::{Anomaly, Assessment, Evidence, Verdict};
use astern_graph_core::view::{ChangeSide, SideRule};
use astern_graph_core::{ChangeEvent, GraphError, MetricName, NodeKey, TemporalGraph, TimeRange};
use astern_stats::param::{in_open_unit, in_range};
use astern_stats::two_sample::{fisher_greater, mann_whitney_greater};
use astern_stats::{ParamError, robust};

use super::ReleaseJudge;
use crate::ScoreError;

/// Parameters of a comparison of old and new instances.
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `alpha` | .005 | level of the whole comparison, shared by its three tests, (0, 1) |
/// | `calls_min` | 20 | calls to new instances below which the verdict is inconclusive, 1 to 10⁹ |
/// | `error_rate_rise_min` | .01 | least rise of the error rate that matters, 0 to 1 |
/// | `latency_rise_min` | .15 | least relative rise of a latency quantile that matters, 0 to 100 |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ReleaseParams {
    alpha: f64,
    calls_min: u32,
    error_rate_rise_min: f64,
    latency_rise_min: f64,
}

impl Default for ReleaseParams {
    fn default() -> Self {
        Self {
            alpha: 5e-3,
            calls_min: 20,
            error_rate_rise_min: 0.01,
            latency_rise_min: 0.15,
        }
    }
}

astern_stats::setters!(ReleaseParams {
    /// Sets the level of the whole comparison.
    alpha: f64,
    /// Sets the least number of calls to new instances.
    calls_min: u32,
    /// Sets the least rise of the error rate that matters.
    error_rate_rise_min: f64,
    /// Sets the least relative rise of a latency quantile that matters.
    latency_rise_min: f64,
});

impl ReleaseParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`ParamError`] for a parameter outside its rule.
    pub fn check(self) -> Result<ReleaseComparison, ParamError> {
        in_open_unit("alpha", self.alpha)?;
        in_range("calls_min", f64::from(self.calls_min), 1.0, 1e9)?;
        in_range("error_rate_rise_min", self.error_rate_rise_min, 0.0, 1.0)?;
        in_range("latency_rise_min", self.latency_rise_min, 0.0, 100.0)?;
        Ok(ReleaseComparison(self))
    }
}

/// Compares the instances that a change has reached with those that it has not, over the same
/// time, so that load and the health of dependencies, which both sides share, cancel out.
///
/// Tests, each one-sided towards worse at a third of `alpha` (Bonferroni): the share of failed
/// calls by [`fisher_greater`]; the median and the 95 % quantile of latency per instance and step
/// by [`mann_whitney_greater`]. A test counts only with an effect that matters.
///
/// When old instances receive too few calls, the service's own instances before the change stand
/// in for them, and the evidence says so. Too few calls or latencies on either side are
/// inconclusive, never healthy. The score of an anomaly is its effect over the least that matters, so
/// severity counts from 1.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseComparison(ReleaseParams);

/// One side of the comparison.
#[derive(Default)]
struct Side {
    calls: u64,
    errors: u64,
    latency_p50: Vec<f64>,
    latency_p95: Vec<f64>,
}

impl Side {
    fn add(
        &mut self,
        graph: &TemporalGraph,
        instance: &NodeKey,
        range: TimeRange,
    ) -> Result<(), GraphError> {
        if let Some(received) = graph.calls_received(instance, range) {
            self.calls += received.calls;
            self.errors += received.errors;
        }
        self.latency_p50
            .extend(graph.series(instance, &LATENCY_MS_P50.into(), range)?);
        self.latency_p95
            .extend(graph.series(instance, &LATENCY_MS_P95.into(), range)?);
        Ok(())
    }
}

/// Whether both sides have latencies enough to compare, or neither has any.
fn comparable(old: &Side, new: &Side) -> bool {
    let seen = |series: &[f64]| series.iter().filter(|x| x.is_finite()).count();
    let (old, new) = (seen(&old.latency_p50), seen(&new.latency_p50));
    (old == 0 && new == 0) || (old >= LATENCIES_MIN && new >= LATENCIES_MIN)
}

/// Fewest latencies a side that [`mann_whitney_greater`] takes.
const LATENCIES_MIN: usize = 3;

impl ReleaseJudge for ReleaseComparison {
    /// [`SideRule::Judge`] decides who is old and who is new.
    ///
    /// # Errors
    /// [`ScoreError::Graph`] when the range is longer than a window may be.
    ///
    /// # Complexity
    /// `O(N + I · T + C log I)` for N nodes, I instances of the service, T steps, and C events of changes.
    fn judge(
        &self,
        graph: &TemporalGraph,
        change: &ChangeEvent,
        range: TimeRange,
        healthy: TimeRange,
    ) -> Result<Assessment, ScoreError> {
        // What ran before the change must not contain it.
        let before = TimeRange::new(healthy.start, healthy.end.min(change.at)).ok();
        let verdict = |verdict| Assessment::new(verdict).of_change(change.id.clone());
        let (mut old, mut new) = (Side::default(), Side::default());
        let sides = graph.sides(change, SideRule::Judge);
        for instance in graph.instances(&change.service) {
            let of_instance = sides.instance(instance);
            for part in of_instance.parts(range, ChangeSide::Old)? {
                old.add(graph, instance, part)?;
            }
            for part in of_instance.parts(range, ChangeSide::New)? {
                new.add(graph, instance, part)?;
            }
        }
        if new.calls == 0 {
            return Ok(verdict(Verdict::NoData));
        }
        let mut fallback = None;
        let least = u64::from(self.0.calls_min);
        if let (true, Some(before)) = (old.calls < least, before) {
            for instance in graph.instances(&change.service) {
                old.add(graph, instance, before)?;
            }
            fallback = Some(Evidence::Fallback {
                wanted: "old instances at the same time".into(),
                used: "instances before the change as well".into(),
                reason: "old instances received too few calls since".into(),
            });
        }
        if new.calls < least || old.calls < least || !comparable(&old, &new) {
            return Ok(verdict(Verdict::Inconclusive));
        }
        let worse = self.worse(&old, &new);
        let anomalies: Vec<Anomaly> = worse
            .into_iter()
            .map(|(metric, score, p_value, evidence)| {
                let mut anomaly = Anomaly::new(change.service.clone(), score, change.at)
                    .above(1.0)
                    .in_metric(metric, p_value)
                    .because(evidence);
                anomaly.evidence.extend(fallback.clone());
                anomaly
            })
            .collect();
        let conclusion = if anomalies.is_empty() {
            Verdict::Healthy
        } else {
            Verdict::Regressed
        };
        Ok(verdict(conclusion).with_anomalies(anomalies))
    }
}

impl ReleaseComparison {
    /// Metrics in which the new side is significantly and materially worse: name, size of the
    /// effect over the least that matters, p-value, evidence.
    fn worse(&self, old: &Side, new: &Side) -> Vec<(MetricName, f64, f64, Evidence)> {
        let level = self.0.alpha / 3.0;
        let mut found = Vec::new();
        let mut judge =
            |metric: &str, old: f64, new: f64, rise: f64, rise_min: f64, p_value: f64| {
                if p_value <= level && rise >= rise_min {
                    let metric = MetricName::from(metric);
                    let evidence = Evidence::NewAgainstOld {
                        metric: metric.clone(),
                        old,
                        new,
                        p_value,
                    };
                    found.push((metric, rise / rise_min.max(1e-9), p_value, evidence));
                }
            };
        let rate = |side: &Side| side.errors as f64 / side.calls as f64;
        let p_errors = fisher_greater(new.errors, new.calls, old.errors, old.calls);
        let (old_rate, new_rate) = (rate(old), rate(new));
        let rise_min = self.0.error_rate_rise_min;
        judge(
            ERROR_RATE,
            old_rate,
            new_rate,
            new_rate - old_rate,
            rise_min,
            p_errors,
        );
        let latencies = [
            (LATENCY_MS_P50, &old.latency_p50, &new.latency_p50),
            (LATENCY_MS_P95, &old.latency_p95, &new.latency_p95),
        ];
        for (metric, old, new) in latencies {
            if let Some((a, b)) = robust::median(old).zip(robust::median(new)) {
                let rise = (b - a) / a.max(1e-9);
                judge(
                    metric,
                    a,
                    b,
                    rise,
                    self.0.latency_rise_min,
                    mann_whitney_greater(new, old),
                );
            }
        }
        found
    }
}
