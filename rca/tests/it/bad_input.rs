//! What every ranker does with input that is short, gappy, constant, infinite or oddly wired: a typed
//! error or a rule that its documentation states, never a panic and never a score that is no number.

use std::time::Duration;

use astern_graph_core::signal::{Abstention, Evidence};
use astern_graph_core::{
    Call, EdgeKind, GraphBuilder, GraphError, GraphParams, Party, Sample, SpanId, TemporalGraph,
};
use astern_rca::ranker::baseline::{
    AnomalyScore, Circa, Formula, LinearCounterfactual, Metrics, NSigma, Published, ScoreOrdering,
    SmoothTraversal, SpectrumRanker,
};
use astern_rca::ranker::{Candidates, FusedParams, FusedWeights, RankerParams, Ranking, catalogue};
use astern_rca::trace::Traces;
use astern_rca::{DiagnoserParams, Incident, RankError, Ranker};

use crate::world::{minute, minutes, service};

const HEALTHY: usize = 40;
const ABNORMAL: usize = 6;

/// With the channel that is off by default, and by the worst step alone.
fn eager() -> FusedParams {
    let weights = FusedWeights {
        spectrum: 1.0,
        ..FusedWeights::default()
    };
    FusedParams::default().weights(weights).upper_quantile(1.0)
}

/// The catalogue, and variants of what stands in it.
fn all() -> Vec<(&'static str, Candidates, Box<dyn Ranker>)> {
    let smooth = SmoothTraversal::by(AnomalyScore::Deviations);
    let variants = [
        ("fused with all channels", RankerParams::Fused(eager())),
        (
            "n-sigma of one metric",
            RankerParams::NSigma(NSigma::over(Metrics::Symptom)),
        ),
        (
            "score ordering of one metric",
            RankerParams::ScoreOrdering(ScoreOrdering::over(Metrics::Symptom)),
        ),
        (
            "smooth traversal of deviations",
            RankerParams::SmoothTraversal(smooth),
        ),
        (
            "spectrum by Ochiai",
            RankerParams::Spectrum(SpectrumRanker::by(Formula::Ochiai)),
        ),
    ];
    let named = catalogue()
        .into_iter()
        .map(|params| (params.name(), params));
    let checked = |(name, params): (_, RankerParams)| {
        let ranker: Box<dyn Ranker> = Box::new(params.check().unwrap());
        (name, params.candidates(), ranker)
    };
    named.chain(variants).map(checked).collect()
}

fn incident(symptom: &str) -> Incident {
    let (healthy, abnormal) = (minutes(0, HEALTHY), minutes(HEALTHY, HEALTHY + ABNORMAL));
    Incident::new(service(symptom), "latency_ms".into(), healthy, abnormal)
}

/// The value of a node in a minute, `NaN` where there is none.
type Shape = fn(usize, usize) -> f64;

/// What a series may look like.
const SHAPES: [(&str, Shape); 9] = [
    ("plain", plain),
    ("constant", |_, _| 10.0),
    ("zero", |_, _| 0.0),
    ("constant then", |node, t| {
        if t < HEALTHY { 10.0 } else { plain(node, t) }
    }),
    ("short", |node, t| {
        if t % 15 == 0 {
            plain(node, t)
        } else {
            f64::NAN
        }
    }),
    ("gappy", |node, t| {
        if (t + node) % 3 == 0 {
            f64::NAN
        } else {
            plain(node, t)
        }
    }),
    ("no longer", |node, t| {
        if t < HEALTHY || node == 0 {
            plain(node, t)
        } else {
            f64::NAN
        }
    }),
    ("infinite", |node, t| match t % 3 {
        0 => f64::INFINITY,
        1 => f64::NEG_INFINITY,
        _ => plain(node, t),
    }),
    ("huge", |node, t| {
        if (t + node) % 2 == 0 {
            f64::MAX
        } else {
            f64::MIN
        }
    }),
];

fn plain(node: usize, t: usize) -> f64 {
    let (x, node) = (t as f64, node as f64);
    let slow = if t < HEALTHY {
        0.0
    } else {
        30.0 + 5.0 * (3.0 * x).sin()
    };
    10.0 + (x * (0.7 + 0.31 * node)).sin() + slow
}

/// How nodes `a` to `d` may call each other; the symptom is `a`.
const WIRINGS: [(&str, &[(&str, &str)]); 7] = [
    ("chain", &[("a", "b"), ("b", "c"), ("c", "d")]),
    ("circle", &[("a", "b"), ("b", "c"), ("c", "d"), ("d", "a")]),
    (
        "all mutual",
        &[
            ("a", "b"),
            ("b", "a"),
            ("b", "c"),
            ("c", "b"),
            ("c", "a"),
            ("a", "c"),
        ],
    ),
    ("itself", &[("a", "a"), ("a", "b"), ("b", "b")]),
    ("callers only", &[("b", "a"), ("c", "a"), ("d", "c")]),
    ("apart", &[("a", "b"), ("c", "d")]),
    ("no edges", &[]),
];

fn graph(nodes: &[&str], edges: &[(&str, &str)], shape: Shape) -> TemporalGraph {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    for (from, to) in edges {
        builder.declare_edge(service(from), service(to), EdgeKind::Calls);
    }
    for (i, name) in nodes.iter().enumerate() {
        builder.declare_node(service(name));
        let samples = (0..HEALTHY + ABNORMAL)
            .map(|t| Sample::new(minute(t), service(name), "latency_ms", shape(i, t)));
        builder.extend(samples.map(Into::into));
    }
    builder.build()
}

/// Requests that go along a chain of services, each of which takes that long itself.
fn requests(chain: &[&str], ms: u64) -> Traces {
    let mut calls = Vec::new();
    for trace in 0..5_u32 {
        for (i, name) in (0_u32..).zip(chain) {
            let rest = u64::from(u32::try_from(chain.len()).unwrap() - i);
            let took = Some(Duration::from_millis(ms * rest));
            let at = minute(0).plus(Duration::from_secs(u64::from(trace) * 60 + u64::from(i)));
            let mut call = Call::new(at, Party::new(service(name))).took(took, took);
            call.id = Some(SpanId::new(u128::from(trace), u64::from(i)));
            let caller = i.checked_sub(1).map(|i| chain[i as usize]);
            call.caller = caller.map(|name| Party::new(service(name)));
            calls.push(call);
        }
    }
    Traces::of(&calls)
}

/// Ranks twice, and checks what holds of every answer.
#[track_caller]
fn checked(
    name: &str,
    ranker: &dyn Ranker,
    graph: &TemporalGraph,
    incident: &Incident,
) -> Result<Ranking, RankError> {
    let answer = ranker.rank(graph, incident);
    let again = ranker.rank(graph, incident);
    assert_eq!(format!("{answer:?}"), format!("{again:?}"), "{name}");
    let ranking = answer?;
    let scores: Vec<f64> = ranking.causes.iter().map(|c| c.score).collect();
    // A spread of 0 makes a deviation infinite in this one, as in its reference.
    let may_be_infinite = name == "traversal";
    let is_number = |x: &f64| x.is_finite() || (may_be_infinite && !x.is_nan());
    assert!(scores.iter().all(is_number), "{name}: {ranking}");
    assert!(scores.windows(2).all(|w| w[0] >= w[1]), "{name}: {ranking}");
    // With causes a ranker may still say that something else is likelier.
    assert!(
        !ranking.causes.is_empty() || ranking.abstained.is_some(),
        "{name}"
    );
    let mut subjects: Vec<_> = ranking.causes.iter().map(|c| &c.subject).collect();
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), ranking.causes.len(), "{name}: {ranking}");
    Ok(ranking)
}

fn names(ranking: &Ranking) -> Vec<&str> {
    let nodes = ranking.causes.iter().map(|c| &*c.subject.node().name);
    let mut names: Vec<&str> = nodes.collect();
    names.sort_unstable();
    names
}

#[test]
fn every_shape_in_every_wiring_is_answered() {
    for (shape_name, shape) in SHAPES {
        for (wiring, edges) in WIRINGS {
            let graph = graph(&["a", "b", "c", "d"], edges, shape);
            let chain = ["a", "b", "c"];
            let incident = incident("a").traced(requests(&chain, 5), requests(&chain, 50));
            for (name, _, ranker) in all() {
                let answer = checked(name, &*ranker, &graph, &incident);
                let why = format!("{name}, {shape_name}, {wiring}: {answer:?}");
                assert!(answer.is_ok(), "{why}");
            }
            for ranker in Published::all() {
                let name = format!("{ranker:?}");
                let answer = checked(&name, &ranker, &graph, &incident);
                assert!(answer.is_ok(), "{name}, {shape_name}, {wiring}: {answer:?}");
            }
        }
    }
}

#[test]
fn of_every_answer_a_diagnosis_can_be_made() {
    let diagnoser = DiagnoserParams::default().check().unwrap();
    for (shape_name, shape) in SHAPES {
        for (wiring, edges) in WIRINGS {
            let graph = graph(&["a", "b", "c", "d"], edges, shape);
            let chain = ["a", "b", "c"];
            let incident = incident("a").traced(requests(&chain, 5), requests(&chain, 50));
            for (name, _, ranker) in all() {
                let diagnoser = diagnoser.clone().with_ranker(&*ranker);
                let found = diagnoser.diagnose(&graph, &incident).unwrap();
                let why = format!("{name}, {shape_name}, {wiring}: {found:?}");
                assert!(
                    !found.causes.is_empty() || found.abstained.is_some(),
                    "{why}"
                );
                let of_causes = found.causes.iter().filter_map(|cause| cause.probability);
                let others = found.alternatives.iter().map(|other| other.probability);
                let all: Vec<f64> = of_causes.chain(others).collect();
                assert!(all.iter().all(|p| (0.0..=1.0).contains(p)), "{why}");
                assert!(all.iter().sum::<f64>() <= 1.0 + 1e-9, "{why}");
            }
        }
    }
}

#[test]
fn a_symptom_that_is_not_there_is_a_typed_error() {
    let graph = graph(&["a", "b"], &[("a", "b")], plain);
    for (name, _, ranker) in all() {
        let traces = || requests(&["a", "b"], 5);
        let unknown = incident("nobody").traced(traces(), traces());
        let refused = checked(name, &*ranker, &graph, &unknown);
        let is_typed = matches!(
            refused,
            Err(RankError::Graph(GraphError::UnknownNode { .. }))
        );
        assert!(is_typed, "{name}: {refused:?}");
        let mut silent = incident("a").traced(traces(), traces());
        silent.symptom.metric = "never_seen".into();
        let refused = checked(name, &*ranker, &graph, &silent);
        assert!(
            matches!(refused, Err(RankError::NoSymptom { .. })),
            "{name}: {refused:?}"
        );
    }
}

#[test]
fn baselines_as_published_want_a_symptom_too() {
    let graph = graph(&["a", "b"], &[("a", "b")], plain);
    for ranker in Published::all() {
        let name = format!("{ranker:?}");
        let unknown = checked(&name, &ranker, &graph, &incident("nobody"));
        let is_typed = matches!(unknown, Err(RankError::Graph(_)));
        assert!(is_typed, "{name}: {unknown:?}");
        let mut silent = incident("a");
        silent.symptom.metric = "never_seen".into();
        let silent = checked(&name, &ranker, &graph, &silent);
        assert!(matches!(silent, Err(RankError::NoSymptom { .. })), "{name}");
    }
}

#[test]
fn rankers_of_traces_need_traces_and_say_so() {
    let graph = graph(&["a", "b"], &[("a", "b")], plain);
    for (name, sees, ranker) in all() {
        let answer = checked(name, &*ranker, &graph, &incident("a"));
        match sees {
            Candidates::Traced => assert_eq!(answer, Err(RankError::NoTraces), "{name}"),
            _ => assert!(answer.is_ok(), "{name}: {answer:?}"),
        }
        // Without an abnormal one there is nothing to explain.
        for abnormal in [Traces::default(), requests(&["a", "b"], 5)] {
            let incident = incident("a").traced(requests(&["a", "b"], 5), abnormal);
            let answer = checked(name, &*ranker, &graph, &incident).unwrap();
            if sees == Candidates::Traced {
                assert_eq!(answer.abstained, Some(Abstention::NoAnomaly), "{name}");
            }
        }
    }
}

#[test]
fn callers_of_the_symptom_are_candidates_only_where_the_graph_is_not_asked() {
    let edges = [("a", "b"), ("x", "a"), ("y", "x")];
    let graph = graph(&["a", "b", "x", "y"], &edges, plain);
    for (name, sees, ranker) in all() {
        if sees == Candidates::Traced {
            continue;
        }
        let ranking = checked(name, &*ranker, &graph, &incident("a")).unwrap();
        let found = names(&ranking);
        let callers = found.iter().any(|name| ["x", "y"].contains(name));
        assert_eq!(callers, sees == Candidates::All, "{name}: {ranking}");
    }
}

#[test]
fn parts_apart_from_the_symptom_are_no_candidates_for_those_that_follow_edges() {
    let graph = graph(&["a", "b", "c", "d"], &[("a", "b"), ("c", "d")], plain);
    for (name, sees, ranker) in all() {
        if sees == Candidates::Origins {
            let ranking = checked(name, &*ranker, &graph, &incident("a")).unwrap();
            let found = names(&ranking);
            assert!(
                found.iter().all(|n| ["a", "b"].contains(n)),
                "{name}: {ranking}"
            );
        }
    }
}

#[test]
fn one_node_is_its_own_only_candidate() {
    let graph = graph(&["a"], &[], plain);
    for (name, sees, ranker) in all() {
        let incident = incident("a").traced(requests(&["a"], 5), requests(&["a"], 500));
        let ranking = checked(name, &*ranker, &graph, &incident).unwrap();
        match name {
            // These never blame the symptom's node; MicroRCA has no edge that could be anomalous.
            "correlation" | "traversal" | "MicroRCA" => {
                assert!(ranking.abstained.is_some(), "{name}: {ranking}");
            }
            _ => assert_eq!(names(&ranking), ["a"], "{name} {sees:?}: {ranking}"),
        }
    }
}

#[test]
fn a_node_without_telemetry_is_left_out() {
    let edges = [("a", "b"), ("a", "silent"), ("silent", "c")];
    let graph = graph(&["a", "b", "c"], &edges, plain);
    for (name, _, ranker) in all() {
        let incident = incident("a").traced(requests(&["a", "b"], 5), requests(&["a", "b"], 50));
        let ranking = checked(name, &*ranker, &graph, &incident).unwrap();
        assert!(!names(&ranking).contains(&"silent"), "{name}: {ranking}");
    }
}

#[test]
fn too_few_rows_for_a_regression_are_reported() {
    // 40 healthy rows, 25 callees: 52 rows are needed.
    let callees: Vec<String> = (0..25).map(|i| format!("callee-{i:02}")).collect();
    let edges: Vec<(&str, &str)> = callees.iter().map(|name| ("a", &**name)).collect();
    let mut nodes = vec!["a"];
    nodes.extend(callees.iter().map(|name| &**name));
    let graph = graph(&nodes, &edges, plain);
    for ranker in [&Circa as &dyn Ranker, &LinearCounterfactual] {
        let ranking = ranker.rank(&graph, &incident("a")).unwrap();
        for cause in &ranking.causes {
            let says = cause
                .evidence
                .iter()
                .any(|e| matches!(e, Evidence::Fallback { .. }));
            assert_eq!(says, cause.subject == service("a").into(), "{ranking}");
        }
    }
}

/// Nodes in a chain, or all called by the first.
fn large(many: usize, is_chain: bool) -> TemporalGraph {
    let names: Vec<String> = (0..many).map(|i| format!("{i:05}")).collect();
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    for i in 1..many {
        let caller = if is_chain { &names[i - 1] } else { &names[0] };
        builder.declare_edge(service(caller), service(&names[i]), EdgeKind::Calls);
    }
    for (i, name) in names.iter().enumerate() {
        let samples = (0..16).map(|t| {
            let value = plain(i % 9, t + HEALTHY - 12);
            Sample::new(minute(t), service(name), "latency_ms", value).into()
        });
        builder.extend(samples);
    }
    builder.build()
}

#[test]
fn long_chains_and_wide_stars_need_no_deep_stack() {
    let (healthy, abnormal) = (minutes(0, 12), minutes(12, 16));
    let incident = Incident::new(service("00000"), "latency_ms".into(), healthy, abnormal);
    for is_chain in [true, false] {
        // A walk settles slowly in a long chain.
        let (short, long) = (large(200, is_chain), large(8_000, is_chain));
        for (name, sees, ranker) in all() {
            let graph = if name.ends_with("walk") {
                &short
            } else {
                &long
            };
            if sees != Candidates::Traced {
                assert!(ranker.rank(graph, &incident).is_ok(), "{name}");
            }
        }
    }
}
