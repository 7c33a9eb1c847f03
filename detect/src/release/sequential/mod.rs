//! Old against new at every step, with evidence that may be looked at at any time.

mod callers;
mod compared;
mod counted;
mod dispersion;
mod excused;
mod instances;
mod metric;
mod pairs;
mod planned;
mod silence;
mod silent_instances;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_graph_core::signal::{Anomaly, Assessment, Evidence, MissingEvidence, Verdict};
use astern_graph_core::{CallSummary, ChangeEvent, MetricName, TemporalGraph, TimeRange};
use astern_stats::ParamError;
use astern_stats::param::{duration, in_open_unit, in_range};
use astern_stats::robust::median;
use astern_stats::sequential::p_value;

use super::ReleaseJudge;
use super::sides::{Observed, Step, observed, pass_on};
use crate::ScoreError;
use callers::{Context, OfCallers, Silent};
use compared::Compared;
use metric::Metric;
use planned::PlannedLooks;

/// Parameters of a sequential comparison of old and new.
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `alpha` | .005 | probability with which a change that makes nothing worse is ever found to, over the whole watch and all metrics, (0, 1) |
/// | `healthy_alpha` | .05 | probability with which an effect that matters is ruled out all the same, (0, 1) |
/// | `rate_rise_min` | .01 | least rise of a share of calls that matters, 0 to 1 |
/// | `rate_rise_relative_min` | .2 | the same relative to the old side, 0 to 100; the greater one counts |
/// | `latency_rise_min` | .15 | least relative rise of a quantile of latency that matters, 0 to 100 |
/// | `latency_rise_ms_min` | 1 | least rise of a quantile of latency in ms that matters, 0 to 10⁹; the greater one counts |
/// | `sampled_rise_min` | .2 | least relative change for the worse of a sampled metric of class application that matters, 0 to 100, at least its [noise floor](astern_graph_core::schema::Feature::noise_floor) |
/// | `infrastructure_rise_min` | .5 | the same of class infrastructure |
/// | `start_up` | `"2m"` | how long an instance starts up: what it does then counts only where it goes on afterwards, or where the instance is gone, at most a day |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SequentialParams {
    alpha: f64,
    healthy_alpha: f64,
    rate_rise_min: f64,
    rate_rise_relative_min: f64,
    latency_rise_min: f64,
    latency_rise_ms_min: f64,
    sampled_rise_min: f64,
    infrastructure_rise_min: f64,
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    start_up: Duration,
}

impl Default for SequentialParams {
    fn default() -> Self {
        Self {
            alpha: 5e-3,
            healthy_alpha: 0.05,
            rate_rise_min: 0.01,
            rate_rise_relative_min: 0.2,
            latency_rise_min: 0.15,
            latency_rise_ms_min: 1.0,
            sampled_rise_min: 0.2,
            infrastructure_rise_min: 0.5,
            start_up: Duration::from_secs(120),
        }
    }
}

astern_stats::setters!(SequentialParams {
    /// Sets the probability of a false regression over the whole watch.
    alpha: f64,
    /// Sets the probability with which an effect that matters is ruled out all the same.
    healthy_alpha: f64,
    /// Sets the least rise of a share of calls that matters.
    rate_rise_min: f64,
    /// Sets the least rise of a share of calls that matters, relative to the old side.
    rate_rise_relative_min: f64,
    /// Sets the least relative rise of a quantile of latency that matters.
    latency_rise_min: f64,
    /// Sets the least rise of a quantile of latency that matters, in ms.
    latency_rise_ms_min: f64,
    /// Sets the least relative change for the worse of a sampled metric of class application that matters.
    sampled_rise_min: f64,
    /// Sets the same of a sampled metric of class infrastructure.
    infrastructure_rise_min: f64,
    /// Sets how long an instance starts up.
    start_up: Duration,
});

impl SequentialParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`ParamError`] for a parameter outside its rule.
    pub fn check(self) -> Result<SequentialComparison, ParamError> {
        in_open_unit("alpha", self.alpha)?;
        in_open_unit("healthy_alpha", self.healthy_alpha)?;
        in_range("rate_rise_min", self.rate_rise_min, 0.0, 1.0)?;
        in_range(
            "rate_rise_relative_min",
            self.rate_rise_relative_min,
            0.0,
            100.0,
        )?;
        in_range("latency_rise_min", self.latency_rise_min, 0.0, 100.0)?;
        in_range("latency_rise_ms_min", self.latency_rise_ms_min, 0.0, 1e9)?;
        in_range("sampled_rise_min", self.sampled_rise_min, 0.0, 100.0)?;
        let infrastructure = self.infrastructure_rise_min;
        in_range("infrastructure_rise_min", infrastructure, 0.0, 100.0)?;
        in_range(
            "start_up in seconds",
            self.start_up.as_secs_f64(),
            0.0,
            86_400.0,
        )?;
        Ok(SequentialComparison(self))
    }

    fn latency_rise_that_matters(&self, ms: f64) -> f64 {
        f64::max(self.latency_rise_min * ms, self.latency_rise_ms_min)
    }

    /// The latency that is `ms` once it has risen by so many times what matters, and by a part of itself.
    fn risen_to(&self, ms: f64, times: f64, part: f64) -> f64 {
        let relative = ms / (1.0 + part + times * self.latency_rise_min);
        f64::min(
            relative,
            (ms - times * self.latency_rise_ms_min) / (1.0 + part),
        )
    }
}

/// Compares what runs the change with what does not in each step, so that load, the time of day and the health of
/// dependencies, which both sides share, cancel out; and adds up the evidence over steps so that it may be looked at
/// after each.
///
/// **What is compared.** Shares of calls, never quantiles of unequal numbers of calls: those that failed, those that
/// were refused as the caller's fault, and those that took longer than the median, the 75 %, 95 % and 99 % quantile of the
/// old side by at least what matters. A quantile has risen by that exactly when as many calls are beyond it. Of durations that
/// came as a histogram the next bound is the threshold, where calls are counted without a guess; beyond the last bound
/// nothing is compared. Where only quantiles or means are known, the distribution between them is a guess: a batch then
/// weighs no more than a call, twice the rise matters, and what is healthy is so but for tails.
///
/// Metrics that were sampled on both sides, of class application or infrastructure and with a direction that is worse, are
/// compared by the values that are worse than the old side's median by at least what matters. Where calls were not
/// seen and their rate, error rate and quantiles of latency were sampled, those are counted as calls; client errors are compared
/// where their rate was sampled too.
///
/// **Worse** is an e-value of at least `metrics / alpha` by [`onsets`](astern_stats::sequential::onsets): the
/// probability that it is ever reached without a difference is at most `alpha` for all metrics together. It counts only
/// with an effect of at least the least that matters. Calls of one request are alike, and one instance may be slower than
/// the next: the variance of hits between old instances, over that of independent calls, divides the evidence.
///
/// **Instances of speeds of their own.** Where old instances differ in latency beyond chance at all times, new ones may be slower without
/// the change. Nothing is found worse by a latency then unless it is by what matters on top of that: Student's 95 % quantile for the
/// difference of a few instances from a few. Healthy is what it is elsewhere, so that a rise between the two is inconclusive.
///
/// Where the change states the [stages](astern_graph_core::Schedule) that it is to have, half of the level is spent on a
/// group-sequential test at their ends ([`critical_values`](astern_stats::sequential::critical_values)), which finds smaller
/// differences than evidence that may be looked at at any time; the other half is for that evidence. A quarter of the test's
/// part is kept for lower levels, so that a plain difference is found among many changes as well.
///
/// **Healthy** is a claim: for every metric the least effect that matters is ruled out at `healthy_alpha`, and none looks
/// worse. Otherwise the verdict is inconclusive and says how many calls are missing.
///
/// **No data**: a new side that should receive calls, by its share of the traffic or as old instances do, and does not,
/// with a probability below `alpha`.
///
/// **The callers' view**: calls that failed for their callers and for no instance or revision of the service were answered
/// by nobody. They are compared with the healthy time before the change, and found worse where it is the new side that does
/// not answer: it is silent beyond chance while the old side is not; or no old side is left, and the service or an instance is
/// silent, or at least two callers lose calls. Callers with a change of their own at the same time do not count.
///
/// **Inconclusive**, too, where a single new instance should receive calls and does not while others of the new side do: by its
/// own share before, or, where it never received any, by that of its neighbour with the fewest. It keeps the change from
/// being healthy. It is not found worse for that alone: an autoscaler removes instances as well.
///
/// Once the old side is gone, a step is compared with a few healthy ones before the change, in turn; the variance between
/// healthy steps then divides the evidence, the effect must be twice the least that matters and exceed what came and
/// went before by itself, and the anomaly says so. Tails drift by themselves, so nothing is found worse
/// there by times before.
///
/// What dependencies then fail for their other callers too, beyond what they failed before the change, is no failure of the
/// change (difference in differences): as many failed calls are left out, and steps in which their other callers wait longer by at
/// least half of what the latency has risen; of the callers' view all such steps. Where that is why nothing looks worse, the
/// verdict is inconclusive and names the dependencies.
///
/// The score of an anomaly is its effect over the least that matters, so severity counts from 1.
///
/// Source: e-values by Ville 1939, Robbins 1970, Lindon and Malek 2022; unknown onset by Shin, Ramdas and Rinaldo 2022.
/// Deviation: dispersion, thresholds and the speeds of instances are estimated, so the level holds approximately; the evaluation `door` measures
/// it on real requests.
#[derive(Debug, Clone, PartialEq)]
pub struct SequentialComparison(SequentialParams);

/// E-value over the number of metrics, of what instances did after their start-up, from which the start-up counts: it
/// has not healed. A start that has healed is taken for one that has not with a probability of at most 2 %.
const NOT_HEALED: f64 = 50.0;

/// Newest steps whose traffic says how long missing calls will take.
const TRAFFIC_STEPS: usize = 5;

impl ReleaseJudge for SequentialComparison {
    /// # Errors
    /// [`ScoreError::Graph`] when a range is longer than a window may be.
    ///
    /// # Complexity
    /// `O((T + H) I S)` for T steps of `range`, H healthy ones, I instances and S bins of a sketch; while instances are silent
    /// also `O(I² T)`, and where a release without an old side looks worse `O(D T S)` for its D dependencies, each quantile by
    /// itself.
    fn judge(
        &self,
        graph: &TemporalGraph,
        change: &ChangeEvent,
        range: TimeRange,
        healthy: TimeRange,
    ) -> Result<Assessment, ScoreError> {
        let params = &self.0;
        let mut observed = observed(graph, change, range, healthy, params.start_up)?;
        let verdict = |verdict| Assessment::new(verdict).of_change(change.id.clone());
        let (metrics, beyond_bounds) = Metric::all(params, &observed);
        // The view of the callers is one more.
        let compared_in_all = metrics.len() + 1;
        let level = 0.5 * params.alpha / compared_in_all as f64;
        let planned = PlannedLooks::of(graph, change, level);
        let mut of_callers = OfCallers::of(self, graph, change, range, healthy)?;
        let views = (&mut observed, of_callers.as_mut());
        let (compared, excused) =
            self.compare(&metrics, views, planned.as_ref(), |observed, qs| {
                pass_on(observed, graph, change, (range, healthy), qs)
            });
        let worse = compared
            .iter()
            .filter(|compared| self.is_worse(compared, compared_in_all));
        let mut anomalies: Vec<Anomaly> = worse
            .map(|worse| self.anomaly(change, &observed, worse, compared_in_all))
            .collect();
        let silence = silence::of_new_side(params, &observed);
        let silent = silent_instances::silent_instances(params, &observed, graph, change);
        let context = Context {
            graph,
            change,
            range,
            healthy,
        };
        let of_parts = Silent {
            new_side: silence.is_some(),
            service: silence::is_of_all(params, &observed),
            instances: &silent,
        };
        let is_theirs = |lost: &&OfCallers| {
            self.is_worse(lost.compared(), compared_in_all)
                && lost.are_of_new(&observed, &context, &of_parts)
        };
        let lost = of_callers.as_ref().filter(is_theirs);
        anomalies.extend(lost.map(|lost| lost.anomaly(self, change, compared_in_all)));
        if !anomalies.is_empty() {
            // Among many changes this one may not be certain enough: then that counts.
            let missing = silence.into_iter().chain(silent);
            let regressed = verdict(Verdict::Regressed).with_anomalies(anomalies);
            return Ok(regressed.without(missing));
        }
        if let Some(silence) = silence {
            return Ok(verdict(Verdict::NoData).without([silence]));
        }
        if observed.last_seen().is_none() && compared.iter().all(|c| c.trials == 0) {
            return Ok(verdict(Verdict::NoData).without([MissingEvidence::NewSide]));
        }
        let mut missing = self.missing(&observed, &compared);
        missing.extend(silent);
        missing.extend(excused);
        let of_callers = of_callers.as_ref().map(OfCallers::compared);
        missing.extend(of_callers.and_then(Compared::uncertainty));
        missing.extend((!observed.outcomes_are_known).then_some(MissingEvidence::Outcomes));
        let beyond = beyond_bounds.into_iter();
        missing.extend(beyond.map(|metric| MissingEvidence::Bounds { metric }));
        Ok(if missing.is_empty() {
            verdict(Verdict::Healthy)
        } else {
            verdict(Verdict::Inconclusive).without(missing)
        })
    }
}

impl SequentialComparison {
    /// The probability of a false regression over the whole watch.
    pub(super) fn alpha(&self) -> f64 {
        self.0.alpha
    }

    /// Whether one of so many metrics is worse beyond chance, by an amount that matters, and has not healed.
    fn is_worse(&self, compared: &Compared<'_>, metrics: usize) -> bool {
        let level = (metrics as f64 / self.0.alpha).ln();
        let not_healed = (metrics as f64 * NOT_HEALED).ln();
        let is_evident = compared.ln_e >= level && compared.ln_e_started >= not_healed;
        // What is tested at a planned look is what instances did after their start-up.
        let is_worse = compared.is_rejected || is_evident;
        let beyond = compared.beyond_instances.as_deref();
        is_worse
            && compared.matters()
            && !compared.is_healed()
            && beyond.is_none_or(|beyond| self.is_worse(beyond, metrics))
    }

    fn anomaly(
        &self,
        change: &ChangeEvent,
        observed: &Observed,
        worse: &Compared<'_>,
        metrics: usize,
    ) -> Anomaly {
        let mut anomaly = self.difference(change, observed, worse, metrics);
        let mut of_new = observed.steps.iter().map(|step| &step.new);
        if matches!(worse.metric, Metric::Slow { .. }) && of_new.any(CallSummary::is_approximate) {
            anomaly.evidence.push(Evidence::Fallback {
                wanted: "durations of single calls".into(),
                used: "counts of durations between bounds".into(),
                reason: "telemetry came as batches".into(),
            });
        }
        if worse.is_before {
            anomaly.evidence.push(Evidence::Fallback {
                wanted: "old instances at the same time".into(),
                used: "healthy steps before the change as well".into(),
                reason: "old instances received too few calls since".into(),
            });
        }
        let steps = observed.steps.get(worse.since..).unwrap_or_default();
        if steps.iter().any(|step| step.passed_on.is_any()) {
            anomaly.evidence.push(Evidence::Fallback {
                wanted: "old instances, which dependencies hit at the same time".into(),
                used: "what other callers see of the dependencies".into(),
                reason: "old instances received too few calls since".into(),
            });
        }
        anomaly
    }

    /// The difference by itself, as one of so many metrics.
    fn difference(
        &self,
        change: &ChangeEvent,
        observed: &Observed,
        worse: &Compared<'_>,
        metrics: usize,
    ) -> Anomaly {
        let steps = observed.steps.get(worse.since..).unwrap_or_default();
        let since = steps.first().map_or(change.at, |step| step.range.start);
        let p_value = (metrics as f64 * p_value(worse.ln_e)).min(1.0);
        let (old, new, score) = match worse.metric {
            Metric::Failed | Metric::Refused => (worse.usual, worse.new, worse.effect()),
            Metric::Sampled { feature, usual, by } => {
                let of_new = steps
                    .iter()
                    .flat_map(|step| step.new.sampled(&feature.name));
                let new = median(&of_new.collect::<Vec<_>>()).unwrap_or(*usual);
                let effect = feature.worse.badness(new - usual) / by.max(1e-9);
                (*usual, new, effect.max(1.0))
            }
            Metric::Slow { q, usual_ms, .. } => {
                let (q, usual_ms) = (*q, *usual_ms);
                let ms = |calls: CallSummary| calls.latency_ms(q);
                let old = ms(CallSummary::joined(steps.iter().map(|step| &step.old)));
                let old = old.unwrap_or(usual_ms);
                let of_new = |steps: &[Step]| ms(CallSummary::joined(steps.iter().map(|s| &s.new)));
                // Calls may have waited for those of the old side, and be older than the step in which they count.
                let new = of_new(steps).or_else(|| of_new(&observed.steps));
                let new = new.unwrap_or(old);
                let least = self.0.latency_rise_that_matters(old).max(1e-9);
                (old, new, ((new - old) / least).max(1.0))
            }
        };
        let metric = worse.metric.name();
        let evidence = Evidence::NewAgainstOld {
            metric: metric.clone(),
            old,
            new,
            p_value,
        };
        Anomaly::new(change.service.clone(), score, since)
            .above(1.0)
            .in_metric(metric, p_value)
            .because(evidence)
    }

    /// What keeps the change from being healthy; nothing where it is.
    fn missing(&self, observed: &Observed, compared: &[Compared<'_>]) -> Vec<MissingEvidence> {
        let needed = -self.0.healthy_alpha.ln();
        if compared.iter().all(|c| c.trials == 0) {
            let is_new_seen = observed.steps.iter().any(|step| !step.new.is_empty());
            let until = observed.started_at.filter(|_| !is_new_seen);
            return vec![until.map_or(MissingEvidence::OldSide, |until| {
                MissingEvidence::StartUp { until }
            })];
        }
        let recent = observed.steps.iter().rev().take(TRAFFIC_STEPS);
        let (steps, calls) = recent.fold((0, 0), |(n, calls), step| {
            (n + 1, calls + step.new.calls + step.starting.calls)
        });
        let mut missing = Vec::new();
        if !compared.iter().any(|c| c.metric.is_required()) {
            missing.push(MissingEvidence::Application);
        }
        for compared in compared {
            let metric = compared.metric.name();
            if let Some(uncertainty) = compared.uncertainty() {
                missing.push(uncertainty);
            } else if compared.metric.is_required()
                && (compared.ln_e_harmless.is_nan() || compared.ln_e_harmless < needed)
            {
                let have = compared.trials;
                let lacks = (needed - compared.ln_e_harmless) / needed;
                let more = compared.trials_needed.map(|trials| lacks * trials);
                let more = more.filter(|more| more.is_finite());
                missing.push(match compared.metric {
                    Metric::Sampled { .. } => MissingEvidence::Values {
                        metric,
                        have,
                        need: needed_in_all(have, more),
                    },
                    _ => calls_needed(metric, have, more, calls, steps),
                });
            }
        }
        missing
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers that are not negative; saturating is right"
)]
fn needed_in_all(have: u64, more: Option<f64>) -> Option<u64> {
    more.map(|more| have.saturating_add(more.ceil() as u64))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of steps that is not negative; saturating is right"
)]
fn calls_needed(
    metric: MetricName,
    have: u64,
    more: Option<f64>,
    calls: u64,
    steps: u64,
) -> MissingEvidence {
    let per_step = calls as f64 / steps.max(1) as f64;
    let steps = |more: f64| (per_step > 0.0).then(|| (more / per_step).ceil() as u64);
    MissingEvidence::Calls {
        metric,
        have,
        need: needed_in_all(have, more),
        steps: more.and_then(steps),
    }
}
