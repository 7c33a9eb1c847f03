//! Whether a record may come in: its time, and room for what it names.

use std::collections::BTreeSet;

use super::{Count, GraphBuilder};
use crate::edge::EdgeKind;
use crate::key::NodeKey;
use crate::name::MetricName;
use crate::record::{Party, Record};
use crate::store::Store;
use crate::time::Timestamp;

/// Most nodes, and most edges, that a call can name.
const NAMED_MAX: usize = 6;

/// An edge that a record names.
pub(super) type Named<'a> = (&'a NodeKey, &'a NodeKey, EdgeKind);

impl GraphBuilder {
    /// First step that is kept at `now`.
    pub(super) fn oldest(&self, now: Timestamp) -> i64 {
        let kept = i64::from(self.store.params.retention_steps);
        self.store.params.step_of(now).saturating_sub(kept - 1)
    }

    /// Whether the time of a record is one that is taken. A change may be announced as late as its step is held: it is a
    /// fact about the past, and nothing that was summed up before depends on it.
    pub(super) fn admit(&self, record: &Record) -> Result<(), Count> {
        let Some(now) = self.now else { return Ok(()) };
        let at = record.at();
        let params = &self.store.params;
        let bound = params.lateness_bound();
        let first = match record {
            Record::Change(_) => self.oldest(now),
            _ => params.step_of(now.minus(bound)).max(self.oldest(now)),
        };
        if at > now.plus(bound) {
            Err(Count::Future)
        } else if params.step_of(at) < first {
            Err(Count::Late)
        } else {
            Ok(())
        }
    }

    /// Whether these nodes and edges are known, or may be added.
    pub(super) fn has_room<'a>(
        &self,
        nodes: impl Iterator<Item = &'a NodeKey> + Clone,
        edges: impl Iterator<Item = Named<'a>> + Clone,
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
        let new_nodes: BTreeSet<&NodeKey> = nodes
            .filter(|key| store.nodes.slot(key).is_none())
            .collect();
        let new_edges: BTreeSet<Named<'a>> = edges.filter(|edge| !is_known(store, *edge)).collect();
        let fits = |new: usize, held: usize, max: usize| new == 0 || held + new <= max;
        fits(new_nodes.len(), store.nodes.len(), nodes_max)
            && fits(new_edges.len(), store.edges.len(), edges_max)
    }

    pub(super) fn has_room_for_metric(&mut self, metric: &MetricName) -> bool {
        let full = |metrics: &BTreeSet<_>, max: u32| metrics.len() >= max as usize;
        let max = self.store.params.metrics_max;
        if full(&self.metrics, max) && self.metrics_stale && !self.metrics.contains(metric) {
            self.metrics = self.store.metrics();
            self.metrics_stale = false;
        }
        !full(&self.metrics, max) || self.metrics.contains(metric)
    }
}

fn is_known(store: &Store, (from, to, kind): Named<'_>) -> bool {
    let ends = store.nodes.slot(from).zip(store.nodes.slot(to));
    ends.is_some_and(|(from, to)| store.edges.slot(&(from, to, kind)).is_some())
}

/// The parties of a call, or of a batch of calls, and the kind of edge between them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exchange<'a> {
    pub(super) caller: Option<&'a Party>,
    pub(super) callee: &'a Party,
    pub(super) kind: EdgeKind,
}

impl<'a> Exchange<'a> {
    /// A party by itself.
    pub(super) fn of(party: &'a Party) -> Self {
        Self {
            caller: None,
            callee: party,
            kind: EdgeKind::Calls,
        }
    }

    fn parties(self) -> impl Iterator<Item = &'a Party> + Clone {
        self.caller.into_iter().chain([self.callee])
    }

    /// The nodes that it names.
    pub(super) fn nodes(self) -> impl Iterator<Item = &'a NodeKey> + Clone {
        self.parties().flat_map(|party| {
            let service = [&party.service].into_iter();
            service.chain(&party.instance).chain(&party.host)
        })
    }

    /// The edges that it names.
    pub(super) fn edges(self) -> impl Iterator<Item = Named<'a>> + Clone {
        let caller = self.caller.into_iter();
        let over = caller.map(move |caller| (&caller.service, &self.callee.service, self.kind));
        over.chain(self.parties().flat_map(hosting))
    }
}

fn hosting(party: &Party) -> impl Iterator<Item = Named<'_>> + Clone {
    party.host.iter().flat_map(|host| {
        let guests = party.instance.iter().chain([&party.service]);
        guests.map(move |guest| (guest, host, EdgeKind::RunsOn))
    })
}
