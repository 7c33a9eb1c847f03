//! What is to happen, in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::jobs::JobId;

/// Microseconds since the start of the scenario. Every time in a run is a whole number of them,
/// so records need no rounding and survive the way through a file unchanged.
pub(crate) type Tick = u64;

/// Ticks of a span, rounded down; of a span beyond 584,000 years, the greatest number.
pub(crate) fn ticks(span: Duration) -> Tick {
    u64::try_from(span.as_micros()).unwrap_or(Tick::MAX)
}

/// Ticks of a time in milliseconds, rounded to the nearest.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast stops at the ends of the range, and times are never negative"
)]
pub(crate) fn ticks_of_ms(ms: f64) -> Tick {
    (ms * 1e3).round() as Tick
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// A request may come from outside; under drift, some do not.
    Arrival,
    /// A call reaches its instance.
    Received(JobId),
    /// An instance has done its own computing for a call.
    Computed(JobId),
    /// The wait that a fault added is over.
    Rested(JobId),
    /// Work on a shared machine may have ended, if nobody came or went since the announcement of
    /// this version.
    Ended { host: usize, version: u64 },
    /// An answer reaches the caller.
    Answered(JobId),
    /// A caller has waited for as long as it will, if the job still has this serial.
    TimedOut { job: JobId, serial: u64 },
    /// A caller makes the next attempt of a call.
    Again {
        caller: JobId,
        call: usize,
        attempt: u32,
    },
    /// A breaker has stopped a call.
    Stopped { caller: JobId, call: usize },
    /// The fault of a place starts or ends, by its place in the model.
    PlaceFault(usize),
    /// The next batch of a release is due, by the release's index.
    Batch(usize),
    /// A step ends and its metrics are read.
    Sample,
}

/// Events to come, ordered by time and, at equal times, by when they were put in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Agenda {
    heap: BinaryHeap<Reverse<(Tick, u64, Event)>>,
    put: u64,
}

impl Agenda {
    /// Puts an event in.
    pub(crate) fn put(&mut self, at: Tick, event: Event) {
        self.heap.push(Reverse((at, self.put, event)));
        self.put += 1;
    }

    /// Takes the next event that happens before `end`, if one does.
    pub(crate) fn take_before(&mut self, end: Tick) -> Option<(Tick, Event)> {
        let Reverse((at, ..)) = *self.heap.peek()?;
        if at >= end {
            return None;
        }
        self.heap.pop().map(|Reverse((at, _, event))| (at, event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_in_the_order_they_were_put_in() {
        let mut agenda = Agenda::default();
        for (at, event) in [
            (5, Event::Sample),
            (3, Event::Batch(9)),
            (3, Event::Batch(1)),
            (8, Event::Arrival),
        ] {
            agenda.put(at, event);
        }
        let taken: Vec<_> = std::iter::from_fn(|| agenda.take_before(8)).collect();
        assert_eq!(
            taken,
            [
                (3, Event::Batch(9)),
                (3, Event::Batch(1)),
                (5, Event::Sample)
            ]
        );
        assert_eq!(agenda.take_before(9), Some((8, Event::Arrival)));
    }

    #[test]
    fn times_beyond_the_range_stop_at_its_ends() {
        assert_eq!(ticks(Duration::MAX), Tick::MAX);
        assert_eq!(ticks_of_ms(f64::INFINITY), Tick::MAX);
        assert_eq!(ticks_of_ms(0.0014), 1);
    }
}
