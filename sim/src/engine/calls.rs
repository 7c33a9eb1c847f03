//! The life of one call.
//!
//! ```text
//! sent ─network─► received ─queue─► computing ─(a fault's wait)─► callees, step by step ─network─► answered
//! ```

use super::Engine;
use crate::event::{Event, ticks_of_ms};
use crate::fault::Cost;
use crate::jobs::JobId;
use crate::streams::chance;

const TICKS_PER_MINUTE: f64 = 60e6;

impl Engine {
    pub(super) fn receive(&mut self, id: JobId) {
        let job = self.jobs.get_mut(id);
        job.received = self.clock;
        let server = &mut self.servers[job.instance];
        if server.held < self.model.services[job.service].workers {
            self.begin(id);
        } else {
            server.queue.push_back(id);
        }
    }

    /// A worker takes the call.
    fn begin(&mut self, id: JobId) {
        let job = self.jobs.get_mut(id);
        let server = &mut self.servers[job.instance];
        server.held += 1;
        server.cpu.begin(self.clock);
        let work = self.model.services[job.service].work;
        let work_ms = work.draw_ms(&mut self.streams.work);
        let bad = self
            .model
            .bad
            .filter(|bad| bad.service == job.service && bad.revision == server.revision);
        let cost = match bad {
            Some(bad) => {
                let minutes = (self.clock - server.since) as f64 / TICKS_PER_MINUTE;
                bad.kind.cost(work_ms, minutes, &mut self.streams.fault)
            }
            None => Cost::healthy(work_ms),
        };
        let unlucky = chance(&mut self.streams.errors, self.rules.background_errors);
        job.revision = server.revision;
        job.failed = cost.fails || unlucky;
        job.rest = ticks_of_ms(cost.rest_ms);
        self.after(ticks_of_ms(cost.compute_ms), Event::Computed(id));
    }

    pub(super) fn computed(&mut self, id: JobId) {
        let job = self.jobs.get(id);
        self.servers[job.instance].cpu.end(self.clock);
        let rest = job.rest;
        if rest > 0 {
            self.after(rest, Event::Rested(id));
        } else {
            self.worked(id);
        }
    }

    /// The call is worked on: it goes on to its next callees, or fails before it.
    pub(super) fn worked(&mut self, id: JobId) {
        if self.jobs.get(id).failed {
            self.finish(id);
        } else {
            self.call_on(id);
        }
    }

    /// Makes the calls of the next step that has any; finishes after the last.
    fn call_on(&mut self, id: JobId) {
        let job = self.jobs.get(id);
        let service = job.service;
        for step in job.step..self.model.services[service].steps.len() {
            let mut pending = 0;
            for call in 0..self.model.services[service].steps[step].len() {
                let call = &self.model.services[service].steps[step][call];
                if chance(&mut self.streams.calls, call.probability) {
                    let (to, operation) = (call.service, call.operation.clone());
                    self.send(Some(id), to, Some(operation));
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
        let server = &mut self.servers[job.instance];
        server.held -= 1;
        if let Some(next) = server.queue.pop_front() {
            self.begin(next);
        }
        let travel = self.travel();
        self.after(travel, Event::Answered(id));
    }

    pub(super) fn answer(&mut self, id: JobId) {
        self.record_call(id);
        let job = self.jobs.get(id);
        let (parent, failed) = (job.parent, job.failed);
        self.jobs.remove(id);
        let Some(parent) = parent else {
            self.answered += 1;
            return;
        };
        let spreads = failed && chance(&mut self.streams.errors, self.rules.propagation);
        let waiting = self.jobs.get_mut(parent);
        waiting.failed |= spreads;
        waiting.pending -= 1;
        if waiting.pending == 0 {
            self.worked(parent);
        }
    }
}
