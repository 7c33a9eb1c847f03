//! Meta-learning on five graphs against plain deviation training on the sixth alone.
//!
//! One `GraphSAGE` layer of 32, `ReLU` and a score. Each of the five graphs has 10 labelled
//! anomalies, the sixth 10; as many nodes as 10 times that are taken as healthy without a look at
//! their labels. Meta-learning: 60 outer steps, then 3 steps on the sixth graph; plain: 100 steps of
//! Adam .01 there. AUROC on all other nodes of the sixth.

use std::ops::RangeInclusive;
use std::path::Path;

use astern_gnn::layer::{LinearConfig, SageConfig};
use astern_gnn::ndarray::{Array1, Array2, Axis};
use astern_gnn::torch::few::{FewParams, MetaParams, MetaTask, adapt, fit, meta_train};
use astern_gnn::torch::tch::{Device, Kind};
use astern_gnn::torch::{ForwardMode, GraphLayer, GraphTensors, TrainableNetwork};
use astern_gnn::train::FewLabels;
use astern_gnn::{Graph, NetworkConfig};
use astern_stats::auroc::auroc;
use astern_stats::rng::seeded;
use rand::RngExt;
use rand::seq::SliceRandom;

use super::super::npz::Npz;
use super::{Comparison, Outcome};

const GRAPHS: usize = 6;
const LABELLED: usize = 10;

struct Part {
    graph: GraphTensors,
    anomalous: Vec<bool>,
    labels: FewLabels,
}

impl Part {
    fn new(graph: &Graph, anomalous: Vec<bool>, seed: u64) -> Outcome<Self> {
        let n = anomalous.len();
        let mut nodes: Vec<u32> = (0..u32::try_from(n)?).collect();
        nodes.shuffle(&mut seeded(seed, 1));
        let known: Vec<u32> = nodes
            .iter()
            .copied()
            .filter(|&v| anomalous[v as usize])
            .take(LABELLED)
            .collect();
        let rest = nodes.into_iter().filter(|v| !known.contains(v));
        let unlabelled = rest.take(10 * LABELLED).collect();
        Ok(Self {
            graph: GraphTensors::new(graph, Kind::Float, Device::Cpu)?,
            labels: FewLabels::new(n, known, unlabelled)?,
            anomalous,
        })
    }

    /// On the nodes that no training has seen a label of.
    fn auroc(&self, model: &TrainableNetwork) -> Outcome<f64> {
        let scores = model.forward(self.graph.x(), &self.graph, ForwardMode::Eval)?;
        let scores: Vec<f32> = Vec::try_from(&scores.f_detach()?.f_reshape(-1)?)?;
        let named =
            |v: u32| self.labels.anomalies().contains(&v) || self.labels.unlabelled().contains(&v);
        let all = (0u32..).zip(scores).zip(&self.anomalous);
        let left = all.filter(|&((v, _), _)| !named(v));
        let (scores, truth): (Vec<f64>, Vec<bool>) = left
            .map(|((_, score), &truth)| (f64::from(score), truth))
            .unzip();
        Ok(auroc(&scores, &truth).ok_or("one class only")?)
    }
}

pub(super) fn compare(root: &Path, seeds: RangeInclusive<u64>) -> Outcome<Vec<Comparison>> {
    let reddit = Reddit::read(&root.join("graph-anomaly/reddit.npz"))?;
    let mut all = [
        "meta-learning, Reddit in 6 parts",
        "meta-learning, synthetic graphs",
    ]
    .map(|name| Comparison {
        name: name.into(),
        metric: "AUROC",
        plain: Vec::new(),
        helped: Vec::new(),
    });
    for seed in seeds {
        let data = [reddit.parts(seed)?, synthetic(seed)?];
        for (parts, comparison) in data.iter().zip(&mut all) {
            let [plain, helped] = both(parts, seed)?;
            comparison.plain.push(plain);
            comparison.helped.push(helped);
        }
    }
    Ok(all.into())
}

fn both(parts: &[Part], seed: u64) -> Outcome<[f64; 2]> {
    let (target, others) = parts.split_last().ok_or("no graph")?;
    let inputs = usize::try_from(target.graph.x().size()[1])?;
    let config = NetworkConfig::new()
        .layer(SageConfig::new(inputs, 32))
        .layer(LinearConfig::new(32, 1));
    let model = || TrainableNetwork::new(&config, seed, Kind::Float, Device::Cpu);

    let plain = model()?;
    let mut params = FewParams::default();
    params.train.seed = seed;
    fit(&plain, &target.graph, &target.labels, &params)?;

    let helped = model()?;
    let mut params = MetaParams::default();
    params.train = params.train.epochs(60).seed(seed);
    let tasks: Vec<_> = others
        .iter()
        .map(|part| MetaTask::new(&part.graph, &part.labels))
        .collect();
    meta_train(&helped, &tasks, &params)?;
    adapt(
        &helped,
        &MetaTask::new(&target.graph, &target.labels),
        &params,
        seed,
    )?;
    Ok([target.auroc(&plain)?, target.auroc(&helped)?])
}

struct Reddit {
    x: Array2<f64>,
    edges: Vec<(u32, u32)>,
    anomalous: Vec<bool>,
}

impl Reddit {
    fn read(path: &Path) -> Outcome<Self> {
        let mut npz = Npz::open(path)?;
        let x: Array2<f32> = npz.array("x")?;
        let ends: Array2<i64> = npz.array("edge_index")?;
        let y: Array1<f64> = npz.array("y")?;
        let edge = |e: usize| Ok((u32::try_from(ends[[0, e]])?, u32::try_from(ends[[1, e]])?));
        Ok(Self {
            x: x.mapv(f64::from),
            edges: (0..ends.ncols()).map(edge).collect::<Outcome<_>>()?,
            anomalous: y.iter().map(|&y| y > 0.5).collect(),
        })
    }

    /// Six parts of nodes at random, with the edges within each.
    fn parts(&self, seed: u64) -> Outcome<Vec<Part>> {
        let mut nodes: Vec<usize> = (0..self.anomalous.len()).collect();
        nodes.shuffle(&mut seeded(seed, 0));
        let size = nodes.len() / GRAPHS;
        let part = |nodes: &[usize]| {
            let mut place = vec![None; self.anomalous.len()];
            for (i, &node) in (0u32..).zip(nodes) {
                place[node] = Some(i);
            }
            let within = self.edges.iter();
            let within = within.filter_map(|&(a, b)| place[a as usize].zip(place[b as usize]));
            let graph = Graph::new(self.x.select(Axis(0), nodes), within)?;
            let anomalous = nodes.iter().map(|&node| self.anomalous[node]).collect();
            Part::new(&graph, anomalous, seed)
        };
        nodes.chunks_exact(size).take(GRAPHS).map(part).collect()
    }
}

/// Six graphs of 300 nodes, 16 features, 6 neighbours. A node has the mean of its graph and noise
/// N(0, 1); one in ten is moved by 1 in each of four features, two of them the same in all graphs.
fn synthetic(seed: u64) -> Outcome<Vec<Part>> {
    const NODES: usize = 300;
    let graph = |g: usize| {
        let mut rng = seeded(seed, 100 + g as u64);
        let own = [2 + rng.random_range(0..7), 9 + rng.random_range(0..7)];
        let shift: Vec<f64> = (0..16).map(|_| rng.random_range(-1.0..1.0)).collect();
        let anomalous: Vec<bool> = (0..NODES).map(|_| rng.random_range(0..10) == 0).collect();
        let x = Array2::from_shape_fn((NODES, 16), |(i, f)| {
            let noise: f64 = (0..12).map(|_| rng.random_range(-0.5..0.5)).sum();
            let moved = anomalous[i] && (f < 2 || own.contains(&f));
            shift[f] + noise + f64::from(moved)
        });
        let n = u32::try_from(NODES)?;
        let edges: Vec<_> = (0..n)
            .flat_map(|a| (0..3).map(move |_| a))
            .map(|a| (a, rng.random_range(0..n)))
            .flat_map(|(a, b)| [(a, b), (b, a)])
            .collect();
        Part::new(&Graph::new(x, edges)?, anomalous, seed)
    };
    (0..GRAPHS).map(graph).collect()
}
