//! Whether the symptom follows the share of the traffic that runs on the change.

use astern_graph_core::signal::Evidence;
use astern_graph_core::{ChangeEvent, TimeRange};
use astern_stats::correlation::pearson;
use astern_stats::robust;

use super::facts::Facts;
use super::params::BlameParams;
use super::weight::Weight;
use crate::contrast::Units;

/// Steps from before the change that are looked at: without them nothing varies.
const STEPS_BEFORE: usize = 8;
/// Fewest steps with a share and a symptom.
const STEPS_MIN: usize = 6;

/// `dose · r` of the share of traffic on what is new with the symptom's badness, over the steps
/// from shortly before the change on. The badness of a step is limited to the 90 % quantile of all:
/// one wild step says little of the dose.
pub(super) fn weigh(
    params: &BlameParams,
    facts: &Facts<'_>,
    start: &ChangeEvent,
    units: &Units,
) -> Weight {
    let symptom = &facts.incident.symptom;
    let from = units.before.saturating_sub(STEPS_BEFORE);
    let series = units.times.get(from).and_then(|at| {
        let range = TimeRange::new(*at, facts.incident.abnormal.end).ok()?;
        facts
            .graph
            .series(&symptom.node, &symptom.metric, range)
            .ok()
    });
    let Some(series) = series else {
        return Weight::default();
    };
    let worse = facts.graph.feature(&symptom.metric).worse;
    let healthy = facts
        .graph
        .series(&symptom.node, &symptom.metric, facts.incident.healthy);
    let Some(median) = healthy.ok().and_then(|series| robust::median(&series)) else {
        return Weight::default();
    };
    let badness: Vec<f64> = series.iter().map(|x| worse.badness(x - median)).collect();
    let most = robust::quantile(&badness, 0.9).unwrap_or(f64::INFINITY);
    let pairs = units.share_new().into_iter().skip(from).zip(badness);
    let (shares, badness): (Vec<f64>, Vec<f64>) = pairs
        .filter(|(share, bad)| share.is_finite() && bad.is_finite())
        .map(|(share, bad)| (share, bad.min(most)))
        .unzip();
    if shares.len() < STEPS_MIN {
        return Weight::default();
    }
    let Some(r) = pearson(&shares, &badness) else {
        return Weight::default();
    };
    let change = start.id.clone();
    let steps = shares.len();
    Weight::new(params.dose * r, Evidence::Dose { change, r, steps })
}
