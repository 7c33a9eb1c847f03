//! What was seen of one node or edge in one step: counts, a latency sketch, samples.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use astern_stats::{order, robust};

use crate::name::MetricName;
use crate::record::{Call, CallStatus};
use crate::schema::{ERROR_RATE, LATENCY_MS_P50, LATENCY_MS_P95, REQUEST_RATE};
use crate::sketch::Sketch;

/// Most samples of one metric that one cell keeps; further ones are counted as over the limit.
pub(crate) const SAMPLES_PER_CELL_MAX: usize = 256;

/// Which side of a call a latency is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// As the callee saw it, or the caller where the callee is silent.
    Server,
    /// As the caller saw it, or the callee where the caller is silent.
    Client,
}

/// One step of one node or edge.
///
/// Counts, quantiles and means do not depend on the order of arrival as long as no metric has more
/// than [`SAMPLES_PER_CELL_MAX`] samples; past that the first to come are kept. The sketch also
/// carries a sum whose last bits depend on the order: nothing reads it, but stored bytes differ.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Cell {
    calls: u64,
    errors: u64,
    latency_ms: Option<Sketch>,
    samples: BTreeMap<MetricName, Vec<f64>>,
}

impl Cell {
    pub(crate) fn add_call(&mut self, call: &Call, side: Side) {
        self.calls += 1;
        if call.status == CallStatus::Error {
            self.errors += 1;
        }
        let duration = match side {
            Side::Server => call.server.or(call.client),
            Side::Client => call.client.or(call.server),
        };
        if let Some(duration) = duration {
            let sketch = self.latency_ms.get_or_insert_with(Sketch::default);
            sketch.add(duration.as_secs_f64() * 1e3);
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

    /// Names of the metrics that were sampled here.
    pub(crate) fn metrics(&self) -> impl Iterator<Item = &MetricName> {
        self.samples.keys()
    }

    pub(crate) fn has_calls(&self) -> bool {
        self.calls > 0
    }

    /// Value of a feature in this step, `NaN` when it was not seen. A sample under the name of a
    /// call feature wins over the calls: the user measured it.
    pub(crate) fn feature(&self, name: &MetricName, step_secs: f64) -> f64 {
        if let Some(mean) = self
            .samples
            .get(name)
            .and_then(|values| robust::mean(values))
        {
            return mean;
        }
        let latency = |q: f64| self.latency_quantile_ms(q).unwrap_or(f64::NAN);
        match name.as_str() {
            REQUEST_RATE if self.calls > 0 => self.calls as f64 / step_secs,
            ERROR_RATE if self.calls > 0 => self.errors as f64 / self.calls as f64,
            LATENCY_MS_P50 => latency(0.5),
            LATENCY_MS_P95 => latency(0.95),
            _ => f64::NAN,
        }
    }

    fn latency_quantile_ms(&self, q: f64) -> Option<f64> {
        self.latency_ms
            .as_ref()
            .and_then(|sketch| sketch.quantile(q))
    }
}

/// Calls of one node or edge over several steps.
#[derive(Debug, Clone)]
pub struct CallSummary {
    /// Number of calls.
    pub calls: u64,
    /// Number of calls that failed by the fault of the callee.
    pub errors: u64,
    latency_ms: Sketch,
}

impl CallSummary {
    pub(crate) fn of<'a>(cells: impl Iterator<Item = &'a Cell>) -> Self {
        let latency_ms = Sketch::default();
        let mut summary = Self {
            calls: 0,
            errors: 0,
            latency_ms,
        };
        for cell in cells {
            summary.calls += cell.calls;
            summary.errors += cell.errors;
            if let Some(sketch) = &cell.latency_ms {
                summary.latency_ms.merge(sketch);
            }
        }
        summary
    }

    /// Share of calls that failed; `None` without calls.
    pub fn error_rate(&self) -> Option<f64> {
        (self.calls > 0).then(|| self.errors as f64 / self.calls as f64)
    }

    /// Quantile `q` of the latency, within 1 % of its value; `None` when no latency was seen.
    pub fn latency_ms(&self, q: f64) -> Option<f64> {
        self.latency_ms.quantile(q)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::NodeKey;
    use crate::record::Party;
    use crate::time::Timestamp;
    use std::time::Duration;

    fn call(ms: u64, status: CallStatus) -> Call {
        let server = Some(Duration::from_millis(ms));
        Call::new(Timestamp::from_secs(0), Party::new(NodeKey::service("a")))
            .took(None, server)
            .ended(status)
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
            cell.add_call(&call(ms, status), Side::Server);
        }
        cell.add_call(&call(50, CallStatus::ClientError), Side::Client);
        let feature = |name: &str| cell.feature(&name.into(), 10.0);
        assert!((feature(REQUEST_RATE) - 10.1).abs() < 1e-12);
        assert!((feature(ERROR_RATE) - 10.0 / 101.0).abs() < 1e-12);
        assert!((feature(LATENCY_MS_P50) - 50.0).abs() < 1.0);
        assert!((feature(LATENCY_MS_P95) - 95.0).abs() < 2.0);
        assert!(feature("unheard_of").is_nan());
    }

    #[test]
    fn samples_are_averaged_and_bounded() {
        let mut cell = Cell::default();
        let cpu = MetricName::from("cpu_utilisation");
        assert!(cell.add_sample(&cpu, 0.25) && cell.add_sample(&cpu, 0.75));
        assert!((cell.feature(&cpu, 1.0) - 0.5).abs() < 1e-12);
        for _ in 2..SAMPLES_PER_CELL_MAX {
            assert!(cell.add_sample(&cpu, 0.5));
        }
        assert!(!cell.add_sample(&cpu, 0.5));
    }
}
