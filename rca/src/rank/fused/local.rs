//! The local channels of one incident, and the one that speaks loudest of each node.

use std::collections::BTreeMap;

use astern_graph_core::NodeId;
use astern_graph_core::signal::Evidence;

use super::params::FusedWeights;
use crate::channel::{
    Readings, Scope, change, failure, gap, log_odds, own_time, resource, spectrum, structure,
};
use crate::incident::Incident;

/// Deviation that is as likely a fault as not.
const HALF_Z: f64 = 2.0;

/// Least log-odds: many a fault shows in no local channel.
const LEAST: f64 = -1.0;

/// What local channels say of a node.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Local {
    /// Weighted log-odds of the loudest.
    pub(super) log_odds: f64,
    /// The greatest deviation, 0 where none is worse than healthy.
    pub(super) z: f64,
    /// What they say that is worth saying.
    pub(super) evidence: Vec<Evidence>,
}

/// What the channels that are switched on say of the nodes that they know.
pub(super) fn of(
    scope: &Scope<'_>,
    incident: &Incident,
    weights: &FusedWeights,
) -> BTreeMap<NodeId, Local> {
    let traces = incident.traces.as_ref();
    let mut heard: BTreeMap<NodeId, Local> = BTreeMap::new();
    let mut hear = |weight: f64, read: &dyn Fn() -> Readings| {
        if weight <= 0.0 {
            return;
        }
        for (id, reading) in read() {
            let z = reading.z.max(0.0);
            let log_odds = weight * log_odds(z / (z + HALF_Z)).max(LEAST);
            let unheard = || Local {
                log_odds,
                ..Local::default()
            };
            let local = heard.entry(id).or_insert_with(unheard);
            local.log_odds = local.log_odds.max(log_odds);
            local.z = local.z.max(z);
            local.evidence.extend(reading.evidence);
        }
    };
    hear(weights.gap, &|| gap::read(scope));
    hear(weights.own_time, &|| own_time::read(scope));
    hear(weights.failure, &|| failure::read(scope, traces));
    hear(weights.structure, &|| structure::read(scope));
    hear(weights.resource, &|| resource::read(scope));
    hear(weights.change, &|| change::read(scope, incident));
    hear(weights.spectrum, &|| spectrum::read(scope, traces));
    heard
}
