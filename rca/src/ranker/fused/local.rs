//! The local channels of one incident, and the one that speaks loudest of each node.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use astern_graph_core::NodeId;
use astern_graph_core::signal::Evidence;

use super::params::FusedWeights;
use crate::channel::tenants::Machines;
use crate::channel::{
    Reading, Readings, Scope, change, failure, gap, log_odds, own_time, resource, spectrum,
    structure, tenants,
};
use crate::contrast::ChangeContrasts;
use crate::incident::Incident;

/// Deviation that is as likely a fault as not.
const HALF_Z: f64 = 2.0;

/// Least log-odds of one channel: many a fault shows in no local channel.
const LEAST: f64 = -1.0;

/// What local channels say of a node.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Local {
    /// Greatest weight of the channels that know the node: how much it tells that all of them are calm.
    heard: f64,
    /// The greatest rise of a channel above calm, weighted.
    rise: f64,
    /// The greatest deviation, 0 where none is worse than healthy.
    pub(super) z: f64,
    /// What they say that is worth saying.
    pub(super) evidence: Vec<Evidence>,
}

impl Local {
    /// Log-odds of the loudest channel. Where all are calm, the heaviest one that knows the node is what
    /// speaks against it, so that one more calm channel never speaks for it.
    pub(super) fn log_odds(&self) -> f64 {
        LEAST * self.heard + self.rise
    }

    fn hear(&mut self, weight: f64, reading: Reading) {
        let z = reading.z.max(0.0);
        let odds = log_odds(z / (z + HALF_Z)).max(LEAST);
        self.heard = self.heard.max(weight);
        self.rise = self.rise.max(weight * (odds - LEAST));
        // A weight near 0 is as good as none.
        self.z = self.z.max(weight.min(1.0) * z);
        self.evidence.extend(reading.evidence);
    }
}

/// What the channels that are switched on say of the nodes that they know.
pub(super) fn of(
    scope: &Scope<'_>,
    incident: &Incident,
    contrasts: &ChangeContrasts,
    weights: &FusedWeights,
) -> BTreeMap<NodeId, Local> {
    let traces = incident.traces.as_ref();
    let (of_own_time, of_machines) = (OnceCell::new(), OnceCell::new());
    let grown = || of_own_time.get_or_init(|| own_time::grown(scope));
    let machines = || of_machines.get_or_init(|| Machines::of(scope, grown()));
    let mut heard: BTreeMap<NodeId, Local> = BTreeMap::new();
    let mut hear = |weight: f64, read: &dyn Fn() -> Readings| {
        if weight <= 0.0 {
            return;
        }
        for (id, reading) in read() {
            heard.entry(id).or_default().hear(weight, reading);
        }
    };
    hear(weights.gap, &|| gap::read(scope));
    hear(weights.own_time, &|| own_time::read(grown(), machines()));
    hear(weights.failure, &|| failure::read(scope, traces));
    hear(weights.structure, &|| structure::read(scope));
    hear(weights.resource, &|| resource::read(scope));
    hear(weights.tenants, &|| tenants::read(machines(), grown()));
    hear(weights.change, &|| change::read(scope, contrasts));
    hear(weights.spectrum, &|| spectrum::read(scope, traces));
    heard
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn after(readings: &[(f64, f64)]) -> Local {
        let mut local = Local::default();
        for (weight, z) in readings {
            let evidence = None;
            local.hear(*weight, Reading { z: *z, evidence });
        }
        local
    }

    fn readings() -> impl Strategy<Value = Vec<(f64, f64)>> {
        prop::collection::vec((0.0..10.0f64, -5.0..50.0f64), 0..6)
    }

    proptest! {
        #[test]
        fn one_more_calm_channel_never_speaks_for_a_node(
            mut known in readings(), weight in 0.0..10.0f64, z in -5.0..=0.0f64,
        ) {
            let before = after(&known).log_odds();
            known.push((weight, z));
            prop_assert!(after(&known).log_odds() <= before + 1e-9);
        }

        #[test]
        fn a_louder_channel_never_speaks_against_a_node(
            mut known in readings(), weight in 0.0..10.0f64, z in -5.0..50.0f64, more in 0.0..9.0f64,
        ) {
            known.push((weight, z));
            let before = after(&known).log_odds();
            known.last_mut().unwrap().1 += more;
            prop_assert!(after(&known).log_odds() >= before - 1e-9);
        }

        #[test]
        fn a_channel_of_hardly_any_weight_hardly_speaks(mut known in readings(), z in -5.0..1e6f64) {
            let before = after(&known);
            known.push((1e-9, z));
            let now = after(&known);
            prop_assert!((now.log_odds() - before.log_odds()).abs() < 1e-6);
            prop_assert!((now.z - before.z).abs() < 0.01);
        }
    }
}
