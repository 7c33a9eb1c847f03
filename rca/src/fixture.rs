//! Small systems for the unit tests of rankers.

use astern_graph_core::{
    EdgeKind, GraphBuilder, GraphParams, NodeKey, Sample, Subject, TemporalGraph, TimeRange,
    Timestamp,
};

use crate::incident::Incident;
use crate::rank::Ranker;

/// One value a minute for each series, first healthy ones, then abnormal ones.
pub(crate) struct Fixture {
    healthy: usize,
    abnormal: usize,
    builder: GraphBuilder,
}

pub(crate) fn service(name: &str) -> NodeKey {
    NodeKey::service(name)
}

fn minute(i: usize) -> Timestamp {
    Timestamp::from_secs(60 * i64::try_from(i).unwrap())
}

impl Fixture {
    pub(crate) fn new(healthy: usize, abnormal: usize) -> Self {
        let builder = GraphBuilder::new(GraphParams::default()).unwrap();
        Self {
            healthy,
            abnormal,
            builder,
        }
    }

    pub(crate) fn calls(&mut self, from: &str, to: &str) {
        let (from, to) = (service(from), service(to));
        self.builder.declare_edge(from, to, EdgeKind::Calls);
    }

    pub(crate) fn runs_on(&mut self, name: &str, host: NodeKey) {
        let name = service(name);
        self.builder.declare_edge(name, host, EdgeKind::RunsOn);
    }

    pub(crate) fn series(&mut self, name: &str, metric: &str, values: &[f64]) {
        self.samples(service(name), metric, values);
    }

    /// A value of `NaN` is missing.
    pub(crate) fn samples(&mut self, of: impl Into<Subject>, metric: &str, values: &[f64]) {
        let subject = of.into();
        let values = values.iter().enumerate().filter(|(_, x)| x.is_finite());
        let samples = values.map(|(i, x)| Sample::new(minute(i), subject.clone(), metric, *x));
        self.builder.extend(samples.map(Into::into));
    }

    /// The latency, healthy and abnormal.
    pub(crate) fn latency(&mut self, name: &str, healthy: &[f64], abnormal: &[f64]) {
        assert_eq!(healthy.len(), self.healthy);
        assert_eq!(abnormal.len(), self.abnormal);
        self.series(name, "latency_ms", &[healthy, abnormal].concat());
    }

    pub(crate) fn graph(&self) -> TemporalGraph {
        self.builder.build()
    }

    pub(crate) fn incident(&self, symptom: &str) -> Incident {
        let range = |from, to| TimeRange::new(minute(from), minute(to)).unwrap();
        let end = self.healthy + self.abnormal;
        let (healthy, abnormal) = (range(0, self.healthy), range(self.healthy, end));
        Incident::new(service(symptom), "latency_ms".into(), healthy, abnormal)
    }

    /// Names and scores, best first.
    pub(crate) fn scores(&self, ranker: &dyn Ranker, symptom: &str) -> Vec<(String, f64)> {
        let diagnosis = ranker.rank(&self.graph(), &self.incident(symptom));
        let causes = diagnosis.unwrap().causes.into_iter();
        causes
            .map(|c| (c.subject.node().name.to_string(), c.score))
            .collect()
    }
}

/// Compares names exactly and scores to 1e-9.
#[track_caller]
pub(crate) fn assert_scores(found: &[(String, f64)], expected: &[(&str, f64)]) {
    let close = |((a, x), (b, y)): (&(String, f64), &(&str, f64))| {
        a == b && (x - y).abs() <= 1e-9 * y.abs().max(1.0)
    };
    let same = found.len() == expected.len() && found.iter().zip(expected).all(close);
    assert!(same, "found {found:?}, expected {expected:?}");
}
