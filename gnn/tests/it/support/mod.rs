//! What several tests share: fixtures and a small healthy system.

pub(crate) mod parity;
pub(crate) mod pyg;
#[cfg(feature = "torch")]
pub(crate) mod torch;

#[cfg(feature = "torch")]
pub(crate) mod training;

use std::error::Error;
use std::ops::Range;

use astern_gnn::layer::GcnConfig;
use astern_gnn::model::PreparedGraph;
use astern_gnn::ndarray::{Array2, Array3};
use astern_gnn::{
    Checkpoint, ConfigError, Graph, GraphSnapshots, Network, NetworkConfig, SelfLoops, StateDict,
};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::Deserialize;

pub(crate) type Outcome = Result<(), Box<dyn Error>>;

#[derive(Deserialize)]
pub(crate) struct Fixture {
    pub(crate) x: Vec<Vec<f64>>,
    edge_index: [Vec<u32>; 2],
    edge_weight: Vec<f64>,
    pub(crate) cases: Cases,
}

#[derive(Deserialize)]
pub(crate) struct Cases {
    gcn: Case,
    gcn_weighted: Case,
    gcn_noloop_nobias: Case,
    gcn_improved: Case,
}

#[derive(Deserialize)]
pub(crate) struct Case {
    params: Params,
    pub(crate) y: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
pub(crate) struct Params {
    pub(crate) bias: Option<Vec<f64>>,
    #[serde(rename = "lin.weight")]
    pub(crate) weight: Vec<Vec<f64>>,
}

/// One case, ready to run.
pub(crate) struct Ready<'a> {
    pub(crate) name: &'static str,
    pub(crate) case: &'a Case,
    pub(crate) graph: PreparedGraph<f64>,
    pub(crate) layer: Network<f64>,
}

impl Fixture {
    pub(crate) fn read() -> Result<Self, serde_json::Error> {
        serde_json::from_str(include_str!("../../fixtures/pyg_layers.json"))
    }

    pub(crate) fn x(&self) -> Array2<f64> {
        matrix(&self.x)
    }

    pub(crate) fn cases(&self) -> Result<Vec<Ready<'_>>, Box<dyn Error>> {
        let weights = Some(self.edge_weight.as_slice());
        let cases = [
            ("gcn", &self.cases.gcn, None, SelfLoops::Add),
            (
                "gcn_weighted",
                &self.cases.gcn_weighted,
                weights,
                SelfLoops::Add,
            ),
            (
                "gcn_noloop_nobias",
                &self.cases.gcn_noloop_nobias,
                None,
                SelfLoops::AsGiven,
            ),
            // `improved=True` does nothing in PyTorch Geometric where there are no edge weights.
            (
                "gcn_improved",
                &self.cases.gcn_improved,
                None,
                SelfLoops::Add,
            ),
        ];
        let ready = cases.map(|(name, case, weights, loops)| {
            let [source, target] = &self.edge_index;
            let edges: Vec<_> = source.iter().copied().zip(target.iter().copied()).collect();
            let graph = Graph::new(self.x(), edges)?;
            let graph = match weights {
                Some(weights) => graph.with_edge_weight(weights)?,
                None => graph,
            };
            let (weight, bias) = (matrix(&case.params.weight), case.params.bias.as_deref());
            Ok(Ready {
                name,
                case,
                graph: PreparedGraph::new(&graph),
                layer: Network::new(&gcn(&weight, bias, loops)?)?,
            })
        });
        ready.into_iter().collect()
    }
}

/// One graph convolution with these weights.
pub(crate) fn gcn(
    weight: &Array2<f64>,
    bias: Option<&[f64]>,
    loops: SelfLoops,
) -> Result<Checkpoint, ConfigError> {
    let layer = GcnConfig::new(weight.ncols(), weight.nrows());
    let config = NetworkConfig::new().layer(layer.loops(loops).bias(bias.is_some()));
    let mut state = StateDict::default();
    state.insert(
        "0.lin.weight",
        weight.shape(),
        weight.iter().copied().collect(),
    );
    if let Some(bias) = bias {
        state.insert("0.bias", &[bias.len()], bias.to_vec());
    }
    Checkpoint::new(config, state)
}

/// Graph convolutions of these widths, without bias, untrained.
pub(crate) fn untrained(widths: &[usize], seed: u64) -> Result<Checkpoint, ConfigError> {
    let layer = |pair: &[usize]| GcnConfig::new(pair[0], pair[1]).bias(false);
    let config = widths
        .windows(2)
        .map(layer)
        .fold(NetworkConfig::new(), NetworkConfig::layer);
    Checkpoint::glorot(config, seed)
}

pub(crate) fn matrix(rows: &[Vec<f64>]) -> Array2<f64> {
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

/// Numbers in [-1, 1).
pub(crate) fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    move || f64::from(rng.next_u32()) / f64::from(1u32 << 31) - 1.0
}

/// Shape of the healthy system.
pub(crate) const NODES: usize = 12;
pub(crate) const FEATURES: usize = 4;

/// A tree of 12 services, messages from callee to caller; each has a level of its own and shares a
/// slow wave of load.
pub(crate) fn healthy(n_snapshots: usize, seed: u64) -> Array3<f64> {
    let mut noise = noise(seed);
    Array3::from_shape_fn((n_snapshots, NODES, FEATURES), |(t, n, f)| {
        let load = (t as f64 / 9.0).sin();
        10.0 * (f + 1) as f64 + n as f64 + 2.0 * load * (f + 1) as f64 + 0.5 * noise()
    })
}

pub(crate) fn edges() -> impl Iterator<Item = (u32, u32)> {
    (1..12).map(|callee| (callee, (callee - 1) / 2))
}

pub(crate) fn snapshots(x: Array3<f64>) -> Result<GraphSnapshots, Box<dyn Error>> {
    let names = ["p99_ms", "error_rate", "calls_per_s", "cpu"];
    Ok(GraphSnapshots::new(x, edges())?.with_feature_names(names)?)
}

prop_compose! {
    /// A graph of 3 features, 1 edge attribute and edge weights; loops and repeated edges among them.
    pub(crate) fn any_graph(n_nodes: Range<u32>)(n in n_nodes)(
        edges in prop::collection::vec((0..n.max(1), 0..n.max(1), 0.0..2.0f64), if n == 0 { 0..1 } else { 0..20 }),
        x in prop::collection::vec(-3.0..3.0f64, n as usize * 3),
        n in Just(n as usize),
    ) -> Graph {
        let x = Array2::from_shape_vec((n, 3), x).unwrap();
        let weights: Vec<f64> = edges.iter().map(|e| e.2).collect();
        let attributes = Array2::from_shape_vec((weights.len(), 1), weights.clone()).unwrap();
        let graph = Graph::new(x, edges.iter().map(|e| (e.0, e.1))).unwrap();
        graph.with_edge_weight(&weights).unwrap().with_edge_attr(&attributes).unwrap()
    }
}
