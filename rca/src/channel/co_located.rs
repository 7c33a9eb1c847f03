//! Services that share a machine: the noisy neighbour.

use std::collections::{BTreeMap, BTreeSet};

use astern_graph_core::signal::Evidence;
use astern_graph_core::{EdgeKind, NodeId};
use astern_stats::{order, robust};

use super::self_time::SelfTime;
use super::{Readings, Scope, WORTH_SAYING_Z, worst};
use crate::order_statistic::median_of_others;

/// Fewest services of which the median speaks for the machine and not of one of them.
const SERVICES_MIN: usize = 3;

/// The services of each machine, and the machines of each service.
#[derive(Debug, Default)]
pub(crate) struct Machines {
    services: BTreeMap<NodeId, BTreeSet<NodeId>>,
    hosts: BTreeMap<NodeId, BTreeSet<NodeId>>,
    /// Slowdown of the self time of the services of each machine, ascending.
    slowdowns: BTreeMap<NodeId, Vec<f64>>,
}

impl Machines {
    /// Machines and services among the candidates. `O(E log V)`.
    pub(crate) fn of(scope: &Scope<'_>, grown: &BTreeMap<NodeId, SelfTime>) -> Self {
        let mut machines = Self::default();
        let known = |id: &NodeId| scope.nodes.binary_search(id).is_ok();
        for (guest, host, kind) in scope.graph.edges() {
            if kind == EdgeKind::RunsOn && known(&host) && grown.contains_key(&guest) {
                machines.services.entry(host).or_default().insert(guest);
                machines.hosts.entry(guest).or_default().insert(host);
            }
        }
        for (host, services) in &machines.services {
            let own = services.iter().filter_map(|id| grown.get(id));
            let slowdowns: Vec<f64> = own.map(SelfTime::slowdown).collect();
            let slowdowns = order::sorted_finite(&slowdowns);
            machines.slowdowns.insert(*host, slowdowns);
        }
        machines
    }

    /// By what share the others on the machines of a service became slower, at the median of each machine;
    /// the greatest of them. 0 where fewer than two others are known on each. `O(h log n)`.
    pub(crate) fn slowdown_of_others(&self, service: NodeId, own: &SelfTime) -> f64 {
        let hosts = self.hosts.get(&service).into_iter().flatten();
        let slowdowns = hosts.filter_map(|host| self.slowdowns.get(host));
        let enough = slowdowns.filter(|all| all.len() >= SERVICES_MIN);
        enough
            .map(|all| median_of_others(all, own.slowdown()))
            .fold(0.0, f64::max)
    }
}

/// Median deviation of the self time of the services on a machine, less that of all services where the
/// machine has fewer than half of them.
///
/// A machine that is short of processors makes all that runs on it slower; one bad release does not. A machine
/// of fewer than 3 services with telemetry is absent. `O(G + S log S)` for S services and G places that they
/// run in.
pub(crate) fn read(machines: &Machines, grown: &BTreeMap<NodeId, SelfTime>) -> Readings {
    let mut readings = Readings::new();
    let all: Vec<f64> = grown.values().map(|own| own.z).collect();
    let usual = robust::median(&all).unwrap_or(0.0).max(0.0);
    for (host, services) in &machines.services {
        let own = services.iter().filter_map(|id| grown.get(id));
        let on_it: Vec<f64> = own.map(|own| own.z).collect();
        if on_it.len() < SERVICES_MIN {
            continue;
        }
        let elsewhere = if 2 * on_it.len() < all.len() {
            usual
        } else {
            0.0
        };
        let z = robust::median(&on_it).unwrap_or(0.0) - elsewhere;
        worst(&mut readings, *host, z, || Evidence::Tenants {
            slower: on_it.iter().filter(|z| **z >= WORTH_SAYING_Z).count(),
            tenants: on_it.len(),
            z,
        });
    }
    readings
}

#[cfg(test)]
mod tests {
    use super::*;
    use astern_graph_core::{GraphBuilder, GraphParams, NodeKey, NodeKind, TimeRange, Timestamp};

    /// Four services of ten on one machine.
    fn machine(z: impl Fn(usize) -> f64) -> (NodeId, Machines, BTreeMap<NodeId, SelfTime>) {
        let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
        let host = NodeKey::new(NodeKind::Host, "machine");
        let service = |i: usize| NodeKey::service(format!("{i}"));
        for i in 0..10 {
            let other = NodeKey::new(NodeKind::Host, format!("other-{i}"));
            let on = if i < 4 { host.clone() } else { other };
            builder.declare_edge(service(i), on, EdgeKind::RunsOn);
        }
        let graph = builder.build();
        let grown: BTreeMap<NodeId, SelfTime> = (0..10)
            .map(|i| (graph.id(&service(i)).unwrap(), SelfTime::grown_by(z(i))))
            .collect();
        let mut nodes: Vec<NodeId> = graph
            .keys()
            .iter()
            .filter_map(|key| graph.id(key))
            .collect();
        nodes.sort_unstable();
        let range = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(60)).unwrap();
        let scope = Scope::new(&graph, range, range, &nodes, 0.9);
        let machines = Machines::of(&scope, &grown);
        (graph.id(&host).unwrap(), machines, grown)
    }

    #[test]
    fn what_is_slow_everywhere_is_not_the_machine() {
        let (host, machines, grown) = machine(|i| if i < 4 { 9.0 } else { 0.5 });
        let alone = read(&machines, &grown);
        assert!((alone[&host].z - 8.5).abs() < 1e-9 && alone[&host].evidence.is_some());
        assert_eq!(alone.len(), 1);
        let (host, machines, grown) = machine(|_| 9.0);
        let everywhere = read(&machines, &grown);
        assert!(everywhere[&host].z.abs() < 1e-9 && everywhere[&host].evidence.is_none());
    }

    #[test]
    fn the_others_on_a_machine_excuse_a_service_and_do_not_excuse_one_alone() {
        let (_, machines, grown) = machine(|i| if i < 4 { 2.0 } else { 0.0 });
        let (first, own) = grown.iter().next().unwrap();
        assert!((machines.slowdown_of_others(*first, own) - own.slowdown()).abs() < 1e-9);
        let (_, machines, grown) = machine(|i| if i == 0 { 2.0 } else { 0.0 });
        let slow = grown.iter().find(|(_, own)| own.z > 1.0).unwrap();
        assert!(machines.slowdown_of_others(*slow.0, slow.1).abs() < 1e-9);
    }
}
