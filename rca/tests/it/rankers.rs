//! What every ranker must do, and what the fused one does beyond that.

use astern_graph_core::signal::{Abstention, Evidence, RankedCause};
use astern_graph_core::{
    EdgeKind, GraphBuilder, GraphError, GraphParams, NodeKey, Sample, TemporalGraph, Timestamp,
};
use astern_rca::ranker::baseline::{
    AnomalyScore, CorrelationRanker, MicroHecl, MicroScope, RobustScorer, SmoothTraversal,
    TraversalRanker,
};
use astern_rca::ranker::{AnyRanker, Candidates, FusedParams, RankerParams, catalogue};
use astern_rca::{Incident, RankError, Ranker};

use crate::world::{minutes, service};

const HEALTHY: i64 = 120;
const ABNORMAL: i64 = 10;
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// Ripple that differs by node and never repeats its phase, so that healthy nodes do not correlate.
fn ripple(node: usize, minute: i64) -> f64 {
    let x = minute as f64;
    (x * (0.7 + 0.31 * node as f64)).sin() + 0.5 * (x * x * (0.013 + 0.007 * node as f64)).sin()
}

/// `a → b → c → d`, with `c` slow from minute 123 on: the fault travels back to `b` and `a`.
fn chain(builder: &mut GraphBuilder) {
    for pair in NAMES.windows(2) {
        builder.declare_edge(service(pair[0]), service(pair[1]), EdgeKind::Calls);
    }
    readings(builder);
}

fn readings(builder: &mut GraphBuilder) {
    for minute in 0..HEALTHY + ABNORMAL {
        let fault = if minute >= HEALTHY + 3 {
            40.0 + 5.0 * ripple(9, minute)
        } else {
            0.0
        };
        for (i, name) in NAMES.iter().enumerate() {
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

/// Those that need no traces, and whose nodes need not move together when all is well.
fn all() -> Vec<RankerParams> {
    let mut all = catalogue();
    all.retain(|params| params.candidates() != Candidates::Traced);
    all
}

/// Whether a ranker also gives to what the cause depends on, or takes from what it hurts.
fn goes_by_relations(params: &RankerParams) -> bool {
    matches!(
        params,
        RankerParams::SmoothTraversal(_)
            | RankerParams::RandomWalk
            | RankerParams::SecondOrderWalk
            | RankerParams::PageRank
    )
}

/// Those whose score says how far a node itself strayed.
fn by_anomaly() -> Vec<AnyRanker> {
    // Nodes must move together when all is well for this one, which those of the chain do not.
    let is_other = |p: &RankerParams| !matches!(p, RankerParams::LinearCounterfactual);
    checked(
        all()
            .into_iter()
            .filter(is_other)
            .filter(|p| !goes_by_relations(p)),
    )
}

fn by_relation() -> Vec<AnyRanker> {
    let by_deviations = |params| match params {
        RankerParams::SmoothTraversal(_) => {
            RankerParams::SmoothTraversal(SmoothTraversal::by(AnomalyScore::Deviations))
        }
        other => other,
    };
    checked(
        all()
            .into_iter()
            .filter(goes_by_relations)
            .map(by_deviations),
    )
}

fn checked(rankers: impl IntoIterator<Item = RankerParams>) -> Vec<AnyRanker> {
    let checked = rankers.into_iter().map(|params| params.check().unwrap());
    checked.collect()
}

#[test]
fn callees_are_blamed_and_never_callers_of_the_cause() {
    let graph = graph_of_chain();
    let with_path: [Box<dyn Ranker>; 4] = [
        fused(),
        Box::new(TraversalRanker),
        Box::new(MicroScope),
        Box::new(MicroHecl),
    ];
    for ranker in with_path {
        let diagnosis = ranker.rank(&graph, &incident()).unwrap();
        assert_eq!(diagnosis.causes[0].subject, service("c").into());
        assert_eq!(diagnosis.causes[0].path, ["c", "b", "a"].map(service));
    }
}

#[test]
fn those_that_go_by_relations_blame_the_cause_too() {
    let graph = graph_of_chain();
    for ranker in by_relation() {
        let diagnosis = ranker.rank(&graph, &incident()).unwrap();
        assert_eq!(
            diagnosis.causes[0].subject,
            service("c").into(),
            "{diagnosis}"
        );
    }
}

#[test]
fn rankers_of_anomalies_name_the_cause_and_prefer_no_untouched_node() {
    let graph = graph_of_chain();
    for ranker in by_anomaly() {
        let diagnosis = ranker.rank(&graph, &incident()).unwrap();
        let last = diagnosis.causes.last().unwrap();
        let d_is_last = last.subject == service("d").into();
        let d_is_absent = diagnosis
            .causes
            .iter()
            .all(|c| c.subject != service("d").into());
        assert!(d_is_last || d_is_absent, "{diagnosis}");
        // What moved with the cause may come before it, where nobody asks for the way of the fault.
        let first = diagnosis.causes.iter().take(3);
        let has_cause = first.clone().any(|c| c.subject == service("c").into());
        assert!(has_cause, "{diagnosis}");
    }
}

#[test]
fn unknown_and_silent_symptoms_have_typed_errors() {
    let graph = graph_of_chain();
    for ranker in checked(all()) {
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
    for ranker in checked(all()) {
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
fn too_few_samples_for_transfer_entropy_are_reported() {
    let graph = graph_of_chain();
    let mut short = incident();
    short.healthy = minutes(HEALTHY - 20, HEALTHY);
    let diagnosis = fused().rank(&graph, &short).unwrap();
    let says = |e: &Evidence| matches!(e, Evidence::Fallback { .. });
    assert!(diagnosis.causes[0].evidence.iter().any(says), "{diagnosis}");
    let long = fused().rank(&graph, &incident()).unwrap();
    assert!(!long.causes[0].evidence.iter().any(says), "{long}");
}

#[test]
fn without_edges_every_ranker_answers() {
    let mut builder = builder();
    readings(&mut builder);
    let graph = builder.build();
    assert_eq!(graph.edges().count(), 0);
    let first = |ranker: &dyn Ranker| ranker.rank(&graph, &incident()).unwrap();
    // Those that go by edges know of no candidate but the symptom, which traversal never blames.
    let fused = first(&*fused());
    assert_eq!(fused.causes.len(), 1, "{fused}");
    assert_eq!(fused.causes[0].subject, service("a").into());
    assert_eq!(fused.causes[0].path, [service("a")]);
    let traversal = first(&TraversalRanker);
    assert_eq!(traversal.abstained, Some(Abstention::NoCandidate));
    assert_eq!(first(&CorrelationRanker).causes.len(), 3);
    assert_eq!(first(&RobustScorer).causes.len(), 4);
}

#[test]
fn a_symptom_apart_from_the_graph_has_no_other_cause() {
    let mut builder = builder();
    chain(&mut builder);
    for minute in 0..HEALTHY + ABNORMAL {
        let slow = if minute < HEALTHY + 3 { 0.0 } else { 40.0 };
        let at = Timestamp::from_secs(60 * minute);
        let value = 20.0 + slow + ripple(5, minute);
        builder.extend([Sample::new(at, service("apart"), "latency_ms", value).into()]);
    }
    let graph = builder.build();
    let mut apart = incident();
    apart.symptom.node = service("apart");
    let fused = fused().rank(&graph, &apart).unwrap();
    let blamed: Vec<_> = fused.causes.iter().map(|c| c.subject.node()).collect();
    assert_eq!(blamed, [&service("apart")]);
    let traversal = TraversalRanker.rank(&graph, &apart).unwrap();
    assert_eq!(traversal.abstained, Some(Abstention::NoCandidate));
    for ranker in [&CorrelationRanker as &dyn Ranker, &RobustScorer] {
        assert!(!ranker.rank(&graph, &apart).unwrap().causes.is_empty());
    }
}

#[test]
fn callers_of_the_symptom_are_not_blamed() {
    let graph = graph_of_chain();
    let mut of_b = incident();
    of_b.symptom.node = service("b");
    for ranker in [fused(), Box::new(TraversalRanker)] {
        let diagnosis = ranker.rank(&graph, &of_b).unwrap();
        assert_eq!(diagnosis.causes[0].path, ["c", "b"].map(service));
        let blames_a = |c: &RankedCause| *c.subject.node() == service("a");
        assert!(!diagnosis.causes.iter().any(blames_a), "{diagnosis}");
    }
    for ranker in [&CorrelationRanker as &dyn Ranker, &RobustScorer] {
        assert!(!ranker.rank(&graph, &of_b).unwrap().causes.is_empty());
    }
}

#[test]
fn a_node_that_calls_itself_can_be_the_cause() {
    let mut builder = builder();
    chain(&mut builder);
    for name in ["a", "c"] {
        builder.declare_edge(service(name), service(name), EdgeKind::Calls);
    }
    for ranker in [fused(), Box::new(TraversalRanker)] {
        let diagnosis = ranker.rank(&builder.build(), &incident()).unwrap();
        assert_eq!(diagnosis.causes[0].path, ["c", "b", "a"].map(service));
    }
}

/// Nodes of which each is slow by another amount from minute 12 on, and an incident of the first.
fn all_slow(nodes: usize, edges: impl IntoIterator<Item = (usize, usize)>) -> TemporalGraph {
    let mut builder = builder();
    for (from, to) in edges {
        builder.declare_edge(numbered(from), numbered(to), EdgeKind::Calls);
    }
    for minute in 0..16 {
        let at = Timestamp::from_secs(60 * minute);
        let slow = if minute < 12 { 0.0 } else { 40.0 };
        let values = (0..nodes).map(|i| (i, 10.0 + slow + ripple(i % 9, minute)));
        builder.extend(values.map(|(i, x)| Sample::new(at, numbered(i), "latency_ms", x).into()));
    }
    builder.build()
}

fn numbered(i: usize) -> NodeKey {
    service(&format!("{i:05}"))
}

fn incident_of_first() -> Incident {
    let symptom = numbered(0);
    Incident::new(
        symptom,
        "latency_ms".into(),
        minutes(0, 12),
        minutes(12, 16),
    )
}

#[test]
fn a_walk_of_too_many_paths_ends_and_says_so() {
    // 15 nodes that all call each other, of which each calls one more: 2e11 paths.
    let mutual = (0..15).flat_map(|from| (0..16).map(move |to| (from, to)));
    let graph = all_slow(16, mutual);
    let diagnosis = TraversalRanker.rank(&graph, &incident_of_first()).unwrap();
    let first = &diagnosis.causes[0];
    assert_eq!(first.subject, numbered(15).into());
    let says = |e: &Evidence| matches!(e, Evidence::Fallback { .. });
    assert!(first.evidence.iter().any(says), "{diagnosis}");
    // Without that one there is no node to blame, and never an end of paths.
    let mutual = (0..15).flat_map(|from| (0..15).map(move |to| (from, to)));
    let graph = all_slow(15, mutual);
    let diagnosis = TraversalRanker.rank(&graph, &incident_of_first()).unwrap();
    assert_eq!(diagnosis.abstained, Some(Abstention::NoCandidate));
}

#[test]
fn a_long_chain_takes_neither_stack_nor_quadratic_memory() {
    const LONG: usize = 20_000;
    let graph = all_slow(LONG, (1..LONG).map(|i| (i - 1, i)));
    let diagnosis = TraversalRanker.rank(&graph, &incident_of_first()).unwrap();
    assert_eq!(diagnosis.causes[0].path.len(), LONG);
    let diagnosis = fused().rank(&graph, &incident_of_first()).unwrap();
    assert_eq!(diagnosis.causes.len(), LONG);
    let says = |e: &Evidence| matches!(e, Evidence::Fallback { .. });
    for (rank, cause) in diagnosis.causes.iter().enumerate() {
        assert_eq!(cause.path.is_empty(), rank >= 20);
        assert_eq!(
            cause.evidence.len() - usize::from(cause.evidence.iter().any(says)),
            3
        );
        assert!(rank < 20 || !cause.evidence.iter().any(says));
    }
}
