//! What is wrong with a revision, a service, a machine or an edge.

use std::sync::Arc;
use std::time::Duration;

use astern_graph_core::{CallStatus, ChangeId, Subject};
use astern_stats::ParamError;
use astern_stats::param::{duration, in_range, optional_duration, positive};
use astern_stats::rng::ChaCha8Rng;
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::streams::chance;

/// Most that a leak multiplies the work by: a process that slow would be restarted.
const LEAK_FACTOR_MAX: f64 = 10.0;

/// A fault and the release that brings it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Fault {
    /// The bad release.
    pub change: ChangeId,
    /// What is wrong with its revision, or with what its flag turns on.
    pub kind: FaultKind,
    /// The calls that it hits.
    #[serde(default)]
    pub scope: Scope,
}

impl Fault {
    /// A fault of a release, which hits all calls.
    pub fn new(change: impl Into<ChangeId>, kind: FaultKind) -> Self {
        Self {
            change: change.into(),
            kind,
            scope: Scope::default(),
        }
    }

    /// One that hits only some calls.
    #[must_use]
    pub fn only(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }
}

/// A fault of a place for a time, which no release brings.
///
/// | field | default of `new` | rule |
/// |---|---|---|
/// | `subject` | | a service, instance, machine or edge of the topology; see [`FaultKind`] |
/// | `starts` | | at most the span |
/// | `lasts` | for good | at least 1 ms |
/// | `scope` | all calls | see [`Scope`] |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PlaceFault {
    /// Where it is.
    pub subject: Subject,
    /// What is wrong there.
    pub kind: FaultKind,
    /// When it starts, from the start of the run.
    #[serde(with = "duration")]
    pub starts: Duration,
    /// How long it lasts.
    #[serde(default, with = "optional_duration")]
    pub lasts: Option<Duration>,
    /// The calls that it hits.
    #[serde(default)]
    pub scope: Scope,
}

astern_stats::setters!(PlaceFault {
    /// Sets after which time it ends.
    lasts: Duration,
});

impl PlaceFault {
    /// A fault that stays for good.
    pub fn new(subject: impl Into<Subject>, kind: FaultKind, starts: Duration) -> Self {
        Self {
            subject: subject.into(),
            kind,
            starts,
            lasts: None,
            scope: Scope::default(),
        }
    }

    /// One that hits only some calls.
    #[must_use]
    pub fn only(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }
}

/// Something that is wrong: with a release, or with a place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnyFault {
    /// A release is bad.
    Release(Fault),
    /// A place is at fault for a time.
    Place(PlaceFault),
}

impl From<Fault> for AnyFault {
    fn from(fault: Fault) -> Self {
        Self::Release(fault)
    }
}

impl From<PlaceFault> for AnyFault {
    fn from(fault: PlaceFault) -> Self {
        Self::Place(fault)
    }
}

/// The calls that a fault hits; all of them by default.
///
/// [`FaultKind::Workers`], [`FaultKind::Down`], [`FaultKind::Hogs`], [`FaultKind::Flush`],
/// [`FaultKind::NotReady`], [`FaultKind::Refused`] and [`FaultKind::Unanswered`] are about instances
/// and machines, whatever they are asked for, and take no scope.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Scope {
    /// Only calls of this operation.
    pub operation: Option<Arc<str>>,
    /// Only calls of this user segment.
    pub segment: Option<Arc<str>>,
}

impl Scope {
    /// Calls of one operation.
    pub fn operation(operation: impl Into<Arc<str>>) -> Self {
        Self {
            operation: Some(operation.into()),
            segment: None,
        }
    }

    /// Calls of one user segment.
    pub fn segment(segment: impl Into<Arc<str>>) -> Self {
        Self {
            operation: None,
            segment: Some(segment.into()),
        }
    }

    pub(crate) fn is_all(&self) -> bool {
        self.operation.is_none() && self.segment.is_none()
    }
}

/// What is wrong with a revision or a place.
///
/// | kind | what happens | where | severity when drawn |
/// |---|---|---|---|
/// | `Slower` | every request waits, in proportion to its work | code | factor 1.2 to 2.5 |
/// | `Delay` | every request waits | code | 0.25 to 1.5 times the service's mean work |
/// | `Errors` | a share of the requests fails | code | 3 to 15 % |
/// | `ClientErrors` | a share of the requests is refused as the caller's fault (4xx) | code | |
/// | `Tail` | a share of the requests waits long; the median stays | code | 1 to 4 %, factor 5 to 12 |
/// | `Capacity` | workers compute slower, and the processor is busier | code | factor 1.2 to 2.5 |
/// | `Leak` | as `Capacity`, but nothing at first, growing to at most ten times | code | 5 to 20 % per minute |
/// | `WrongValues` | a share of the answers says Ok and makes the caller fail | code | |
/// | `SlowStart` | fresh instances compute slower | code | |
/// | `FailingStart` | fresh instances fail a share of their requests | code | |
/// | `Retries` | calls are made with other timeouts and more attempts | code | |
/// | `Workers` | fewer workers for each instance | code, but no flag | |
/// | `NotReady` | gets no calls, though it runs and reports its processor | code, but no flag | |
/// | `Refused` | a share of the calls is refused before a worker takes it | code, but no flag | |
/// | `Unanswered` | a share of the calls is never answered | code, but no flag, all calls with a timeout | |
/// | `Down` | takes no calls; what it holds is finished | service, instance | |
/// | `Flush` | a cache forgets all it has | service | |
/// | `Hogs` | other processes compute | machine | |
/// | `NetworkDelay` | every message travels longer | edge | |
/// | `Lost` | a share of the calls never arrives | edge, all calls with a timeout | |
///
/// "Code" is a revision, a flag, a service or an instance. A call from outside, an answer on its
/// way and a message that a queue hands on are of no edge.
///
/// Of the new instances that do not serve, those that are not ready are silent: others of their
/// service take their calls, whatever share of the traffic they are meant to have. What waits in
/// them when it begins is refused. Calls that are refused or not answered are seen by callers
/// alone, who know the service and neither instance nor revision. A user has no timeout and waits
/// for good.
///
/// Drawn severities are those of [`Scenario::releases`](crate::Scenario::releases). They are kept
/// low: healthy work already varies so that its 95 % quantile is twice its mean, and a drawn tail
/// may hit but a handful of the requests of a rarely called service.
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
    /// Some requests are answered with a client error (4xx) after their work, without calling
    /// anybody: a stricter check of what is sent, say. What follows is said at
    /// [`ServiceSpec::client_errors`](crate::ServiceSpec::client_errors).
    ClientErrors {
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
    /// Work grows with the time since the instance got the revision or was restarted: garbage
    /// collection under a memory leak, say.
    Leak {
        /// Growth per minute, as a share of the healthy work; greater than 0.
        per_minute: f64,
    },
    /// Some answers are wrong. The callee says Ok; its caller notices and fails.
    WrongValues {
        /// Share of the requests, 0 to 1.
        share: f64,
    },
    /// Work of an instance that just got the revision or was restarted takes longer, by a factor
    /// that falls to 1 on a straight line: cold caches and compilers.
    SlowStart {
        /// How many times as long at first, 1 to 1,000.
        factor: f64,
        /// Until it is as fast as ever, minutes; greater than 0.
        minutes: f64,
    },
    /// Some requests to an instance that just got the revision or was restarted fail.
    FailingStart {
        /// Share of the requests, 0 to 1.
        share: f64,
        /// Until none does any more, minutes; greater than 0.
        minutes: f64,
    },
    /// Calls that a request makes are tried this often without a wait, with this timeout.
    Retries {
        /// Attempts in all, 1 to 100.
        attempts: u32,
        /// Timeout of each, 1 to 10⁶ ms.
        timeout_ms: f64,
    },
    /// Instances have fewer workers.
    Workers {
        /// How many each is left with, 1 to 10,000; never more than it had.
        left: u32,
    },
    /// Gets no calls: a new version that never becomes ready, say.
    NotReady,
    /// Some calls are refused: nothing listens on the port, say.
    Refused {
        /// Share of the calls, 0 to 1.
        share: f64,
    },
    /// Some calls are never answered, and hold no worker: a process that hangs, say.
    Unanswered {
        /// Share of the calls, 0 to 1.
        share: f64,
    },
    /// Takes no calls.
    Down,
    /// A cache forgets what it has, once, at the start.
    Flush,
    /// Processes beside the simulated ones compute on a machine: a noisy neighbour.
    Hogs {
        /// How many compute all the time, 0 to 10⁴.
        workers: f64,
    },
    /// Messages travel longer over an edge, to and fro.
    NetworkDelay {
        /// How much longer each way, milliseconds.
        ms: f64,
    },
    /// Calls over an edge are lost, and their callers wait until their timeout.
    Lost {
        /// Share of the calls, 0 to 1.
        share: f64,
    },
}

/// What one request costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cost {
    /// Computing, milliseconds.
    pub(crate) compute_ms: f64,
    /// Waiting afterwards, milliseconds.
    pub(crate) rest_ms: f64,
    pub(crate) status: CallStatus,
    /// The answer says Ok and makes the caller fail.
    pub(crate) wrong: bool,
    /// Attempts, and the timeout of each in milliseconds, of the calls that it makes.
    pub(crate) calls: Option<(u32, f64)>,
}

impl Cost {
    /// Of a request that no fault hits.
    pub(crate) fn healthy(work_ms: f64) -> Self {
        Self {
            compute_ms: work_ms,
            rest_ms: 0.0,
            status: CallStatus::Ok,
            wrong: false,
            calls: None,
        }
    }

    /// Its status, or with this probability another one that is worse.
    fn or(self, rng: &mut ChaCha8Rng, probability: f64, status: CallStatus) -> CallStatus {
        if chance(rng, probability) {
            worse(self.status, status)
        } else {
            self.status
        }
    }
}

/// What comes of two outcomes: a failure outlasts a client error.
pub(crate) fn worse(one: CallStatus, other: CallStatus) -> CallStatus {
    if one == CallStatus::Error || other == CallStatus::Ok {
        one
    } else {
        other
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
            Self::Delay { ms } | Self::NetworkDelay { ms } => in_range("ms", ms, 0.0, 1e6),
            Self::Errors { share: s }
            | Self::ClientErrors { share: s }
            | Self::WrongValues { share: s }
            | Self::Refused { share: s }
            | Self::Unanswered { share: s }
            | Self::Lost { share: s } => share(s),
            Self::Tail {
                share: s,
                factor: k,
            } => share(s).and(factor(k)),
            Self::Leak { per_minute } => positive("per_minute", per_minute),
            Self::SlowStart { factor: k, minutes } => factor(k).and(positive("minutes", minutes)),
            Self::FailingStart { share: s, minutes } => share(s).and(positive("minutes", minutes)),
            Self::Retries {
                attempts,
                timeout_ms,
            } => in_range("attempts", f64::from(attempts), 1.0, 100.0).and(in_range(
                "timeout_ms",
                timeout_ms,
                1.0,
                1e6,
            )),
            Self::Workers { left } => in_range("left", f64::from(left), 1.0, 1e4),
            Self::Hogs { workers } => in_range("hogs", workers, 0.0, 1e4),
            Self::NotReady | Self::Down | Self::Flush => Ok(0.0),
        }
        .map(drop)
    }

    /// Whether it belongs to what services run.
    pub(crate) fn is_of_code(self) -> bool {
        !matches!(self, Self::Down | Self::Flush | Self::Hogs { .. }) && !self.is_of_edge()
    }

    /// Whether it belongs to an edge.
    pub(crate) fn is_of_edge(self) -> bool {
        matches!(self, Self::NetworkDelay { .. } | Self::Lost { .. })
    }

    /// Whether it hits calls one by one, so that a scope makes sense.
    pub(crate) fn is_of_calls(self) -> bool {
        !matches!(
            self,
            Self::Workers { .. }
                | Self::NotReady
                | Self::Refused { .. }
                | Self::Unanswered { .. }
                | Self::Down
                | Self::Flush
                | Self::Hogs { .. }
        )
    }

    /// What a request of this cost costs under the fault too, `minutes` after the revision came.
    pub(crate) fn on_top(self, mut cost: Cost, minutes: f64, rng: &mut ChaCha8Rng) -> Cost {
        match self {
            Self::Slower { factor } => cost.rest_ms += cost.compute_ms * (factor - 1.0),
            Self::Delay { ms } => cost.rest_ms += ms,
            Self::Errors { share } => cost.status = cost.or(rng, share, CallStatus::Error),
            Self::ClientErrors { share } => {
                cost.status = cost.or(rng, share, CallStatus::ClientError);
            }
            Self::Tail { share, factor } => {
                if chance(rng, share) {
                    cost.rest_ms += cost.compute_ms * (factor - 1.0);
                }
            }
            Self::Capacity { factor } => cost.compute_ms *= factor,
            Self::Leak { per_minute } => {
                cost.compute_ms *= (1.0 + per_minute * minutes).min(LEAK_FACTOR_MAX);
            }
            Self::WrongValues { share } => cost.wrong |= chance(rng, share),
            Self::SlowStart {
                factor,
                minutes: all,
            } => cost.compute_ms *= 1.0 + (factor - 1.0) * (1.0 - minutes / all).max(0.0),
            Self::FailingStart {
                share,
                minutes: all,
            } if minutes < all => cost.status = cost.or(rng, share, CallStatus::Error),
            Self::Retries {
                attempts,
                timeout_ms,
            } => cost.calls = Some((attempts, timeout_ms)),
            // What these change is not the cost of a request, or no more.
            Self::FailingStart { .. }
            | Self::Workers { .. }
            | Self::NotReady
            | Self::Refused { .. }
            | Self::Unanswered { .. }
            | Self::Down
            | Self::Flush
            | Self::Hogs { .. }
            | Self::NetworkDelay { .. }
            | Self::Lost { .. } => {}
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
        let slow = FaultKind::Slower { factor: 3.0 }.on_top(Cost::healthy(10.0), 0.0, &mut rng);
        assert_relative_eq!(slow.compute_ms, 10.0);
        assert_relative_eq!(slow.rest_ms, 20.0);
        let cut = FaultKind::Capacity { factor: 3.0 }.on_top(Cost::healthy(10.0), 0.0, &mut rng);
        assert_relative_eq!(cut.compute_ms, 30.0);
        assert_relative_eq!(cut.rest_ms, 0.0);
    }

    #[test]
    fn faults_add_up() {
        let mut rng = seeded(1, 0);
        let faults = [
            FaultKind::Delay { ms: 5.0 },
            FaultKind::Capacity { factor: 3.0 },
            FaultKind::Slower { factor: 2.0 },
            FaultKind::ClientErrors { share: 1.0 },
            FaultKind::Errors { share: 1.0 },
            FaultKind::ClientErrors { share: 1.0 },
        ];
        let on_top = |cost, kind: FaultKind| kind.on_top(cost, 0.0, &mut rng);
        let cost = faults.into_iter().fold(Cost::healthy(10.0), on_top);
        assert_relative_eq!(cost.compute_ms, 30.0);
        assert_relative_eq!(cost.rest_ms, 35.0);
        assert_eq!(cost.status, CallStatus::Error);
    }

    #[test]
    fn a_leak_starts_from_nothing_and_stops_growing() {
        let leak = FaultKind::Leak { per_minute: 0.1 };
        let at = |minutes| {
            leak.on_top(Cost::healthy(10.0), minutes, &mut seeded(1, 0))
                .compute_ms
        };
        assert_relative_eq!(at(0.0), 10.0);
        assert_relative_eq!(at(5.0), 15.0);
        assert_relative_eq!(at(1e9), 100.0);
    }

    #[test]
    fn a_slow_start_ends() {
        let start = FaultKind::SlowStart {
            factor: 5.0,
            minutes: 2.0,
        };
        let at = |minutes| {
            start
                .on_top(Cost::healthy(10.0), minutes, &mut seeded(1, 0))
                .compute_ms
        };
        for (minutes, expected) in [(0.0, 50.0), (1.0, 30.0), (2.0, 10.0), (9.0, 10.0)] {
            assert_relative_eq!(at(minutes), expected);
        }
    }

    #[test]
    fn faults_that_are_none_are_refused() {
        for bad in [
            FaultKind::Slower { factor: 0.5 },
            FaultKind::Delay { ms: -1.0 },
            FaultKind::Errors { share: 1.5 },
            FaultKind::ClientErrors { share: -0.5 },
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
            FaultKind::WrongValues { share: -0.1 },
            FaultKind::SlowStart {
                factor: 0.0,
                minutes: 1.0,
            },
            FaultKind::SlowStart {
                factor: 2.0,
                minutes: 0.0,
            },
            FaultKind::FailingStart {
                share: 1.1,
                minutes: 1.0,
            },
            FaultKind::FailingStart {
                share: 0.1,
                minutes: f64::NAN,
            },
            FaultKind::Retries {
                attempts: 0,
                timeout_ms: 10.0,
            },
            FaultKind::Retries {
                attempts: 2,
                timeout_ms: 0.0,
            },
            FaultKind::Workers { left: 0 },
            FaultKind::Hogs { workers: -1.0 },
            FaultKind::NetworkDelay { ms: f64::NAN },
            FaultKind::Lost { share: 2.0 },
            FaultKind::Refused { share: -1.0 },
            FaultKind::Unanswered { share: f64::NAN },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
