//! Channels of evidence: each says of a candidate how likely it makes it that the fault lies there.
//!
//! | channel | looks at | speaks for |
//! |---|---|---|
//! | [`correlation`] | the symptom's metric over the abnormal steps | what worsens with the symptom |
//! | [`origin`] | the same, over both ranges | what no dependency explains |
//! | [`reach`] | the nodes between | what has an anomalous path to the symptom |
//! | [`influences`] | the same, over the healthy range | what drives the next node of that path |
//! | [`gap`] | calls over edges | the end that waits on the network |
//! | [`self_time`] | calls received | what has a longer self time |
//! | [`failure`] | failed calls, single traces where there are any | what fails by itself, and what was called last before |
//! | [`structure`] | calls made for a call | what stopped calling on |
//! | [`resource`] | infrastructure metrics | what its resources show and its peers' do not |
//! | [`co_located`] | calls received by the services on a machine | a machine on which all became slower |
//! | [`spectrum`] | single traces | what slow traces went through and others did not |
//! | [`change`] | new and old instances | what its change made worse |
//!
//! The last eight are *local*: they speak of the node itself and need no symptom. A node without the
//! telemetry that a channel looks at is absent from it: no evidence, neither for nor against.

pub(crate) mod change;
pub(crate) mod co_located;
pub(crate) mod correlation;
pub(crate) mod failure;
pub(crate) mod gap;
pub(crate) mod influences;
pub(crate) mod onset;
pub(crate) mod origin;
pub(crate) mod quantile;
pub(crate) mod reach;
pub(crate) mod resource;
pub(crate) mod self_time;
pub(crate) mod spectrum;
pub(crate) mod structure;

use std::collections::BTreeMap;

use astern_graph_core::signal::Evidence;
use astern_graph_core::{NodeId, TemporalGraph, TimeRange};

/// What local channels look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) graph: &'a TemporalGraph,
    pub(crate) healthy: TimeRange,
    /// The abnormal steps in which the symptom shows.
    pub(crate) abnormal: TimeRange,
    /// The candidates, in the order of their ids.
    pub(crate) nodes: &'a [NodeId],
    /// Whether enough healthy steps have calls to tell what their tails are.
    pub(crate) tails: bool,
    /// Quantile over steps at which series are compared.
    pub(crate) upper: f64,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(
        graph: &'a TemporalGraph,
        healthy: TimeRange,
        abnormal: TimeRange,
        nodes: &'a [NodeId],
        upper: f64,
    ) -> Self {
        let silent = graph.gaps(healthy).unwrap_or_default();
        let silent: f64 = silent.iter().map(|gap| gap.span().as_secs_f64()).sum();
        let observed = (healthy.span().as_secs_f64() - silent) / graph.step().as_secs_f64();
        Self {
            graph,
            healthy,
            abnormal,
            nodes,
            tails: observed >= TAIL_STEPS_MIN,
            upper,
        }
    }
}

/// Fewest healthy steps with calls from which tails are compared: slow calls come in bursts, so that
/// thousands of calls of one minute say nothing of the tail of another.
const TAIL_STEPS_MIN: f64 = 10.0;

/// What a local channel says of a node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    /// Deviation from healthy in standard errors, of a size that matters; positive is worse.
    pub(crate) z: f64,
    /// In words, where it is worth saying, or worth saying that it does not deviate.
    pub(crate) evidence: Option<Evidence>,
}

/// What a local channel says of each node that it has telemetry of.
pub(crate) type Readings = BTreeMap<NodeId, Reading>;

/// Deviation from which a local channel says why.
pub(crate) const WORTH_SAYING_Z: f64 = Evidence::DEVIATION_MIN;

/// Keeps the worst of several readings of one node.
pub(crate) fn worst(
    readings: &mut Readings,
    id: NodeId,
    z: f64,
    evidence: impl FnOnce() -> Evidence,
) {
    if !z.is_finite() || readings.get(&id).is_some_and(|known| known.z >= z) {
        return;
    }
    let evidence = (z >= WORTH_SAYING_Z).then(evidence);
    readings.insert(id, Reading { z, evidence });
}

/// The same, with evidence also where nothing deviates: what is as always speaks against the node.
pub(crate) fn worst_or_normal(readings: &mut Readings, id: NodeId, z: f64, evidence: Evidence) {
    if z.is_finite() && readings.get(&id).is_none_or(|known| known.z < z) {
        let evidence = Some(evidence);
        readings.insert(id, Reading { z, evidence });
    }
}

/// Log-odds of a probability clipped to 2..98 %, so that no channel alone can decide.
pub(crate) fn log_odds(p: f64) -> f64 {
    let p = if p.is_nan() { 0.5 } else { p.clamp(0.02, 0.98) };
    (p / (1.0 - p)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_odds_are_bounded_and_neutral_for_the_unknown() {
        assert!(log_odds(f64::NAN).abs() < 1e-12);
        assert!((log_odds(1.0) + log_odds(0.0)).abs() < 1e-12);
        assert!(log_odds(1.0) < 4.0);
    }
}
