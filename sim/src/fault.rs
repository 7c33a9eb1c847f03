//! What a bad revision does to the requests that it handles.

use astern_graph_core::ChangeId;
use astern_stats::ParamError;
use astern_stats::param::{in_range, positive};
use astern_stats::rng::ChaCha8Rng;
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::streams::chance;

/// Most that a leak multiplies the work by: a process that slow would be restarted.
const LEAK_FACTOR_MAX: f64 = 10.0;

/// A fault and the release that brings it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fault {
    /// The bad release.
    pub change: ChangeId,
    /// What is wrong with its revision.
    pub kind: FaultKind,
}

impl Fault {
    /// A fault of a release.
    pub fn new(change: impl Into<ChangeId>, kind: FaultKind) -> Self {
        Self {
            change: change.into(),
            kind,
        }
    }
}

/// What is wrong with a revision.
///
/// | kind | what happens | severity when drawn |
/// |---|---|---|
/// | `Slower` | every request waits, in proportion to its work | factor 1.2 to 2.5 |
/// | `Delay` | every request waits | 0.25 to 1.5 times the service's mean work |
/// | `Errors` | a share of the requests fails | 3 to 15 % |
/// | `Tail` | a share of the requests waits long; the median stays | 1 to 4 %, factor 5 to 12 |
/// | `Capacity` | workers compute slower, and the processor is busier | factor 1.2 to 2.5 |
/// | `Leak` | as `Capacity`, but nothing at first, growing to at most ten times | 5 to 20 % per minute |
///
/// Drawn severities are kept low: healthy work already varies so that its 95 % quantile is twice
/// its mean, and a drawn tail may hit but a handful of the requests of a rarely called service.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// Every request takes longer without computing more: contention for a lock, say.
    Slower {
        /// How many times as long, 1 to 1,000.
        factor: f64,
    },
    /// Every request waits: a lost connection pool, say.
    Delay {
        /// How long, milliseconds.
        ms: f64,
    },
    /// Some requests fail after their work, without calling anybody.
    Errors {
        /// Share of the requests, 0 to 1.
        share: f64,
    },
    /// Some requests take much longer, without computing more: a cache that misses, say.
    Tail {
        /// Share of the requests, 0 to 1.
        share: f64,
        /// How many times as long, 1 to 1,000.
        factor: f64,
    },
    /// Workers compute slower: a processor limit set too low, say.
    Capacity {
        /// How many times as long, 1 to 1,000.
        factor: f64,
    },
    /// Work grows with the time since the instance got the revision: garbage collection under a
    /// memory leak, say.
    Leak {
        /// Growth per minute, as a share of the healthy work; greater than 0.
        per_minute: f64,
    },
}

/// What one request costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cost {
    /// Computing, milliseconds.
    pub(crate) compute_ms: f64,
    /// Waiting afterwards, milliseconds.
    pub(crate) rest_ms: f64,
    pub(crate) fails: bool,
}

impl Cost {
    /// Of a request that no fault hits.
    pub(crate) fn healthy(work_ms: f64) -> Self {
        Self {
            compute_ms: work_ms,
            rest_ms: 0.0,
            fails: false,
        }
    }
}

impl FaultKind {
    /// A fault of any kind at any severity, for a service of this mean work.
    pub(crate) fn draw(mean_work_ms: f64, rng: &mut ChaCha8Rng) -> Self {
        // Two numbers whatever the kind; rounded, because people read them.
        let (kind, severity) = (rng.random_range(0..6), rng.random::<f64>());
        let between =
            |low: f64, high: f64| ((low + severity * (high - low)) * 1000.0).round() / 1000.0;
        match kind {
            0 => Self::Slower {
                factor: between(1.2, 2.5),
            },
            1 => Self::Delay {
                ms: between(0.25 * mean_work_ms, 1.5 * mean_work_ms),
            },
            2 => Self::Errors {
                share: between(0.03, 0.15),
            },
            3 => Self::Tail {
                share: between(0.01, 0.04),
                factor: between(5.0, 12.0),
            },
            4 => Self::Capacity {
                factor: between(1.2, 2.5),
            },
            _ => Self::Leak {
                per_minute: between(0.05, 0.2),
            },
        }
    }

    pub(crate) fn check(self) -> Result<(), ParamError> {
        let factor = |value| in_range("factor", value, 1.0, 1e3);
        let share = |value| in_range("share", value, 0.0, 1.0);
        match self {
            Self::Slower { factor: k } | Self::Capacity { factor: k } => factor(k),
            Self::Delay { ms } => in_range("ms", ms, 0.0, 1e6),
            Self::Errors { share: s } => share(s),
            Self::Tail {
                share: s,
                factor: k,
            } => share(s).and(factor(k)),
            Self::Leak { per_minute } => positive("per_minute", per_minute),
        }
        .map(drop)
    }

    /// What a request of this work costs under the fault, `minutes` after the revision came.
    pub(crate) fn cost(self, work_ms: f64, minutes: f64, rng: &mut ChaCha8Rng) -> Cost {
        let mut cost = Cost::healthy(work_ms);
        match self {
            Self::Slower { factor } => cost.rest_ms = work_ms * (factor - 1.0),
            Self::Delay { ms } => cost.rest_ms = ms,
            Self::Errors { share } => cost.fails = chance(rng, share),
            Self::Tail { share, factor } => {
                if chance(rng, share) {
                    cost.rest_ms = work_ms * (factor - 1.0);
                }
            }
            Self::Capacity { factor } => cost.compute_ms *= factor,
            Self::Leak { per_minute } => {
                cost.compute_ms *= (1.0 + per_minute * minutes).min(LEAK_FACTOR_MAX);
            }
        }
        cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use astern_stats::rng::seeded;

    #[test]
    fn drawn_faults_keep_their_own_rules_and_cover_all_kinds() {
        let mut kinds = std::collections::BTreeSet::new();
        for seed in 0..60 {
            let kind = FaultKind::draw(40.0, &mut seeded(seed, 0));
            kind.check().unwrap();
            let name = format!("{kind:?}");
            kinds.insert(name.split(' ').next().unwrap().to_owned());
        }
        assert_eq!(kinds.len(), 6, "{kinds:?}");
    }

    #[test]
    fn waiting_is_not_computing() {
        let mut rng = seeded(1, 0);
        let slow = FaultKind::Slower { factor: 3.0 }.cost(10.0, 0.0, &mut rng);
        assert_relative_eq!(slow.compute_ms, 10.0);
        assert_relative_eq!(slow.rest_ms, 20.0);
        let cut = FaultKind::Capacity { factor: 3.0 }.cost(10.0, 0.0, &mut rng);
        assert_relative_eq!(cut.compute_ms, 30.0);
        assert_relative_eq!(cut.rest_ms, 0.0);
    }

    #[test]
    fn a_leak_starts_from_nothing_and_stops_growing() {
        let leak = FaultKind::Leak { per_minute: 0.1 };
        let at = |minutes| leak.cost(10.0, minutes, &mut seeded(1, 0)).compute_ms;
        assert_relative_eq!(at(0.0), 10.0);
        assert_relative_eq!(at(5.0), 15.0);
        assert_relative_eq!(at(1e9), 100.0);
    }

    #[test]
    fn faults_that_are_none_are_refused() {
        for bad in [
            FaultKind::Slower { factor: 0.5 },
            FaultKind::Delay { ms: -1.0 },
            FaultKind::Errors { share: 1.5 },
            FaultKind::Tail {
                share: f64::NAN,
                factor: 2.0,
            },
            FaultKind::Tail {
                share: 0.1,
                factor: f64::INFINITY,
            },
            FaultKind::Capacity { factor: f64::NAN },
            FaultKind::Leak { per_minute: 0.0 },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
