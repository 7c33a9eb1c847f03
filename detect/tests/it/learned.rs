//! The hypersphere: what it finds, what it refuses, files, and training.

use std::collections::BTreeSet;

use astern_detect::learned::gnn::{EncodeError, OneClass, OneClassParams};
use astern_detect::learned::{
    Hypersphere, HypersphereModel, HypersphereParams, LearnedError, NetworkRole,
};
use astern_detect::pipeline::Calibrated;
use astern_detect::{FitError, FittedDetector as _, ScoreError};
use astern_graph_core::signal::{Assessment, Evidence, Verdict};
use astern_graph_core::{
    CodecError, EdgeKind, GraphBuilder, GraphParams, NodeKey, NodeKind, Sample, TemporalGraph,
    Window,
};

use crate::fixtures::{HEALTHY, minute, minutes, pipeline, ripple, service};

const END: i64 = 135;
const SERVICES: usize = 6;
/// The service that is slow from `HEALTHY + 5` on, in the graphs that have a fault.
const SICK: usize = 4;

/// A tree of services whose latency and processor move with the load; each has its own level. Nothing is known of
/// the one at fault in its last `silent` steps.
fn silent_builder(fault_ms: f64, services: usize, silent: i64) -> GraphBuilder {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    for callee in 1..services {
        builder.declare_edge(service((callee - 1) / 2), service(callee), EdgeKind::Calls);
    }
    for at in 0..END {
        let load = ripple(0.0, at);
        for node in 0..services {
            let own = |metric: usize| ripple(1.0 + (2 * node + metric) as f64, at);
            let sick = node == SICK && at >= HEALTHY + 5;
            if node == SICK && at >= END - silent {
                continue;
            }
            let slow = if sick { fault_ms } else { 0.0 };
            let latency = 20.0 * (node + 1) as f64 + 2.0 * load + own(0) + slow;
            let busy = 0.3 + 0.03 * load + 0.01 * own(1);
            builder.extend([
                Sample::new(minute(at), service(node), "latency_ms", latency).into(),
                Sample::new(minute(at), service(node), "cpu_utilisation", busy).into(),
            ]);
        }
    }
    builder
}

fn builder(fault_ms: f64, services: usize) -> GraphBuilder {
    silent_builder(fault_ms, services, 0)
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
    let small = OneClassParams::default().hidden([16]).embedding(8);
    small.epochs(60).seed(3)
}

fn params() -> HypersphereParams {
    HypersphereParams::default().network(network())
}

fn fit(model: &HypersphereModel, graph: &TemporalGraph) -> Calibrated<Hypersphere> {
    pipeline().fit(model, graph, minutes(0, HEALTHY)).unwrap()
}

fn untrained(graph: &TemporalGraph) -> Calibrated<Hypersphere> {
    fit(&params().untrained(graph, &healthy(graph)).unwrap(), graph)
}

fn judge(fitted: &Calibrated<Hypersphere>, graph: &TemporalGraph) -> Assessment {
    let newest = minutes(HEALTHY, END);
    pipeline().assess(fitted, graph, newest).unwrap()
}

fn bits<'a>(scores: impl IntoIterator<Item = &'a f64>) -> Vec<u64> {
    scores.into_iter().map(|x| x.to_bits()).collect()
}

#[test]
fn networks_learn_from_two_thirds_and_the_mlp_gets_no_message() {
    let graph = graph(0.0);
    let data = |network| {
        let data = params().training_data(&graph, &healthy(&graph), network);
        data.unwrap()
    };
    let (connected, alone) = (data(NetworkRole::Graph), data(NetworkRole::Mlp));
    assert_eq!(connected.x().dim(), (80, SERVICES, 2));
    assert_eq!(connected.features(), ["cpu_utilisation", "latency_ms"]);
    assert_eq!(connected.edges(), [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2)]);
    assert_eq!((alone.x(), alone.edges()), (connected.x(), &[][..]));
}

#[test]
fn a_fault_is_found_where_and_since_when_it_is() {
    let normal = graph(0.0);
    let fitted = untrained(&normal);
    let quiet = judge(&fitted, &normal);
    assert_eq!((quiet.verdict, quiet.anomalies), (Verdict::Healthy, vec![]));

    let faulty = graph(60.0);
    let judged = judge(&fitted, &faulty);
    assert_eq!(judged.verdict, Verdict::Regressed);
    let found = &judged.anomalies;
    assert_eq!(found[0].subject, service(SICK).into());
    assert_eq!(found[0].metric, Some("latency_ms".into()));
    assert_eq!(found[0].since, minute(HEALTHY + 5));
    assert!(found[0].score > 10.0 && found[0].p_value.unwrap() <= 1e-3);
    assert_eq!(found[0].threshold, Some(3.0));
    assert!(found[0].score > pipeline().threshold(&fitted, None).unwrap());
    assert!(matches!(found[0].evidence[0], Evidence::Shift { z, .. } if z > 10.0));
    let learned = &found[0].evidence[1];
    assert!(
        matches!(learned, Evidence::Learned { score, untrained, .. }
            if *score > 0.0 && score.to_bits() == untrained.to_bits()),
        "{learned}"
    );
    // Callers receive from their callees: beside the sick one only they can be outside.
    let subjects: BTreeSet<_> = found.iter().map(|a| a.subject.clone()).collect();
    let touched = BTreeSet::from([0, 1, SICK].map(|node| service(node).into()));
    assert!(subjects.is_subset(&touched), "{subjects:?}");
}

#[test]
fn a_service_that_became_faster_is_an_anomaly_and_no_regression() {
    let faster = graph(-60.0);
    let judged = judge(&untrained(&faster), &faster);
    assert_eq!(judged.anomalies[0].subject, service(SICK).into());
    assert_eq!(judged.anomalies[0].metric, Some("latency_ms".into()));
    let is_worse = |evidence: &Evidence| matches!(evidence, Evidence::Shift { z, .. } if *z >= 0.0);
    assert!(!judged.anomalies[0].evidence.iter().any(is_worse));
    // Callers may be outside for what they receive; then their own metrics are normal.
    let own = judged
        .anomalies
        .iter()
        .filter(|a| a.subject == service(SICK).into());
    assert_eq!(own.count(), 1);
}

#[test]
fn an_untrained_detector_is_its_own_control() {
    let graph = graph(60.0);
    let (fitted, window) = (untrained(&graph), later(&graph));
    let detector = fitted.detector();
    let scores = detector.scores(&graph, &window).unwrap();
    assert_eq!(scores.trained, scores.untrained);
    assert_eq!(
        scores.trained,
        detector.score_window(&graph, &window).unwrap()
    );
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
    let fitted = untrained(&graph(0.0));
    let detector = fitted.detector();
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
    let judged = judge(&fitted, &grown);
    let of_new = |subject| subject == service(SERVICES).into();
    assert!(judged.anomalies.iter().all(|a| !of_new(a.subject.clone())));
    assert!(
        judged
            .source_faults
            .iter()
            .all(|f| !of_new(f.subject.clone()))
    );
}

#[test]
fn a_silent_node_is_judged_by_its_last_scores_and_then_a_silent_source() {
    let fitted = untrained(&graph(60.0));
    for silent in 0..5 {
        let faulty = silent_builder(60.0, SERVICES, silent).build();
        let judged = judge(&fitted, &faulty);
        let found = judged
            .anomalies
            .iter()
            .find(|a| a.subject == service(SICK).into());
        assert_eq!(found.is_some(), silent < 3, "{silent}");
        assert_eq!(
            judged.source_faults.len(),
            usize::from(silent >= 3),
            "{silent}"
        );
        for fault in &judged.source_faults {
            assert_eq!(
                (&fault.subject, &fault.metric),
                (&service(SICK).into(), &None)
            );
            assert_eq!(fault.since, minute(END - silent));
        }
        for evidence in found.iter().flat_map(|a| &a.evidence) {
            if let Evidence::Learned {
                score, untrained, ..
            } = evidence
            {
                assert!(score.is_finite() && untrained.is_finite(), "{silent}");
            }
        }
    }
}

#[test]
fn a_wild_value_is_far_out_and_no_error() {
    let graph = graph(0.0);
    let fitted = untrained(&graph);
    for wild in [f64::MAX, f64::INFINITY, f64::NEG_INFINITY] {
        let mut window = later(&graph);
        let last = window.len() - 1;
        window.values[[last, SICK, 1]] = wild;
        let deviations = fitted.detector().deviations(&graph, &window).unwrap();
        let score = deviations.trained[[last, SICK]];
        assert!(score.is_finite() && score > 100.0, "{score}");
    }
    let mut wild = builder(0.0, SERVICES);
    wild.extend([Sample::new(minute(END - 1), service(SICK), "latency_ms", f64::MAX).into()]);
    let judged = judge(&fitted, &wild.build());
    assert_eq!(judged.anomalies[0].subject, service(SICK).into());
    assert!(judged.anomalies[0].score.is_finite());
}

#[test]
fn another_kind_and_a_missing_feature_are_refused() {
    let mut builder = builder(0.0, SERVICES);
    builder.declare_node(NodeKey::instance("i"));
    let graph = builder.build();
    let fitted = untrained(&graph);
    let detector = fitted.detector();
    let instances = graph
        .window(NodeKind::Instance, minutes(HEALTHY, END))
        .unwrap();
    let error = detector.score_window(&graph, &instances).unwrap_err();
    assert!(matches!(
        error,
        LearnedError::Score(ScoreError::OtherKind { fitted, given })
            if fitted == NodeKind::Service.into() && given == NodeKind::Instance.into()
    ));

    let mut bare = GraphBuilder::new(GraphParams::default()).unwrap();
    let samples = (0..=HEALTHY)
        .map(|at| Sample::new(minute(at), service(0), "latency_ms", 20.0 + ripple(0.0, at)).into());
    bare.extend(samples);
    let bare = bare.build();
    let missing = |error: &LearnedError| matches!(error, LearnedError::MissingFeature { feature } if feature.as_str() == "cpu_utilisation");
    assert!(missing(
        &detector.score_window(&bare, &later(&bare)).unwrap_err()
    ));
    let scored = detector.score(&bare, minutes(HEALTHY, END)).unwrap_err();
    let fitted = pipeline()
        .fit(detector.model(), &bare, minutes(0, HEALTHY))
        .unwrap_err();
    let (ScoreError::Detector(scored), FitError::Detector(fitted)) = (scored, fitted) else {
        panic!("neither is the error of a learned detector");
    };
    for error in [scored, fitted] {
        assert!(error.downcast_ref().is_some_and(missing), "{error}");
        assert!(error.to_string().contains("cpu_utilisation"));
    }
}

#[test]
fn each_bad_fit_has_its_error() {
    let graph = graph(0.0);
    let fit = |params: &HypersphereParams, to| {
        let window = graph.window(NodeKind::Service, minutes(0, to)).unwrap();
        params.untrained(&graph, &window).unwrap_err()
    };
    for bad in [params().steps_min(5u32), params().steps_min(1_000_001u32)] {
        let error = fit(&bad, HEALTHY);
        assert!(
            matches!(error, LearnedError::Fit(FitError::Param(_))),
            "{error}"
        );
    }
    let short = fit(&params(), 29);
    assert!(matches!(
        short,
        LearnedError::Fit(FitError::TooShort { have: 29, need: 30 })
    ));
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
        .training_data(&graph, &window, NetworkRole::Graph)
        .unwrap();
    let fitted = OneClassParams::default().untrained(&data).unwrap();
    let renamed = data.with_feature_names(["a", "b"]).unwrap();
    let other = OneClassParams::default().untrained(&renamed).unwrap();
    let join = |gnn: &OneClass, mlp: &OneClass| {
        HypersphereModel::new(NodeKind::Service, gnn.clone(), mlp.clone())
    };
    let fit = |model: &HypersphereModel| pipeline().fit(model, &graph, minutes(0, HEALTHY));
    assert!(fit(&join(&fitted, &fitted).unwrap()).is_ok());
    let error = join(&fitted, &other).unwrap_err();
    assert!(
        matches!(error, LearnedError::Encode(EncodeError::FeatureName { .. })),
        "{error}"
    );
    let error = fit(&join(&other, &other).unwrap()).unwrap_err();
    assert!(matches!(error, FitError::Detector(_)), "{error}");
}

#[test]
fn bytes_give_back_the_same_model_and_the_same_fit() {
    let graph = graph(60.0);
    let model = params().untrained(&graph, &healthy(&graph)).unwrap();
    let bytes = model.to_bytes().unwrap();
    let read = HypersphereModel::from_bytes(&bytes).unwrap();
    assert_eq!(read, model);
    assert_eq!(read.to_bytes().unwrap(), bytes);
    let fitted = fit(&model, &graph);
    assert_eq!(fit(&read, &graph), fitted);
    let json = serde_json::to_string(&fitted).unwrap();
    let stored: Calibrated<Hypersphere> = serde_json::from_str(&json).unwrap();
    assert_eq!(stored, fitted);
    assert_eq!(judge(&stored, &graph), judge(&fitted, &graph));
    let window = later(&graph);
    let scores = |fitted: &Calibrated<Hypersphere>| fitted.detector().scores(&graph, &window);
    assert_eq!(scores(&stored).unwrap(), scores(&fitted).unwrap());
}

#[test]
fn a_model_of_one_system_is_recalibrated_on_another() {
    // Trained on the tree of six; the system at hand has seven services and other levels.
    let trained_on = graph(0.0);
    let model = params()
        .untrained(&trained_on, &healthy(&trained_on))
        .unwrap();
    let larger = builder(60.0, SERVICES + 1).build();
    let judged = judge(&fit(&model, &larger), &larger);
    assert_eq!(judged.anomalies[0].subject, service(SICK).into());
    assert_eq!(judged.verdict, Verdict::Regressed);
}

#[test]
fn cut_or_changed_bytes_are_refused() {
    let graph = graph(0.0);
    let small = OneClassParams::default().hidden([]).embedding(1);
    let model = params()
        .network(small)
        .untrained(&graph, &healthy(&graph))
        .unwrap();
    let bytes = model.to_bytes().unwrap();
    let read = |bytes: &[u8]| HypersphereModel::from_bytes(bytes);
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

    use astern_detect::learned::gnn::one_class::StopReason;
    use astern_detect::learned::gnn::torch::DeviceChoice;

    use super::*;

    fn train(params: &HypersphereParams, graph: &TemporalGraph) -> HypersphereModel {
        let go_on = |_, _| ControlFlow::Continue(());
        params
            .train_with(graph, &healthy(graph), DeviceChoice::Cpu, go_on)
            .unwrap()
    }

    #[test]
    fn a_planted_fault_is_above_the_threshold_and_health_is_not() {
        let faulty = graph(15.0);
        let fitted = fit(&train(&params(), &faulty), &faulty);
        let detector = fitted.detector();
        let scores = detector.deviations(&faulty, &later(&faulty)).unwrap();
        let threshold = pipeline().threshold(&fitted, None).unwrap();
        let sick = scores.trained.column(SICK);
        assert!(sick.iter().skip(5).all(|s| *s > threshold), "{sick}");
        assert!(sick.iter().take(5).all(|s| *s < threshold), "{sick}");
        let outside = detector.score_window(&faulty, &later(&faulty)).unwrap();
        assert!(outside.column(SICK).iter().skip(5).all(|s| *s > 0.0));
        let judged = judge(&fitted, &faulty);
        assert_eq!(judged.anomalies[0].subject, service(SICK).into());
        let normal = graph(0.0);
        assert_eq!(judge(&fitted, &normal).anomalies, []);
    }

    #[test]
    fn training_differs_from_its_controls_and_says_where_it_ran() {
        let graph = graph(15.0);
        let model = train(&params(), &graph);
        let fitted = fit(&model, &graph);
        let scores = fitted.detector().scores(&graph, &later(&graph)).unwrap();
        assert_ne!(scores.trained, scores.untrained);
        assert_ne!(scores.trained, scores.mlp);
        let control = untrained(&graph);
        let control = control.detector().scores(&graph, &later(&graph)).unwrap();
        assert_eq!(scores.untrained, control.untrained);
        assert_eq!(scores.classic, control.classic);
        let report = model.gnn().report();
        assert_eq!((report.device.as_str(), report.epochs_run()), ("cpu", 60));
        assert_eq!(model.mlp().report().epochs_run(), 60);
        assert!(report.losses.last() < report.losses.get(1));
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let graph = graph(0.0);
        let bytes = |params: &HypersphereParams| train(params, &graph).to_bytes().unwrap();
        assert_eq!(bytes(&params()), bytes(&params()));
        let other = params().network(network().seed(4));
        assert_ne!(bytes(&params()), bytes(&other));
    }

    #[test]
    fn progress_is_of_both_networks_and_may_end_each() {
        let graph = graph(0.0);
        let mut epochs = Vec::new();
        let model = params()
            .train_with(
                &graph,
                &healthy(&graph),
                DeviceChoice::Cpu,
                |network, epoch| {
                    epochs.push((network, epoch.index));
                    if network == NetworkRole::Graph && epoch.index == 1 {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                },
            )
            .unwrap();
        assert_eq!(model.gnn().report().stop, StopReason::Caller);
        assert_eq!(
            epochs[..2],
            [(NetworkRole::Graph, 0), (NetworkRole::Graph, 1)]
        );
        let mlp = epochs[2..].iter().map(|(network, _)| *network);
        assert_eq!(mlp.collect::<Vec<_>>(), [NetworkRole::Mlp; 60]);
    }

    #[test]
    fn networks_trained_elsewhere_make_the_same_model() {
        let graph = graph(0.0);
        let whole = train(&params(), &graph);
        let (gnn, mlp) = (whole.gnn().clone(), whole.mlp().clone());
        let joined = HypersphereModel::new(NodeKind::Service, gnn, mlp).unwrap();
        assert_eq!(joined.to_bytes().unwrap(), whole.to_bytes().unwrap());
    }
}
