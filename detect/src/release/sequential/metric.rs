//! What is compared: shares of calls that fail, are refused, or take longer than they used to.

use astern_graph_core::schema::{
    CLIENT_ERROR_RATE, ERROR_RATE, LATENCY_MS_P50, LATENCY_MS_P75, LATENCY_MS_P95, LATENCY_MS_P99,
};
use astern_graph_core::{CallSummary, MetricName};

use super::SequentialParams;
use crate::release::sides::{Observed, Step};

/// Fewest calls beyond a quantile of what is known of the old side for that quantile to be a threshold.
const BEYOND_MIN: f64 = 3.0;

/// With so many the quantile of the sample is near enough to that of the distribution to be a threshold for both sides.
const BEYOND_MANY: f64 = 30.0;

/// Quantiles above this one drift over hours: on a production site the 95 % quantile of an hour is anything from 2 to
/// 323 ms.
const STEADY_QUANTILE_MAX: f64 = 0.8;

/// A property that a call has or has not, which is worse to have.
#[derive(Debug, Clone, Copy, PartialEq)]
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
    },
}

impl Metric {
    /// All that can be compared, of the same kinds for both sides.
    pub(super) fn all(params: &SequentialParams, observed: &Observed) -> Vec<Self> {
        let (caution, bases) = (observed.caution(), Bases::of(observed));
        let slow = [
            (LATENCY_MS_P50, 0.5),
            (LATENCY_MS_P75, 0.75),
            (LATENCY_MS_P95, 0.95),
            (LATENCY_MS_P99, 0.99),
        ]
        .into_iter()
        .filter_map(|(name, q)| {
            let calls = bases.for_quantile(q)?;
            Self::slow(params, caution, calls, name, q)
        });
        let mut all = vec![Self::Failed, Self::Refused];
        for metric in slow {
            // Quantiles in one bucket of a histogram have one threshold.
            let same = |held: &Self| held.threshold_ms() == metric.threshold_ms();
            if !all.iter().any(same) {
                all.push(metric);
            }
        }
        all
    }

    /// Calls beyond the quantile `q` of these calls. Where they are known as a histogram, the threshold is its next bound:
    /// above that they are counted without a guess. `None` where it has no bound above.
    fn slow(
        params: &SequentialParams,
        caution: f64,
        calls: &CallSummary,
        name: &'static str,
        q: f64,
    ) -> Option<Self> {
        let usual_ms = calls.latency_ms(q)?;
        let risen_ms = usual_ms + caution * params.latency_rise_that_matters(usual_ms);
        let threshold_ms = calls.latency_bound_ms(risen_ms)?;
        let beyond = if threshold_ms > risen_ms {
            let (above, all) = calls.latency_above(params.risen_to(threshold_ms, caution));
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
        })
    }

    fn threshold_ms(&self) -> Option<f64> {
        match self {
            Self::Slow { threshold_ms, .. } => Some(*threshold_ms),
            Self::Failed | Self::Refused => None,
        }
    }

    pub(super) fn name(self) -> MetricName {
        match self {
            Self::Failed => ERROR_RATE.into(),
            Self::Refused => CLIENT_ERROR_RATE.into(),
            Self::Slow { name, .. } => name.into(),
        }
    }

    /// Whether it stays where it is while nothing changes, so that a time before can stand for an old side.
    pub(super) fn is_steady(self) -> bool {
        !matches!(self, Self::Slow { q, .. } if q > STEADY_QUANTILE_MAX)
    }

    /// Calls that have the property, and all of which it is known.
    pub(super) fn hits(self, calls: &CallSummary) -> (u64, u64) {
        match self {
            Self::Failed => (calls.errors, calls.calls),
            Self::Refused => (calls.client_errors, calls.calls),
            Self::Slow { threshold_ms, .. } => calls.latency_above(threshold_ms),
        }
    }

    /// The least share of hits that matters where `usual` is the share on the old side.
    ///
    /// Of durations: as many calls as took longer than the old quantile now take longer than it by what matters; which
    /// is that quantile itself, risen by it.
    pub(super) fn harmful(self, params: &SequentialParams, usual: f64, caution: f64) -> f64 {
        let rise = f64::max(params.rate_rise_min, params.rate_rise_relative_min * usual) * caution;
        let beyond = match self {
            Self::Failed | Self::Refused => 0.0,
            Self::Slow { beyond, .. } => beyond,
        };
        f64::max(beyond, usual + rise).min(f64::midpoint(1.0, usual))
    }
}

/// The calls whose quantiles are thresholds.
struct Bases {
    old: CallSummary,
    before: CallSummary,
    both: CallSummary,
}

impl Bases {
    fn of(observed: &Observed) -> Self {
        let steps = || observed.steps.iter();
        let sides = |step| {
            let step: &Step = step;
            [&step.old, &step.new, &step.starting]
        };
        Self {
            old: CallSummary::joined(steps().map(|step| &step.old)),
            before: CallSummary::joined(observed.before.iter().map(|before| &before.all)),
            both: CallSummary::joined(steps().flat_map(sides)),
        }
    }

    /// Those for the quantile `q`: of the old side at the same time where they are many; else of healthy steps before the
    /// change; else of the old side, or of both sides together, so that the threshold favours neither.
    fn for_quantile(&self, q: f64) -> Option<&CallSummary> {
        let has = |calls: &CallSummary, least: f64| {
            let (_, timed) = calls.latency_above(0.0);
            (1.0 - q) * timed as f64 >= least
        };
        if has(&self.old, BEYOND_MANY) {
            return Some(&self.old);
        }
        let others = [&self.before, &self.old, &self.both];
        others.into_iter().find(|calls| has(calls, BEYOND_MIN))
    }
}

/// Hits and trials of all together.
pub(super) fn sum<'a>(hits: impl Iterator<Item = &'a (u64, u64)>) -> (u64, u64) {
    hits.fold((0, 0), |(h, n), (x, m)| (h + x, n + m))
}
