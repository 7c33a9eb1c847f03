//! What records become: cells of nodes, edges and slices.

use std::sync::Arc;

use super::admit::Exchange;
use super::content::digest;
use super::room::{Loss, Room, Services};
use super::spans::Seen;
use super::{Count, GraphBuilder};
use crate::cell::Observation;
use crate::edge::{EdgeKind, Subject};
use crate::ingest::IngestReport;
use crate::record::{
    Call, CallBatch, ChangeEvent, ChangePhase, Dependency, Party, Record, Sample, SampleSubject,
    can_carry,
};
use crate::store::{Placed, change_order};
use crate::time::Timestamp;

impl GraphBuilder {
    pub(super) fn take(&mut self, record: &Record, report: &mut IngestReport) -> Count {
        if let Err(count) = self.admit(record) {
            return count;
        }
        if record.bounds().is_err() {
            return Count::Malformed;
        }
        match record {
            Record::Call(call) => self.take_call(call, report),
            Record::Batch(batch) => self.take_batch(batch, report),
            Record::Sample(sample) => self.take_sample(sample, report),
            Record::Change(change) => self.take_change(change),
            Record::Dependency(dependency) => self.take_dependency(dependency),
        }
    }

    fn take_call(&mut self, call: &Call, report: &mut IngestReport) -> Count {
        if !can_carry(call.kind, call.caller.as_ref()) {
            return Count::Malformed;
        }
        let exchange = Exchange {
            caller: call.caller.as_ref(),
            callee: &call.callee,
            kind: call.kind,
        };
        let step = self.store.params.step_of(call.at);
        let room = self.room_for(exchange, step);
        if room == Room::None {
            Loss::add(&mut self.losses.calls, 1, call.at);
            return Count::OverLimit;
        }
        if let Some(id) = call.id {
            let spans_max = self.store.params.spans_max as usize;
            match self.spans.see(step, id, digest(call), spans_max) {
                Seen::New => {}
                Seen::Unlike => report.unlike += 1,
                Seen::Before => return Count::Duplicate,
                Seen::Unknown => report.unchecked += 1,
            }
        }
        let seen = Observation::of(call, &self.bins);
        self.add_in(room, exchange, &seen, call.at, report);
        Count::Accepted
    }

    fn take_batch(&mut self, batch: &CallBatch, report: &mut IngestReport) -> Count {
        if batch.check().is_err() {
            return Count::Malformed;
        }
        let exchange = Exchange {
            caller: batch.caller.as_ref(),
            callee: &batch.callee,
            kind: batch.kind,
        };
        let seen = Observation::of_batch(batch, &self.bins);
        let room = self.room_for(exchange, self.store.params.step_of(batch.at));
        if room == Room::None {
            Loss::add(&mut self.losses.calls, seen.calls(), batch.at);
            return Count::OverLimit;
        }
        self.add_in(room, exchange, &seen, batch.at, report);
        Count::Accepted
    }

    /// Adds what was seen of calls to the cells for which there is room.
    fn add_in(
        &mut self,
        room: Room,
        exchange: Exchange<'_>,
        seen: &Observation,
        at: Timestamp,
        report: &mut IngestReport,
    ) {
        if room == Room::Whole {
            return self.add(exchange, seen, at, report);
        }
        report.unplaced = report.unplaced.saturating_add(seen.calls());
        Loss::add(&mut self.losses.instances, seen.calls(), at);
        self.add(Services::of(exchange).exchange(), seen, at, report);
    }

    /// Adds what was seen of calls to all cells that it belongs to.
    fn add(
        &mut self,
        exchange: Exchange<'_>,
        seen: &Observation,
        at: Timestamp,
        report: &mut IngestReport,
    ) {
        let Exchange {
            caller,
            callee,
            kind,
        } = exchange;
        let step = self.store.params.step_of(at);
        let placed_callee = self.store.place(callee, at);
        let placed_caller = caller.map(|caller| self.store.place(caller, at));
        if let Some(caller) = placed_caller {
            let edge = self
                .store
                .edge((caller.service, placed_callee.service, kind));
            if let Some(edge) = self.store.edges.get_mut(edge) {
                edge.cells.at(step).carry(seen);
            }
        }
        // What is consumed was handled by the one that consumed it.
        let (handler, party) = match (placed_caller, caller) {
            (Some(placed), Some(party)) if kind == EdgeKind::Consumes => (placed, party),
            _ => (placed_callee, callee),
        };
        let others = caller.and_then(|caller| caller.segment.as_ref());
        let segment = callee.segment.as_ref().or(others);
        if !self.handle(seen, step, handler, party, segment) {
            report.unsliced = report.unsliced.saturating_add(seen.calls());
        }
        if seen.calls() > 0 && self.store.call_steps.last() != Some(&step) {
            Arc::make_mut(&mut self.store.call_steps).insert(step);
        }
    }

    /// Adds calls to the service that handled them and to its instance; `false` where the service
    /// could not distinguish it by revision or segment.
    fn handle(
        &mut self,
        seen: &Observation,
        step: i64,
        handler: Placed,
        party: &Party,
        segment: Option<&Arc<str>>,
    ) -> bool {
        let slices_max = self.store.params.slices_max as usize;
        if let Some(instance) = handler.instance
            && let Some(node) = self.store.nodes.get_mut(instance)
        {
            node.cells.at(step).receive(seen);
        }
        let service = self.store.nodes.get_mut(handler.service);
        service.is_none_or(|node| node.handle(seen, step, party, segment, slices_max))
    }

    fn take_sample(&mut self, sample: &Sample, report: &mut IngestReport) -> Count {
        if !sample.value.is_finite() {
            return Count::NonFinite;
        }
        let step = self.store.params.step_of(sample.at);
        let fits = match &sample.subject {
            SampleSubject::Whole(Subject::Node(key)) => {
                self.make_room([key].into_iter(), std::iter::empty(), step)
            }
            SampleSubject::Whole(Subject::Edge { from, to, kind }) => self.make_room(
                [from, to].into_iter(),
                [(from, to, *kind)].into_iter(),
                step,
            ),
            SampleSubject::Part(party) => {
                let exchange = Exchange::of(party);
                self.make_room(exchange.nodes(), exchange.edges(), step)
            }
        };
        if !fits || !self.has_room_for_metric(&sample.metric) {
            return Count::OverLimit;
        }
        self.metrics.insert(sample.metric.clone());
        let taken = match &sample.subject {
            SampleSubject::Whole(Subject::Node(key)) => {
                let node = self.store.see(key, step);
                let node = self.store.nodes.get_mut(node);
                node.is_some_and(|node| {
                    node.cells.at(step).add_sample(&sample.metric, sample.value)
                })
            }
            SampleSubject::Whole(Subject::Edge { from, to, kind }) => {
                let (from, to) = (self.store.see(from, step), self.store.see(to, step));
                let edge = self.store.edge((from, to, *kind));
                let edge = self.store.edges.get_mut(edge);
                edge.is_some_and(|edge| {
                    edge.cells.at(step).add_sample(&sample.metric, sample.value)
                })
            }
            SampleSubject::Part(party) => self.take_part(party, sample, report),
        };
        if taken {
            Count::Accepted
        } else {
            Count::OverLimit
        }
    }

    /// Adds a sample of a part of a service; `false` where there is no room for it.
    fn take_part(&mut self, party: &Party, sample: &Sample, report: &mut IngestReport) -> bool {
        let slices_max = self.store.params.slices_max as usize;
        let step = self.store.params.step_of(sample.at);
        let placed = self.store.place(party, sample.at);
        let (metric, value) = (&sample.metric, sample.value);
        if let Some(instance) = placed.instance {
            let node = self.store.nodes.get_mut(instance);
            return node.is_some_and(|node| node.cells.at(step).add_sample(metric, value));
        }
        let Some(node) = self.store.nodes.get_mut(placed.service) else {
            return false;
        };
        if party.revision.is_none() && party.segment.is_none() {
            return node.cells.at(step).add_sample(metric, value);
        }
        // Parts have no common value: rates add up, shares weigh by calls. So their service has none.
        let sliced = node.in_slices(party, party.segment.as_ref(), slices_max, |cells| {
            cells.at(step).add_sample(metric, value);
        });
        report.unsliced += u64::from(!sliced);
        true
    }

    fn take_dependency(&mut self, dependency: &Dependency) -> Count {
        let Dependency { at, from, to, kind } = dependency;
        let step = self.store.params.step_of(*at);
        if !self.make_room(
            [from, to].into_iter(),
            [(from, to, *kind)].into_iter(),
            step,
        ) {
            return Count::OverLimit;
        }
        let ends = [from, to].map(|end| self.store.see(end, step));
        let edge = self.store.edge((ends[0], ends[1], *kind));
        if let Some(edge) = self.store.edges.get_mut(edge) {
            edge.cells.at(step);
        }
        Count::Accepted
    }

    fn take_change(&mut self, change: &ChangeEvent) -> Count {
        if change.check().is_err() {
            return Count::Malformed;
        }
        let changes = &self.store.changes;
        let Err(position) = changes.binary_search_by(|held| change_order(held, change)) else {
            return Count::Duplicate;
        };
        let full = changes.len() >= self.store.params.changes_max as usize;
        let nodes = change.instances.iter().chain([&change.service]);
        let step = self.store.params.step_of(change.at);
        if full || !self.make_room(nodes, std::iter::empty(), step) {
            return Count::OverLimit;
        }
        self.store.see(&change.service, step);
        let revision = match change.phase {
            ChangePhase::RolledBack => change.from.as_ref(),
            _ => Some(&change.to),
        };
        for instance in &change.instances {
            let slot = self.store.see(instance, step);
            if let Some(node) = self.store.nodes.get_mut(slot) {
                node.belongs_to(&change.service, step);
                if let Some(revision) = revision {
                    node.runs(revision, change.at, step);
                }
            }
        }
        Arc::make_mut(&mut self.store.changes).insert(position, change.clone());
        Count::Accepted
    }
}
