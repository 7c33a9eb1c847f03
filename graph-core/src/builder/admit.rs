//! Whether a record may come in by its time, and what it names.

use std::collections::BTreeSet;

use super::{Count, GraphBuilder};
use crate::edge::EdgeKind;
use crate::key::NodeKey;
use crate::name::MetricName;
use crate::record::{Party, Record};
use crate::time::Timestamp;

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
