//! Small systems for the unit tests of rankers.

use std::time::Duration;

use astern_graph_core::{
    Call, EdgeKind, GraphBuilder, GraphParams, NodeKey, Party, Sample, SpanId, Subject,
    TemporalGraph, TimeRange, Timestamp,
};

use crate::incident::Incident;
use crate::ranker::{Ranker, Ranking};
use crate::trace::Traces;

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
        named(ranker.rank(&self.graph(), &self.incident(symptom)).unwrap())
    }
}

/// A request a second to `web`, which takes 20 ms itself, and calls that service (none where its
/// name is empty), which takes so many milliseconds.
pub(crate) fn requests(called: &[(&str, u64)]) -> Traces {
    let mut calls = Vec::new();
    for (i, (callee, ms)) in (0_u32..).zip(called) {
        let call = |span: u64, callee: &str, ms: u64| {
            let at = Timestamp::from_secs(i64::from(i)).plus(Duration::from_millis(span));
            let took = Some(Duration::from_millis(ms));
            let mut call = Call::new(at, Party::new(service(callee))).took(took, took);
            call.id = Some(SpanId::new(u128::from(i), span));
            call
        };
        calls.push(call(0, "web", 20 + ms));
        if !callee.is_empty() {
            calls.push(call(1, callee, *ms).from(Party::new(service("web"))));
        }
    }
    Traces::of(&calls)
}

/// Names and scores for healthy and abnormal requests, best first.
pub(crate) fn trace_scores(
    ranker: &dyn Ranker,
    healthy: &[(&str, u64)],
    abnormal: &[(&str, u64)],
) -> Vec<(String, f64)> {
    let mut fixture = Fixture::new(1, 1);
    fixture.latency("web", &[20.0], &[520.0]);
    let incident = fixture
        .incident("web")
        .traced(requests(healthy), requests(abnormal));
    named(ranker.rank(&fixture.graph(), &incident).unwrap())
}

fn named(ranking: Ranking) -> Vec<(String, f64)> {
    let causes = ranking.causes.into_iter();
    causes
        .map(|c| (c.subject.node().name.to_string(), c.score))
        .collect()
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
