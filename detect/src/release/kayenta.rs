//! The judge of Kayenta: one rank test a metric on values per step.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_graph_core::schema::{
    CLIENT_ERROR_RATE, ERROR_RATE, LATENCY_MS_P50, LATENCY_MS_P95, LATENCY_MS_P99,
};
use astern_graph_core::signal::{Anomaly, Assessment, Evidence, Verdict};
use astern_graph_core::{CallSummary, ChangeEvent, TemporalGraph, TimeRange};
use astern_stats::ParamError;
use astern_stats::param::{in_open_unit, in_range};
use astern_stats::two_sample::{Shift, mann_whitney_greater, mann_whitney_shift};

use super::ReleaseJudge;
use super::sides::{Observed, Step, observed};
use crate::ScoreError;

/// Parameters of Kayenta's judge.
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `confidence` | .98 | of the interval of the shift, (0, 1) |
/// | `tolerance` | .25 | share of the estimated shift that the interval must lie beyond, 0 to 1 |
/// | `allowed_increase` | 1 | ratio of the means from which an increase counts, 0 to 1,000 |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct KayentaParams {
    confidence: f64,
    tolerance: f64,
    allowed_increase: f64,
}

impl Default for KayentaParams {
    fn default() -> Self {
        Self {
            confidence: 0.98,
            tolerance: 0.25,
            allowed_increase: 1.0,
        }
    }
}

astern_stats::setters!(KayentaParams {
    /// Sets the confidence of the interval of the shift.
    confidence: f64,
    /// Sets the share of the estimated shift that the interval must lie beyond.
    tolerance: f64,
    /// Sets the ratio of the means from which an increase counts.
    allowed_increase: f64,
});

impl KayentaParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`ParamError`] for a parameter outside its rule.
    pub fn check(self) -> Result<Kayenta, ParamError> {
        in_open_unit("confidence", self.confidence)?;
        in_range("tolerance", self.tolerance, 0.0, 1.0)?;
        in_range("allowed_increase", self.allowed_increase, 0.0, 1e3)?;
        Ok(Kayenta(self))
    }
}

/// `NetflixACAJudge-v1.0` of Kayenta (2018), as a control: its users can see what another judge says.
///
/// A metric is *High* where the confidence interval of the Mann-Whitney shift of its values per step, new against old,
/// lies above `tolerance` of the shift's estimate, and the ratio of the means is at least `allowed_increase`. Metrics are
/// the share of failed and of refused calls, and the median, 95 % and 99 % quantile of latency. Each is critical, as in a
/// configuration of what must not get worse: one that is High fails the run.
///
/// It is made for one look, without a correction for several metrics, and has no least number of calls. Where the old
/// mean is 0 there is no ratio and nothing is ever High (kayenta#377): a release whose calls all fail beside an old side
/// without failures passes. `Healthy` claims no power here.
///
/// Deviations: two constants differ by their difference, where Kayenta adds random noise; fewer than 3 values on a side are
/// inconclusive, where Kayenta passes; a new side without calls is no data. Where no old side was seen, healthy steps
/// before the change stand in for it, and the evidence says so.
///
/// The score of an anomaly is 1 and how far the lower end of the interval lies beyond its bound, over the estimate; so
/// severity counts from 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Kayenta(KayentaParams);

/// One value of a step's calls; missing is `NaN`.
type Value = fn(&CallSummary) -> f64;

/// The metrics that are compared.
const METRICS: [(&str, Value); 5] = [
    (ERROR_RATE, |calls| share(calls.errors, calls)),
    (CLIENT_ERROR_RATE, |calls| share(calls.client_errors, calls)),
    (LATENCY_MS_P50, |calls| latency(0.5, calls)),
    (LATENCY_MS_P95, |calls| latency(0.95, calls)),
    (LATENCY_MS_P99, |calls| latency(0.99, calls)),
];

fn share(hits: u64, calls: &CallSummary) -> f64 {
    hits as f64 / calls.calls as f64
}

fn latency(q: f64, calls: &CallSummary) -> f64 {
    calls.latency_ms(q).unwrap_or(f64::NAN)
}

impl ReleaseJudge for Kayenta {
    /// # Errors
    /// [`ScoreError::Graph`] when a range is longer than a window may be.
    ///
    /// # Complexity
    /// `O(T I S + T log T)` for T steps, I instances and S bins of a sketch.
    fn judge(
        &self,
        graph: &TemporalGraph,
        change: &ChangeEvent,
        range: TimeRange,
        healthy: TimeRange,
    ) -> Result<Assessment, ScoreError> {
        let verdict = |verdict| Assessment::new(verdict).of_change(change.id.clone());
        let observed = observed(graph, change, range, healthy, Duration::ZERO)?;
        if !observed.steps.iter().any(Step::is_new_seen) {
            return Ok(verdict(Verdict::NoData));
        }
        let new: Vec<&CallSummary> = observed.steps.iter().map(|step| &step.new).collect();
        let (old, fallback) = old_side(&observed);
        let mut compared = 0;
        let mut anomalies = Vec::new();
        for (metric, value) in METRICS {
            let values = |side: &[&CallSummary]| -> Vec<f64> {
                let values = side.iter().map(|calls| value(calls));
                values.filter(|x| x.is_finite()).collect()
            };
            let (new, old) = (values(&new), values(&old));
            let shift = mann_whitney_shift(&new, &old, self.0.confidence);
            // The confidence was checked.
            let Ok(Some(shift)) = shift else { continue };
            compared += 1;
            if let Some(score) = self.high(shift, mean(&new), mean(&old)) {
                let p_value = mann_whitney_greater(&new, &old);
                let evidence = Evidence::NewAgainstOld {
                    metric: metric.into(),
                    old: mean(&old),
                    new: mean(&new),
                    p_value,
                };
                let mut anomaly = Anomaly::new(change.service.clone(), score, change.at)
                    .above(1.0)
                    .in_metric(metric.into(), p_value)
                    .because(evidence);
                anomaly.evidence.extend(fallback.clone());
                anomalies.push(anomaly);
            }
        }
        let conclusion = match (compared, anomalies.is_empty()) {
            (0, _) => Verdict::Inconclusive,
            (_, true) => Verdict::Healthy,
            (_, false) => Verdict::Regressed,
        };
        Ok(verdict(conclusion).with_anomalies(anomalies))
    }
}

impl Kayenta {
    /// How far beyond its bound a metric is, from 1; `None` where it is not High.
    fn high(&self, shift: Shift, new: f64, old: f64) -> Option<f64> {
        let bound = self.0.tolerance * shift.estimate.abs();
        let is_beyond = shift.interval.low > bound;
        let has_ratio = new > 0.0 && old > 0.0;
        let is_high = is_beyond && has_ratio && new / old >= self.0.allowed_increase;
        is_high.then(|| 1.0 + (shift.interval.low - bound) / shift.estimate)
    }
}

/// What the new side is compared with.
fn old_side(observed: &Observed) -> (Vec<&CallSummary>, Option<Evidence>) {
    if observed.steps.iter().any(|step| step.old.calls > 0) {
        return (observed.steps.iter().map(|step| &step.old).collect(), None);
    }
    let fallback = Evidence::Fallback {
        wanted: "old instances at the same time".into(),
        used: "the service before the change".into(),
        reason: "no old instance received a call since".into(),
    };
    let before = observed.before.iter().map(|before| &before.all);
    (before.collect(), Some(fallback))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
