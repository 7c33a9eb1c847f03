//! Calls of one step between two parties, counted: what metrics of a service, a mesh or a proxy say of them.

use serde::{Deserialize, Serialize};

use super::Party;
use super::call::can_carry;
use crate::edge::EdgeKind;
use crate::time::Timestamp;

/// Calls of one step between two parties as counts, with what is known of their durations.
///
/// It feeds the same cells as single [`Call`](crate::Call)s do. Several batches of one step add up, so each is to be sent once; its
/// calls belong to the step that holds `at`. A batch without calls makes its parties known: they are there and idle.
///
/// # Example
/// A counter and a classic histogram of Prometheus, as their increase over a minute:
///
/// ```
/// use astern_graph_core::{CallBatch, Durations, GraphBuilder, GraphParams, NodeKey, Party, TimeRange, Timestamp};
///
/// let cart = NodeKey::service("cart");
/// let (pod, at) = (NodeKey::instance("cart-7f"), Timestamp::from_secs(30));
/// let party = Party::new(cart.clone()).on(pod, "v2".into());
/// let below_ms = vec![(5.0, 40), (10.0, 90), (25.0, 98)];
/// let batch = CallBatch::new(at, party, 100)
///     .failed(2)
///     .refused(1)
///     .took(None, Some(Durations::Buckets(below_ms)));
/// batch.check()?;
///
/// let mut builder = GraphBuilder::new(GraphParams::default())?;
/// builder.extend([batch.into()]);
/// let minute = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(60))?;
/// let graph = builder.build();
/// let calls = graph.calls_received(&cart, minute).unwrap();
/// assert_eq!((calls.calls, calls.errors, calls.client_errors), (100, 2, 1));
/// assert!(calls.latency_ms(0.5).is_some_and(|ms| (5.0..7.0).contains(&ms)));
/// assert!(calls.is_approximate());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallBatch {
    /// A time within the step.
    pub at: Timestamp,
    /// The kind of edge that they went over.
    pub kind: EdgeKind,
    /// Who called; `None` for calls from outside, or from nobody knows whom.
    pub caller: Option<Party>,
    /// Who was called.
    pub callee: Party,
    /// Number of calls.
    pub calls: u64,
    /// Those of them that failed by the fault of the callee (5xx, exception, timeout).
    pub errors: u64,
    /// Those of them that the callee refused by the fault of the caller (4xx).
    pub client_errors: u64,
    /// Their durations as the caller saw them.
    pub client: Option<Durations>,
    /// Their durations as the callee saw them.
    pub server: Option<Durations>,
}

/// Durations of many calls, in the form in which a source has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Durations {
    /// Durations in ms, each with the number of calls that took so long: the bins of a sketch or of an HDR histogram.
    Values(Vec<(f64, u64)>),
    /// Upper bounds in ms, ascending, each with the number of calls that took at most so long: a classic histogram of
    /// Prometheus. The other calls of the batch took longer than the last bound; a bound of infinity is left out.
    Buckets(Vec<(f64, u64)>),
    /// An exponential histogram of OpenTelemetry, or a native one of Prometheus: of `counts` the one in place `i` is of
    /// durations from `base^(offset + i)` to `base^(offset + i + 1)` units, with `base = 2^(2^-scale)`.
    Exponential {
        /// -10 (coarse) to 20 (fine).
        scale: i32,
        /// Calls that took no time.
        zero: u64,
        /// Index of the first bucket.
        offset: i32,
        /// Calls of each bucket.
        counts: Vec<u64>,
        /// The unit of the histogram in ms: 1,000 where it is of seconds.
        unit_ms: f64,
    },
    /// Quantiles, ascending, each from 0 to 1 with its duration in ms: a summary.
    Quantiles(Vec<(f64, f64)>),
    /// Their mean in ms. It says nothing of their distribution, for which an exponential one is taken: enough to notice
    /// that all calls take longer, not that a few do.
    Mean(f64),
}

impl CallBatch {
    /// So many successful calls from outside, without durations.
    pub fn new(at: Timestamp, callee: Party, calls: u64) -> Self {
        Self {
            at,
            kind: EdgeKind::Calls,
            caller: None,
            callee,
            calls,
            errors: 0,
            client_errors: 0,
            client: None,
            server: None,
        }
    }

    /// With their caller.
    #[must_use]
    pub fn from(mut self, caller: Party) -> Self {
        self.caller = Some(caller);
        self
    }

    /// With the kind of edge that they went over; [`Calls`](EdgeKind::Calls) where none is given.
    #[must_use]
    pub fn over(mut self, kind: EdgeKind) -> Self {
        self.kind = kind;
        self
    }

    /// With the number of those that failed by the fault of the callee.
    #[must_use]
    pub fn failed(mut self, errors: u64) -> Self {
        self.errors = errors;
        self
    }

    /// With the number of those that the callee refused by the fault of the caller.
    #[must_use]
    pub fn refused(mut self, client_errors: u64) -> Self {
        self.client_errors = client_errors;
        self
    }

    /// With the durations that each side saw.
    #[must_use]
    pub fn took(mut self, client: Option<Durations>, server: Option<Durations>) -> Self {
        self.client = client;
        self.server = server;
        self
    }

    /// Checks what a builder would otherwise count as malformed.
    ///
    /// # Errors
    /// [`BatchError`], which names what cannot be.
    pub fn check(&self) -> Result<(), BatchError> {
        if !can_carry(self.kind, self.caller.as_ref()) {
            return Err(BatchError::Kind { kind: self.kind });
        }
        let Self {
            calls,
            errors,
            client_errors,
            ..
        } = *self;
        if calls > CALLS_MAX {
            return Err(BatchError::TooMany { calls });
        }
        if errors.checked_add(client_errors).is_none_or(|n| n > calls) {
            return Err(BatchError::Outcomes {
                errors,
                client_errors,
                calls,
            });
        }
        let sides = self.client.iter().chain(&self.server);
        sides.into_iter().try_for_each(|side| side.check(calls))
    }
}

/// Why a batch of calls cannot be.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// An edge that carries no calls, or a consumption by nobody.
    #[error("a batch over an edge of kind `{kind}`, which carries no calls or lacks its caller")]
    Kind {
        /// The kind that was given.
        kind: EdgeKind,
    },
    /// More calls failed than there were.
    #[error("{errors} failed and {client_errors} refused calls among {calls}")]
    Outcomes {
        /// Failed calls.
        errors: u64,
        /// Refused calls.
        client_errors: u64,
        /// All calls.
        calls: u64,
    },
    /// More calls than one step can have.
    #[error("a batch of {calls} calls; the most is 10¹²")]
    TooMany {
        /// All calls.
        calls: u64,
    },
    /// A unit of an exponential histogram that is not a positive number of ms.
    #[error("an exponential histogram in units of {unit_ms} ms")]
    Unit {
        /// The unit.
        unit_ms: f64,
    },
    /// More durations than calls.
    #[error("durations of {durations} calls among {calls}")]
    Durations {
        /// Calls with durations; `u64::MAX` where they are more.
        durations: u64,
        /// All calls.
        calls: u64,
    },
    /// A duration that is negative or not finite.
    #[error("a duration of {ms} ms")]
    Duration {
        /// The duration.
        ms: f64,
    },
    /// A quantile outside 0 to 1.
    #[error("a quantile of {q}, which is 0 to 1")]
    Quantile {
        /// The quantile.
        q: f64,
    },
    /// Bounds, counts or quantiles that do not ascend.
    #[error("entry {place} of the durations does not ascend")]
    Descending {
        /// Its place, from 0.
        place: usize,
    },
    /// A scale of an exponential histogram outside -10 to 20.
    #[error("an exponential histogram of scale {scale}, which is -10 to 20")]
    Scale {
        /// The scale.
        scale: i32,
    },
}

/// Most calls of a batch: sums of them stay far from the greatest number.
const CALLS_MAX: u64 = 1_000_000_000_000;

/// Scales of exponential histograms that OpenTelemetry knows.
const SCALES: std::ops::RangeInclusive<i32> = -10..=20;

impl Durations {
    fn check(&self, calls: u64) -> Result<(), BatchError> {
        let fits = |durations: u64| {
            if durations > calls {
                return Err(BatchError::Durations { durations, calls });
            }
            Ok(())
        };
        match self {
            Self::Values(values) => {
                values.iter().try_for_each(|(ms, _)| duration(*ms))?;
                fits(total(values.iter().map(|(_, n)| *n)))
            }
            Self::Buckets(buckets) => {
                buckets.iter().try_for_each(|(ms, _)| duration(*ms))?;
                ascending(buckets, |(a, n), (b, m)| a < b && n <= m)?;
                fits(buckets.last().map_or(0, |(_, n)| *n))
            }
            Self::Exponential {
                scale,
                zero,
                counts,
                unit_ms,
                ..
            } => {
                if !SCALES.contains(scale) {
                    return Err(BatchError::Scale { scale: *scale });
                }
                if !(unit_ms.is_finite() && *unit_ms > 0.0) {
                    return Err(BatchError::Unit { unit_ms: *unit_ms });
                }
                fits(total(counts.iter().copied().chain([*zero])))
            }
            Self::Quantiles(quantiles) => {
                for (q, ms) in quantiles {
                    if !(0.0..=1.0).contains(q) {
                        return Err(BatchError::Quantile { q: *q });
                    }
                    duration(*ms)?;
                }
                ascending(quantiles, |(p, a), (q, b)| p < q && a <= b)
            }
            Self::Mean(ms) => duration(*ms),
        }
    }
}

fn duration(ms: f64) -> Result<(), BatchError> {
    if ms.is_finite() && ms >= 0.0 {
        Ok(())
    } else {
        Err(BatchError::Duration { ms })
    }
}

fn total(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

fn ascending<T>(entries: &[T], is_next: impl Fn(&T, &T) -> bool) -> Result<(), BatchError> {
    let descends = |pair: &[T]| !is_next(&pair[0], &pair[1]);
    match entries.windows(2).position(descends) {
        Some(before) => Err(BatchError::Descending { place: before + 1 }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::NodeKey;

    #[test]
    fn what_cannot_be_is_named() {
        use Durations::{Buckets, Exponential, Mean, Quantiles, Values};
        let batch = || {
            let callee = Party::new(NodeKey::service("cart"));
            CallBatch::new(Timestamp::from_secs(0), callee, 10)
        };
        let check = |durations| batch().took(Some(durations), None).check().unwrap_err();
        let exponential = |scale, unit_ms| Exponential {
            scale,
            zero: 1,
            offset: 0,
            counts: vec![u64::MAX],
            unit_ms,
        };
        let shown = [
            batch().over(EdgeKind::RunsOn).check().unwrap_err(),
            batch().over(EdgeKind::Consumes).check().unwrap_err(),
            batch().failed(6).refused(5).check().unwrap_err(),
            batch().failed(u64::MAX).refused(1).check().unwrap_err(),
            check(Values(vec![(1.0, 6), (2.0, 5)])),
            check(Values(vec![(-1.0, 6)])),
            check(Buckets(vec![(1.0, 2), (5.0, 11)])),
            check(Buckets(vec![(1.0, 2), (5.0, 1)])),
            check(Buckets(vec![(5.0, 1), (f64::INFINITY, 2)])),
            check(Quantiles(vec![(0.5, 2.0), (0.9, 1.0)])),
            check(Quantiles(vec![(95.0, 2.0)])),
            check(Mean(f64::NAN)),
            check(exponential(21, 1.0)),
            check(exponential(0, 1.0)),
            check(exponential(0, 0.0)),
            CallBatch {
                calls: u64::MAX,
                ..batch()
            }
            .check()
            .unwrap_err(),
        ]
        .map(|error| error.to_string());
        let expected = [
            "a batch over an edge of kind `runs on`, which carries no calls or lacks its caller",
            "a batch over an edge of kind `consumes`, which carries no calls or lacks its caller",
            "6 failed and 5 refused calls among 10",
            "18446744073709551615 failed and 1 refused calls among 10",
            "durations of 11 calls among 10",
            "a duration of -1 ms",
            "durations of 11 calls among 10",
            "entry 1 of the durations does not ascend",
            "a duration of inf ms",
            "entry 1 of the durations does not ascend",
            "a quantile of 95, which is 0 to 1",
            "a duration of NaN ms",
            "an exponential histogram of scale 21, which is -10 to 20",
            "durations of 18446744073709551615 calls among 10",
            "an exponential histogram in units of 0 ms",
            "a batch of 18446744073709551615 calls; the most is 10¹²",
        ];
        assert_eq!(shown, expected);
        assert_eq!(batch().check(), Ok(()));
    }
}
