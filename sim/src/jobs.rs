//! Calls in progress.

use astern_graph_core::{CallStatus, Party, SpanId};

use crate::event::Tick;
use crate::fault::worse;

/// Place of a job in the [`Jobs`]; used again after the job is gone.
pub(crate) type JobId = usize;

/// What brought a job about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A user.
    Outside,
    /// A call of another job, by its place in the model.
    Call { call: usize, attempt: u32 },
    /// A message of a queue: its instance, that instance's revision, and which of the queue's
    /// consumers handles it.
    Message {
        queue: usize,
        instance: usize,
        revision: usize,
        consumer: usize,
    },
}

/// How far a job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// On its way to an instance.
    Sent,
    /// Is never answered: it does not arrive, or its instance hangs.
    Lost,
    /// Waits for a worker.
    Queued,
    /// A worker holds it.
    Held,
    /// Its answer is on the way.
    Done,
    /// No instance took it.
    Refused,
}

/// One call, from when it is sent until its answer is back.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// The job that waits for it; `None` where none does, or none does any more.
    pub(crate) parent: Option<JobId>,
    pub(crate) origin: Origin,
    /// Distinguishes it from those that had its place before.
    pub(crate) serial: u64,
    /// Place of its trace.
    pub(crate) trace: usize,
    pub(crate) span: SpanId,
    pub(crate) service: usize,
    pub(crate) instance: usize,
    /// The revision that handles it, known once a worker takes it.
    pub(crate) revision: usize,
    pub(crate) stage: Stage,
    pub(crate) sent: Tick,
    pub(crate) received: Tick,
    pub(crate) finished: Tick,
    /// Wait after computing, added by a fault.
    pub(crate) rest: Tick,
    pub(crate) status: CallStatus,
    /// Its answer says Ok and makes the caller fail.
    pub(crate) wrong: bool,
    /// Attempts and timeout of all calls that it makes, where a fault sets them.
    pub(crate) calls: Option<(u32, Tick)>,
    /// Next step of calls to make.
    pub(crate) step: usize,
    /// Callees that have not answered for good yet.
    pub(crate) pending: u32,
    pub(crate) waits: Waits,
    /// What its caller saw, once that gave it up.
    pub(crate) given_up: Option<Box<GivenUp>>,
}

impl Job {
    /// Something that it meets has this outcome.
    pub(crate) fn worsen(&mut self, status: CallStatus) {
        self.status = worse(self.status, status);
    }
}

/// How long a job waited for callees.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Waits {
    open: u32,
    since: Tick,
    total: Tick,
}

impl Waits {
    /// A call is sent.
    pub(crate) fn begin(&mut self, now: Tick) {
        if self.open == 0 {
            self.since = now;
        }
        self.open += 1;
    }

    /// One is answered or given up.
    pub(crate) fn end(&mut self, now: Tick) {
        self.open = self.open.saturating_sub(1);
        if self.open == 0 {
            self.total += now - self.since;
        }
    }

    pub(crate) fn total(self) -> Tick {
        self.total
    }
}

/// A call that its caller gave up.
#[derive(Debug, Clone)]
pub(crate) struct GivenUp {
    pub(crate) caller: Party,
    pub(crate) at: Tick,
    /// Whether a record was made of it, so that its end need not.
    pub(crate) recorded: bool,
}

/// What all calls that serve one request share.
#[derive(Debug, Clone)]
struct Trace {
    id: u128,
    /// Spans handed out so far.
    spans: u64,
    /// Its calls in progress.
    live: usize,
    segment: usize,
}

/// All calls in progress, in places that are used again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Jobs {
    places: Vec<Job>,
    free: Vec<JobId>,
    traces: Vec<Trace>,
    free_traces: Vec<usize>,
    started: u128,
    serial: u64,
    roots: usize,
}

/// Where a new job comes from and goes to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewJob {
    pub(crate) origin: Origin,
    pub(crate) parent: Option<JobId>,
    /// Place of its trace.
    pub(crate) trace: usize,
    pub(crate) service: usize,
    pub(crate) instance: usize,
    pub(crate) sent: Tick,
}

impl Jobs {
    /// Number of calls in progress.
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Number of requests from outside among them.
    pub(crate) fn roots(&self) -> usize {
        self.roots
    }

    pub(crate) fn get(&self, id: JobId) -> &Job {
        &self.places[id]
    }

    pub(crate) fn get_mut(&mut self, id: JobId) -> &mut Job {
        &mut self.places[id]
    }

    /// The segment of the request that a job serves.
    pub(crate) fn segment(&self, id: JobId) -> usize {
        self.traces[self.places[id].trace].segment
    }

    /// Starts the trace of a request from outside.
    pub(crate) fn trace(&mut self, segment: usize) -> usize {
        self.started += 1;
        let trace = Trace {
            id: self.started,
            spans: 0,
            live: 0,
            segment,
        };
        if let Some(place) = self.free_traces.pop() {
            self.traces[place] = trace;
            place
        } else {
            self.traces.push(trace);
            self.traces.len() - 1
        }
    }

    pub(crate) fn add(&mut self, new: NewJob) -> JobId {
        let trace = &mut self.traces[new.trace];
        trace.spans += 1;
        trace.live += 1;
        let span = SpanId::new(trace.id, trace.spans);
        self.serial += 1;
        self.roots += usize::from(new.origin == Origin::Outside);
        let job = Job {
            parent: new.parent,
            origin: new.origin,
            serial: self.serial,
            trace: new.trace,
            span,
            service: new.service,
            instance: new.instance,
            revision: 0,
            stage: Stage::Sent,
            sent: new.sent,
            received: new.sent,
            finished: new.sent,
            rest: 0,
            status: CallStatus::Ok,
            wrong: false,
            calls: None,
            step: 0,
            pending: 0,
            waits: Waits::default(),
            given_up: None,
        };
        if let Some(id) = self.free.pop() {
            self.places[id] = job;
            id
        } else {
            self.places.push(job);
            self.places.len() - 1
        }
    }

    /// Forgets a call that is over.
    pub(crate) fn remove(&mut self, id: JobId) {
        let job = &mut self.places[id];
        // No timeout finds it any more.
        job.serial = 0;
        self.roots -= usize::from(job.origin == Origin::Outside);
        let trace = &mut self.traces[job.trace];
        trace.live -= 1;
        if trace.live == 0 {
            self.free_traces.push(job.trace);
        }
        self.free.push(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_that_overlap_count_once() {
        let mut waits = Waits::default();
        waits.begin(10);
        waits.begin(12);
        waits.end(15);
        waits.end(20);
        waits.begin(30);
        waits.end(31);
        assert_eq!(waits.total(), 11);
    }

    #[test]
    fn a_place_used_again_has_another_serial_and_span() {
        let mut jobs = Jobs::default();
        let new = |trace| NewJob {
            origin: Origin::Outside,
            parent: None,
            trace,
            service: 0,
            instance: 0,
            sent: 0,
        };
        let trace = jobs.trace(0);
        let first = jobs.add(new(trace));
        let (serial, span) = (jobs.get(first).serial, jobs.get(first).span);
        jobs.remove(first);
        let trace = jobs.trace(0);
        let second = jobs.add(new(trace));
        assert_eq!(first, second);
        assert_ne!(jobs.get(second).serial, serial);
        assert_ne!(jobs.get(second).span, span);
        assert_eq!((jobs.len(), jobs.roots()), (1, 1));
    }
}
