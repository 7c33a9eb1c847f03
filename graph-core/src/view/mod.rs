//! What a graph states of values over time.
//!
//! | question | answered by |
//! |---|---|
//! | how did the calls of this node, edge or slice end, once or step by step | `calls` |
//! | one metric of one of them over time | `series` |
//! | all metrics of all of a kind over time, dense | `windows` |
//! | only what was there in this time; when nothing was seen | `during` |
//! | what changed where, when, on which instances | `rollouts` |
//! | which attempts of a change there were | `attempts` |
//! | which share of the traffic an attempt has, and whether it is open | `shares` |
//! | who is old and who is new of a change, and when | `sides` |

mod attempts;
mod calls;
mod columns;
mod during;
mod fill;
mod rollouts;
mod series;
mod shares;
mod sides;
mod unannounced;
mod windows;

pub use attempts::Attempt;
pub use calls::CallsOverTime;
pub use rollouts::Rollout;
pub use sides::{ChangeSide, SideOverTime, SideRule, Sides};
pub use windows::WINDOW_VALUES_MAX;

use crate::error::GraphError;
use crate::graph::TemporalGraph;
use crate::time::{TimeRange, Timestamp};

/// Most steps that one window or series may have.
pub const WINDOW_STEPS_MAX: u64 = 1_000_000;

impl TemporalGraph {
    /// First step that a range touches, and the first after it; `None` when it is empty.
    fn steps_of(&self, range: TimeRange) -> Option<(i64, i64)> {
        if range.is_empty() {
            return None;
        }
        let last_instant = Timestamp::from_nanos(range.end.nanos().saturating_sub(1));
        let first = self.params.step_of(range.start);
        Some((first, self.params.step_of(last_instant).saturating_add(1)))
    }

    /// First step of a range and the number of its steps.
    fn checked_steps(&self, range: TimeRange) -> Result<(i64, usize), GraphError> {
        let (first, end) = self
            .steps_of(range)
            .ok_or(GraphError::EmptyRange { range })?;
        let steps = end.abs_diff(first);
        match usize::try_from(steps) {
            Ok(n) if steps <= WINDOW_STEPS_MAX => Ok((first, n)),
            _ => Err(GraphError::TooLong {
                range,
                steps,
                limit: WINDOW_STEPS_MAX,
            }),
        }
    }

    /// The steps that a range touches, in order, each whole.
    ///
    /// # Errors
    /// [`GraphError::EmptyRange`] and [`GraphError::TooLong`], as for a window.
    pub fn steps(
        &self,
        range: TimeRange,
    ) -> Result<impl ExactSizeIterator<Item = TimeRange> + '_, GraphError> {
        let (first, count) = self.checked_steps(range)?;
        Ok((0..count).map(move |i| {
            let i = i64::try_from(i).unwrap_or(i64::MAX);
            self.range_of_step(first.saturating_add(i))
        }))
    }

    fn range_of_step(&self, step: i64) -> TimeRange {
        let [start, end] = [step, step.saturating_add(1)].map(|s| self.params.start_of(s));
        TimeRange { start, end }
    }

    /// The longest runs of steps, of `count` from the first on, of which this holds.
    fn runs_of_steps(
        &self,
        first: i64,
        count: usize,
        holds: impl Fn(i64) -> bool,
    ) -> Vec<TimeRange> {
        let mut runs: Vec<TimeRange> = Vec::new();
        for step in (first..).take(count).filter(|step| holds(*step)) {
            let step = self.range_of_step(step);
            match runs.last_mut() {
                Some(run) if run.end == step.start => run.end = step.end,
                _ => runs.push(step),
            }
        }
        runs
    }
}
