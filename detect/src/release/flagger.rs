//! The analysis of Flagger: failed checks are counted, and enough of them roll back.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_graph_core::signal::{Assessment, Verdict};
use astern_graph_core::{ChangeEvent, TemporalGraph, TimeRange};
use astern_stats::ParamError;
use astern_stats::param::{duration, in_range};

use super::ReleaseJudge;
use super::limits::{FAILED, SLOW, Tally, assessment, intervals, since};
use super::sides::observed;
use crate::ScoreError;

/// Parameters of Flagger's analysis; defaults are those of the examples in its documentation.
///
/// | parameter | default | in a `Canary` | rule |
/// |---|---|---|---|
/// | `interval` | `"1m"` | `interval` of the analysis and of its metrics; rounded up to whole steps of the graph | 1 s to a day |
/// | `threshold` | 5 | `threshold`; where none is given, Flagger takes 1 | 1 to 10⁶ |
/// | `iterations` | 5 | checks to pass before promotion: `maxWeight` 50 by `stepWeight` 10, or `iterations` | 1 to 10⁶ |
/// | `error_rate_max` | .01 | 1 less `request-success-rate`, `min: 99` | 0 to 1 |
/// | `latency_ms_p99_max` | 500 | `request-duration`, `max: 500` | 0 to 10⁹ |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct FlaggerParams {
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    interval: Duration,
    threshold: u32,
    iterations: u32,
    error_rate_max: f64,
    latency_ms_p99_max: f64,
}

impl Default for FlaggerParams {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(60),
            threshold: 5,
            iterations: 5,
            error_rate_max: 0.01,
            latency_ms_p99_max: 500.0,
        }
    }
}

astern_stats::setters!(FlaggerParams {
    /// Sets the time between checks, and over which each looks back.
    interval: Duration,
    /// Sets the number of failed checks that rolls back.
    threshold: u32,
    /// Sets the number of passed checks that promotes.
    iterations: u32,
    /// Sets the greatest share of failed calls that passes.
    error_rate_max: f64,
    /// Sets the greatest 99 % quantile of latency that passes, in ms.
    latency_ms_p99_max: f64,
});

impl FlaggerParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`ParamError`] for a parameter outside its rule.
    pub fn check(self) -> Result<Flagger, ParamError> {
        let seconds = self.interval.as_secs_f64();
        in_range("interval in seconds", seconds, 1.0, 86_400.0)?;
        in_range("threshold", f64::from(self.threshold), 1.0, 1e6)?;
        in_range("iterations", f64::from(self.iterations), 1.0, 1e6)?;
        in_range("error_rate_max", self.error_rate_max, 0.0, 1.0)?;
        in_range("latency_ms_p99_max", self.latency_ms_p99_max, 0.0, 1e9)?;
        Ok(Flagger(self))
    }
}

/// The analysis of a `Canary` by Flagger 1.44, with its two built-in metrics, as a control: its users can see what another
/// judge says.
///
/// Once an interval the new side is checked by itself. A check fails where too many calls failed or the 99 % quantile of
/// latency is too long, and also where a metric has no value, since nothing was called or no duration is known. Failed
/// checks add up, whatever passes in between: `threshold` of them roll back, which is `Regressed`. `iterations` passed
/// ones promote, which is `Healthy`; nothing is looked at afterwards. Until then the run is open and `Inconclusive`. While
/// the new side is announced to receive nothing, nothing is checked.
///
/// The old side is not looked at, so a service that always failed more than the limit is never promoted, and one far
/// below it may get many times worse. No number of calls is too small: one failed call of fifty fails a check. Calls
/// that are refused (4xx) are a success. Nothing is known of chance: limits near the usual values are crossed by it.
///
/// Deviations: the rollback is said with the last failed check, where Flagger carries it out an interval later; quantiles
/// come from a sketch and not from buckets; webhooks and custom metrics are left out; where no call of the whole service
/// is seen there is no data, where Flagger rolls back.
///
/// The score of an anomaly is 1 and how far the worst check lies beyond the limit, over the limit; so severity counts from 1.
///
/// Source: its documentation and `pkg/controller/scheduler.go`, `scheduler_metrics.go` (2026).
#[derive(Debug, Clone, PartialEq)]
pub struct Flagger(FlaggerParams);

impl ReleaseJudge for Flagger {
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
        let steps = since(&observed.steps, change.at);
        let without_traffic = steps
            .iter()
            .take_while(|step| step.expected_share.is_some_and(|share| share <= 0.0));
        let steps = &steps[without_traffic.count()..];
        let mut tallies = [
            Tally::new(FAILED, params.error_rate_max),
            Tally::new(SLOW, params.latency_ms_p99_max),
        ];
        let (mut failed, mut passed) = (0, 0);
        for (at, calls) in intervals(steps, params.interval) {
            if failed == params.threshold || passed == params.iterations {
                break;
            }
            let mut is_failed = false;
            for tally in &mut tallies {
                let value = (tally.measure.of)(&calls);
                let is_beyond = value.is_none_or(|value| value > tally.limit);
                tally.record(at, value, is_beyond);
                is_failed |= is_beyond;
            }
            failed += u32::from(is_failed);
            passed += u32::from(!is_failed);
        }
        let verdict = if failed == params.threshold {
            Verdict::Regressed
        } else if passed == params.iterations {
            Verdict::Healthy
        } else {
            Verdict::Inconclusive
        };
        Ok(assessment(change, &observed, verdict, tallies.iter()))
    }
}
