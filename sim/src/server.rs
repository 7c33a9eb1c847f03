//! What an instance does, and which instance takes a call.

use std::collections::VecDeque;

use crate::event::Tick;
use crate::jobs::JobId;

/// One instance at work: a first-in-first-out queue before a number of workers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Server {
    /// The revision it runs, an index into its service's.
    pub(crate) revision: usize,
    /// Since when it runs that revision.
    pub(crate) since: Tick,
    pub(crate) queue: VecDeque<JobId>,
    /// Workers that hold a call, computing or waiting for callees.
    pub(crate) held: u32,
    pub(crate) cpu: Meter,
}

/// How busy the processor is: workers that compute, over time. A worker that waits is not busy.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    computing: u64,
    changed: Tick,
    busy: u64,
}

impl Meter {
    pub(crate) fn begin(&mut self, now: Tick) {
        self.count(now);
        self.computing += 1;
    }

    pub(crate) fn end(&mut self, now: Tick) {
        self.count(now);
        self.computing = self.computing.saturating_sub(1);
    }

    /// Worker-ticks of computing since the last reading.
    pub(crate) fn read(&mut self, now: Tick) -> u64 {
        self.count(now);
        std::mem::take(&mut self.busy)
    }

    fn count(&mut self, now: Tick) {
        self.busy += self.computing * (now - self.changed);
        self.changed = now;
    }
}

/// Share of a service's calls that goes to the instances of one revision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Split {
    pub(crate) revision: usize,
    pub(crate) share: f64,
}

/// How the calls of one service are spread over its instances.
#[derive(Debug, Clone, Default)]
pub(crate) struct Router {
    pub(crate) split: Option<Split>,
    /// Turns taken, on either side of a split.
    pub(crate) turns: [usize; 2],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_counts_each_computing_worker() {
        let mut meter = Meter::default();
        meter.begin(10);
        meter.begin(15);
        meter.end(20);
        assert_eq!(meter.read(30), 20 + 5);
        meter.end(32);
        assert_eq!(meter.read(40), 2);
    }
}
