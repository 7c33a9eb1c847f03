//! The same calls in the forms in which telemetry has them.

use std::collections::BTreeMap;
use std::time::Duration;

use astern_graph_core::schema::{CLIENT_ERROR_RATE, ERROR_RATE, LATENCY_MS_P99, REQUEST_RATE};
use astern_graph_core::{
    Call, CallBatch, CallStatus, Durations, EdgeKind, Party, Record, Sample, Timestamp,
};

/// In which form telemetry speaks of calls.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use astern_graph_core::{Call, NodeKey, Party, Record, Timestamp};
/// use astern_sim::Feed;
///
/// let call = |secs| Call::new(Timestamp::from_secs(secs), Party::new(NodeKey::service("cart")));
/// let calls = [5, 10, 70].map(|secs| Record::from(call(secs)));
/// let batches = Feed::Buckets.of(calls, Duration::from_secs(60));
/// assert!(matches!(&batches[..], [Record::Batch(first), Record::Batch(_)] if first.calls == 2));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Feed {
    /// Each call: spans.
    Calls,
    /// Batches with classic histograms in the default buckets of Prometheus.
    Buckets,
    /// Batches with exponential histograms of scale 3: bounds 9 % apart.
    Exponential,
    /// Batches with the quantiles .5, .9 and .99: summaries.
    Summary,
    /// Batches with means.
    Mean,
    /// Samples of request rate, error rates and p99, by revision.
    Rates,
}

/// Scale of exponential histograms: that many doublings of 1 in the exponent between bounds.
const SCALE: i32 = 3;

const QUANTILES: [f64; 3] = [0.5, 0.9, 0.99];

/// Whose calls are counted together.
type Key = (i64, EdgeKind, Option<Party>, Party);

impl Feed {
    /// Bounds of [`Buckets`](Self::Buckets): the default ones of Prometheus.
    pub const BUCKETS_MS: [f64; 11] = [
        5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 5_000.0, 10_000.0,
    ];

    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Calls,
        Self::Buckets,
        Self::Exponential,
        Self::Summary,
        Self::Mean,
        Self::Rates,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Buckets => "buckets",
            Self::Exponential => "exponential",
            Self::Summary => "summary",
            Self::Mean => "mean",
            Self::Rates => "rates",
        }
    }

    /// The records with their calls in this form, counted over steps of this length; other records first, as they are.
    pub fn of(self, records: impl IntoIterator<Item = Record>, step: Duration) -> Vec<Record> {
        if self == Self::Calls {
            return records.into_iter().collect();
        }
        let nanos = i64::try_from(step.as_nanos()).unwrap_or(i64::MAX).max(1);
        let mut groups: BTreeMap<Key, Vec<Call>> = BTreeMap::new();
        let mut fed = Vec::new();
        for record in records {
            let Record::Call(call) = record else {
                fed.push(record);
                continue;
            };
            let key = self.key(call.at.nanos().div_euclid(nanos), &call);
            groups.entry(key).or_default().push(call);
        }
        for ((number, kind, caller, callee), calls) in groups {
            let at = Timestamp::from_nanos(number.saturating_mul(nanos));
            if self == Self::Rates {
                fed.extend(rates(at, &callee, &calls, step).map(Record::from));
            } else {
                let mut batch = CallBatch::new(at, callee, calls.len() as u64)
                    .over(kind)
                    .failed(ended(&calls, CallStatus::Error))
                    .refused(ended(&calls, CallStatus::ClientError));
                batch.caller = caller;
                let [client, server] = [|call: &Call| call.client, |call: &Call| call.server];
                batch = batch.took(
                    self.durations(&calls, client),
                    self.durations(&calls, server),
                );
                fed.push(batch.into());
            }
        }
        fed
    }

    fn key(self, number: i64, call: &Call) -> Key {
        if self == Self::Rates {
            let mut callee = Party::new(call.callee.service.clone());
            callee.revision.clone_from(&call.callee.revision);
            return (number, EdgeKind::Calls, None, callee);
        }
        (number, call.kind, call.caller.clone(), call.callee.clone())
    }

    /// In ms, of the calls of which they are known on this side.
    fn durations(self, calls: &[Call], of: fn(&Call) -> Option<Duration>) -> Option<Durations> {
        let mut ms: Vec<f64> = calls.iter().filter_map(of).map(in_ms).collect();
        ms.sort_by(f64::total_cmp);
        // Of a batch the durations of all calls are stated, or of none.
        if ms.is_empty() || ms.len() < calls.len() {
            return None;
        }
        let up_to = |bound: f64| ms.partition_point(|ms| *ms <= bound) as u64;
        match self {
            Self::Calls | Self::Rates => None,
            Self::Buckets => Some(Durations::Buckets(
                Self::BUCKETS_MS.map(|bound| (bound, up_to(bound))).into(),
            )),
            Self::Exponential => Some(exponential(&ms)),
            Self::Summary => Some(Durations::Quantiles(
                QUANTILES.map(|q| (q, nearest_rank(&ms, q))).into(),
            )),
            Self::Mean => Some(Durations::Mean(ms.iter().sum::<f64>() / ms.len() as f64)),
        }
    }
}

fn in_ms(took: Duration) -> f64 {
    1e3 * took.as_secs_f64()
}

fn ended(calls: &[Call], status: CallStatus) -> u64 {
    calls.iter().filter(|call| call.status == status).count() as u64
}

/// Of ascending values, at least one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank up to the number of values"
)]
fn nearest_rank(values: &[f64], q: f64) -> f64 {
    let rank = (q * values.len() as f64).ceil() as usize;
    values[rank.clamp(1, values.len()) - 1]
}

/// Of seconds, as OpenTelemetry has them.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the exponent of a duration"
)]
fn exponential(ms: &[f64]) -> Durations {
    let place = |ms: f64| {
        let seconds = 1e-3 * ms;
        (seconds.log2() * f64::from(SCALE).exp2()).ceil() as i32 - 1
    };
    let zero = ms.iter().filter(|ms| **ms <= 0.0).count();
    let mut counts: BTreeMap<i32, u64> = BTreeMap::new();
    for ms in &ms[zero..] {
        *counts.entry(place(*ms)).or_default() += 1;
    }
    let first = counts.first_key_value().map_or(0, |(first, _)| *first);
    let last = counts.last_key_value().map_or(first - 1, |(last, _)| *last);
    let count = |place| counts.get(&place).copied().unwrap_or(0);
    Durations::Exponential {
        scale: SCALE,
        zero: zero as u64,
        offset: first,
        counts: (first..=last).map(count).collect(),
        unit_ms: 1e3,
    }
}

fn rates(
    at: Timestamp,
    callee: &Party,
    calls: &[Call],
    step: Duration,
) -> impl Iterator<Item = Sample> {
    let n = calls.len() as f64;
    let mut ms: Vec<f64> = calls
        .iter()
        .filter_map(|call| call.server.or(call.client))
        .map(in_ms)
        .collect();
    ms.sort_by(f64::total_cmp);
    let share = |status| ended(calls, status) as f64 / n;
    let values = [
        (REQUEST_RATE, Some(n / step.as_secs_f64())),
        (ERROR_RATE, Some(share(CallStatus::Error))),
        (CLIENT_ERROR_RATE, Some(share(CallStatus::ClientError))),
        (
            LATENCY_MS_P99,
            (!ms.is_empty()).then(|| nearest_rank(&ms, 0.99)),
        ),
    ];
    values
        .into_iter()
        .filter_map(move |(metric, value)| Some(Sample::new(at, callee.clone(), metric, value?)))
}
