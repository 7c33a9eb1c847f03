//! Questions about reach and order that a rollback and a root-cause analysis ask.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use petgraph::algo::kosaraju_scc;

use crate::graph::{TemporalGraph, node_id};
use crate::key::NodeId;

impl TemporalGraph {
    /// Every node that a fault at `from` can reach, with the least number of hops to it.
    ///
    /// Follows [`EdgeKind::fault_flow`](crate::EdgeKind::fault_flow): of plain calls these are the
    /// direct and indirect callers. The start itself is included with 0 hops. `O(V + E)`.
    pub fn blast_radius(&self, from: NodeId) -> BTreeMap<NodeId, u32> {
        self.reach(from, |id| self.fault_targets(id).collect())
    }

    /// Every node from which a fault can have come to `at`, with the least number of hops.
    ///
    /// Of plain calls these are the direct and indirect callees; the node itself is included with
    /// 0 hops. `O(V + E)`.
    pub fn fault_ancestry(&self, at: NodeId) -> BTreeMap<NodeId, u32> {
        self.reach(at, |id| self.fault_origins(id).collect())
    }

    fn reach(&self, from: NodeId, next: impl Fn(NodeId) -> Vec<NodeId>) -> BTreeMap<NodeId, u32> {
        let mut hops = BTreeMap::new();
        if self.key(from).is_none() {
            return hops;
        }
        hops.insert(from, 0);
        let mut queue = VecDeque::from([(from, 0)]);
        while let Some((id, distance)) = queue.pop_front() {
            for neighbour in next(id) {
                if let Entry::Vacant(vacant) = hops.entry(neighbour) {
                    vacant.insert(distance + 1);
                    queue.push_back((neighbour, distance + 1));
                }
            }
        }
        hops
    }

    /// Groups of nodes in an order in which every caller comes before its callees; nodes that call
    /// each other in a circle share a group. Ties are broken by key. `O(V + E)` and a sort of the
    /// groups (Kosaraju 1978, published by Sharir 1981; iterative, so that a long chain of calls
    /// needs no deep stack).
    ///
    /// Undoing changes in this order never leaves a new caller in front of an old callee.
    pub fn callers_first(&self) -> Vec<Vec<NodeId>> {
        // Components come callees first.
        let components = kosaraju_scc(self.digraph());
        let mut group_of = vec![0_usize; self.node_count()];
        for (group, members) in components.iter().enumerate() {
            for member in members {
                group_of[member.index()] = group;
            }
        }
        let mut depth = vec![0_usize; components.len()];
        for (group, members) in components.iter().enumerate().rev() {
            for edge in members.iter().flat_map(|m| self.digraph().edges(*m)) {
                let callee = group_of[petgraph::visit::EdgeRef::target(&edge).index()];
                if callee != group {
                    depth[callee] = depth[callee].max(depth[group] + 1);
                }
            }
        }
        let mut groups: Vec<(usize, Vec<NodeId>)> = components
            .into_iter()
            .enumerate()
            .map(|(group, members)| {
                let mut ids: Vec<NodeId> = members.into_iter().map(node_id).collect();
                ids.sort_unstable();
                (depth[group], ids)
            })
            .collect();
        groups.sort();
        groups.into_iter().map(|(_, ids)| ids).collect()
    }
}
