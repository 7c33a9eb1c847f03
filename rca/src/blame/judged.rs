//! What a judge of releases reported of a change.

use astern_graph_core::ChangeEvent;
use astern_graph_core::signal::{Evidence, MissingEvidence, Verdict};

use super::facts::Facts;
use super::params::BlameParams;
use super::weight::Weight;

/// For the change where it was found worse, against it where it was found healthy.
pub(super) fn weigh(params: &BlameParams, facts: &Facts<'_>, start: &ChangeEvent) -> Weight {
    let Some(assessment) = facts.judged.get(&start.id) else {
        return Weight::default();
    };
    let log_odds = match assessment.verdict {
        Verdict::Regressed => params.regressed,
        Verdict::Healthy => params.healthy,
        Verdict::Inconclusive | Verdict::NoData => 0.0,
    };
    let evidence = assessment.anomalies.iter().flat_map(|a| a.evidence.clone());
    Weight {
        log_odds,
        evidence: evidence.collect(),
    }
}

/// That the last assessment compared both sides and did not find the new one worse, nor anything that looks like it: what
/// it lacks is calls, values or time alone. One that could not compare says nothing.
pub(super) fn not_found_worse(facts: &Facts<'_>, start: &ChangeEvent) -> Option<Evidence> {
    let assessment = facts.judged.get(&start.id)?;
    let is_of_amount = |missing: &MissingEvidence| {
        matches!(
            missing,
            MissingEvidence::Calls { .. }
                | MissingEvidence::Values { .. }
                | MissingEvidence::Bounds { .. }
                | MissingEvidence::StartUp { .. }
        )
    };
    let is_ruled_out = assessment.verdict == Verdict::Healthy;
    let is_compared = assessment.verdict == Verdict::Inconclusive
        && !assessment.missing.is_empty()
        && assessment.missing.iter().all(is_of_amount);
    let change = start.id.clone();
    (is_ruled_out || is_compared).then_some(Evidence::NotFoundWorse {
        change,
        is_ruled_out,
    })
}
