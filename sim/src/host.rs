//! A machine whose cores the workers that compute on it share.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::event::Tick;
use crate::jobs::JobId;

/// Shorter rests of work than this are done, ticks: they come from rounding.
const DONE: f64 = 1e-6;

/// A machine at work: egalitarian processor sharing by virtual time.
///
/// Virtual time goes on at the rate at which each worker computes, `min(1, cores / n)` for n that
/// do. Work of `w` that starts at virtual time v ends at v + w whoever comes and goes, so the
/// order of ends never changes and an arrival costs O(log n). (The idea of virtual time: Parekh
/// and Gallager, A generalized processor sharing approach to flow control, 1993.)
#[derive(Debug, Clone, Default)]
pub(crate) struct Machine {
    cores: f64,
    /// Processes that always compute, beside the work.
    hogs: f64,
    virtual_time: f64,
    changed: Tick,
    /// Ends in virtual time; bits of floats that are not negative are in the floats' order.
    ends: BinaryHeap<Reverse<(u64, u64, JobId)>>,
    put: u64,
    /// Shows which announced end is still true.
    pub(crate) version: u64,
    busy: f64,
}

impl Machine {
    pub(crate) fn new(cores: f64) -> Self {
        Self {
            cores,
            ..Self::default()
        }
    }

    /// Speed of each worker that computes, 0 to 1.
    fn rate(&self) -> f64 {
        let sharing = self.ends.len() as f64 + self.hogs;
        if sharing > self.cores {
            self.cores / sharing
        } else {
            1.0
        }
    }

    /// Virtual time of now: how much each worker could have computed, ticks.
    pub(crate) fn read(&mut self, now: Tick) -> f64 {
        let passed = (now - self.changed) as f64;
        let rate = self.rate();
        self.virtual_time += passed * rate;
        self.busy += passed * rate * (self.ends.len() as f64 + self.hogs);
        self.changed = now;
        self.virtual_time
    }

    pub(crate) fn begin(&mut self, job: JobId, work: Tick, now: Tick) {
        let end = self.read(now) + work as f64;
        self.ends.push(Reverse((end.to_bits(), self.put, job)));
        self.put += 1;
    }

    pub(crate) fn set_hogs(&mut self, hogs: f64, now: Tick) {
        self.read(now);
        self.hogs = hogs;
    }

    /// The next work that has ended by now.
    pub(crate) fn take_ended(&mut self, now: Tick) -> Option<JobId> {
        let time = self.read(now);
        let Reverse((end, _, job)) = *self.ends.peek()?;
        if f64::from_bits(end) > time + DONE {
            return None;
        }
        self.ends.pop();
        Some(job)
    }

    /// How long until the next work ends, if nobody comes or goes.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast stops at the ends of the range"
    )]
    pub(crate) fn wait(&mut self, now: Tick) -> Option<Tick> {
        let time = self.read(now);
        let Reverse((end, ..)) = *self.ends.peek()?;
        Some(((f64::from_bits(end) - time).max(0.0) / self.rate()).ceil() as Tick)
    }

    /// Core-ticks of computing since the last reading, those of hogs among them.
    pub(crate) fn take_busy(&mut self, now: Tick) -> f64 {
        self.read(now);
        std::mem::take(&mut self.busy)
    }

    pub(crate) fn cores(&self) -> f64 {
        self.cores
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn two_on_one_core_work_at_half_speed() {
        let mut machine = Machine::new(1.0);
        machine.begin(7, 100, 0);
        assert_eq!(machine.wait(0), Some(100));
        // At 40, 60 are left; the newcomer ends first.
        machine.begin(8, 20, 40);
        assert_eq!(machine.wait(40), Some(40));
        assert_eq!(machine.take_ended(79), None);
        assert_eq!(machine.take_ended(80), Some(8));
        assert_eq!(machine.wait(80), Some(40));
        assert_eq!(machine.take_ended(120), Some(7));
        assert_eq!((machine.take_ended(120), machine.wait(120)), (None, None));
        assert_relative_eq!(machine.take_busy(150), 120.0);
    }

    #[test]
    fn hogs_take_their_share_and_cores_that_suffice_are_not_shared() {
        let mut machine = Machine::new(2.0);
        machine.begin(1, 10, 0);
        machine.begin(2, 10, 0);
        assert_eq!(machine.wait(0), Some(10));
        machine.set_hogs(2.0, 0);
        assert_eq!(machine.wait(0), Some(20));
        assert_relative_eq!(machine.take_busy(5), 10.0);
    }
}
