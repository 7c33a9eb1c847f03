//! Room for what records name: at a limit, what was unseen for longest makes way.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::GraphBuilder;
use super::admit::{Exchange, Named};
use crate::edge::EdgeKind;
use crate::key::{NodeKey, NodeKind};
use crate::record::Party;
use crate::store::{Slot, Store};
use crate::time::Timestamp;

/// Most nodes, and most edges, that a call can name.
const NAMED_MAX: usize = 6;

/// Instances that are retired at once: an eighth of the nodes that are held, since a search among all costs as much
/// for one.
const RETIRED_SHARE: usize = 8;

/// What the limits on nodes and edges have cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Loss {
    /// How many.
    pub count: u64,
    /// When the last of them was seen.
    pub until: Timestamp,
}

impl Loss {
    /// Adds what else was lost.
    pub(super) fn add(loss: &mut Option<Self>, count: u64, until: Timestamp) {
        let before = loss.unwrap_or(Self { count: 0, until });
        *loss = Some(Self {
            count: before.count.saturating_add(count),
            until: until.max(before.until),
        });
    }
}

/// Losses of a builder; see [`GraphBuilder::lost_calls`] and [`GraphBuilder::lost_instances`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Losses {
    pub(super) calls: Option<Loss>,
    pub(super) instances: Option<Loss>,
}

impl Losses {
    pub(super) fn merge(&mut self, other: Self) {
        for (mine, theirs) in [
            (&mut self.calls, other.calls),
            (&mut self.instances, other.instances),
        ] {
            if let Some(Loss { count, until }) = theirs {
                Loss::add(mine, count, until);
            }
        }
    }

    /// Forgets what was lost before a time.
    pub(super) fn forget_before(&mut self, oldest: Timestamp) {
        for loss in [&mut self.calls, &mut self.instances] {
            *loss = loss.filter(|loss| loss.until >= oldest);
        }
    }
}

/// For how much of an exchange there is room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// For all that it names.
    Whole,
    /// For its services, and not for their instances or hosts.
    Services,
    None,
}

impl GraphBuilder {
    /// The calls that were dropped since the graph had no room for their services; `None` where none was that is kept
    /// still.
    pub fn lost_calls(&self) -> Option<Loss> {
        self.losses.calls
    }

    /// The instances and hosts that made way for others at a limit, and the calls for whose instances there was no
    /// room. Those calls count for their services, and not for an instance.
    pub fn lost_instances(&self) -> Option<Loss> {
        self.losses.instances
    }

    /// Makes room for what an exchange in a step names. Nothing that was seen in that step or later makes way for an
    /// instance; any instance does for a service.
    pub(super) fn room_for(&mut self, exchange: Exchange<'_>, step: i64) -> Room {
        if self.make_room(exchange.nodes(), exchange.edges(), step) {
            return Room::Whole;
        }
        let services = Services::of(exchange);
        let exchange = services.exchange();
        if self.make_room(exchange.nodes(), exchange.edges(), i64::MAX) {
            Room::Services
        } else {
            Room::None
        }
    }

    /// Whether these nodes and edges are held, or may be added, if need be in place of instances and hosts that were
    /// not seen since the step `before`, the longest unseen first.
    pub(super) fn make_room<'a>(
        &mut self,
        nodes: impl Iterator<Item = &'a NodeKey> + Clone,
        edges: impl Iterator<Item = Named<'a>> + Clone,
        before: i64,
    ) -> bool {
        let store = &self.store;
        let nodes_max = store.params.nodes_max as usize;
        let edges_max = store.params.edges_max as usize;
        // Far from the limits, as nearly always, all of them may be new.
        let all_nodes = store.nodes.len() + nodes.size_hint().1.unwrap_or(NAMED_MAX);
        let all_edges = store.edges.len() + edges.size_hint().1.unwrap_or(NAMED_MAX);
        if all_nodes <= nodes_max && all_edges <= edges_max {
            return true;
        }
        let named: BTreeSet<&NodeKey> = nodes.collect();
        let new_nodes = named.iter().filter(|key| store.nodes.slot(key).is_none());
        let new_nodes = new_nodes.count();
        let new_edges: BTreeSet<Named<'a>> = edges.filter(|edge| !is_known(store, *edge)).collect();
        let fits = |new: usize, held: usize, max: usize| new == 0 || held + new <= max;
        let is_room = |store: &Store| {
            fits(new_nodes, store.nodes.len(), nodes_max)
                && fits(new_edges.len(), store.edges.len(), edges_max)
        };
        if is_room(&self.store) {
            return true;
        }
        if new_nodes > nodes_max || new_edges.len() > edges_max {
            return false;
        }
        if self.all_seen_since.is_some_and(|since| before <= since) {
            return false;
        }
        let mut unseen = self.unseen(&named, before);
        if unseen.is_empty() {
            // At a limit of nodes that are all in use, each further record would search among them all.
            self.all_seen_since = Some(before);
        }
        let batch = (self.store.nodes.len() / RETIRED_SHARE).max(1);
        while !is_room(&self.store) && !unseen.is_empty() {
            let rest = unseen.split_off(batch.min(unseen.len()));
            self.retire(&unseen);
            unseen = rest;
        }
        is_room(&self.store)
    }

    /// Instances and hosts that may make way, the longest unseen first, with the step in which each was seen last.
    fn unseen(&self, named: &BTreeSet<&NodeKey>, before: i64) -> Vec<(i64, Slot)> {
        let store = &self.store;
        let mut unseen: Vec<(i64, &NodeKey, Slot)> = Vec::new();
        for (key, slot) in store.nodes.entries() {
            let Some((_, node)) = store.nodes.get(slot) else {
                continue;
            };
            let last = node.cells.last().unwrap_or(i64::MIN);
            let is_part = matches!(key.kind, NodeKind::Instance | NodeKind::Host);
            if is_part && last < before && !node.declared && !named.contains(key) {
                unseen.push((last, key, slot));
            }
        }
        unseen.sort_unstable();
        let unseen = unseen.into_iter();
        unseen.map(|(last, _, slot)| (last, slot)).collect()
    }

    fn retire(&mut self, unseen: &[(i64, Slot)]) {
        let slots = unseen.iter().map(|(_, slot)| *slot).collect();
        self.store.retire(&slots);
        let last = unseen.iter().map(|(last, _)| *last).max();
        let until = self.store.params.start_of(last.unwrap_or(i64::MIN));
        Loss::add(&mut self.losses.instances, unseen.len() as u64, until);
    }
}

/// An exchange without the instances and hosts of its parties.
#[derive(Debug)]
pub(super) struct Services {
    caller: Option<Party>,
    callee: Party,
    kind: EdgeKind,
}

impl Services {
    pub(super) fn of(exchange: Exchange<'_>) -> Self {
        let service = |party: &Party| Party {
            instance: None,
            host: None,
            ..party.clone()
        };
        Self {
            caller: exchange.caller.map(service),
            callee: service(exchange.callee),
            kind: exchange.kind,
        }
    }

    pub(super) fn exchange(&self) -> Exchange<'_> {
        Exchange {
            caller: self.caller.as_ref(),
            callee: &self.callee,
            kind: self.kind,
        }
    }
}

fn is_known(store: &Store, (from, to, kind): Named<'_>) -> bool {
    let ends = store.nodes.slot(from).zip(store.nodes.slot(to));
    ends.is_some_and(|(from, to)| store.edges.slot(&(from, to, kind)).is_some())
}
