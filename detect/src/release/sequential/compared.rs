//! One metric of the new side against the old one.

use astern_graph_core::CallSummary;
use astern_graph_core::signal::MissingEvidence;
use astern_stats::sequential::{
    SideHits, ln_e_odds_below, ln_e_rarer, ln_mean, onsets, p_value, trials_to_rule_out,
};

use super::SequentialParams;
use super::counted::{Counted, CountedStep, Hits};
use super::metric::{Metric, sum};
use super::pairs::{Pair, beside, pairs, reuse};
use super::planned::PlannedLooks;
use super::{dispersion, instances};
use crate::release::sides::Observed;

/// What the comparison of one metric says.
#[derive(Debug, Clone)]
pub(super) struct Compared<'a> {
    pub(super) metric: &'a Metric,
    /// Logarithm of the e-value against "it was never worse".
    pub(super) ln_e: f64,
    /// Whether that is rejected at a planned look.
    pub(super) is_rejected: bool,
    /// The same of what instances did after their start-up.
    pub(super) ln_e_started: f64,
    /// The step from which on it is worse after start-up, if it is.
    pub(super) since: usize,
    /// Share of hits on the old side since then, had it received the new side's calls.
    pub(super) usual: f64,
    /// Share of hits on the new side since then.
    pub(super) new: f64,
    /// The least share that matters.
    pub(super) harmful: f64,
    /// Hits and trials on the new side since then.
    hits_since: Hits,
    dispersion: f64,
    /// Logarithm of the e-value against "it is harmful", over all steps.
    pub(super) ln_e_harmless: f64,
    /// The same over the newest steps against "it is half as bad as since it became worse".
    ln_e_healed: f64,
    /// Trials on the new side, in all steps.
    pub(super) trials: u64,
    /// Trials on the new side that are expected to rule out harm.
    pub(super) trials_needed: Option<f64>,
    /// Whether steps before the change stand in for an old side.
    pub(super) is_before: bool,
    /// Where old instances differ beyond chance: the same beyond what new ones may be slower than they without the change.
    pub(super) beyond_instances: Option<Box<Self>>,
}

/// Likelihood ratio from which an effect is surely more than half of the least that matters.
const HALF_RATIO: f64 = 10.0;

/// Newest steps by which it is seen that something has healed.
const HEALED_STEPS: usize = 10;

/// E-value from which a metric looks worse: then the change is not called healthy.
const SUSPICIOUS: f64 = 10.0;

/// E-value of the newest steps from which something has healed.
const HEALED: f64 = 20.0;

impl<'a> Compared<'a> {
    /// By each metric. At planned looks, where there are any, half of the level is for their test and half for the evidence at
    /// every look.
    pub(super) fn all(
        params: &SequentialParams,
        metrics: &'a [Metric],
        observed: &Observed,
        planned: Option<&PlannedLooks>,
    ) -> Vec<Self> {
        let counted = metrics.iter().map(|metric| Counted::of(metric, observed));
        let counted: Vec<Counted<'_>> = counted.collect();
        let of =
            |metric, counted: &Counted<'_>| Self::of(params, metric, counted, observed, planned);
        let all = metrics.iter().zip(&counted);
        let mut all: Vec<Self> = all.map(|(metric, counted)| of(metric, counted)).collect();
        for (place, wider) in instances::beyond_old_ones(params, observed, &counted) {
            let beyond = of(&metrics[place], &Counted::of(&wider, observed));
            all[place].ln_e = all[place].ln_e.min(beyond.ln_e);
            all[place].beyond_instances = Some(Box::new(beyond));
        }
        all
    }

    /// By one metric that has no others beside it.
    pub(super) fn alone(
        params: &SequentialParams,
        metric: &'a Metric,
        observed: &Observed,
    ) -> Self {
        Self::of(
            params,
            metric,
            &Counted::of(metric, observed),
            observed,
            None,
        )
    }

    /// By what was counted for a metric that is reported as `reported`.
    fn of(
        params: &SequentialParams,
        reported: &'a Metric,
        counted: &Counted<'_>,
        observed: &Observed,
        planned: Option<&PlannedLooks>,
    ) -> Self {
        let metric = counted.metric;
        let pairs_of = |new: fn(&CountedStep) -> Hits| pairs(observed, counted, new);
        let pairs = pairs_of(|step| step.new);
        let with_start = pairs_of(|step| sum([step.new, step.starting].iter()));
        let by_before = pairs.iter().filter(|pair| pair.is_before).count();
        let dispersions = Dispersions::of(observed, counted, by_before);
        let evidence = |pairs: &[Pair]| {
            let counts = |pair: &&Pair| metric.is_steady() || !pair.is_before;
            let weighed = |pair: &Pair| match Some(pair).filter(counts) {
                Some(pair) => (pair.hits, dispersions.by(pair.is_before)),
                None => (SideHits::default(), 1.0),
            };
            onsets(&pairs.iter().map(weighed).collect::<Vec<_>>())
                .last()
                .copied()
        };
        let (ln_e_started, since) = evidence(&pairs).map_or((0.0, 0), |o| (o.ln_e, o.since));
        let hits: Vec<SideHits> = pairs.iter().map(|pair| pair.hits).collect();
        let of_all = Shares::of(&hits);
        let of_recent = Shares::of(hits.get(since..).unwrap_or_default());
        let is_before = by_before > 0;
        let caution = observed.caution();
        let mut usual = of_recent.usual;
        if is_before {
            usual = usual.max(worst_before(counted, hits.len().saturating_sub(since)));
        }
        let harmful = metric.harmful(params, usual, caution);
        let greatest = dispersions.by(is_before);
        let newest = Shares::newest(&hits);
        let harmless = Harmless::of(params, metric, &of_all, caution, greatest);
        let mut healed = Harmless::of(params, metric, &newest, caution, greatest);
        healed.harmful = healed.harmful.max(0.5 * of_recent.new);
        let odds = |p: f64| p / (1.0 - p);
        let ratio = odds(harmless.harmful) / odds(harmless.usual);
        let by_odds = ln_e_odds_below(&hits, ratio, greatest);
        let ln_e = evidence(&with_start).map_or(0.0, |onset| onset.ln_e);
        let by_plan = planned.filter(|_| PlannedLooks::are_for(metric));
        let by_plan = by_plan.map(|planned| {
            let until = |steps| Dispersions::beside(observed, counted, steps);
            planned.ln_e(&beside(observed, &pairs), until)
        });
        let is_rejected = by_plan.is_some_and(f64::is_finite);
        let with_plan = by_plan.and_then(|by_plan| ln_mean(&[ln_e, by_plan]));
        Self {
            metric: reported,
            ln_e: with_plan.unwrap_or(ln_e),
            is_rejected,
            ln_e_started,
            since,
            usual: of_recent.usual,
            new: of_recent.new,
            harmful,
            hits_since: (of_recent.new_hits, of_recent.new_trials),
            dispersion: greatest,
            ln_e_harmless: ln_mean(&[harmless.evidence(&of_all), by_odds]).unwrap_or(0.0),
            ln_e_healed: healed.evidence(&newest),
            trials: of_all.new_trials,
            trials_needed: harmless.trials_needed(params),
            is_before,
            beyond_instances: None,
        }
    }

    /// Whether the new side is worse by at least the least effect that matters, and surely by half of it: the steps are
    /// chosen by how bad they are, and of a small effect some steps always look like a greater one.
    pub(super) fn matters(&self) -> bool {
        let half = f64::midpoint(self.usual, self.harmful);
        let ratio = log_likelihood_ratio(self.hits_since, self.new, half);
        self.new >= self.harmful && ratio / self.dispersion >= HALF_RATIO.ln()
    }

    /// Whether the newest steps say that it is no longer worse.
    pub(super) fn is_healed(&self) -> bool {
        self.ln_e_healed >= HEALED.ln()
    }

    /// Whether it looks worse, beyond chance or not yet.
    pub(super) fn looks_worse(&self) -> bool {
        self.ln_e_started >= SUSPICIOUS.ln() && self.matters() && !self.is_healed()
    }

    /// That it looks worse, where it does.
    pub(super) fn uncertainty(&self) -> Option<MissingEvidence> {
        self.looks_worse().then(|| MissingEvidence::Certainty {
            metric: self.metric.name(),
            p_value: p_value(self.ln_e_started),
        })
    }

    /// The effect over the least that matters; 1 where it just matters.
    pub(super) fn effect(&self) -> f64 {
        (self.new - self.usual) / (self.harmful - self.usual).max(1e-9)
    }
}

/// What divides evidence: beside an old side at the same time, and beside healthy steps before the change.
struct Dispersions {
    beside: f64,
    before: f64,
}

impl Dispersions {
    fn of(observed: &Observed, counted: &Counted<'_>, by_before: usize) -> Self {
        let mut beside = Self::beside(observed, counted, counted.steps.len());
        if matches!(counted.metric, Metric::Sampled { .. }) {
            // A value is like the one before it, with or without neighbours to compare it with.
            let old = counted.steps.iter().rev().map(|step| step.old);
            let steps: Vec<Hits> = old.chain(counted.all_before().iter().copied()).collect();
            beside = beside.max(dispersion::over_time(&steps));
        }
        let before = if by_before > 0 {
            let before = counted.all_before();
            let seen = before.iter().filter(|(_, trials)| *trials > 0).count();
            beside.max(dispersion::over_time(before)) * reuse(by_before, seen)
        } else {
            beside
        };
        Self { beside, before }
    }

    /// Beside an old side, by the first so many steps.
    fn beside(observed: &Observed, counted: &Counted<'_>, steps: usize) -> f64 {
        let beside = dispersion::of_instances(counted, steps);
        if !matches!(counted.metric, Metric::Slow { .. }) {
            return beside;
        }
        let seen = observed.steps.iter().take(steps);
        let sides = seen.flat_map(|step| [&step.old, &step.new]);
        if !sides.clone().any(CallSummary::is_approximate) {
            return beside;
        }
        beside.max(CallSummary::joined(sides).calls_per_guess())
    }

    fn by(&self, is_before: bool) -> f64 {
        if is_before { self.before } else { self.beside }
    }
}

/// The rates that tell a harmless new side from a harmful one.
struct Harmless {
    usual: f64,
    harmful: f64,
    dispersion: f64,
}

impl Harmless {
    /// By a share of the old side that is low for what was seen of it: what its chance is must not excuse the new side.
    fn of(
        params: &SequentialParams,
        metric: &Metric,
        shares: &Shares,
        caution: f64,
        dispersion: f64,
    ) -> Self {
        let n = (shares.old_trials as f64).max(1.0);
        let error = (dispersion * shares.usual * (1.0 - shares.usual) / n).sqrt();
        let low = (shares.usual - LOW_ERRORS * error).max(0.0);
        let harmful = metric.harmful(params, low, caution);
        // A single hit must be possible on a side without any.
        let usual = low.max(RARE_HITS / (n + 1.0)).min(0.5 * (low + harmful));
        Self {
            usual,
            harmful,
            dispersion,
        }
    }

    fn evidence(&self, shares: &Shares) -> f64 {
        let (hits, trials) = (shares.new_hits, shares.new_trials);
        ln_e_rarer(hits, trials, self.usual, self.harmful, self.dispersion)
    }

    fn trials_needed(&self, params: &SequentialParams) -> Option<f64> {
        let alpha = params.healthy_alpha;
        trials_to_rule_out(self.usual, self.harmful, self.dispersion, alpha)
    }
}

/// Hits that a side without any is taken to have.
const RARE_HITS: f64 = 0.05;

/// Standard errors by which a share of the old side is taken lower than it was seen.
const LOW_ERRORS: f64 = 2.0;

/// The greatest share of hits in any healthy steps before the change, as many in a row as it is worse now, a quarter of
/// all at most: what came and went by itself is no effect of a change.
fn worst_before(counted: &Counted<'_>, steps: usize) -> f64 {
    let hits = counted.all_before();
    let length = steps.min(hits.len() / 4).max(1);
    let share = |block: &[Hits]| {
        let (hits, trials) = sum(block.iter());
        hits as f64 / (trials as f64).max(1.0)
    };
    hits.windows(length).map(share).fold(0.0, f64::max)
}

/// Of so many hits among so many trials: of the share `p` over the share `q`.
fn log_likelihood_ratio((hits, trials): Hits, p: f64, q: f64) -> f64 {
    let term = |count: u64, ratio: f64| {
        if count == 0 {
            0.0
        } else {
            count as f64 * ratio.ln()
        }
    };
    term(hits, p / q) + term(trials - hits, (1.0 - p) / (1.0 - q))
}

/// Shares of hits on both sides over steps in which both have trials.
#[derive(Debug, Clone, Copy, Default)]
struct Shares {
    new_hits: u64,
    new_trials: u64,
    old_trials: u64,
    /// Share on the old side, each step weighed by the trials of the new one.
    usual: f64,
    new: f64,
}

impl Shares {
    /// Of the newest steps, by which it is seen that something has healed.
    fn newest(steps: &[SideHits]) -> Self {
        Self::of(&steps[steps.len().saturating_sub(HEALED_STEPS)..])
    }

    fn of(steps: &[SideHits]) -> Self {
        let both = || {
            steps
                .iter()
                .filter(|s| s.new_trials > 0 && s.old_trials > 0)
        };
        let new_hits = both().map(|step| step.new_hits).sum::<u64>();
        let new_trials = both().map(|step| step.new_trials).sum::<u64>();
        let expected = |step: &SideHits| {
            step.new_trials as f64 * step.old_hits as f64 / step.old_trials as f64
        };
        let trials = (new_trials as f64).max(1.0);
        Self {
            new_hits,
            new_trials,
            old_trials: both().map(|step| step.old_trials).sum(),
            usual: both().map(expected).sum::<f64>() / trials,
            new: new_hits as f64 / trials,
        }
    }
}
