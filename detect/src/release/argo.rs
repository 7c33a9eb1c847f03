//! The analysis of Argo Rollouts: measurements by conditions, with a limit for each way to go wrong.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_graph_core::signal::{Assessment, Verdict};
use astern_graph_core::{CallSummary, ChangeEvent, TemporalGraph, TimeRange, Timestamp};
use astern_stats::ParamError;
use astern_stats::param::{duration, in_range};

use super::ReleaseJudge;
use super::limits::{FAILED, Measure, SLOW, Tally, assessment, intervals, since};
use super::sides::observed;
use crate::ScoreError;

/// Parameters of an analysis by Argo Rollouts. Defaults are those of the controller, and of the examples in its
/// documentation where it has none.
///
/// | parameter | default | in an `AnalysisTemplate` | rule |
/// |---|---|---|---|
/// | `interval` | `"1m"` | `interval`; rounded up to whole steps of the graph | 1 s to a day |
/// | `initial_delay` | `"0s"` | `initialDelay` | at most a day |
/// | `count` | 5 | `count` | 1 to 10⁶ |
/// | `failure_limit` | 0 | `failureLimit` | |
/// | `inconclusive_limit` | 0 | `inconclusiveLimit` | |
/// | `consecutive_error_limit` | 4 | `consecutiveErrorLimit` | |
/// | `error_rate_max` | .05 | `successCondition: result[0] >= 0.95` of a success rate | 0 to 1 |
/// | `error_rate_failure` | none | `failureCondition` of it: a share of failed calls above this | 0 to 1 |
/// | `latency_ms_p99_max` | 1,000 | `successCondition` of a latency | 0 to 10⁹ |
/// | `latency_ms_p99_failure` | none | `failureCondition` of it: a latency above this | 0 to 10⁹ |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ArgoRolloutsParams {
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    interval: Duration,
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    initial_delay: Duration,
    count: u32,
    failure_limit: u32,
    inconclusive_limit: u32,
    consecutive_error_limit: u32,
    error_rate_max: f64,
    error_rate_failure: Option<f64>,
    latency_ms_p99_max: f64,
    latency_ms_p99_failure: Option<f64>,
}

impl Default for ArgoRolloutsParams {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(60),
            initial_delay: Duration::ZERO,
            count: 5,
            failure_limit: 0,
            inconclusive_limit: 0,
            consecutive_error_limit: 4,
            error_rate_max: 0.05,
            error_rate_failure: None,
            latency_ms_p99_max: 1e3,
            latency_ms_p99_failure: None,
        }
    }
}

astern_stats::setters!(ArgoRolloutsParams {
    /// Sets the time between measurements, and over which each looks back.
    interval: Duration,
    /// Sets the time from the change to the first interval that is measured.
    initial_delay: Duration,
    /// Sets the number of measurements with a value after which a metric succeeds.
    count: u32,
    /// Sets the number of failed measurements that a metric may have.
    failure_limit: u32,
    /// Sets the number of inconclusive measurements that a metric may have.
    inconclusive_limit: u32,
    /// Sets the number of measurements without a result that may follow each other.
    consecutive_error_limit: u32,
    /// Sets the greatest share of failed calls that is a success.
    error_rate_max: f64,
    /// Sets the share of failed calls above which a measurement fails; those between the two are inconclusive then.
    error_rate_failure: f64,
    /// Sets the greatest 99 % quantile of latency that is a success, in ms.
    latency_ms_p99_max: f64,
    /// Sets the 99 % quantile of latency above which a measurement fails; those between the two are inconclusive then.
    latency_ms_p99_failure: f64,
});

impl ArgoRolloutsParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`ParamError`] for a parameter outside its rule.
    pub fn check(self) -> Result<ArgoRollouts, ParamError> {
        let day = 86_400.0;
        let (interval, delay) = (self.interval, self.initial_delay);
        in_range("interval in seconds", interval.as_secs_f64(), 1.0, day)?;
        in_range("initial_delay in seconds", delay.as_secs_f64(), 0.0, day)?;
        in_range("count", f64::from(self.count), 1.0, 1e6)?;
        in_range("error_rate_max", self.error_rate_max, 0.0, 1.0)?;
        in_range("latency_ms_p99_max", self.latency_ms_p99_max, 0.0, 1e9)?;
        for (name, limit, most) in [
            ("error_rate_failure", self.error_rate_failure, 1.0),
            ("latency_ms_p99_failure", self.latency_ms_p99_failure, 1e9),
        ] {
            in_range(name, limit.unwrap_or(0.0), 0.0, most)?;
        }
        Ok(ArgoRollouts(self))
    }
}

/// An `AnalysisRun` of Argo Rollouts 1.9 with two metrics by Prometheus, success rate and 99 % quantile of latency, as a
/// control: its users can see what another judge says.
///
/// Once an interval each metric of the new side is measured by itself. A measurement *fails* where the failure condition
/// holds or, without one, where the success condition does not; it is *inconclusive* where both are given and neither
/// holds. Before the first call a query has an empty result, which is an *error*; after it, an interval without calls is 0/0,
/// a `NaN` for which no condition holds. More failed measurements than `failure_limit` fail the metric, whatever succeeds in
/// between; more inconclusive ones than `inconclusive_limit` pause the rollout; more errors in a row than
/// `consecutive_error_limit` are an error of the metric. One that has `count` measurements, errors aside, succeeds.
///
/// The first metric that fails or errs ends the run and aborts the rollout, which is `Regressed`; a paused rollout waits
/// for a person and is `Inconclusive`, as is a run that is open. All metrics successful is `Healthy`; nothing is
/// looked at afterwards.
///
/// The old side is not looked at, so a service that always failed more than the limit never succeeds, and one far below
/// it may get many times worse. No number of calls is too small. Calls that are refused (4xx) are a success.
///
/// Deviations: the first measurement comes an interval after `initial_delay` and not at once; quantiles come from a
/// sketch and not from buckets; a metric without `count`, which ends with the rollout, and `consecutiveSuccessLimit` are
/// left out; where no call of the whole service is seen there is no data, where the run is an error and aborts.
///
/// The score of an anomaly is 1 and how far the worst measurement lies beyond the success condition, over its limit; so
/// severity counts from 1.
///
/// Source: its documentation, `analysis/analysis.go` and `utils/evaluate` (2026).
#[derive(Debug, Clone, PartialEq)]
pub struct ArgoRollouts(ArgoRolloutsParams);

impl ReleaseJudge for ArgoRollouts {
    /// # Errors
    /// [`ScoreError::Graph`] when a range is longer than a window may be.
    ///
    /// # Complexity
    /// `O(T I S)` for T steps, I instances and S bins of a sketch.
    fn judge(
        &self,
        graph: &TemporalGraph,
        change: &ChangeEvent,
        range: TimeRange,
        healthy: TimeRange,
    ) -> Result<Assessment, ScoreError> {
        let params = &self.0;
        let observed = observed(graph, change, range, healthy, Duration::ZERO)?;
        let steps = since(&observed.steps, change.at.plus(params.initial_delay));
        let mut metrics = [
            Metric::new(FAILED, params.error_rate_max, params.error_rate_failure),
            Metric::new(
                SLOW,
                params.latency_ms_p99_max,
                params.latency_ms_p99_failure,
            ),
        ];
        let mut end = None;
        for (at, calls) in intervals(steps, params.interval) {
            for metric in metrics.iter_mut().filter(|m| m.phase(params).is_none()) {
                metric.measure(at, &calls);
            }
            let phases = metrics.each_ref().map(|metric| metric.phase(params));
            let is_complete = phases.iter().all(Option::is_some);
            let worst = phases.into_iter().flatten().max();
            end = worst.filter(|phase| is_complete || *phase != Phase::Successful);
            if end.is_some() {
                break;
            }
        }
        let verdict = end.map_or(Verdict::Inconclusive, Phase::verdict);
        let tallies = metrics.iter().map(|metric| &metric.tally);
        Ok(assessment(change, &observed, verdict, tallies))
    }
}

/// How a metric ended, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Successful,
    Inconclusive,
    Error,
    Failed,
}

impl Phase {
    fn verdict(self) -> Verdict {
        match self {
            Self::Successful => Verdict::Healthy,
            Self::Inconclusive => Verdict::Inconclusive,
            Self::Error | Self::Failed => Verdict::Regressed,
        }
    }
}

/// One metric with what was measured of it.
struct Metric {
    /// Its limit is that of the success condition.
    tally: Tally,
    failure: Option<f64>,
    is_known: bool,
    count: u32,
    failed: u32,
    inconclusive: u32,
    consecutive_errors: u32,
}

impl Metric {
    fn new(measure: Measure, limit: f64, failure: Option<f64>) -> Self {
        Self {
            tally: Tally::new(measure, limit),
            failure,
            is_known: false,
            count: 0,
            failed: 0,
            inconclusive: 0,
            consecutive_errors: 0,
        }
    }

    /// Measures the calls of the interval that began `at`.
    fn measure(&mut self, at: Timestamp, calls: &CallSummary) {
        let value = (self.tally.measure.of)(calls);
        self.is_known |= value.is_some();
        let phase = if self.is_known {
            self.conclude(value.unwrap_or(f64::NAN))
        } else {
            Phase::Error
        };
        self.count += u32::from(phase != Phase::Error);
        self.failed += u32::from(phase == Phase::Failed);
        self.inconclusive += u32::from(phase == Phase::Inconclusive);
        self.consecutive_errors = match phase {
            Phase::Error => self.consecutive_errors + 1,
            _ => 0,
        };
        let is_failed = matches!(phase, Phase::Failed | Phase::Error);
        self.tally.record(at, value, is_failed);
    }

    /// What the conditions make of a value; for `NaN` neither holds.
    fn conclude(&self, value: f64) -> Phase {
        let is_success = value <= self.tally.limit;
        let is_failure = self.failure.map_or(!is_success, |limit| value > limit);
        match (is_failure, is_success) {
            (true, _) => Phase::Failed,
            (false, true) => Phase::Successful,
            (false, false) => Phase::Inconclusive,
        }
    }

    /// How the metric ended; `None` while it is measured.
    fn phase(&self, params: &ArgoRolloutsParams) -> Option<Phase> {
        if self.failed > params.failure_limit {
            Some(Phase::Failed)
        } else if self.inconclusive > params.inconclusive_limit {
            Some(Phase::Inconclusive)
        } else if self.consecutive_errors > params.consecutive_error_limit {
            Some(Phase::Error)
        } else {
            (self.count >= params.count).then_some(Phase::Successful)
        }
    }
}
