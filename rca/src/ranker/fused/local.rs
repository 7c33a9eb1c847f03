//! The local channels of one incident, and the one that speaks loudest of each node.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use astern_graph_core::NodeId;
use astern_graph_core::signal::Evidence;

use super::params::FusedWeights;
use crate::channel::co_located::Machines;
use crate::channel::{
    Reading, Readings, Scope, change, co_located, failure, gap, log_odds, resource, self_time,
    spectrum, structure,
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
    /// Greatest weight of the channels that know the node: how much it says that all of them are normal.
    weight: f64,
    /// The greatest rise of a channel above normal, weighted.
    rise: f64,
    /// The greatest deviation, 0 where none is worse than healthy.
    pub(super) z: f64,
    /// What they say that is worth saying.
    pub(super) evidence: Vec<Evidence>,
}

impl Local {
    /// Log-odds of the loudest channel. Where all are normal, the heaviest one that knows the node is what
    /// speaks against it, so that one more normal channel never speaks for it.
    pub(super) fn log_odds(&self) -> f64 {
        LEAST * self.weight + self.rise
    }

    fn add(&mut self, weight: f64, reading: Reading) {
        let z = reading.z.max(0.0);
        let odds = log_odds(z / (z + HALF_Z)).max(LEAST);
        self.weight = self.weight.max(weight);
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
    let (of_self_time, of_machines) = (OnceCell::new(), OnceCell::new());
    let grown = || of_self_time.get_or_init(|| self_time::grown(scope));
    let machines = || of_machines.get_or_init(|| Machines::of(scope, grown()));
    let mut nodes: BTreeMap<NodeId, Local> = BTreeMap::new();
    let mut add = |weight: f64, read: &dyn Fn() -> Readings| {
        if weight <= 0.0 {
            return;
        }
        for (id, reading) in read() {
            nodes.entry(id).or_default().add(weight, reading);
        }
    };
    add(weights.gap, &|| gap::read(scope));
    add(weights.self_time, &|| self_time::read(grown(), machines()));
    add(weights.failure, &|| failure::read(scope, traces));
    add(weights.structure, &|| structure::read(scope));
    add(weights.resource, &|| resource::read(scope));
    add(weights.co_located, &|| {
        co_located::read(machines(), grown())
    });
    add(weights.change, &|| change::read(scope, contrasts));
    add(weights.spectrum, &|| spectrum::read(scope, traces));
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn after(readings: &[(f64, f64)]) -> Local {
        let mut local = Local::default();
        for (weight, z) in readings {
            let evidence = None;
            local.add(*weight, Reading { z: *z, evidence });
        }
        local
    }

    fn readings() -> impl Strategy<Value = Vec<(f64, f64)>> {
        prop::collection::vec((0.0..10.0f64, -5.0..50.0f64), 0..6)
    }

    proptest! {
        #[test]
        fn one_more_normal_channel_never_speaks_for_a_node(
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
