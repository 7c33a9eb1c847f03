//! The life of one call at its instance.
//!
//! ```text
//! sent ─network─► received ─queue─► computing ─(a fault's wait)─► callees, step by step ─network─► answered
//!                     └─ refused, where the queue is full or the instance is away
//! ```

use astern_graph_core::CallStatus;

use super::Engine;
use crate::event::{Event, Tick, ticks_of_ms};
use crate::fault::{Cost, FaultKind};
use crate::jobs::{JobId, NewJob, Origin, Stage};
use crate::model::Place;
use crate::streams::chance;

const TICKS_PER_MINUTE: f64 = 60e6;

impl Engine {
    pub(super) fn receive(&mut self, id: JobId) {
        let job = self.jobs.get_mut(id);
        job.received = self.clock;
        let (service, instance) = (job.service, job.instance);
        match self.keeps_away(service, instance) {
            None => {}
            Some(FaultKind::Unanswered { .. }) => {
                self.jobs.get_mut(id).stage = Stage::Lost;
                return;
            }
            Some(_) => return self.refuse(id),
        }
        let server = &mut self.servers[instance];
        let waiting = server.queue.len();
        let workers = self
            .model
            .workers(service, instance, server.revision, self.clock);
        if server.away {
            self.refuse(id);
        } else if server.held < workers {
            self.begin(id);
        } else if waiting < self.model.services[service].queue_limit {
            server.queue.push_back(id);
            self.jobs.get_mut(id).stage = Stage::Queued;
        } else {
            self.refuse(id);
        }
    }

    /// The fault that keeps the next call to an instance from its workers, if one does.
    fn keeps_away(&mut self, service: usize, instance: usize) -> Option<FaultKind> {
        let revision = self.servers[instance].revision;
        let faults = self
            .model
            .faults_of(service, instance, revision, self.clock);
        let rng = &mut self.streams.fault;
        faults.into_iter().find(|kind| match kind {
            FaultKind::NotReady => true,
            FaultKind::Refused { share } | FaultKind::Unanswered { share } => chance(rng, *share),
            _ => false,
        })
    }

    /// Fails a call that no worker will take; a message is dropped.
    pub(super) fn refuse(&mut self, id: JobId) {
        let job = self.jobs.get_mut(id);
        job.stage = Stage::Refused;
        job.status = CallStatus::Error;
        if let Origin::Message { queue, .. } = job.origin {
            self.depths[queue] -= 1;
            self.jobs.remove(id);
        } else {
            let travel = self.travel();
            self.after(travel, Event::Answered(id));
        }
    }

    /// Workers that are free take calls from the queue.
    pub(super) fn pump(&mut self, service: usize, instance: usize) {
        loop {
            let server = &mut self.servers[instance];
            let workers = self
                .model
                .workers(service, instance, server.revision, self.clock);
            if server.held >= workers {
                return;
            }
            let Some(next) = server.queue.pop_front() else {
                return;
            };
            self.begin(next);
        }
    }

    /// A worker takes the call.
    fn begin(&mut self, id: JobId) {
        let cost = self.cost(id);
        let processor = self.processor_time(self.jobs.get(id).instance);
        let job = self.jobs.get_mut(id);
        let (service, instance) = (job.service, job.instance);
        let server = &mut self.servers[instance];
        server.held += 1;
        server.cpu.begin(processor);
        let unlucky = chance(&mut self.streams.errors, self.rules.background_errors);
        let outdated = server.revision < self.oldest[service];
        job.stage = Stage::Held;
        job.revision = server.revision;
        job.worsen(cost.status);
        if unlucky || outdated {
            job.worsen(CallStatus::Error);
        }
        job.wrong = cost.wrong;
        job.rest = ticks_of_ms(cost.rest_ms);
        job.calls = cost.calls.map(|(attempts, ms)| (attempts, ticks_of_ms(ms)));
        if let Origin::Message { queue, .. } = job.origin {
            // The wait in the queue is the queue's, not the consumer's.
            job.received = self.clock;
            self.depths[queue] -= 1;
        }
        let compute = ticks_of_ms(cost.compute_ms);
        match self.model.instances[instance].host {
            Some(host) => {
                self.machines[host].begin(id, compute, self.clock);
                self.announce(host);
            }
            None => self.after(compute, Event::Computed(id)),
        }
    }

    /// What a call costs its instance: its work, the instance's start, and what is wrong.
    fn cost(&mut self, id: JobId) -> Cost {
        let job = self.jobs.get(id);
        let (service, instance) = (job.service, job.instance);
        let (spec, server) = (&self.model.services[service], &self.servers[instance]);
        let (longer, failing) = match (spec.start_up, server.started) {
            (Some(start_up), Some(started)) => start_up.at(self.clock - started),
            _ => (1.0, 0.0),
        };
        let factor = spec.work_factors[server.revision] * longer;
        let work_ms = spec.work.draw_ms(&mut self.streams.work);
        let mut cost = Cost::healthy(work_ms * (factor / self.model.instances[instance].speed));
        if spec.client_errors > 0.0 && chance(&mut self.streams.refusals, spec.client_errors) {
            cost.status = CallStatus::ClientError;
        }
        if failing > 0.0 && chance(&mut self.streams.start_ups, failing) {
            cost.status = CallStatus::Error;
        }
        let started = server.started.unwrap_or(0);
        for index in 0..self.model.bads.len() {
            if self.is_hit(id, index) {
                let bad = &self.model.bads[index];
                let since = started.max(bad.during.start);
                let minutes = (self.clock - since) as f64 / TICKS_PER_MINUTE;
                cost = bad.kind.on_top(cost, minutes, &mut self.streams.fault);
            }
        }
        cost
    }

    /// Whether one of the faults is in the code that is about to handle a call.
    fn is_hit(&mut self, id: JobId, index: usize) -> bool {
        let bad = &self.model.bads[index];
        if !bad.during.contains(&self.clock) {
            return false;
        }
        let job = self.jobs.get(id);
        let revision = self.servers[job.instance].revision;
        let there = match bad.place {
            Place::Flag { service } => {
                service == job.service
                    && chance(&mut self.streams.flags, self.flag_shares[job.service])
            }
            place => place.runs(job.service, job.instance, revision),
        };
        there && bad.concerns(self.operation(id), self.jobs.segment(id))
    }

    pub(super) fn computed(&mut self, id: JobId) {
        let instance = self.jobs.get(id).instance;
        let processor = self.processor_time(instance);
        self.servers[instance].cpu.end(processor);
        let rest = self.jobs.get(id).rest;
        if rest > 0 {
            self.after(rest, Event::Rested(id));
        } else {
            self.worked(id);
        }
    }

    /// The call is worked on: it goes on to its next callees, or is answered with an error.
    pub(super) fn worked(&mut self, id: JobId) {
        if self.jobs.get(id).status == CallStatus::Ok {
            self.call_on(id);
        } else {
            self.finish(id);
        }
    }

    /// Makes the calls of the next step that has any; finishes after the last.
    fn call_on(&mut self, id: JobId) {
        let (service, next) = (self.jobs.get(id).service, self.jobs.get(id).step);
        let segment = self.jobs.segment(id);
        for step in next..self.model.services[service].steps.len() {
            let mut pending = 0;
            for place in 0..self.model.services[service].steps[step].len() {
                let call = self.model.services[service].steps[step][place];
                let to = &self.model.calls[call];
                let favour = to.favours.get(segment).copied().unwrap_or(1.0);
                if chance(&mut self.streams.calls, to.probability * favour) {
                    self.call(id, call, 1);
                    pending += 1;
                }
            }
            if pending > 0 {
                let job = self.jobs.get_mut(id);
                job.step = step + 1;
                job.pending = pending;
                return;
            }
        }
        self.finish(id);
    }

    /// The worker is done and takes the next call from the queue.
    fn finish(&mut self, id: JobId) {
        let job = self.jobs.get_mut(id);
        job.finished = self.clock;
        job.stage = Stage::Done;
        let (service, instance, origin) = (job.service, job.instance, job.origin);
        let (status, recorded) = (job.status, job.given_up.as_ref().map(|gone| gone.recorded));
        self.servers[instance].held -= 1;
        self.pump(service, instance);
        if status == CallStatus::Ok {
            self.publish(id);
        }
        match (origin, recorded) {
            (Origin::Message { .. }, _) | (_, Some(false)) => {
                self.record_call(id);
                self.jobs.remove(id);
            }
            (_, Some(true)) => self.jobs.remove(id),
            (_, None) => {
                let travel = self.travel().saturating_add(self.detour(id));
                self.after(travel, Event::Answered(id));
            }
        }
    }

    /// A queue that has accepted a message hands it to each of its consumers.
    fn publish(&mut self, id: JobId) {
        let job = self.jobs.get(id);
        let (queue, instance, revision, trace) =
            (job.service, job.instance, job.revision, job.trace);
        for consumer in 0..self.model.services[queue].consumers.len() {
            let service = self.model.services[queue].consumers[consumer].0;
            self.depths[queue] += 1;
            let origin = Origin::Message {
                queue,
                instance,
                revision,
                consumer,
            };
            self.dispatch(NewJob {
                origin,
                parent: None,
                trace,
                service,
                instance: 0,
                sent: self.clock,
            });
        }
    }

    /// How far the processor of an instance has come: time, or a machine's virtual time.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "virtual time is never negative and never ahead of the clock"
    )]
    pub(super) fn processor_time(&mut self, instance: usize) -> Tick {
        match self.model.instances[instance].host {
            Some(host) => self.machines[host].read(self.clock) as Tick,
            None => self.clock,
        }
    }

    /// Announces when the next work on a machine ends; what was announced before is void.
    pub(super) fn announce(&mut self, host: usize) {
        let machine = &mut self.machines[host];
        machine.version += 1;
        let version = machine.version;
        if let Some(wait) = machine.wait(self.clock) {
            self.after(wait, Event::Ended { host, version });
        }
    }

    /// Work on a machine has ended, if that was the last announcement of it.
    pub(super) fn ended(&mut self, host: usize, version: u64) {
        if self.machines[host].version != version {
            return;
        }
        while let Some(id) = self.machines[host].take_ended(self.clock) {
            self.computed(id);
        }
        self.announce(host);
    }
}
