//! Calls as their callers see them: attempts, timeouts, breakers, pools of connections, caches.
//!
//! ```text
//! call ─breaker─► pool ─► sent ─► answered or timed out ─► again, or over ─(a miss)─► the store's call
//!        └─ stopped                                                  └─► the caller goes on
//! ```

use astern_graph_core::CallStatus;
use rand::RngExt;

use super::Engine;
use crate::event::{Event, ticks_of_ms};
use crate::jobs::{GivenUp, JobId, NewJob, Origin, Stage};
use crate::model::Cache;
use crate::resilience::Retries;
use crate::streams::chance;

impl Engine {
    /// A job makes an attempt of a call.
    pub(super) fn call(&mut self, caller: JobId, call: usize, attempt: u32) {
        let to = &self.model.calls[call];
        if to.breaker.is_some() && !self.circuits[to.link].admits(self.clock) {
            self.after(0, Event::Stopped { caller, call });
            return;
        }
        if let Some(most) = to.connections {
            let instance = self.jobs.get(caller).instance;
            let pool = self.pools.entry((call, instance)).or_default();
            if pool.used >= most {
                pool.waiting.push_back((caller, attempt));
                return;
            }
            pool.used += 1;
        }
        self.send(caller, call, attempt);
    }

    fn send(&mut self, caller: JobId, call: usize, attempt: u32) {
        let timeout = match self.jobs.get(caller).calls {
            Some((_, timeout)) => Some(timeout),
            None => self.model.calls[call].timeout,
        };
        let job = self.jobs.get_mut(caller);
        job.waits.begin(self.clock);
        let trace = job.trace;
        let id = self.dispatch(NewJob {
            origin: Origin::Call { call, attempt },
            parent: Some(caller),
            trace,
            service: self.model.calls[call].service,
            instance: 0,
            sent: self.clock,
        });
        if let Some(timeout) = timeout {
            let serial = self.jobs.get(id).serial;
            self.after(timeout, Event::TimedOut { job: id, serial });
        }
    }

    pub(super) fn answer(&mut self, id: JobId) {
        let job = self.jobs.get(id);
        let (origin, parent, status, wrong) = (job.origin, job.parent, job.status, job.wrong);
        if job.given_up.is_none() {
            self.record_call(id);
        }
        self.jobs.remove(id);
        match (origin, parent) {
            (Origin::Outside, _) => self.answered += 1,
            (Origin::Call { call, attempt }, Some(caller)) => {
                self.attempt_over(caller, call, attempt, status, wrong);
            }
            _ => {}
        }
    }

    /// A caller gives an attempt up, unless it was answered before. What works on it works on.
    pub(super) fn timed_out(&mut self, id: JobId, serial: u64) {
        let job = self.jobs.get(id);
        let (stage, parent) = (job.stage, job.parent);
        let (Origin::Call { call, attempt }, Some(caller)) = (job.origin, parent) else {
            return;
        };
        if job.serial != serial {
            return;
        }
        // A callee that works on it reports how long it took once it is done.
        let recorded = stage != Stage::Held;
        let gone = GivenUp {
            caller: self.party(caller),
            at: self.clock,
            recorded,
        };
        self.jobs.get_mut(id).given_up = Some(Box::new(gone));
        if recorded {
            self.record_call(id);
        }
        self.jobs.get_mut(id).parent = None;
        if stage == Stage::Lost {
            self.jobs.remove(id);
        }
        self.attempt_over(caller, call, attempt, CallStatus::Error, false);
    }

    fn attempt_over(
        &mut self,
        caller: JobId,
        call: usize,
        attempt: u32,
        status: CallStatus,
        wrong: bool,
    ) {
        // What is the caller's own fault is no sign of trouble, and no better when tried again.
        let failed = status == CallStatus::Error;
        let job = self.jobs.get_mut(caller);
        job.waits.end(self.clock);
        let (instance, set) = (job.instance, job.calls);
        let to = &self.model.calls[call];
        if let Some(rules) = to.breaker {
            self.circuits[to.link].learn(failed, rules, self.clock);
        }
        let retries = match set {
            Some((attempts, _)) => Some(Retries::at_once(attempts)),
            None => to.retries,
        };
        if to.connections.is_some() {
            self.connection_free(call, instance);
        }
        match retries {
            Some(retries) if failed && attempt < retries.attempts => {
                let wait = retries.wait_ms(attempt, self.streams.retries.random());
                let attempt = attempt + 1;
                self.after(
                    ticks_of_ms(wait),
                    Event::Again {
                        caller,
                        call,
                        attempt,
                    },
                );
            }
            _ => self.call_over(caller, call, status, wrong),
        }
    }

    /// The next caller that waits for a connection gets it.
    fn connection_free(&mut self, call: usize, instance: usize) {
        let pool = self.pools.entry((call, instance)).or_default();
        match pool.waiting.pop_front() {
            Some((caller, attempt)) => self.send(caller, call, attempt),
            None => pool.used -= 1,
        }
    }

    /// A call has its last outcome: the caller goes on once that is so of all calls of the step.
    pub(super) fn call_over(
        &mut self,
        caller: JobId,
        call: usize,
        status: CallStatus,
        wrong: bool,
    ) {
        let failed = status != CallStatus::Ok;
        if let Some(cache) = self.model.calls[call].cache {
            let cache_of = self.model.calls[call].service;
            if failed || !self.hits(cache, cache_of) {
                self.call(caller, cache.store, 1);
                return;
            }
        }
        let spreads = wrong || failed && chance(&mut self.streams.errors, self.rules.propagation);
        let waiting = self.jobs.get_mut(caller);
        if spreads {
            waiting.worsen(if wrong { CallStatus::Error } else { status });
        }
        waiting.pending -= 1;
        if waiting.pending == 0 {
            self.worked(caller);
        }
    }

    /// Whether a cache has the value that it is asked for.
    fn hits(&mut self, cache: Cache, service: usize) -> bool {
        let warmth = self.flushed[service].map_or(1.0, |at| {
            let age = (self.clock - at) as f64;
            1.0 - (-age / cache.warm as f64).exp()
        });
        chance(&mut self.streams.caches, cache.hit_ratio * warmth)
    }
}
