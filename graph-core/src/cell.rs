//! What was seen of one node, edge or slice in one step: counts, durations, samples.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_stats::order;

use crate::feature::{Computed, Timing};
use crate::name::MetricName;
use crate::record::{Call, CallBatch, CallStatus, Durations};
use crate::schema::{CLIENT_ERROR_RATE, ERROR_RATE, LATENCY_QUANTILES, REQUEST_RATE};
use crate::sketch::{Bin, Bins, Sketch};

/// Most samples of one metric that one cell keeps; further ones are counted as over the limit.
pub(crate) const SAMPLES_PER_CELL_MAX: usize = 256;

/// Most calls that a sampled rate may speak of in one step.
const CALLS_MAX: f64 = 1e12;

/// What a cell needs of a call, or of a batch of calls, made once for all cells that it goes into.
#[derive(Debug, Clone)]
pub(crate) enum Observation {
    Call(OfCall),
    Batch(Box<OfBatch>),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct OfCall {
    status: CallStatus,
    client: Option<Bin>,
    server: Option<Bin>,
    gap: Option<Bin>,
    exclusive: Option<Bin>,
}

#[derive(Debug, Clone)]
pub(crate) struct OfBatch {
    calls: u64,
    errors: u64,
    client_errors: u64,
    client: Option<Sketch>,
    server: Option<Sketch>,
}

impl Observation {
    pub(crate) fn of(call: &Call, bins: &Bins) -> Self {
        let bin = |duration: Option<Duration>| duration.map(|duration| bins.of(duration));
        let both = call.client.zip(call.server);
        Self::Call(OfCall {
            status: call.status,
            client: bin(call.client),
            server: bin(call.server),
            gap: bin(both.map(|(client, server)| client.saturating_sub(server))),
            exclusive: bin(call.exclusive),
        })
    }

    /// Of a batch that was checked.
    pub(crate) fn of_batch(batch: &CallBatch, bins: &Bins) -> Self {
        let sketch = |durations: &Option<Durations>| {
            let durations = durations.as_ref();
            durations.map(|durations| Sketch::of_batch(durations, batch.calls, bins))
        };
        Self::Batch(Box::new(OfBatch {
            calls: batch.calls,
            errors: batch.errors,
            client_errors: batch.client_errors,
            client: sketch(&batch.client),
            server: sketch(&batch.server),
        }))
    }

    /// How many calls it is of.
    pub(crate) fn calls(&self) -> u64 {
        match self {
            Self::Call(_) => 1,
            Self::Batch(batch) => batch.calls,
        }
    }
}

/// One step of one node, edge or slice.
///
/// Nothing here depends on the order of arrival as long as no metric has more than
/// [`SAMPLES_PER_CELL_MAX`] samples; past that the first to come are kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cell {
    calls: u64,
    errors: u64,
    client_errors: u64,
    latency: Sketch,
    server: Sketch,
    gap: Sketch,
    exclusive: Sketch,
    /// Each in ascending order.
    samples: BTreeMap<MetricName, Vec<f64>>,
}

impl Cell {
    /// Adds calls that the node handled.
    pub(crate) fn receive(&mut self, seen: &Observation) {
        match seen {
            Observation::Call(call) => {
                self.count(call.status, call.server.or(call.client));
                if let Some(bin) = call.exclusive {
                    self.exclusive.add(bin);
                }
            }
            Observation::Batch(batch) => {
                self.count_all(batch, batch.server.as_ref().or(batch.client.as_ref()));
            }
        }
    }

    /// Adds calls that went over the edge.
    pub(crate) fn carry(&mut self, seen: &Observation) {
        match seen {
            Observation::Call(call) => {
                self.count(call.status, call.client.or(call.server));
                if let Some(bin) = call.server {
                    self.server.add(bin);
                }
                if let Some(bin) = call.gap {
                    self.gap.add(bin);
                }
            }
            Observation::Batch(batch) => {
                self.count_all(batch, batch.client.as_ref().or(batch.server.as_ref()));
                if let Some(sketch) = &batch.server {
                    self.server.merge(sketch);
                }
            }
        }
    }

    fn count(&mut self, status: CallStatus, latency: Option<Bin>) {
        self.calls = self.calls.saturating_add(1);
        let ended = match status {
            CallStatus::Ok => None,
            CallStatus::Error => Some(&mut self.errors),
            CallStatus::ClientError => Some(&mut self.client_errors),
        };
        if let Some(count) = ended {
            *count = count.saturating_add(1);
        }
        if let Some(bin) = latency {
            self.latency.add(bin);
        }
    }

    fn count_all(&mut self, batch: &OfBatch, latency: Option<&Sketch>) {
        self.calls = self.calls.saturating_add(batch.calls);
        self.errors = self.errors.saturating_add(batch.errors);
        self.client_errors = self.client_errors.saturating_add(batch.client_errors);
        if let Some(sketch) = latency {
            self.latency.merge(sketch);
        }
    }

    /// Adds a finite sample; `false` when the cell holds as many of this metric as it may.
    pub(crate) fn add_sample(&mut self, metric: &MetricName, value: f64) -> bool {
        let values = self.samples.entry(metric.clone()).or_default();
        if values.len() >= SAMPLES_PER_CELL_MAX {
            return false;
        }
        let at = values.partition_point(|x| order::ascending(*x, value).is_lt());
        values.insert(at, value);
        true
    }

    /// Adds all that another cell holds; says how many samples there was no room for.
    pub(crate) fn merge(&mut self, other: &Self) -> u64 {
        self.calls = self.calls.saturating_add(other.calls);
        self.errors = self.errors.saturating_add(other.errors);
        self.client_errors = self.client_errors.saturating_add(other.client_errors);
        self.latency.merge(&other.latency);
        self.server.merge(&other.server);
        self.gap.merge(&other.gap);
        self.exclusive.merge(&other.exclusive);
        let samples = other.samples.iter();
        let samples = samples.flat_map(|(metric, values)| values.iter().map(move |x| (metric, x)));
        let refused = samples.filter(|(metric, x)| !self.add_sample(metric, **x));
        refused.count() as u64
    }

    /// The cell with the calls that samples of their rate, outcomes and durations speak of; `None` where calls were seen, or
    /// their rate or the share of failures was not sampled: what is missing is not none.
    pub(crate) fn counted(&self, step_secs: f64) -> Option<Self> {
        let sampled = |name: &str| self.sampled(&name.into());
        let rate = sampled(REQUEST_RATE).filter(|rate| self.calls == 0 && *rate >= 0.0)?;
        sampled(ERROR_RATE)?;
        let whole = |count: f64| count.round().clamp(0.0, CALLS_MAX);
        let calls = whole(rate * step_secs);
        let share =
            |name| sampled(name).map_or(0.0, |share: f64| whole(share.clamp(0.0, 1.0) * calls));
        let errors = share(ERROR_RATE);
        let client_errors = share(CLIENT_ERROR_RATE).min(calls - errors);
        let mut quantiles: Vec<(f64, f64)> = Vec::new();
        for (name, q) in LATENCY_QUANTILES {
            let before = quantiles.last().map_or(0.0, |(_, ms)| *ms);
            let ms = sampled(name).filter(|ms| *ms >= before);
            quantiles.extend(ms.map(|ms| (q, ms)));
        }
        let [calls, errors, client_errors] = [calls, errors, client_errors].map(|n| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "whole numbers up to a bound"
            )]
            let n = n as u64;
            n
        });
        let durations = Durations::Quantiles(quantiles);
        let mut cell = self.clone();
        cell.receive(&Observation::Batch(Box::new(OfBatch {
            calls,
            errors,
            client_errors,
            client: None,
            server: Some(Sketch::of_batch(&durations, calls, &Bins::default())),
        })));
        Some(cell)
    }

    /// The same without calls.
    pub(crate) fn only_samples(&self) -> Self {
        Self {
            samples: self.samples.clone(),
            ..Self::default()
        }
    }

    /// The same with these metrics alone.
    pub(crate) fn with_metrics(&self, is_kept: impl Fn(&MetricName) -> bool) -> Self {
        let mut kept = self.clone();
        kept.samples.retain(|metric, _| is_kept(metric));
        kept
    }

    /// Names of the metrics that were sampled here.
    pub(crate) fn metrics(&self) -> impl Iterator<Item = &MetricName> {
        self.samples.keys()
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls
    }

    pub(crate) fn errors(&self) -> u64 {
        self.errors
    }

    pub(crate) fn client_errors(&self) -> u64 {
        self.client_errors
    }

    /// Number of samples.
    pub(crate) fn samples(&self) -> u64 {
        self.samples
            .values()
            .map(|values| values.len() as u64)
            .sum()
    }

    /// Whether something was measured, and not only named.
    pub(crate) fn is_measured(&self) -> bool {
        self.calls > 0 || !self.samples.is_empty()
    }

    /// Mean of the samples of a metric.
    pub(crate) fn sampled(&self, metric: &MetricName) -> Option<f64> {
        self.samples.get(metric).and_then(|values| mean(values))
    }

    /// Mean of the samples of every metric, by name.
    pub(crate) fn means(&self) -> impl Iterator<Item = (&MetricName, f64)> {
        let samples = self.samples.iter();
        samples.filter_map(|(metric, values)| Some((metric, mean(values)?)))
    }

    /// A feature of the calls; `None` where it was not seen.
    pub(crate) fn computed(&self, feature: Computed, step_secs: f64) -> Option<f64> {
        match feature {
            Computed::RequestRate => (self.calls > 0).then(|| self.calls as f64 / step_secs),
            Computed::ErrorRate => rate(self.errors, self.calls),
            Computed::ClientErrorRate => rate(self.client_errors, self.calls),
            Computed::Quantile(timing, q) => self.durations(timing).quantile_ms(q),
        }
    }

    pub(crate) fn durations(&self, timing: Timing) -> &Sketch {
        match timing {
            Timing::Latency => &self.latency,
            Timing::Server => &self.server,
            Timing::Gap => &self.gap,
            Timing::Exclusive => &self.exclusive,
        }
    }
}

/// Mean of samples, which are summed in the order that they are held in: ascending.
fn mean(samples: &[f64]) -> Option<f64> {
    (!samples.is_empty()).then(|| samples.iter().sum::<f64>() / samples.len() as f64)
}

pub(crate) fn rate(errors: u64, calls: u64) -> Option<f64> {
    (calls > 0).then(|| errors as f64 / calls as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::NodeKey;
    use crate::record::Party;
    use crate::schema::{LATENCY_MS_P50, LATENCY_MS_P95};
    use crate::time::Timestamp;

    fn call(ms: u64, status: CallStatus) -> Observation {
        let server = Some(Duration::from_millis(ms));
        let call = Call::new(Timestamp::from_secs(0), Party::new(NodeKey::service("a")))
            .took(None, server)
            .ended(status);
        Observation::of(&call, &Bins::default())
    }

    #[test]
    fn features_of_calls() {
        let mut cell = Cell::default();
        for ms in 1..=100 {
            let status = if ms % 10 == 0 {
                CallStatus::Error
            } else {
                CallStatus::Ok
            };
            cell.receive(&call(ms, status));
        }
        cell.carry(&call(50, CallStatus::ClientError));
        let feature = |name: &str| {
            cell.computed(Computed::of(&name.into()).unwrap(), 10.0)
                .unwrap()
        };
        assert!((feature(REQUEST_RATE) - 10.1).abs() < 1e-12);
        assert!((feature(ERROR_RATE) - 10.0 / 101.0).abs() < 1e-12);
        assert!((feature(CLIENT_ERROR_RATE) - 1.0 / 101.0).abs() < 1e-12);
        assert!((feature(LATENCY_MS_P50) - 50.0).abs() < 1.0);
        assert!((feature(LATENCY_MS_P95) - 95.0).abs() < 2.0);
    }

    #[test]
    fn the_gap_is_what_the_caller_waited_beyond_the_callee() {
        let ms = |ms| Some(Duration::from_millis(ms));
        let at = Timestamp::from_secs(0);
        let mut cell = Cell::default();
        for (client, server) in [(ms(30), ms(10)), (ms(5), ms(10)), (ms(30), None)] {
            let call = Call::new(at, Party::new(NodeKey::service("a"))).took(client, server);
            cell.carry(&Observation::of(&call, &Bins::default()));
        }
        assert!((cell.gap.quantile_ms(1.0).unwrap() - 20.0).abs() < 0.2);
        assert!(cell.gap.quantile_ms(0.0).unwrap() < 1e-5);
        assert!((cell.latency.quantile_ms(1.0).unwrap() - 30.0).abs() < 0.3);
    }

    #[test]
    fn samples_are_averaged_and_bounded() {
        let mut cell = Cell::default();
        let cpu = MetricName::from("cpu_utilisation");
        assert!(cell.add_sample(&cpu, 0.25) && cell.add_sample(&cpu, 0.75));
        assert!((cell.sampled(&cpu).unwrap() - 0.5).abs() < 1e-12);
        for _ in 2..SAMPLES_PER_CELL_MAX {
            assert!(cell.add_sample(&cpu, 0.5));
        }
        assert!(!cell.add_sample(&cpu, 0.5));
        let mut half = Cell::default();
        half.add_sample(&cpu, 1.0);
        assert_eq!(cell.merge(&half), 1);
        assert_eq!(half.merge(&cell), 1);
    }
}
