//! Faults that lie between a service and its callers.

use astern_graph_core::ChangeEvent;
use astern_graph_core::signal::Evidence;

use super::facts::Facts;
use super::params::BlameParams;
use super::weight::Weight;
use crate::channel::WORTH_SAYING_Z;

/// Speaks against a change where callers wait longer for its service than it works, and nothing else is wrong
/// with the service: new code shows in what the service does, the network between only in the wait.
///
/// A release can fill the queue in front of the process too, so this is no veto.
pub(super) fn weigh(params: &BlameParams, facts: &Facts<'_>, start: &ChangeEvent) -> Weight {
    let Some(evidence) = facts.evidence.get(&start.service) else {
        return Weight::default();
    };
    let of_itself = |e: &Evidence| match e {
        Evidence::OwnTime { z, .. } | Evidence::OwnFailures { z, .. } => *z >= WORTH_SAYING_Z,
        Evidence::LastBeforeFailure { .. }
        | Evidence::FewerCalls { .. }
        | Evidence::Contrast { .. }
        | Evidence::NewAgainstOld { .. } => true,
        _ => false,
    };
    let waited_for = |e: &&Evidence| matches!(e, Evidence::Gap { to, .. } if *to == start.service);
    match evidence.iter().find(waited_for) {
        Some(gap) if !evidence.iter().any(of_itself) => Weight::new(params.between, gap.clone()),
        _ => Weight::default(),
    }
}
