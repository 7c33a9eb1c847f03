//! Times that cannot be right.

use std::time::Duration;

use astern_graph_core::Timestamp;

/// A time is too far from the one before it to be right. Nothing was changed.
///
/// One that lies in the future would empty the graph and stop every run until it comes. Where it is right all the same (a
/// guard that nobody called for long), hand it to [`Guard::set_clock`](crate::Guard::set_clock) first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("now is {now}, and was {newest} before: more than {} s apart", .limit.as_secs_f64())]
#[non_exhaustive]
pub struct ClockError {
    /// The time given.
    pub now: Timestamp,
    /// The newest time that was taken.
    pub newest: Timestamp,
    /// The greatest distance that is believed.
    pub limit: Duration,
}

/// The newest time that was given.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Clock(Option<Timestamp>);

impl Clock {
    /// Takes a time unless it is further from the newest than `limit`. Ahead, it is believed as long as there is nothing to
    /// lose.
    pub(super) fn take(
        &mut self,
        now: Timestamp,
        limit: Duration,
        has_learnt: bool,
    ) -> Result<(), ClockError> {
        self.check(now, limit, has_learnt)?;
        self.set(now);
        Ok(())
    }

    pub(super) fn check(
        self,
        now: Timestamp,
        limit: Duration,
        has_learnt: bool,
    ) -> Result<(), ClockError> {
        let Some(newest) = self.0 else {
            return Ok(());
        };
        let is_ahead = has_learnt && now.since(newest) > limit;
        if is_ahead || newest.since(now) > limit {
            return Err(ClockError { now, newest, limit });
        }
        Ok(())
    }

    /// Takes a time that lies ahead, however far.
    pub(super) fn set(&mut self, now: Timestamp) {
        self.0 = self.0.max(Some(now));
    }
}
