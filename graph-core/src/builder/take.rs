//! What records become: cells of nodes, edges and slices.

use std::sync::Arc;

use super::admit::{Named, edges_of, nodes_of};
use super::spans::Seen;
use super::{Count, GraphBuilder};
use crate::cell::Observation;
use crate::edge::{EdgeKind, Subject};
use crate::ingest::IngestReport;
use crate::record::{Call, ChangeEvent, ChangePhase, Dependency, Party, Record, Sample};
use crate::store::{Placed, change_order};

impl GraphBuilder {
    pub(super) fn take(&mut self, record: &Record, report: &mut IngestReport) -> Count {
        if let Err(count) = self.admit(record) {
            return count;
        }
        match record {
            Record::Call(call) => self.take_call(call, report),
            Record::Sample(sample) => self.take_sample(sample),
            Record::Change(change) => self.take_change(change),
            Record::Dependency(dependency) => self.take_dependency(dependency),
        }
    }

    fn take_call(&mut self, call: &Call, report: &mut IngestReport) -> Count {
        let by_nobody = call.kind == EdgeKind::Consumes && call.caller.is_none();
        if by_nobody || call.kind == EdgeKind::RunsOn {
            return Count::Malformed;
        }
        if !self.has_room(nodes_of(call), edges_of(call)) {
            return Count::OverLimit;
        }
        let step = self.store.params.step_of(call.at);
        if let Some(id) = call.id {
            let spans_max = self.store.params.spans_max as usize;
            match self.spans.see(step, id, spans_max) {
                Seen::New => {}
                Seen::Before => return Count::Duplicate,
                Seen::Unknown => report.unchecked += 1,
            }
        }
        let seen = Observation::of(call, &self.bins);
        let callee = self.store.place(&call.callee, call.at);
        let caller = call.caller.as_ref().map(|c| self.store.place(c, call.at));
        if let Some(caller) = caller {
            let edge = self.store.edge((caller.service, callee.service, call.kind));
            if let Some(edge) = self.store.edges.get_mut(edge) {
                edge.cells.at(step).carry(&seen);
            }
        }
        // What is consumed was handled by the one that consumed it.
        let (handler, party) = match (caller, &call.caller) {
            (Some(placed), Some(party)) if call.kind == EdgeKind::Consumes => (placed, party),
            _ => (callee, &call.callee),
        };
        let others = call
            .caller
            .as_ref()
            .and_then(|caller| caller.segment.as_ref());
        let segment = call.callee.segment.as_ref().or(others);
        if !self.handle(&seen, step, handler, party, segment) {
            report.unsliced += 1;
        }
        if self.store.call_steps.last() != Some(&step) {
            Arc::make_mut(&mut self.store.call_steps).insert(step);
        }
        Count::Accepted
    }

    /// Adds a call to the service that handled it and to its instance; `false` where the service
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

    fn take_sample(&mut self, sample: &Sample) -> Count {
        if !sample.value.is_finite() {
            return Count::NonFinite;
        }
        let edge: Option<Named<'_>> = match &sample.subject {
            Subject::Node(_) => None,
            Subject::Edge { from, to, kind } => Some((from, to, *kind)),
        };
        let from = edge.map(|(from, ..)| from);
        let nodes = [sample.subject.node()].into_iter().chain(from);
        if !self.has_room(nodes, edge.into_iter()) || !self.has_room_for_metric(&sample.metric) {
            return Count::OverLimit;
        }
        self.metrics.insert(sample.metric.clone());
        let step = self.store.params.step_of(sample.at);
        let node = self.store.see(sample.subject.node(), step);
        let cells = match edge {
            Some((from, _, kind)) => {
                let from = self.store.see(from, step);
                let edge = self.store.edge((from, node, kind));
                self.store.edges.get_mut(edge).map(|edge| &mut edge.cells)
            }
            None => self.store.nodes.get_mut(node).map(|node| &mut node.cells),
        };
        let taken =
            cells.is_some_and(|cells| cells.at(step).add_sample(&sample.metric, sample.value));
        if taken {
            Count::Accepted
        } else {
            Count::OverLimit
        }
    }

    fn take_dependency(&mut self, dependency: &Dependency) -> Count {
        let Dependency { at, from, to, kind } = dependency;
        if !self.has_room([from, to].into_iter(), [(from, to, *kind)].into_iter()) {
            return Count::OverLimit;
        }
        let step = self.store.params.step_of(*at);
        let ends = [from, to].map(|end| self.store.see(end, step));
        let edge = self.store.edge((ends[0], ends[1], *kind));
        if let Some(edge) = self.store.edges.get_mut(edge) {
            edge.cells.at(step);
        }
        Count::Accepted
    }

    fn take_change(&mut self, change: &ChangeEvent) -> Count {
        let changes = &self.store.changes;
        let Err(position) = changes.binary_search_by(|held| change_order(held, change)) else {
            return Count::Duplicate;
        };
        let full = changes.len() >= self.store.params.changes_max as usize;
        let nodes = change.instances.iter().chain([&change.service]);
        if full || !self.has_room(nodes, std::iter::empty()) {
            return Count::OverLimit;
        }
        let step = self.store.params.step_of(change.at);
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
