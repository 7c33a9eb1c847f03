//! Whether the past of the change's service predicts what is on its way to the symptom.

use astern_graph_core::ChangeEvent;
use astern_graph_core::signal::Evidence;

use super::facts::Facts;
use super::params::BlameParams;
use super::weight::Weight;

/// `influence · (1 - 2 p)` for the p-value of the transfer entropy along the weakest step from its service to
/// the symptom: as much for it at 0 as against it at 1, and nothing on average where there is no influence.
/// Nothing where transfer entropy could not be estimated, is switched off, or is not reported: of the first 20 causes it
/// is, which have a path.
pub(super) fn weigh(params: &BlameParams, facts: &Facts<'_>, start: &ChangeEvent) -> Weight {
    let evidence = facts.evidence.get(&start.service);
    let reported = evidence.into_iter().copied().flatten();
    let p_value = |e: &Evidence| match e {
        Evidence::Influence { p_value, .. } => Some(*p_value),
        _ => None,
    };
    let mut influences = reported.filter_map(|e| Some((p_value(e)?, e)));
    influences
        .next()
        .map_or_else(Weight::default, |(p, evidence)| {
            Weight::new(params.influence * (1.0 - 2.0 * p), evidence.clone())
        })
}
