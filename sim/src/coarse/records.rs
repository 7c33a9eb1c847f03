//! What a step looks like to those who measure it.

use std::collections::BTreeMap;

use astern_graph_core::schema::{ERROR_RATE, LATENCY_MS_P50, LATENCY_MS_P95, REQUEST_RATE};
use astern_graph_core::{
    EdgeKind, MetricName, NodeKey, Record, Sample, SampleSubject, Subject, Timestamp,
};
use astern_stats::rng::{ChaCha8Rng, seeded};
use rand::RngExt;
use rand_distr::{Binomial, Poisson, StandardNormal};

use crate::coarse::model::Service;
use crate::coarse::simulator::{CoarseSimulator, CoarseStep, SCORE_P95, ServiceState};

const CPU: &str = "cpu_utilisation";

/// First stream of the noise; each step has its own, so that its records depend on nothing else.
const NOISE: u64 = 1_000;

/// The normal density at the scores of the median and the 95 % quantile.
const DENSITY_P50: f64 = 0.398_942_280_401_432_7;
const DENSITY_P95: f64 = 0.103_135_640_375_371_4;

impl CoarseSimulator {
    /// A step of this run as records: its changes, then for each service the samples
    /// `request_rate`, `error_rate`, `latency_ms_p50`, `latency_ms_p95` (these three where there
    /// was a call) and `cpu_utilisation` at the end of the step, and then the
    /// `request_rate` of each pair of services that call each other, where the scenario asks for them. The same step gives the same records.
    ///
    /// Counts are Poisson, errors binomial. A quantile `q` of n calls has the standard error
    /// `√(p(1-p)/n) / density(q)` of a sample, at most a factor of e; utilisation that of n times
    /// of work.
    pub fn records(&self, step: &CoarseStep) -> Vec<Record> {
        let mut rng = seeded(self.scenario.seed, NOISE + step.number);
        let mut measuring = Measuring {
            secs: self.scenario.step.as_secs_f64(),
            at: step.end,
            names: Names::new(),
            records: step.changes.iter().cloned().map(Record::from).collect(),
        };
        let states = self.system.services.iter().zip(&step.states);
        for (key, (service, state)) in self.services().zip(states) {
            measuring.service(key, service, state, &mut rng);
        }
        let specs = &self.scenario.topology.services;
        let mut rates = step.call_rates.iter();
        for (spec, steps) in specs.iter().zip(&self.system.flow.steps) {
            let mut callees: BTreeMap<usize, f64> = BTreeMap::new();
            for ((to, _), rate) in steps.iter().flatten().zip(&mut rates) {
                *callees.entry(*to).or_default() += rate;
            }
            for (to, rate) in callees {
                measuring.edge(&spec.key, &specs[to].key, rate, &mut rng);
            }
        }
        measuring.records
    }
}

struct Names {
    rate: MetricName,
    errors: MetricName,
    p50: MetricName,
    p95: MetricName,
    cpu: MetricName,
}

impl Names {
    fn new() -> Self {
        Self {
            rate: REQUEST_RATE.into(),
            errors: ERROR_RATE.into(),
            p50: LATENCY_MS_P50.into(),
            p95: LATENCY_MS_P95.into(),
            cpu: CPU.into(),
        }
    }
}

struct Measuring {
    secs: f64,
    at: Timestamp,
    names: Names,
    records: Vec<Record>,
}

impl Measuring {
    fn service(
        &mut self,
        key: &NodeKey,
        service: &Service,
        state: &ServiceState,
        rng: &mut ChaCha8Rng,
    ) {
        let count = count(state.request_rate * self.secs, rng);
        self.put(key.clone(), self.names.rate.clone(), count / self.secs);
        if count > 0.0 {
            let errors = errors(count, state.error_rate, rng) / count;
            self.put(key.clone(), self.names.errors.clone(), errors);
            // Both quantiles are off to the same side: they are of the same calls.
            let z: f64 = rng.sample(StandardNormal);
            let log_sd = (state.latency_ms_p95 / state.latency_ms_p50).ln() / SCORE_P95;
            let off = |quantile: f64, p: f64, density: f64| {
                let error = (p * (1.0 - p) / count).sqrt() * log_sd / density;
                rounded(quantile * (z * error).clamp(-1.0, 1.0).exp())
            };
            let p50 = off(state.latency_ms_p50, 0.5, DENSITY_P50);
            let p95 = off(state.latency_ms_p95, 0.95, DENSITY_P95).max(p50);
            self.put(key.clone(), self.names.p50.clone(), p50);
            self.put(key.clone(), self.names.p95.clone(), p95);
        }
        let z: f64 = rng.sample(StandardNormal);
        let squares = 1.0 + service.work.squared_variation();
        let error = if count > 0.0 {
            (squares / count).sqrt()
        } else {
            0.0
        };
        let busy = (state.cpu_utilisation * (1.0 + z * error)).clamp(0.0, 1.0);
        self.put(key.clone(), self.names.cpu.clone(), rounded(busy));
    }

    fn edge(&mut self, from: &NodeKey, to: &NodeKey, rate: f64, rng: &mut ChaCha8Rng) {
        let subject = Subject::Edge {
            from: from.clone(),
            to: to.clone(),
            kind: EdgeKind::Calls,
        };
        let count = count(rate * self.secs, rng);
        self.put(subject, self.names.rate.clone(), count / self.secs);
    }

    fn put(&mut self, subject: impl Into<SampleSubject>, metric: MetricName, value: f64) {
        self.records
            .push(Sample::new(self.at, subject, metric, value).into());
    }
}

/// Calls in a step that has so many on average.
fn count(mean: f64, rng: &mut ChaCha8Rng) -> f64 {
    Poisson::new(mean).map_or(0.0, |law| rng.sample(law))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count is whole and not negative"
)]
fn errors(count: f64, share: f64, rng: &mut ChaCha8Rng) -> f64 {
    Binomial::new(count as u64, share).map_or(0.0, |law| rng.sample(law) as f64)
}

fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
