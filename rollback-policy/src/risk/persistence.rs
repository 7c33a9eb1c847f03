//! How lasting an anomaly is.

use serde::{Deserialize, Serialize};

use astern_graph_core::signal::Verdict;
use astern_stats::ParamError;
use astern_stats::param::in_range;

/// Most ticks that are remembered: one bit each.
pub(crate) const TICKS_MAX: u32 = 64;

/// Share of the last `k` ticks that were anomalous.
///
/// The denominator is always `k`: after one anomalous tick of five the share is 0.2 and not 1, so
/// a first spike does not count as lasting. A tick without a judgement
/// ([`Verdict::Inconclusive`], [`Verdict::NoData`]) leaves everything as it is: losing telemetry
/// neither raises nor lowers the risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Stored", try_from = "Stored")]
pub struct Persistence {
    ticks: u32,
    /// The last tick is the lowest bit; bits from `ticks` on are zero.
    anomalous: u64,
}

impl Persistence {
    /// An empty history of `ticks` ticks.
    ///
    /// # Errors
    /// [`ParamError::OutOfRange`] unless there are 1 to 64.
    pub fn new(ticks: u32) -> Result<Self, ParamError> {
        in_range("ticks", f64::from(ticks), 1.0, f64::from(TICKS_MAX))?;
        Ok(Self::of_ticks(ticks))
    }

    /// For a number that was checked before.
    pub(crate) fn of_ticks(ticks: u32) -> Self {
        Self {
            ticks,
            anomalous: 0,
        }
    }

    /// The same history over another number of ticks, which was checked before.
    pub(crate) fn over(&self, ticks: u32) -> Self {
        Self {
            ticks,
            anomalous: self.anomalous & mask(ticks),
        }
    }

    /// Takes in the verdict of one tick.
    pub fn record(&mut self, verdict: Verdict) {
        let anomalous = match verdict {
            Verdict::Regressed => 1,
            Verdict::Healthy => 0,
            Verdict::Inconclusive | Verdict::NoData => return,
        };
        self.anomalous = (self.anomalous << 1 | anomalous) & mask(self.ticks);
    }

    /// Share of the last ticks that were anomalous, 0..=1.
    pub fn share(&self) -> f64 {
        f64::from(self.anomalous.count_ones()) / f64::from(self.ticks)
    }
}

/// The lowest `ticks` bits, for 1 to 64.
fn mask(ticks: u32) -> u64 {
    u64::MAX >> (TICKS_MAX - ticks)
}

#[derive(Serialize, Deserialize)]
struct Stored {
    ticks: u32,
    anomalous: u64,
}

impl From<Persistence> for Stored {
    fn from(Persistence { ticks, anomalous }: Persistence) -> Self {
        Self { ticks, anomalous }
    }
}

impl TryFrom<Stored> for Persistence {
    type Error = ParamError;

    fn try_from(stored: Stored) -> Result<Self, ParamError> {
        let mut persistence = Self::new(stored.ticks)?;
        persistence.anomalous = stored.anomalous & mask(stored.ticks);
        Ok(persistence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn too_few_and_too_many_ticks_are_refused() {
        assert!(Persistence::new(0).is_err() && Persistence::new(65).is_err());
        assert!(serde_json::from_str::<Persistence>(r#"{"ticks":0,"anomalous":0}"#).is_err());
        let full = r#"{"ticks":2,"anomalous":255}"#;
        let read: Persistence = serde_json::from_str(full).unwrap();
        assert!((read.share() - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_tick_without_judgement_changes_nothing() {
        let mut persistence = Persistence::new(5).unwrap();
        persistence.record(Verdict::Regressed);
        let before = persistence.clone();
        persistence.record(Verdict::NoData);
        persistence.record(Verdict::Inconclusive);
        assert_eq!(persistence, before);
        assert!((persistence.share() - 0.2).abs() < 1e-12);
    }

    #[test]
    fn over_another_number_of_ticks_the_newest_count() {
        let mut five = Persistence::new(5).unwrap();
        for verdict in [Verdict::Regressed, Verdict::Healthy, Verdict::Regressed] {
            five.record(verdict);
        }
        for (ticks, share) in [(2, 0.5), (3, 2.0 / 3.0), (8, 0.25)] {
            assert!((five.over(ticks).share() - share).abs() < 1e-12, "{ticks}");
        }
    }

    proptest! {
        #[test]
        fn it_is_the_share_of_the_last_ticks(ticks in 1..=64u32, seen in prop::collection::vec(any::<bool>(), 0..200)) {
            let mut persistence = Persistence::new(ticks).unwrap();
            for anomalous in &seen {
                persistence.record(if *anomalous { Verdict::Regressed } else { Verdict::Healthy });
            }
            let anomalous = seen.iter().rev().take(ticks as usize).filter(|a| **a).count();
            prop_assert!((persistence.share() - anomalous as f64 / f64::from(ticks)).abs() < 1e-12);
            let json = serde_json::to_string(&persistence).unwrap();
            prop_assert_eq!(serde_json::from_str::<Persistence>(&json).unwrap(), persistence);
        }
    }
}
