//! Pre-training and training on few labels.

use astern_gnn::layer::{GcnConfig, LinearConfig};
use astern_gnn::ndarray::Array2;
use astern_gnn::torch::few::{AnomalyHead, MetaParams, MetaTask, adapt, meta_train};
use astern_gnn::torch::loss::{Deviation, DeviationConfig};
use astern_gnn::torch::pretrain::{HopCountParams, hop_counts};
use astern_gnn::torch::tch::{Device, Kind, Tensor};
use astern_gnn::torch::{GcnConv, GraphLayer, GraphTensors, Init, Linear, Module, state_of};
use astern_gnn::train::{FewLabels, LabelledNodes, OptimizerConfig, TrainParams};
use astern_gnn::{Graph, StateDict};
use rand_chacha::rand_core::Rng;

fn init(seed: u64) -> Init {
    Init::new(seed, Kind::Double, Device::Cpu)
}

fn graph(shift: f64) -> (Graph, GraphTensors) {
    let x = Array2::from_shape_fn((24, 3), |(i, f)| {
        let away = if i < 6 { 1.5 } else { 0.0 };
        ((7 * i + 3 * f) as f64).sin() + away + shift
    });
    let graph = Graph::new(x, (0..23).flat_map(|i| [(i, i + 1), (i + 1, i)])).unwrap();
    let tensors = GraphTensors::new(&graph, Kind::Double, Device::Cpu).unwrap();
    (graph, tensors)
}

fn labels() -> FewLabels {
    FewLabels::new(24, (0..6).collect(), (6..24).collect()).unwrap()
}

fn flat(state: &StateDict) -> Vec<f64> {
    state.iter().flat_map(|(_, t)| t.values.clone()).collect()
}

/// Gradient of the deviation loss of `s = w · x + b` by (w, b), by hand.
fn gradient(theta: &[f64], x: &Array2<f64>, batch: &LabelledNodes) -> Vec<f64> {
    let loss = Deviation::new(&DeviationConfig::default()).unwrap();
    let ends = Tensor::f_from_slice(&[0.0, 1.0]).unwrap();
    let ends: Vec<f64> = Vec::try_from(&loss.deviations(&ends).unwrap()).unwrap();
    let slope = ends[1] - ends[0];
    let mut g = vec![0.0; theta.len()];
    for (&node, &anomalous) in batch.nodes.iter().zip(&batch.anomalous) {
        let row: Vec<f64> = x.row(node as usize).iter().copied().chain([1.0]).collect();
        let score: f64 = row.iter().zip(theta).map(|(x, w)| x * w).sum();
        let deviation = ends[0] + slope * score;
        let by_score = if !anomalous {
            slope * deviation.signum()
        } else if deviation < 5.0 {
            -slope
        } else {
            0.0
        };
        for (g, x) in g.iter_mut().zip(&row) {
            *g += by_score * x / batch.nodes.len() as f64;
        }
    }
    g
}

#[test]
fn a_meta_step_is_that_of_first_order_maml_by_hand() {
    let (rate, inner_rate, seed) = (0.3, 0.1, 5);
    let data = [graph(0.0), graph(0.4)];
    let labels = labels();
    let tasks: Vec<_> = data
        .iter()
        .map(|(_, g)| MetaTask::new(g, &labels))
        .collect();
    let model = Linear::new(&LinearConfig::new(3, 1), &mut init(1)).unwrap();
    // Weights, then the bias.
    let values = |model: &Linear| -> Vec<f64> {
        let parameters = model.parameters().into_iter();
        parameters
            .flat_map(|(_, p)| Vec::<f64>::try_from(&p.f_detach().unwrap().reshape(-1)).unwrap())
            .collect()
    };
    let start = values(&model);

    let train = TrainParams::new(OptimizerConfig::sgd(rate))
        .epochs(1)
        .seed(seed);
    let params = MetaParams::default()
        .inner_rate(inner_rate)
        .per_kind(2)
        .train(train);
    meta_train(&model, &tasks, &params).unwrap();

    let step_seed = astern_stats::rng::seeded(seed, 0).next_u64();
    let mut mean = vec![0.0; start.len()];
    for (i, (graph, _)) in data.iter().enumerate() {
        let [support, query] = labels.support_and_query(2, step_seed.wrapping_add(i as u64));
        let mut theta = start.clone();
        for _ in 0..3 {
            let g = gradient(&theta, graph.x(), &support);
            theta
                .iter_mut()
                .zip(g)
                .for_each(|(t, g)| *t -= inner_rate * g);
        }
        let g = gradient(&theta, graph.x(), &query);
        mean.iter_mut().zip(g).for_each(|(m, g)| *m += g / 2.0);
    }
    let expected: Vec<f64> = start.iter().zip(&mean).map(|(t, g)| t - rate * g).collect();
    for (got, expected) in values(&model).iter().zip(&expected) {
        assert!((got - expected).abs() < 1e-12, "{got} {expected}");
    }
    assert!(mean.iter().any(|g| g.abs() > 1e-3));
}

#[test]
fn a_task_that_fails_leaves_the_parameters_as_they_were() {
    let (_, good) = graph(0.0);
    let fits = labels();
    let beyond = FewLabels::new(99, vec![0, 97], vec![1, 98]).unwrap();
    let model = Linear::new(&LinearConfig::new(3, 1), &mut init(1)).unwrap();
    let before = flat(&state_of(&model).unwrap());
    let tasks = [MetaTask::new(&good, &fits), MetaTask::new(&good, &beyond)];
    assert!(meta_train(&model, &tasks, &MetaParams::default()).is_err());
    assert!(meta_train(&model, &[], &MetaParams::default()).is_err());
    assert_eq!(flat(&state_of(&model).unwrap()), before);
}

#[test]
fn another_output_than_one_score_a_node_is_refused() {
    let (_, graph) = graph(0.0);
    let labels = labels();
    let model = Linear::new(&LinearConfig::new(3, 2), &mut init(1)).unwrap();
    let task = MetaTask::new(&graph, &labels);
    assert!(adapt(&model, &task, &MetaParams::default(), 0).is_err());
}

#[test]
fn the_encoder_is_trained_in_place_and_the_same_for_a_seed() {
    let (_, graph) = graph(0.0);
    let config = GcnConfig::new(3, 8);
    let train = TrainParams::new(OptimizerConfig::adam(0.01)).epochs(5);
    let params = HopCountParams::default().train(train);
    let run = || {
        let encoder = GcnConv::new(&config, &mut init(3)).unwrap();
        let before = flat(&state_of(&encoder).unwrap());
        let report = hop_counts(&encoder, graph.x(), &graph, &params).unwrap();
        let after = flat(&state_of(&encoder).unwrap());
        assert_ne!(before, after);
        (after, report)
    };
    assert_eq!(run(), run());
}

#[test]
fn a_graph_whose_pairs_are_all_alike_teaches_no_hops() {
    let lonely = Graph::new(Array2::ones((4, 3)), []).unwrap();
    let lonely = GraphTensors::new(&lonely, Kind::Double, Device::Cpu).unwrap();
    let encoder = GcnConv::new(&GcnConfig::new(3, 8), &mut init(3)).unwrap();
    let params = HopCountParams::default();
    let error = hop_counts(&encoder, lonely.x(), &lonely, &params).unwrap_err();
    assert!(error.to_string().contains("hop_counts"), "{error}");
}

#[test]
fn a_head_scores_any_encoder() {
    let (_, graph) = graph(0.0);
    let init = &mut init(3);
    let encoder = GcnConv::new(&GcnConfig::new(3, 8), init).unwrap();
    let model = AnomalyHead::new(encoder, 8, init).unwrap();
    let mode = astern_gnn::torch::ForwardMode::Eval;
    let z = model.encoder().forward(graph.x(), &graph, mode).unwrap();
    let scores = model.forward(graph.x(), &graph, mode).unwrap();
    assert_eq!((z.size(), scores.size()), (vec![24, 8], vec![24, 1]));
    let names: Vec<String> = model.parameters().into_iter().map(|(n, _)| n).collect();
    assert_eq!(names[names.len() - 2..], ["output.weight", "output.bias"]);
}
