//! On whose behalf each call of a trace was made.

use super::TracedCall;

/// The calls into each service that may still be making calls of their own.
#[derive(Debug, Default)]
pub(super) struct Parents {
    /// By service: calls that had not ended when they were last looked at, the latest last.
    open: Vec<Vec<usize>>,
    /// By service: the latest call into it.
    latest: Vec<Option<usize>>,
    /// Services of the trace at hand, to be forgotten after it.
    touched: Vec<usize>,
}

impl Parents {
    pub(super) fn new(services: usize) -> Self {
        Self {
            open: vec![Vec::new(); services],
            latest: vec![None; services],
            touched: Vec::new(),
        }
    }

    /// Finds the parents of the calls of one trace, which are sorted by time. `O(n)`: a call is
    /// closed once.
    pub(super) fn find(&mut self, calls: &mut [TracedCall]) {
        for i in 0..calls.len() {
            calls[i].parent = calls[i].caller.and_then(|caller| {
                let open = &mut self.open[caller];
                while open.last().is_some_and(|j| calls[*j].end() < calls[i].at) {
                    open.pop();
                }
                open.last().copied().or(self.latest[caller])
            });
            let service = calls[i].service;
            self.open[service].push(i);
            self.latest[service] = Some(i);
            self.touched.push(service);
        }
        for service in self.touched.drain(..) {
            self.open[service].clear();
            self.latest[service] = None;
        }
    }
}
