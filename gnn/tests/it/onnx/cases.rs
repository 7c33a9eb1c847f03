//! Networks of every kind of layer, and graphs to run them on.

use std::error::Error;

use astern_gnn::layer::{
    GatConfig, GatV2Config, GcnConfig, LinearConfig, RecurrentConfig, SageAggregation, SageConfig,
};
use astern_gnn::model::onnx::EdgeWeights;
use astern_gnn::model::{Activation, LayerConfig};
use astern_gnn::ndarray::{Array2, Array3};
use astern_gnn::{Checkpoint, ConfigError, Graph, NetworkConfig, SelfLoops, StateDict};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::Value;

use crate::support::noise;
use crate::support::parity::numbers;

/// Features of a node, of an edge, and steps of a window.
const F: usize = 3;
const D: usize = 2;
const T: usize = 4;

pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) weights: EdgeWeights,
    /// Whether edges have attributes.
    pub(crate) attributes: bool,
    /// Whether the fixture has it.
    pub(crate) recorded: bool,
}

/// A checkpoint with weights in [-scale, scale).
pub(crate) fn checkpoint(config: &NetworkConfig, seed: u64, scale: f64) -> Checkpoint {
    let (mut noise, mut state) = (noise(seed), StateDict::default());
    loop {
        // What is missing says its name and shape.
        match Checkpoint::new(config.clone(), state.clone()) {
            Ok(checkpoint) => return checkpoint,
            Err(ConfigError::Tensor { name, expected, .. }) => {
                let size = expected.iter().product();
                let values = (0..size).map(|_| scale * noise()).collect();
                state.insert(name, &expected, values);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn layers() -> Vec<(&'static str, LayerConfig)> {
    let (gcn, sage) = (|| GcnConfig::new(F, 2), || SageConfig::new(F, 4));
    let gat = || GatConfig::new(F, 2).heads(2);
    let gatv2 = || GatV2Config::new(F, 2).heads(2);
    let rules = [
        SelfLoops::AsGiven,
        SelfLoops::Add,
        SelfLoops::AddDouble,
        SelfLoops::Replace,
    ];
    let names = ["as_given", "add", "double", "replace"];
    let mut all: Vec<(_, LayerConfig)> = vec![
        ("linear", LinearConfig::new(F, 4).into()),
        ("linear_nobias", LinearConfig::new(F, 4).bias(false).into()),
        ("gru", RecurrentConfig::new(F, 5).into()),
        ("gru_nobias", RecurrentConfig::new(F, 5).bias(false).into()),
        ("gcn_wider", GcnConfig::new(F, 5).into()),
        ("gcn_nobias", gcn().bias(false).into()),
        ("sage_mean", sage().into()),
        ("sage_max", sage().aggregation(SageAggregation::Max).into()),
        (
            "sage_norm_project",
            sage().normalize(true).project(true).into(),
        ),
        (
            "sage_neighbours_nobias",
            sage().root_weight(false).bias(false).normalize(true).into(),
        ),
        ("gat_mean", gat().concat(false).into()),
        (
            "gat_nobias_steep",
            gat().bias(false).negative_slope(-1.5).into(),
        ),
        ("gatv2_mean", gatv2().concat(false).into()),
        (
            "gatv2_shared_nobias",
            gatv2().share_weights(true).bias(false).into(),
        ),
    ];
    for (rule, name) in rules.into_iter().zip(names) {
        let label = |layer: &str| -> &'static str { format!("{layer}_{name}").leak() };
        all.push((label("gcn"), gcn().loops(rule).into()));
        all.push((label("gat"), gat().loops(rule).into()));
        all.push((label("gat_edge"), gat().edge_features(D).loops(rule).into()));
        all.push((
            label("gatv2_edge"),
            gatv2().edge_features(D).loops(rule).into(),
        ));
    }
    all
}

/// Whole networks: every activation, and layers of several kinds.
fn networks() -> Vec<(String, NetworkConfig)> {
    let activations = [
        Activation::Identity,
        Activation::Relu,
        Activation::Elu,
        Activation::LeakyRelu,
        Activation::Tanh,
        Activation::Sigmoid,
    ];
    let deep = |activation| {
        NetworkConfig::new()
            .layer(GcnConfig::new(F, 6))
            .layer(GatConfig::new(6, 3).heads(2).edge_features(D))
            .layer(GcnConfig::new(6, 4).loops(SelfLoops::AddDouble))
            .layer(SageConfig::new(4, 4))
            .layer(LinearConfig::new(4, 2))
            .activation(activation)
    };
    let mut all: Vec<_> = activations
        .into_iter()
        .map(|activation| {
            (
                format!("deep_{activation:?}").to_lowercase(),
                deep(activation),
            )
        })
        .collect();
    let temporal = NetworkConfig::new()
        .layer(RecurrentConfig::new(F, 6))
        .layer(GatV2Config::new(6, 2).heads(2).edge_features(D))
        .layer(GcnConfig::new(4, 2))
        .activation(Activation::Elu);
    all.push(("temporal".to_owned(), temporal));
    all
}

/// Cases of the fixture.
const RECORDED: [&str; 8] = [
    "gru",
    "gcn_add_weighted",
    "gcn_double",
    "sage_max",
    "sage_norm_project",
    "gat_edge_replace",
    "gatv2_edge_add",
    "temporal_weighted",
];

pub(crate) fn all() -> Vec<Case> {
    let single = layers().into_iter().map(|(name, layer)| {
        let config = NetworkConfig::new().layer(layer);
        (name.to_owned(), config)
    });
    let mut cases = Vec::new();
    for (seed, (name, config)) in (0..).zip(single.chain(networks())) {
        let attributes = config.layers.iter().any(|layer| match layer {
            LayerConfig::Gat(config) => config.edge_features > 0,
            LayerConfig::GatV2(config) => config.edge_features > 0,
            _ => false,
        });
        let gcn = |layer: &LayerConfig| matches!(layer, LayerConfig::Gcn(_));
        let mut push = |name: String, weights| {
            cases.push(Case {
                recorded: RECORDED.contains(&name.as_str()),
                checkpoint: checkpoint(&config, seed, 1.0),
                name,
                weights,
                attributes,
            });
        };
        push(name.clone(), EdgeWeights::One);
        if config.layers.iter().any(gcn) {
            push(format!("{name}_weighted"), EdgeWeights::Input);
        }
    }
    cases
}

/// One call.
pub(crate) struct Input {
    /// `[N, T, F]`, T = 1 where the network takes no window.
    pub(crate) x: Array3<f64>,
    pub(crate) edges: Vec<(u32, u32)>,
    pub(crate) weight: Vec<f64>,
    pub(crate) attributes: Array2<f64>,
}

impl Input {
    /// Isolated nodes, loops and repeated edges among them; 0 has no edges, 1 one node with two
    /// loops, 2 no node.
    pub(crate) fn random(case: &Case, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (n, e) = match seed {
            0 => (4, 0),
            1 => (1, 2),
            2 => (0, 0),
            _ => (2 + rng.next_u32() % 8, rng.next_u32() % 24),
        };
        let mut node = || rng.next_u32() % n;
        let mut edges: Vec<_> = (0..e).map(|_| (node(), node())).collect();
        if seed > 2 {
            edges.extend([(0, 0), (1, 0), (0, 0), (1, 0), (1, 1)]);
        }
        let mut noise = noise(seed);
        let steps = if case.checkpoint.config().takes_window() {
            T
        } else {
            1
        };
        #[allow(clippy::cast_possible_truncation, reason = "what a runtime is given")]
        let mut number = || f64::from((noise() * 3.0) as f32);
        Self {
            x: Array3::from_shape_simple_fn((n as usize, steps, F), &mut number),
            weight: edges.iter().map(|_| number().max(0.0)).collect(),
            attributes: Array2::from_shape_simple_fn((edges.len(), D), &mut number),
            edges,
        }
    }

    /// Reads the inputs of a run in the fixture.
    pub(crate) fn read(inputs: &Value) -> Result<Self, Box<dyn Error>> {
        let values = |name: &str| match inputs.get(name) {
            Some(tensor) => numbers(&tensor["values"]).map(|(_, values)| values),
            None => Ok(Vec::new()),
        };
        let shape: Vec<usize> = serde_json::from_value(inputs["x"]["shape"].clone())?;
        let (n, f) = (shape[0], shape[shape.len() - 1]);
        let x = values("x")?;
        let steps = x.len() / (n * f);
        let ends: Vec<u32> = serde_json::from_value(inputs["edge_index"]["values"].clone())?;
        let (source, target) = ends.split_at(ends.len() / 2);
        let attributes = values("edge_attr")?;
        Ok(Self {
            x: Array3::from_shape_vec((n, steps, f), x)?,
            edges: source.iter().copied().zip(target.iter().copied()).collect(),
            weight: values("edge_weight")?,
            attributes: Array2::from_shape_vec((attributes.len() / D, D), attributes)?,
        })
    }

    /// Senders, then receivers.
    pub(crate) fn ends(&self) -> Vec<u32> {
        let source = self.edges.iter().map(|e| e.0);
        source.chain(self.edges.iter().map(|e| e.1)).collect()
    }

    /// The graph with what the case takes, features those of the last step.
    pub(crate) fn graph(&self, case: &Case) -> Graph {
        let (n, steps, f) = self.x.dim();
        let x = Array2::from_shape_fn((n, f), |(i, f)| self.x[[i, steps - 1, f]]);
        let mut graph = Graph::new(x, self.edges.iter().copied()).unwrap();
        if case.weights == EdgeWeights::Input {
            graph = graph.with_edge_weight(&self.weight).unwrap();
        }
        if case.attributes {
            graph = graph.with_edge_attr(&self.attributes).unwrap();
        }
        graph
    }
}
