//! What a run tells of itself: calls and metrics.

use std::time::Duration;

use astern_graph_core::{Call, CallStatus, Sample};

use super::Engine;
use crate::event::{Event, Tick};
use crate::jobs::{Job, JobId};

const CPU: &str = "cpu_utilisation";

impl Engine {
    pub(super) fn record_call(&mut self, id: JobId) {
        let job = self.jobs.get(id);
        let party = |job: &Job| self.model.instances[job.instance].parties[job.revision].clone();
        let span = |from: Tick, to: Tick| Some(Duration::from_micros(to - from));
        let caller = job.parent.map(|parent| party(self.jobs.get(parent)));
        let client = caller.as_ref().and_then(|_| span(job.sent, self.clock));
        let status = if job.failed {
            CallStatus::Error
        } else {
            CallStatus::Ok
        };
        let mut call = Call::new(self.time(job.sent), party(job))
            .took(client, span(job.received, job.finished))
            .ended(status);
        call.id = Some(job.span);
        call.caller = caller;
        call.operation.clone_from(&job.operation);
        self.records.push(call.into());
    }

    /// Reads the metrics of the step that ends.
    pub(super) fn sample(&mut self) {
        let now = self.time(self.clock);
        let length = (self.clock - self.sampled).max(1) as f64;
        self.sampled = self.clock;
        for service in &self.model.services {
            let capacity = length * f64::from(service.workers);
            let mut total = 0.0;
            for instance in service.instances.clone() {
                let share = self.servers[instance].cpu.read(self.clock) as f64 / capacity;
                total += share;
                let key = self.model.instances[instance].key.clone();
                self.records
                    .push(Sample::new(now, key, CPU, rounded(share)).into());
            }
            let mean = rounded(total / service.instances.len() as f64);
            let sample = Sample::new(now, service.key.clone(), CPU, mean);
            self.records.push(sample.into());
        }
        self.after(self.rules.step, Event::Sample);
    }
}

fn rounded(share: f64) -> f64 {
    (share * 1e6).round() / 1e6
}
