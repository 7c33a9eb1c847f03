//! What a run reports of itself: calls and metrics.

use std::sync::Arc;
use std::time::Duration;

use astern_graph_core::{Call, CallStatus, EdgeKind, Party, Sample};

use super::Engine;
use crate::event::{Event, Tick};
use crate::jobs::{JobId, Origin, Stage};

const CPU: &str = "cpu_utilisation";
const QUEUE_DEPTH: &str = "queue_depth";

impl Engine {
    /// A job's instance as a party of a call.
    pub(super) fn party(&self, id: JobId) -> Party {
        let job = self.jobs.get(id);
        let segment = self.jobs.segment(id);
        self.model.instances[job.instance].parties[segment][job.revision].clone()
    }

    /// What a job is asked for; a request from outside has none.
    pub(super) fn operation(&self, id: JobId) -> Option<&Arc<str>> {
        match self.jobs.get(id).origin {
            Origin::Outside => None,
            Origin::Call { call, .. } => Some(&self.model.calls[call].operation),
            Origin::Message {
                queue, consumer, ..
            } => Some(&self.model.services[queue].consumers[consumer].1),
        }
    }

    /// Whether what a party reports is lost now; without a party, whether everything is.
    fn is_blacked_out(&self, party: Option<&Party>) -> bool {
        let mut blackouts = self.model.blackouts.iter();
        blackouts.any(|lost| lost.hides(party, self.clock))
    }

    fn span(from: Tick, to: Tick) -> Duration {
        Duration::from_micros(to - from)
    }

    /// Records a call, as far as the telemetry of its sides is not lost.
    pub(super) fn record_call(&mut self, id: JobId) {
        let job = self.jobs.get(id);
        let call = match job.origin {
            Origin::Message {
                queue,
                instance,
                revision,
                ..
            } => self.consumption(id, queue, self.jobs.segment(id), (instance, revision)),
            Origin::Call { call, .. } => self.exchange(id, Some(call)),
            Origin::Outside => self.exchange(id, None),
        };
        let Some(mut call) = call else {
            return;
        };
        call.id = Some(job.span);
        call.operation = self.operation(id).cloned();
        call.status = match job.given_up {
            Some(_) => CallStatus::Error,
            None => job.status,
        };
        self.records.push(call.into());
    }

    /// The consumption of a message: only the consumer reports it.
    fn consumption(
        &self,
        id: JobId,
        queue: usize,
        segment: usize,
        (instance, revision): (usize, usize),
    ) -> Option<Call> {
        let job = self.jobs.get(id);
        let consumer = self.party(id);
        if self.is_blacked_out(Some(&consumer)) {
            return None;
        }
        let mut callee = &self.model.instances[instance].parties[segment][revision];
        if self.is_blacked_out(Some(callee)) {
            callee = &self.model.services[queue].parties[segment];
        }
        let mut call = Call::new(self.time(job.received), callee.clone())
            .from(consumer)
            .over(EdgeKind::Consumes)
            .took(None, Some(Self::span(job.received, job.finished)));
        call.exclusive = Some(self.self_time(id));
        Some(call)
    }

    /// A call, which both sides report: of one that no worker took, the caller alone.
    fn exchange(&self, id: JobId, made: Option<usize>) -> Option<Call> {
        let job = self.jobs.get(id);
        let seen = match (&job.given_up, job.parent) {
            (Some(gone), _) => Some((gone.caller.clone(), gone.at)),
            (None, Some(parent)) => Some((self.party(parent), self.clock)),
            (None, None) => None,
        };
        let service = &self.model.services[job.service].parties[self.jobs.segment(id)];
        let taken = (job.stage == Stage::Done).then(|| self.party(id));
        let lost = self.is_blacked_out(taken.as_ref().or(Some(service)));
        let callee = taken.filter(|_| !lost);
        let served = callee.is_some();
        let callee = callee.unwrap_or_else(|| service.clone());
        let mut call = Call::new(self.time(job.sent), callee);
        call.server = served.then(|| Self::span(job.received, job.finished));
        call.exclusive = served.then(|| self.self_time(id));
        if let Some(place) = made {
            call.kind = self.model.calls[place].kind;
        }
        if let Some((caller, until)) = seen {
            let reports = !self.is_blacked_out(Some(&caller));
            call.client = reports.then(|| Self::span(job.sent, until));
            call.caller = Some(caller);
        }
        // A user whose request was refused is seen at the entry.
        let entry_reports = made.is_none() && !lost;
        (call.client.is_some() || call.server.is_some() || entry_reports).then_some(call)
    }

    /// How long a call was handled, less the time in which it waited for callees.
    fn self_time(&self, id: JobId) -> Duration {
        let job = self.jobs.get(id);
        let own = (job.finished - job.received).saturating_sub(job.waits.total());
        Duration::from_micros(own)
    }

    /// Reads the metrics of the step that ends.
    pub(super) fn sample(&mut self) {
        let now = self.time(self.clock);
        let length = (self.clock - self.sampled).max(1) as f64;
        self.sampled = self.clock;
        for service in 0..self.model.services.len() {
            self.sample_service(service, length);
        }
        let all_blacked_out = self.is_blacked_out(None);
        for (host, machine) in self.model.hosts.iter().zip(&mut self.machines) {
            let busy = machine.take_busy(self.clock) / (length * machine.cores());
            if !all_blacked_out {
                let sample = Sample::new(now, host.key.clone(), CPU, rounded(busy));
                self.records.push(sample.into());
            }
        }
        self.after(self.rules.step, Event::Sample);
    }

    fn sample_service(&mut self, index: usize, length: f64) {
        let now = self.time(self.clock);
        let capacity = length * f64::from(self.model.services[index].workers);
        let (mut total, mut count) = (0.0, 0_u32);
        for instance in self.model.services[index].instances.clone() {
            let processor = self.processor_time(instance);
            let share = self.servers[instance].cpu.read(processor) as f64 / capacity;
            let server = &self.servers[instance];
            let party = &self.model.instances[instance].parties[0][server.revision];
            if server.away || self.is_blacked_out(Some(party)) {
                continue;
            }
            total += share;
            count += 1;
            let key = self.model.instances[instance].key.clone();
            self.records
                .push(Sample::new(now, key, CPU, rounded(share)).into());
        }
        let service = &self.model.services[index];
        if count > 0 {
            let mean = rounded(total / f64::from(count));
            let sample = Sample::new(now, service.key.clone(), CPU, mean);
            self.records.push(sample.into());
        }
        let reports = !self.is_blacked_out(service.parties.first());
        if reports && !service.consumers.is_empty() {
            let depth = self.depths[index] as f64;
            let sample = Sample::new(now, service.key.clone(), QUEUE_DEPTH, depth);
            self.records.push(sample.into());
        }
    }
}

fn rounded(share: f64) -> f64 {
    (share * 1e6).round() / 1e6
}
