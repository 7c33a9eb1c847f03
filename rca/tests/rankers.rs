//! What every ranker must do, and what the fused one does beyond that.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use astern_graph_core::signal::{Abstention, Anomaly, Assessment, Evidence, Verdict};
use astern_graph_core::{
    ChangeEvent, EdgeKind, GraphBuilder, GraphError, GraphParams, NodeKey, Sample, TemporalGraph,
    TimeRange, Timestamp,
};
use astern_rca::rank::{CorrelationRanker, FusedParams, RobustScorer, TraversalRanker};
use astern_rca::{Incident, RankError, Ranker};

const HEALTHY: i64 = 120;
const ABNORMAL: i64 = 10;

fn minutes(from: i64, to: i64) -> TimeRange {
    TimeRange::new(
        Timestamp::from_secs(60 * from),
        Timestamp::from_secs(60 * to),
    )
    .unwrap()
}

fn service(name: &str) -> NodeKey {
    NodeKey::service(name)
}

/// Ripple that differs by node and never repeats its phase, so that healthy nodes do not correlate.
fn ripple(node: usize, minute: i64) -> f64 {
    let x = minute as f64;
    (x * (0.7 + 0.31 * node as f64)).sin() + 0.5 * (x * x * (0.013 + 0.007 * node as f64)).sin()
}

/// `a → b → c → d`, with `c` slow from minute 123 on: the fault travels back to `b` and `a`.
fn chain(builder: &mut GraphBuilder) {
    let names = ["a", "b", "c", "d"];
    for pair in names.windows(2) {
        builder.declare_edge(service(pair[0]), service(pair[1]), EdgeKind::Calls);
    }
    for minute in 0..HEALTHY + ABNORMAL {
        let fault = if minute >= HEALTHY + 3 {
            40.0 + 5.0 * ripple(9, minute)
        } else {
            0.0
        };
        for (i, name) in names.iter().enumerate() {
            let own = 10.0 * (4 - i) as f64 + ripple(i, minute);
            let suffered = if i <= 2 { fault } else { 0.0 };
            let at = Timestamp::from_secs(60 * minute);
            builder.extend([Sample::new(at, service(name), "latency_ms", own + suffered).into()]);
        }
    }
}

fn builder() -> GraphBuilder {
    GraphBuilder::new(GraphParams::default()).unwrap()
}

fn graph_of_chain() -> TemporalGraph {
    let mut builder = builder();
    chain(&mut builder);
    builder.build()
}

fn incident() -> Incident {
    let abnormal = minutes(HEALTHY, HEALTHY + ABNORMAL);
    Incident::new(
        service("a"),
        "latency_ms".into(),
        minutes(0, HEALTHY),
        abnormal,
    )
}

fn fused() -> Box<dyn Ranker> {
    Box::new(FusedParams::default().check().unwrap())
}

fn all() -> Vec<Box<dyn Ranker>> {
    vec![
        fused(),
        Box::new(CorrelationRanker),
        Box::new(TraversalRanker),
        Box::new(RobustScorer),
    ]
}

#[test]
fn callees_are_blamed_and_never_callers_of_the_cause() {
    let graph = graph_of_chain();
    for ranker in [fused(), Box::new(TraversalRanker)] {
        let diagnosis = ranker.rank(&graph, &incident()).unwrap();
        assert_eq!(diagnosis.causes[0].subject, service("c").into());
        assert_eq!(diagnosis.causes[0].path, ["c", "b", "a"].map(service));
    }
}

#[test]
fn every_ranker_puts_the_untouched_node_last() {
    let graph = graph_of_chain();
    for ranker in all() {
        let diagnosis = ranker.rank(&graph, &incident()).unwrap();
        let last = diagnosis.causes.last().unwrap();
        let d_is_last = last.subject == service("d").into();
        let d_is_absent = diagnosis
            .causes
            .iter()
            .all(|c| c.subject != service("d").into());
        assert!(d_is_last || d_is_absent, "{diagnosis}");
    }
}

#[test]
fn unknown_and_silent_symptoms_have_typed_errors() {
    let graph = graph_of_chain();
    for ranker in all() {
        let mut unknown = incident();
        unknown.symptom.node = service("nobody");
        let refused = ranker.rank(&graph, &unknown);
        assert!(matches!(
            refused,
            Err(RankError::Graph(GraphError::UnknownNode { .. }))
        ));
        let mut silent = incident();
        silent.symptom.metric = "never_seen".into();
        assert!(matches!(
            ranker.rank(&graph, &silent),
            Err(RankError::NoSymptom { .. })
        ));
    }
}

#[test]
fn cycles_end() {
    let mut builder = builder();
    chain(&mut builder);
    builder.declare_edge(service("d"), service("a"), EdgeKind::Calls);
    builder.declare_edge(service("b"), service("b"), EdgeKind::Calls);
    for ranker in all() {
        assert!(
            !ranker
                .rank(&builder.build(), &incident())
                .unwrap()
                .causes
                .is_empty()
        );
    }
}

#[test]
fn short_constant_and_gappy_series_never_panic() {
    for values in [
        vec![],
        vec![1.0],
        vec![1.0; 12],
        vec![f64::MAX, f64::MIN, 0.0, f64::MAX],
    ] {
        let mut builder = builder();
        builder.declare_edge(service("a"), service("b"), EdgeKind::Calls);
        for (i, value) in values.iter().enumerate() {
            let minute = 11 * i64::try_from(i).unwrap();
            let at = Timestamp::from_secs(60 * minute);
            for name in ["a", "b"] {
                builder.extend([Sample::new(at, service(name), "latency_ms", *value).into()]);
            }
        }
        for ranker in all() {
            let _ = ranker.rank(&builder.build(), &incident());
        }
    }
}

#[test]
fn too_few_samples_for_transfer_entropy_are_said() {
    let graph = graph_of_chain();
    let mut short = incident();
    short.healthy = minutes(HEALTHY - 20, HEALTHY);
    let diagnosis = fused().rank(&graph, &short).unwrap();
    let says = |e: &Evidence| matches!(e, Evidence::Fallback { .. });
    assert!(diagnosis.causes[0].evidence.iter().any(says), "{diagnosis}");
    let long = fused().rank(&graph, &incident()).unwrap();
    assert!(!long.causes[0].evidence.iter().any(says), "{long}");
}

/// Releases of `b` and `c`, and what a detector said.
fn releases() -> (TemporalGraph, Vec<Assessment>) {
    let mut builder = builder();
    chain(&mut builder);
    for (name, minute) in [("b", HEALTHY), ("c", HEALTHY + 2)] {
        let at = Timestamp::from_secs(60 * minute);
        let change = ChangeEvent::new(name, at, service(name), Some("v1".into()), "v2".into());
        builder.extend([change.into()]);
    }
    let onset = Timestamp::from_secs(60 * (HEALTHY + 3));
    let anomalies = ["a", "b", "c"].map(|name| Anomaly::new(service(name), 9.0, onset));
    let system = Assessment::new(Verdict::Regressed).with_anomalies(anomalies.to_vec());
    let of_b = Assessment::new(Verdict::Healthy).of_change("b".into());
    let of_c = Assessment::new(Verdict::Regressed).of_change("c".into());
    (builder.build(), vec![system, of_b, of_c])
}

#[test]
fn the_change_of_the_cause_is_blamed_with_its_collateral() {
    let (graph, assessments) = releases();
    let diagnosis = fused()
        .rank(&graph, &incident().assessed(assessments))
        .unwrap();
    let first = &diagnosis.changes[0];
    assert_eq!(first.change.as_str(), "c");
    assert!(first.probability.unwrap() > 0.9, "{diagnosis}");
    assert_eq!(first.collateral, ["a", "b"].map(service));
    assert!(diagnosis.changes[1].probability.unwrap() < 0.1);
    assert_eq!(diagnosis.abstained, None);
}

#[test]
fn a_change_after_the_onset_is_not_blamed() {
    let mut builder = builder();
    chain(&mut builder);
    let late = Timestamp::from_secs(60 * (HEALTHY + 9));
    let change = ChangeEvent::new("c", late, service("c"), None, "v2".into());
    builder.extend([change.into()]);
    let onset = Timestamp::from_secs(60 * (HEALTHY + 3));
    let anomaly = Anomaly::new(service("c"), 9.0, onset);
    let system = Assessment::new(Verdict::Regressed).with_anomalies(vec![anomaly]);
    let diagnosis = fused()
        .rank(&builder.build(), &incident().assessed(vec![system]))
        .unwrap();
    assert!(
        diagnosis.changes[0].probability.unwrap() < 0.5,
        "{diagnosis}"
    );
    assert_eq!(diagnosis.abstained, Some(Abstention::NoChangeExplains));
}
