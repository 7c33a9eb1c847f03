//! What is compared: shares of calls that fail, are refused, or take longer than they used to, and of sampled values that
//! are worse than usual.

use astern_graph_core::schema::{
    CLIENT_ERROR_RATE, ERROR_RATE, Feature, FeatureClass, LATENCY_QUANTILES, Worse,
};
use astern_graph_core::{CallSummary, MetricName};
use astern_stats::robust::median;

use super::SequentialParams;
use super::counted::{Hits, OfInstances};
use crate::release::sides::{Observed, Step};

/// Fewest calls beyond a quantile of what is known of the old side for that quantile to be a threshold.
pub(super) const BEYOND_MIN: f64 = 3.0;

/// With so many the quantile of the sample is near enough to that of the distribution to be a threshold for both sides.
const BEYOND_MANY: f64 = 30.0;

/// Quantiles above this one drift over hours: on a production site the 95 % quantile of an hour is anything from 2 to
/// 323 ms.
const STEADY_QUANTILE_MAX: f64 = 0.8;

/// A property that a call, or a sampled value, has or has not, which is worse to have.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Metric {
    /// The call failed.
    Failed,
    /// The call was refused as the caller's fault.
    Refused,
    /// The call took longer than the quantile `q` of the old side, by at least what matters.
    Slow {
        name: &'static str,
        q: f64,
        usual_ms: f64,
        threshold_ms: f64,
        /// The share of calls that take longer than what rises to the threshold where it rises by what matters.
        beyond: f64,
        /// Whether only quantiles or means are known of the durations.
        is_guess: bool,
    },
    /// A sampled value is beyond the median of the old side by at least what matters.
    Sampled {
        feature: Feature,
        usual: f64,
        /// How far beyond, in the direction that is worse.
        by: f64,
    },
}

/// By how much more latencies must rise of which only quantiles or means are known: of few calls they are other ones than of
/// many.
const GUESSED: f64 = 2.0;

/// Fewest sampled values of the old side whose median is taken.
const VALUES_MIN: usize = 3;

/// With a single old instance it is not known how far alike instances are from each other.
const SINGLE_INSTANCE: f64 = 2.0;

impl Metric {
    /// All that can be compared, of the same kinds for both sides.
    /// Beside them the quantiles of latency that lie beyond all bounds of a histogram, so that they cannot be compared.
    pub(super) fn all(
        params: &SequentialParams,
        observed: &Observed,
    ) -> (Vec<Self>, Vec<MetricName>) {
        let (caution, bases) = (observed.caution(), Bases::of(observed));
        let mut all = Vec::new();
        if observed.has_calls() {
            all.push(Self::Failed);
            all.extend(observed.refusals_are_known.then_some(Self::Refused));
        }
        let mut beyond_bounds = Vec::new();
        for (name, q) in LATENCY_QUANTILES {
            let basis = bases.for_quantile(q);
            let usual_ms = basis.and_then(|calls| Some((calls, calls.latency_ms(q)?)));
            let Some((calls, usual_ms)) = usual_ms else {
                continue;
            };
            let usual = (usual_ms, 0.0);
            let bounded = bases.for_bounds(calls);
            let Some(metric) = Self::slow(params, caution, (calls, bounded), (name, q), usual)
            else {
                beyond_bounds.push(name.into());
                continue;
            };
            // Quantiles in one bucket of a histogram have one threshold.
            let same = |held: &Self| held.threshold_ms() == metric.threshold_ms();
            if !all.iter().any(same) {
                all.push(metric);
            }
        }
        let sampled = observed.sampled.iter();
        all.extend(sampled.filter_map(|feature| Self::sampled(params, caution, feature, observed)));
        (all, beyond_bounds)
    }

    /// Values of a metric that has a direction that is worse and is of users or of what they use up.
    fn sampled(
        params: &SequentialParams,
        caution: f64,
        feature: &Feature,
        observed: &Observed,
    ) -> Option<Self> {
        let relative = match feature.class {
            FeatureClass::Application => params.sampled_rise_min,
            FeatureClass::Infrastructure => params.infrastructure_rise_min,
            _ => return None,
        };
        if feature.worse == Worse::Both {
            return None;
        }
        let of_old = observed.steps.iter().map(|step| &step.old);
        let mut values: Vec<f64> = of_old
            .flat_map(|side| side.sampled(&feature.name))
            .collect();
        if values.len() < VALUES_MIN {
            let sides = observed.before.iter().flat_map(|before| {
                let instances = before.instances.iter().map(|(_, calls)| calls);
                instances.chain([&before.all])
            });
            values = sides.flat_map(|side| side.sampled(&feature.name)).collect();
        }
        if values.len() < VALUES_MIN {
            return None;
        }
        let usual = median(&values)?;
        let single = if observed.old_instances() > 1 {
            1.0
        } else {
            SINGLE_INSTANCE
        };
        let least = f64::max(relative * usual.abs(), feature.noise_floor(usual));
        Some(Self::Sampled {
            feature: feature.clone(),
            usual,
            by: least * caution.max(single),
        })
    }

    /// Of a latency its quantile, and calls beyond what that usually is.
    pub(super) fn at_usual(&self) -> Option<(f64, Self)> {
        let mut at_usual = self.clone();
        match &mut at_usual {
            Self::Slow {
                q,
                usual_ms,
                threshold_ms,
                ..
            } => {
                *threshold_ms = *usual_ms;
                let q = *q;
                Some((q, at_usual))
            }
            Self::Failed | Self::Refused | Self::Sampled { .. } => None,
        }
    }

    /// The same of a latency whose threshold is higher by this part of what is usual; `None` of all others, and where a histogram has
    /// no bound above.
    pub(super) fn slower_by(
        &self,
        params: &SequentialParams,
        observed: &Observed,
        bases: &Bases,
        part: f64,
    ) -> Option<Self> {
        let Self::Slow {
            name, q, usual_ms, ..
        } = self
        else {
            return None;
        };
        let calls = bases.for_quantile(*q)?;
        let (caution, of) = (observed.caution(), (calls, bases.for_bounds(calls)));
        Self::slow(params, caution, of, (name, *q), (*usual_ms, part))
    }

    /// Calls beyond the quantile `q`, `slower_by` a part of it beside what matters. Where they are known as a histogram, the threshold is its next bound: above that they are
    /// counted without a guess. `None` where it has no bound above.
    fn slow(
        params: &SequentialParams,
        caution: f64,
        (calls, bounded): (&CallSummary, &CallSummary),
        (name, q): (&'static str, f64),
        (usual_ms, slower_by): (f64, f64),
    ) -> Option<Self> {
        let is_guess = calls.calls_per_guess() > 1.0;
        let times = if is_guess { caution * GUESSED } else { caution };
        let slower_ms = usual_ms * (1.0 + slower_by);
        let risen_ms = slower_ms + times * params.latency_rise_that_matters(usual_ms);
        let threshold_ms = bounded.latency_bound_ms(risen_ms)?;
        let beyond = if threshold_ms > risen_ms {
            let (above, all) = calls.latency_above(params.risen_to(threshold_ms, times, slower_by));
            above as f64 / all as f64
        } else {
            1.0 - q
        };
        Some(Self::Slow {
            name,
            q,
            usual_ms,
            threshold_ms,
            beyond,
            is_guess,
        })
    }

    fn threshold_ms(&self) -> Option<f64> {
        match self {
            Self::Slow { threshold_ms, .. } => Some(*threshold_ms),
            Self::Failed | Self::Refused | Self::Sampled { .. } => None,
        }
    }

    /// The quantile of latency that it is about, if any.
    pub(super) fn quantile(&self) -> Option<f64> {
        match self {
            Self::Slow { q, .. } => Some(*q),
            Self::Failed | Self::Refused | Self::Sampled { .. } => None,
        }
    }

    pub(super) fn name(&self) -> MetricName {
        match self {
            Self::Failed => ERROR_RATE.into(),
            Self::Refused => CLIENT_ERROR_RATE.into(),
            Self::Slow { name, .. } => (*name).into(),
            Self::Sampled { feature, .. } => feature.name.clone(),
        }
    }

    /// Whether a change without harm must be shown by it to be called healthy. What a service uses up, and what is guessed of
    /// tails, says that something is wrong, and not that nothing is.
    pub(super) fn is_required(&self) -> bool {
        match self {
            Self::Sampled { feature, .. } => feature.class == FeatureClass::Application,
            Self::Slow { is_guess, .. } => !is_guess || self.is_steady(),
            Self::Failed | Self::Refused => true,
        }
    }

    /// Whether it stays where it is while nothing changes, so that a time before can stand for an old side.
    pub(super) fn is_steady(&self) -> bool {
        !matches!(self, Self::Slow { q, .. } if *q > STEADY_QUANTILE_MAX)
    }

    /// Calls, or values, that have the property, and all of which it is known.
    pub(super) fn hits(&self, calls: &CallSummary) -> Hits {
        match self {
            Self::Failed => (calls.errors, calls.calls),
            Self::Refused => (calls.client_errors, calls.calls),
            Self::Slow { threshold_ms, .. } => calls.latency_above(*threshold_ms),
            Self::Sampled { feature, usual, by } => {
                let worse = |value: &f64| feature.worse.badness(value - usual) >= *by;
                let values = || calls.sampled(&feature.name);
                (
                    values().filter(worse).count() as u64,
                    values().count() as u64,
                )
            }
        }
    }

    /// The same of instances one by one.
    pub(super) fn hits_of(&self, instances: &[(usize, CallSummary)]) -> OfInstances {
        let hits = |(place, calls): &(usize, CallSummary)| (*place, self.hits(calls));
        instances.iter().map(hits).collect()
    }

    /// The least share of hits that matters where `usual` is the share on the old side.
    ///
    /// Of durations: as many calls as took longer than the old quantile now take longer than it by what matters; which
    /// is that quantile itself, risen by it.
    pub(super) fn harmful(&self, params: &SequentialParams, usual: f64, caution: f64) -> f64 {
        let rise = f64::max(params.rate_rise_min, params.rate_rise_relative_min * usual) * caution;
        let beyond = match self {
            Self::Failed | Self::Refused => 0.0,
            Self::Slow { beyond, .. } => *beyond,
            Self::Sampled { .. } => 0.5,
        };
        f64::max(beyond, usual + rise).min(f64::midpoint(1.0, usual))
    }
}

/// The calls whose quantiles are thresholds.
pub(super) struct Bases {
    old: Basis,
    before: Basis,
    both: Basis,
}

/// Calls, and of how many of them the latency is known.
struct Basis {
    calls: CallSummary,
    timed: u64,
}

impl Basis {
    fn of<'a>(parts: impl Iterator<Item = &'a CallSummary>) -> Self {
        let calls = CallSummary::joined(parts);
        let (_, timed) = calls.latency_above(0.0);
        Self { calls, timed }
    }

    /// Whether so many calls are beyond the quantile `q`.
    fn has(&self, q: f64, least: f64) -> bool {
        (1.0 - q) * self.timed as f64 >= least
    }
}

impl Bases {
    pub(super) fn of(observed: &Observed) -> Self {
        let steps = || observed.steps.iter();
        let sides = |step| {
            let step: &Step = step;
            [&step.old, &step.new, &step.starting]
        };
        Self {
            old: Basis::of(steps().map(|step| &step.old)),
            before: Basis::of(observed.before.iter().map(|before| &before.all)),
            both: Basis::of(steps().flat_map(sides)),
        }
    }

    /// Calls of the old side for each that is no guess.
    pub(super) fn calls_per_guess(&self) -> f64 {
        CallSummary::joined([&self.old.calls, &self.before.calls]).calls_per_guess()
    }

    /// Those for the quantile `q`: of the old side at the same time where they are many; else of healthy steps before the
    /// change; else of the old side, or of both sides together, so that the threshold favours neither.
    fn for_quantile(&self, q: f64) -> Option<&CallSummary> {
        if self.old.has(q, BEYOND_MANY) {
            return Some(&self.old.calls);
        }
        let others = [&self.before, &self.old, &self.both].into_iter();
        let mut enough = others.filter(|basis| basis.has(q, BEYOND_MIN));
        enough.next().map(|basis| &basis.calls)
    }

    /// Those whose bounds count, where these are the usual ones: a bucket that one side never fills is a bound all the same.
    fn for_bounds<'a>(&'a self, usual: &'a CallSummary) -> &'a CallSummary {
        if self.both.calls.calls > 0 {
            &self.both.calls
        } else {
            usual
        }
    }
}

/// Hits and trials of all together.
pub(super) fn sum<'a>(hits: impl Iterator<Item = &'a Hits>) -> Hits {
    hits.fold((0, 0), |(h, n), (x, m)| (h + x, n + m))
}
