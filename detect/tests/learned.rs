//! The hypersphere detector: what it finds, what it refuses, files, and training.
#![cfg(feature = "gnn")]
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::collections::BTreeSet;

use astern_detect::learned::gnn::{EncodeError, OneClass, OneClassParams};
use astern_detect::learned::{Hypersphere, HypersphereParams, LearnedError, Network};
use astern_detect::{FitError, ScoreError};
use astern_graph_core::signal::Evidence;
use astern_graph_core::{
    CodecError, EdgeKind, GraphBuilder, GraphParams, NodeKey, NodeKind, Sample, TemporalGraph,
    TimeRange, Timestamp, Window,
};

const HEALTHY: i64 = 120;
const END: i64 = 135;
const SERVICES: usize = 6;
/// The service that is slow from `HEALTHY + 5` on, in the graphs that have a fault.
const SICK: usize = 4;

fn minutes(from: i64, to: i64) -> TimeRange {
    let at = |minute| Timestamp::from_secs(60 * minute);
    TimeRange::new(at(from), at(to)).unwrap()
}

fn key(node: usize) -> NodeKey {
    NodeKey::service(format!("s{node}"))
}

fn ripple(seed: f64, minute: i64) -> f64 {
    let x = minute as f64;
    (x * (0.7 + 0.31 * seed)).sin() + 0.5 * (x * x * (0.013 + 0.007 * seed)).sin()
}

/// A tree of services whose latency and processor move with the load; each has its own level.
fn builder(fault_ms: f64, services: usize) -> GraphBuilder {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    for callee in 1..services {
        builder.declare_edge(key((callee - 1) / 2), key(callee), EdgeKind::Calls);
    }
    for minute in 0..END {
        let load = ripple(0.0, minute);
        for node in 0..services {
            let own = |metric: usize| ripple(1.0 + (2 * node + metric) as f64, minute);
            let sick = node == SICK && minute >= HEALTHY + 5;
            let slow = if sick { fault_ms } else { 0.0 };
            let latency = 20.0 * (node + 1) as f64 + 2.0 * load + own(0) + slow;
            let busy = 0.3 + 0.03 * load + 0.01 * own(1);
            let at = Timestamp::from_secs(60 * minute);
            builder.extend([
                Sample::new(at, key(node), "latency_ms", latency).into(),
                Sample::new(at, key(node), "cpu_utilisation", busy).into(),
            ]);
        }
    }
    builder
}

fn graph(fault_ms: f64) -> TemporalGraph {
    builder(fault_ms, SERVICES).build()
}

fn healthy(graph: &TemporalGraph) -> Window {
    graph
        .window(NodeKind::Service, minutes(0, HEALTHY))
        .unwrap()
}

fn later(graph: &TemporalGraph) -> Window {
    graph
        .window(NodeKind::Service, minutes(HEALTHY, END))
        .unwrap()
}

fn network() -> OneClassParams {
    let small = OneClassParams::default().hidden(&[16]).embedding(8);
    small.epochs(60).seed(3)
}

fn params() -> HypersphereParams {
    HypersphereParams::default().network(network())
}

fn untrained(graph: &TemporalGraph) -> Hypersphere {
    params().untrained(graph, &healthy(graph)).unwrap()
}

fn bits<'a>(scores: impl IntoIterator<Item = &'a f64>) -> Vec<u64> {
    scores.into_iter().map(|x| x.to_bits()).collect()
}

#[test]
fn networks_learn_from_two_thirds_and_the_mlp_hears_nobody() {
    let graph = graph(0.0);
    let data = |network| {
        let data = params().training_data(&graph, &healthy(&graph), network);
        data.unwrap()
    };
    let (heard, alone) = (data(Network::Graph), data(Network::Mlp));
    assert_eq!(heard.x().dim(), (80, SERVICES, 2));
    assert_eq!(heard.features(), ["cpu_utilisation", "latency_ms"]);
    assert_eq!(heard.edges(), [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2)]);
    assert_eq!((alone.x(), alone.edges()), (heard.x(), &[][..]));
}

#[test]
fn a_fault_is_found_where_and_since_when_it_is() {
    let calm = graph(0.0);
    let detector = untrained(&calm);
    assert_eq!(detector.anomalies(&calm, &later(&calm)).unwrap(), []);

    let faulty = graph(60.0);
    let found = detector.anomalies(&faulty, &later(&faulty)).unwrap();
    assert_eq!(found[0].subject, key(SICK).into());
    let onset = Timestamp::from_secs(60 * (HEALTHY + 5));
    assert_eq!(found[0].since, onset);
    assert!(found[0].score > 10.0 && found[0].p_value.unwrap() <= 1e-3);
    assert!(found[0].score > detector.threshold());
    let told = &found[0].evidence[0];
    assert!(
        matches!(told, Evidence::Learned { score, untrained, .. }
            if *score > 0.0 && score.to_bits() == untrained.to_bits()),
        "{told}"
    );
    // Callers hear their callees: beside the sick one only they can be outside.
    let subjects: BTreeSet<_> = found.iter().map(|a| a.subject.clone()).collect();
    let touched = BTreeSet::from([key(0).into(), key(1).into(), key(SICK).into()]);
    assert!(subjects.is_subset(&touched), "{subjects:?}");
}

#[test]
fn an_untrained_detector_is_its_own_control() {
    let graph = graph(60.0);
    let (detector, window) = (untrained(&graph), later(&graph));
    let scores = detector.scores(&graph, &window).unwrap();
    assert_eq!(scores.trained, scores.untrained);
    assert_eq!(scores.trained, detector.score(&graph, &window).unwrap());
    let control = detector.control_score(&graph, &window).unwrap();
    assert_eq!(scores.untrained, control);
    let labels = ndarray::Array2::from_shape_fn(control.dim(), |(t, n)| t >= 5 && n == SICK);
    let deviations = detector.deviations(&graph, &window).unwrap();
    assert_eq!(deviations.classic, scores.classic);
    let areas = deviations.compare(&labels).unwrap();
    assert!(areas.classic > Some(0.99), "{areas}");
    assert_eq!(areas.learning_pays(), Some(false));
}

#[test]
fn rows_are_matched_by_key_and_the_unseen_score_nothing() {
    let detector = untrained(&graph(0.0));
    let known = graph(60.0);
    let grown = builder(60.0, SERVICES + 1).build();
    let before = detector.scores(&known, &later(&known)).unwrap();
    let after = detector.scores(&grown, &later(&grown)).unwrap();
    for scores in [&after.trained, &after.untrained, &after.mlp, &after.classic] {
        assert!(scores.column(SERVICES).iter().all(|x| x.is_nan()));
    }
    // The new service is a callee of s2: only s2's degree changes.
    for node in [0, 1, 3, 4, 5] {
        let (a, b) = (before.mlp.column(node), after.mlp.column(node));
        assert_eq!(bits(a), bits(b));
    }
    let other = |node: &usize| ![0, 2].contains(node);
    for node in (0..SERVICES).filter(other) {
        let (a, b) = (before.trained.column(node), after.trained.column(node));
        assert_eq!(bits(a), bits(b), "s{node}");
    }
    let found = detector.anomalies(&grown, &later(&grown)).unwrap();
    assert!(found.iter().all(|a| a.subject != key(SERVICES).into()));
}

#[test]
fn a_silent_node_is_not_judged() {
    let faulty = graph(60.0);
    let mut window = later(&faulty);
    let last = window.len() - 1;
    window
        .values
        .slice_mut(ndarray::s![last, SICK, ..])
        .fill(f64::NAN);
    let found = untrained(&faulty).anomalies(&faulty, &window).unwrap();
    assert!(found.iter().all(|a| a.subject != key(SICK).into()));
}

#[test]
fn a_wild_value_is_an_anomaly_and_no_error() {
    let graph = graph(0.0);
    let detector = untrained(&graph);
    for wild in [f64::MAX, f64::INFINITY, f64::NEG_INFINITY] {
        let mut window = later(&graph);
        let last = window.len() - 1;
        window.values[[last, SICK, 1]] = wild;
        let found = detector.anomalies(&graph, &window).unwrap();
        assert_eq!(found[0].subject, key(SICK).into());
        assert!(found[0].score.is_finite());
    }
}

#[test]
fn another_kind_and_a_missing_feature_are_refused() {
    let mut builder = builder(0.0, SERVICES);
    builder.declare_node(NodeKey::instance("i"));
    let graph = builder.build();
    let detector = untrained(&graph);
    let instances = graph
        .window(NodeKind::Instance, minutes(HEALTHY, END))
        .unwrap();
    let (fitted, given) = (NodeKind::Service, NodeKind::Instance);
    let error = detector.score(&graph, &instances).unwrap_err();
    assert!(
        matches!(error, LearnedError::Score(e) if e == ScoreError::OtherKind { fitted, given })
    );

    let mut bare = GraphBuilder::new(GraphParams::default()).unwrap();
    let at = Timestamp::from_secs(60 * HEALTHY);
    bare.extend([Sample::new(at, key(0), "latency_ms", 20.0).into()]);
    let bare = bare.build();
    for error in [
        detector.score(&bare, &later(&bare)).unwrap_err(),
        detector.anomalies(&bare, &later(&bare)).unwrap_err(),
    ] {
        assert!(
            matches!(&error, LearnedError::MissingFeature { feature } if feature.as_str() == "cpu_utilisation"),
            "{error}"
        );
    }
}

#[test]
fn each_bad_fit_has_its_error() {
    let graph = graph(0.0);
    let fit = |params: &HypersphereParams, to| {
        let window = graph.window(NodeKind::Service, minutes(0, to)).unwrap();
        params.untrained(&graph, &window).unwrap_err()
    };
    for bad in [
        params().ema_weight(0.0),
        params().false_discovery_rate(f64::NAN),
        params().score_min(-1.0),
        params().steps_min(5),
    ] {
        let error = fit(&bad, HEALTHY);
        assert!(
            matches!(error, LearnedError::Fit(FitError::Param(_))),
            "{error}"
        );
    }
    let short = fit(&params(), 29);
    assert!(
        matches!(short, LearnedError::Fit(e) if e == FitError::TooShort { have: 29, need: 30 })
    );
    let network = params().network(OneClassParams::default().nu(2.0));
    let error = fit(&network, HEALTHY);
    assert!(matches!(error, LearnedError::Train(_)), "{error}");
    let empty = graph.window(NodeKind::Service, minutes(-200, -1)).unwrap();
    let error = params().untrained(&graph, &empty).unwrap_err();
    assert!(
        matches!(error, LearnedError::Fit(FitError::NoSeries { .. })),
        "{error}"
    );
}

#[test]
fn a_network_of_other_features_is_refused() {
    let graph = graph(0.0);
    let window = healthy(&graph);
    let data = params()
        .training_data(&graph, &window, Network::Graph)
        .unwrap();
    let fitted = OneClassParams::default().untrained(&data).unwrap();
    let renamed = data.with_feature_names(["a", "b"]).unwrap();
    let other = OneClassParams::default().untrained(&renamed).unwrap();
    let join = |gnn: &OneClass, mlp: &OneClass| {
        Hypersphere::from_models(&params(), &graph, &window, gnn.clone(), mlp.clone())
    };
    assert!(join(&fitted, &fitted).is_ok());
    let error = join(&fitted, &other).unwrap_err();
    assert!(
        matches!(error, LearnedError::Encode(EncodeError::FeatureName { .. })),
        "{error}"
    );
    let error = join(&other, &other).unwrap_err();
    assert!(
        matches!(error, LearnedError::MissingFeature { .. }),
        "{error}"
    );
}

#[test]
fn bytes_give_back_the_same_detector() {
    let graph = graph(60.0);
    let detector = untrained(&graph);
    let bytes = detector.to_bytes().unwrap();
    let read = Hypersphere::from_bytes(&bytes).unwrap();
    assert_eq!(read.to_bytes().unwrap(), bytes);
    let window = later(&graph);
    let scores = |d: &Hypersphere| d.scores(&graph, &window).unwrap();
    assert_eq!(scores(&read), scores(&detector));
    let anomalies = |d: &Hypersphere| d.anomalies(&graph, &window).unwrap();
    assert_eq!(anomalies(&read), anomalies(&detector));
    assert_eq!(read.params(), detector.params());
}

#[test]
fn cut_or_changed_bytes_are_refused() {
    let graph = graph(0.0);
    let small = OneClassParams::default().hidden(&[]).embedding(1);
    let detector = params()
        .network(small)
        .untrained(&graph, &healthy(&graph))
        .unwrap();
    let bytes = detector.to_bytes().unwrap();
    let read = |bytes: &[u8]| Hypersphere::from_bytes(bytes);
    let magic = read(b"PK").unwrap_err();
    assert!(matches!(
        magic,
        LearnedError::File(CodecError::WrongMagic { .. })
    ));
    for length in (0..bytes.len()).step_by(7) {
        assert!(read(&bytes[..length]).is_err(), "{length} bytes");
    }
    // The frame carries a checksum, so no changed byte gets as far as the networks.
    for i in (0..bytes.len()).step_by(5) {
        let mut changed = bytes.clone();
        changed[i] ^= 1;
        assert!(read(&changed).is_err(), "byte {i}");
    }
}

#[cfg(feature = "torch")]
mod torch {
    use std::ops::ControlFlow;

    use astern_detect::learned::gnn::StopReason;
    use astern_detect::learned::gnn::torch::DeviceChoice;

    use super::*;

    fn fit(params: &HypersphereParams, graph: &TemporalGraph) -> Hypersphere {
        let go_on = |_, _| ControlFlow::Continue(());
        params
            .fit_with(graph, &healthy(graph), DeviceChoice::Cpu, go_on)
            .unwrap()
    }

    #[test]
    fn a_planted_fault_is_above_the_threshold_and_health_is_not() {
        let faulty = graph(15.0);
        let detector = fit(&params(), &faulty);
        let scores = detector.deviations(&faulty, &later(&faulty)).unwrap();
        let threshold = detector.threshold();
        let sick = scores.trained.column(SICK);
        assert!(sick.iter().skip(5).all(|s| *s > threshold), "{sick}");
        assert!(sick.iter().take(5).all(|s| *s < threshold), "{sick}");
        let outside = detector.score(&faulty, &later(&faulty)).unwrap();
        assert!(outside.column(SICK).iter().skip(5).all(|s| *s > 0.0));
        let found = detector.anomalies(&faulty, &later(&faulty)).unwrap();
        assert_eq!(found[0].subject, key(SICK).into());
        let calm = graph(0.0);
        assert_eq!(detector.anomalies(&calm, &later(&calm)).unwrap(), []);
    }

    #[test]
    fn training_differs_from_its_controls_and_says_where_it_ran() {
        let graph = graph(15.0);
        let detector = fit(&params(), &graph);
        let scores = detector.scores(&graph, &later(&graph)).unwrap();
        assert_ne!(scores.trained, scores.untrained);
        assert_ne!(scores.trained, scores.mlp);
        let control = untrained(&graph).scores(&graph, &later(&graph)).unwrap();
        assert_eq!(scores.untrained, control.untrained);
        assert_eq!(scores.classic, control.classic);
        let report = detector.gnn().report();
        assert_eq!((report.device.as_str(), report.epochs_run()), ("cpu", 60));
        assert_eq!(detector.mlp().report().epochs_run(), 60);
        assert!(report.losses.last() < report.losses.get(1));
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let graph = graph(0.0);
        let bytes = |params: &HypersphereParams| fit(params, &graph).to_bytes().unwrap();
        assert_eq!(bytes(&params()), bytes(&params()));
        let other = params().network(network().seed(4));
        assert_ne!(bytes(&params()), bytes(&other));
    }

    #[test]
    fn progress_hears_both_networks_and_may_end_each() {
        let graph = graph(0.0);
        let mut heard = Vec::new();
        let detector = params()
            .fit_with(
                &graph,
                &healthy(&graph),
                DeviceChoice::Cpu,
                |network, epoch| {
                    heard.push((network, epoch.index));
                    if network == Network::Graph && epoch.index == 1 {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                },
            )
            .unwrap();
        assert_eq!(detector.gnn().report().stop, StopReason::Caller);
        assert_eq!(heard[..2], [(Network::Graph, 0), (Network::Graph, 1)]);
        let mlp = heard[2..].iter().map(|(network, _)| *network);
        assert_eq!(mlp.collect::<Vec<_>>(), [Network::Mlp; 60]);
    }

    #[test]
    fn networks_trained_elsewhere_make_the_same_detector() {
        let graph = graph(0.0);
        let window = healthy(&graph);
        let whole = fit(&params(), &graph);
        let (gnn, mlp) = (whole.gnn().clone(), whole.mlp().clone());
        let joined = Hypersphere::from_models(&params(), &graph, &window, gnn, mlp).unwrap();
        assert_eq!(joined.to_bytes().unwrap(), whole.to_bytes().unwrap());
    }
}
