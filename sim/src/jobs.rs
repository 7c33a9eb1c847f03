//! Calls in progress.

use std::sync::Arc;

use astern_graph_core::SpanId;

use crate::event::Tick;

/// Place of a job in the [`Jobs`]; used again after the job is gone.
pub(crate) type JobId = usize;

/// One call, from when it is sent until its answer is back.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// The job that waits for it; `None` for a request from outside.
    pub(crate) parent: Option<JobId>,
    /// The request from outside that it serves, perhaps itself.
    pub(crate) root: JobId,
    pub(crate) span: SpanId,
    pub(crate) operation: Option<Arc<str>>,
    pub(crate) service: usize,
    pub(crate) instance: usize,
    /// The revision that handles it, known once a worker takes it.
    pub(crate) revision: usize,
    pub(crate) sent: Tick,
    pub(crate) received: Tick,
    pub(crate) finished: Tick,
    /// Wait after computing, added by a fault.
    pub(crate) rest: Tick,
    pub(crate) failed: bool,
    /// Next step of calls to make.
    pub(crate) step: usize,
    /// Callees that have not answered yet.
    pub(crate) pending: u32,
    /// Spans handed out so far in the trace; counted in the root.
    pub(crate) spans: u64,
}

/// All calls in progress, in places that are used again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Jobs {
    places: Vec<Job>,
    free: Vec<JobId>,
    traces: u128,
    roots: usize,
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

    /// Adds a call that `parent` makes, or one from outside, which starts a trace.
    pub(crate) fn add(
        &mut self,
        parent: Option<JobId>,
        operation: Option<Arc<str>>,
        service: usize,
        instance: usize,
        sent: Tick,
    ) -> JobId {
        let id = self.free.pop().unwrap_or(self.places.len());
        let root = parent.map_or(id, |parent| self.places[parent].root);
        let span = if parent.is_some() {
            let root = &mut self.places[root];
            root.spans += 1;
            SpanId::new(root.span.trace, root.spans)
        } else {
            self.traces += 1;
            self.roots += 1;
            SpanId::new(self.traces, 1)
        };
        let job = Job {
            parent,
            root,
            span,
            operation,
            service,
            instance,
            revision: 0,
            sent,
            received: sent,
            finished: sent,
            rest: 0,
            failed: false,
            step: 0,
            pending: 0,
            spans: 1,
        };
        match self.places.get_mut(id) {
            Some(place) => *place = job,
            None => self.places.push(job),
        }
        id
    }

    /// Forgets a call that was answered.
    pub(crate) fn remove(&mut self, id: JobId) {
        self.roots -= usize::from(self.places[id].parent.is_none());
        self.free.push(id);
    }
}
