//! Shares of traffic to come.

use serde::{Deserialize, Serialize};

use crate::share::TrafficShare;
use crate::time::Timestamp;

/// A share of traffic that a change is to have from a time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlannedShare {
    /// From when on.
    pub at: Timestamp,
    /// The share.
    pub share: TrafficShare,
}

impl PlannedShare {
    /// A share from a time on.
    pub fn new(at: Timestamp, share: TrafficShare) -> Self {
        Self { at, share }
    }
}

/// The shares of traffic that a change is to have, by time; at least one, no two at the same time, at most a hundred.
///
/// A controller knows its stages when it starts. Stated with the [change](super::ChangeEvent::scheduled), they are what
/// traffic is expected where no step of the change has stated another share since.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use astern_graph_core::{ChangeEvent, NodeKey, PlannedShare, Schedule, Timestamp, TrafficShare};
///
/// let start = Timestamp::from_secs(600);
/// let stage = |minutes: u64, percent| {
///     let at = start.plus(Duration::from_secs(60 * minutes));
///     Ok::<_, astern_stats::ParamError>(PlannedShare::new(at, TrafficShare::percent(percent)?))
/// };
/// let schedule = Schedule::new([stage(0, 5)?, stage(10, 25)?, stage(20, 100)?])?;
/// let cart = NodeKey::service("cart");
/// let change = ChangeEvent::new("cart@2", start, cart, Some("v1".into()), "v2".into());
/// assert!(change.scheduled(schedule).check().is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<PlannedShare>", into = "Vec<PlannedShare>")]
pub struct Schedule(Vec<PlannedShare>);

/// Most stages of a schedule.
const STAGES_MAX: usize = 100;

/// Why a schedule cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// It has no stage.
    #[error("a schedule without a stage")]
    Empty,
    /// It has too many stages.
    #[error("a schedule of {stages} stages; the most is {limit}")]
    TooMany {
        /// How many.
        stages: usize,
        /// The most.
        limit: usize,
    },
    /// A stage is not later than the one before it.
    #[error("a stage at {at} after one at {before}")]
    Unordered {
        /// The stage before.
        before: Timestamp,
        /// The stage.
        at: Timestamp,
    },
    /// It begins before the step of the change that states it.
    #[error("a schedule from {first} on, stated by a step at {step}")]
    Past {
        /// The first stage.
        first: Timestamp,
        /// The time of the step.
        step: Timestamp,
    },
}

impl Schedule {
    /// A schedule of these stages, which are in order.
    ///
    /// # Errors
    /// [`ScheduleError::Empty`], [`ScheduleError::TooMany`] and [`ScheduleError::Unordered`].
    pub fn new(stages: impl Into<Vec<PlannedShare>>) -> Result<Self, ScheduleError> {
        let planned = stages.into();
        let (stages, limit) = (planned.len(), STAGES_MAX);
        if planned.is_empty() {
            return Err(ScheduleError::Empty);
        }
        if stages > limit {
            return Err(ScheduleError::TooMany { stages, limit });
        }
        let mut pairs = planned.windows(2);
        if let Some(pair) = pairs.find(|pair| pair[1].at <= pair[0].at) {
            let [before, at] = [pair[0].at, pair[1].at];
            return Err(ScheduleError::Unordered { before, at });
        }
        Ok(Self(planned))
    }

    /// The stages, the first first.
    pub fn stages(&self) -> &[PlannedShare] {
        &self.0
    }

    /// Whether it may be stated by a step at this time.
    pub(super) fn check_from(&self, step: Timestamp) -> Result<(), ScheduleError> {
        match self.0.first() {
            Some(stage) if stage.at < step => Err(ScheduleError::Past {
                first: stage.at,
                step,
            }),
            _ => Ok(()),
        }
    }
}

impl TryFrom<Vec<PlannedShare>> for Schedule {
    type Error = ScheduleError;

    fn try_from(stages: Vec<PlannedShare>) -> Result<Self, ScheduleError> {
        Self::new(stages)
    }
}

impl From<Schedule> for Vec<PlannedShare> {
    fn from(schedule: Schedule) -> Self {
        schedule.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(secs: i64) -> PlannedShare {
        PlannedShare::new(Timestamp::from_secs(secs), TrafficShare::FULL)
    }

    #[test]
    fn a_schedule_is_in_order_and_neither_empty_nor_endless() {
        assert_eq!(Schedule::new([]), Err(ScheduleError::Empty));
        for second in [9, 10] {
            let found = Schedule::new([stage(10), stage(second)]);
            let [before, at] = [10, second].map(Timestamp::from_secs);
            assert_eq!(found, Err(ScheduleError::Unordered { before, at }));
        }
        let many = |n| Schedule::new((0..n).map(stage).collect::<Vec<_>>());
        assert!(many(100).is_ok());
        let (stages, limit) = (101, 100);
        assert_eq!(many(101), Err(ScheduleError::TooMany { stages, limit }));
    }

    #[test]
    fn a_file_cannot_hold_one_that_is_refused() {
        let schedule = Schedule::new([stage(1), stage(2)]).unwrap();
        let json = serde_json::to_string(&schedule).unwrap();
        assert_eq!(serde_json::from_str::<Schedule>(&json).unwrap(), schedule);
        let back = serde_json::to_string(&[stage(2), stage(1)]).unwrap();
        let error = serde_json::from_str::<Schedule>(&back).unwrap_err();
        assert!(error.to_string().contains("a stage at"), "{error}");
        assert!(serde_json::from_str::<Schedule>("[]").is_err());
    }
}
