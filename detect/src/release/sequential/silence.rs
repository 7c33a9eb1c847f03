//! A new side that should receive calls and is not seen to.

use astern_graph_core::signal::MissingEvidence;

use super::SequentialParams;
use crate::release::sides::{Observed, Step};

/// Least variance of the number of calls of a step over their mean: calls come in bursts.
pub(super) const DISPERSION_MIN: f64 = 2.0;

/// What the new side's silence at the end of the time means; `None` while it is seen, or its silence may be chance.
pub(super) fn of_new_side(
    params: &SequentialParams,
    observed: &Observed,
) -> Option<MissingEvidence> {
    let last_seen = observed.last_seen();
    let silent = observed.steps.get(last_seen.map_or(0, |last| last + 1)..)?;
    // What is to come first has to start.
    let from = match last_seen {
        Some(_) => observed.steps.first()?.range.start,
        None => observed.steps.first()?.range.start.plus(observed.start_up),
    };
    // What a later release has taken the place of is not missed.
    if silent.iter().any(|step| step.later > 0) {
        return None;
    }
    let silent = || silent.iter().filter(|step| step.range.start >= from);
    let since = silent().next()?.range.start;
    let seen_share = last_seen.map(|last| share_of_new(&observed.steps[..=last]));
    let dispersion = dispersion(observed);
    let (mut expected, mut ln_chance) = (0.0, 0.0);
    for step in silent() {
        let share = step.expected_share.or(seen_share).unwrap_or(0.0);
        let (calls, ln_none) = expected_calls(observed, step, share);
        expected += calls;
        ln_chance += ln_none / dispersion;
    }
    if ln_chance > level(params, observed) {
        return None;
    }
    Some(match last_seen {
        Some(_) => MissingEvidence::Telemetry { since },
        None => MissingEvidence::Traffic { expected, since },
    })
}

/// Whether no part of the service receives calls any more, beyond chance, whatever it runs.
pub(super) fn is_of_all(params: &SequentialParams, observed: &Observed) -> bool {
    let is_seen = |step: &Step| step.is_new_seen() || step.old.calls + step.later > 0;
    let last_seen = observed.steps.iter().rposition(is_seen);
    let silent = observed.steps.get(last_seen.map_or(0, |last| last + 1)..);
    let silent = silent.unwrap_or_default().iter();
    let ln_none = silent.map(|step| expected_calls(observed, step, 1.0).1);
    let ln_chance = ln_none.sum::<f64>() / dispersion(observed);
    ln_chance <= level(params, observed)
}

/// Logarithm of the level of one look: each is a test of its own.
fn level(params: &SequentialParams, observed: &Observed) -> f64 {
    (params.alpha / observed.steps.len().max(1) as f64).ln()
}

/// Calls that the new side should have received in a step, and the logarithm of the probability of none.
fn expected_calls(observed: &Observed, step: &Step, share: f64) -> (f64, f64) {
    let old = step.old.calls as f64;
    if old > 0.0 && share < 1.0 {
        // Each call comes to the new side with the share, given that so many came to the old one.
        return (old * share / (1.0 - share), old * (-share).ln_1p());
    }
    let healthy = observed.before.iter().map(|before| before.all.calls);
    let mean = healthy.sum::<u64>() as f64 / observed.before.len().max(1) as f64;
    (share * mean, -share * mean)
}

/// Variance of the calls of the healthy steps before the change over their mean.
fn dispersion(observed: &Observed) -> f64 {
    let calls = || observed.before.iter().map(|before| before.all.calls as f64);
    let n = observed.before.len() as f64;
    let mean = calls().sum::<f64>() / n;
    let variance = calls().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    // No healthy step, or a single one, gives no number.
    f64::max(DISPERSION_MIN, variance / mean)
}

/// The share of all calls of these steps that the new side received.
fn share_of_new(steps: &[Step]) -> f64 {
    let new = steps
        .iter()
        .map(|step| step.new.calls + step.starting.calls);
    let old = steps.iter().map(|step| step.old.calls);
    let (new, old) = (new.sum::<u64>() as f64, old.sum::<u64>() as f64);
    new / (new + old).max(1.0)
}
