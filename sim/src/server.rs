//! What an instance does, and which instance takes a call.

use std::collections::VecDeque;

use crate::event::{Tick, ticks};
use crate::jobs::JobId;
use crate::resilience::Breaker;

/// One instance at work: a first-in-first-out queue before a number of workers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Server {
    /// The revision it runs, an index into its service's.
    pub(crate) revision: usize,
    /// When it got that revision or was restarted; none where that was before the run.
    pub(crate) started: Option<Tick>,
    /// Whether it is not there: it is not started yet, or down.
    pub(crate) away: bool,
    pub(crate) queue: VecDeque<JobId>,
    /// Workers that hold a call, computing or waiting for callees.
    pub(crate) held: u32,
    pub(crate) cpu: Meter,
}

/// How busy the processor is: workers that compute, over time. A worker that waits is not busy.
/// On a shared machine, time is its virtual time.
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

/// The state of a circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Circuit {
    /// Lets calls through; so many failed in a row.
    Closed { failures: u32 },
    /// Stops calls until then.
    Open { until: Tick },
    /// Has let one call through and awaits its outcome.
    HalfOpen,
}

impl Default for Circuit {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Circuit {
    /// Whether a call may be sent now.
    pub(crate) fn admits(&mut self, now: Tick) -> bool {
        match *self {
            Self::Closed { .. } => true,
            Self::Open { until } if now >= until => {
                *self = Self::HalfOpen;
                true
            }
            Self::Open { .. } | Self::HalfOpen => false,
        }
    }

    /// Learns how a call ended.
    pub(crate) fn learn(&mut self, failed: bool, rules: Breaker, now: Tick) {
        let open = Self::Open {
            until: now.saturating_add(ticks(rules.open)),
        };
        *self = match *self {
            Self::Closed { failures } if failed && failures + 1 >= rules.failures => open,
            Self::Closed { failures } if failed => Self::Closed {
                failures: failures + 1,
            },
            Self::HalfOpen if failed => open,
            Self::Closed { .. } | Self::HalfOpen => Self::default(),
            // A call that was under way when it opened.
            Self::Open { until } => Self::Open { until },
        };
    }
}

/// The connections of one instance for one call that it makes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool {
    pub(crate) used: u32,
    /// Callers that wait for one, and their attempts.
    pub(crate) waiting: VecDeque<(JobId, u32)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_breaker_opens_probes_and_closes() {
        let rules = Breaker::new(2, Duration::from_micros(100));
        let mut circuit = Circuit::default();
        for failed in [true, false, true] {
            circuit.learn(failed, rules, 0);
            assert!(circuit.admits(0), "two in a row open it");
        }
        circuit.learn(true, rules, 10);
        assert_eq!(circuit, Circuit::Open { until: 110 });
        circuit.learn(false, rules, 20);
        assert!(!circuit.admits(109));
        assert!(
            circuit.admits(110) && !circuit.admits(110),
            "one probe at a time"
        );
        circuit.learn(true, rules, 120);
        assert!(!circuit.admits(219) && circuit.admits(220));
        circuit.learn(false, rules, 230);
        assert_eq!(circuit, Circuit::default());
    }

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
