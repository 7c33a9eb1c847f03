//! One layer on one graph, timed.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

use astern_gnn::layer::{GatConfig, GatV2Config, GcnConfig, SageConfig, TgcnConfig};
use astern_gnn::torch::tch::{self, Device, Kind, Tensor};
use astern_gnn::torch::{
    ForwardMode, GatConv, GatV2Conv, GcnConv, GraphLayer, GraphTensors, Init, SageConv, TgcnCell,
    load_state,
};
use astern_gnn::{Graph, StateDict, StateTensor, ndarray::Array2};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Width of input and output of every layer.
const WIDTH: usize = 64;

/// What has been read so far.
#[derive(Default)]
pub(super) struct Speed {
    graph: Option<GraphTensors>,
    layer: Option<Box<dyn GraphLayer>>,
}

impl Speed {
    /// Reads and prepares a graph; returns how long the preparation took, in milliseconds.
    pub(super) fn graph(&mut self, path: &Path) -> Outcome<f64> {
        let state = StateDict::from_safetensors(&fs::read(path)?)?;
        let get = |name: &str| state.get(name).ok_or_else(|| format!("no `{name}`"));
        let x = get("x")?;
        let [rows, columns] = x.shape[..] else {
            return Err("`x` must have two axes".into());
        };
        let x = Array2::from_shape_vec((rows, columns), x.values.clone())?;
        let ends = node_ids(get("source")?).zip(node_ids(get("target")?));
        let start = Instant::now();
        let graph = Graph::new(x, ends)?;
        self.graph = Some(GraphTensors::new(&graph, Kind::Float, Device::Cpu)?);
        Ok(1e3 * start.elapsed().as_secs_f64())
    }

    pub(super) fn layer(&mut self, name: &str, path: &Path) -> Outcome<()> {
        let init = &mut Init::new(0, Kind::Float, Device::Cpu);
        let layer: Box<dyn GraphLayer> = match name {
            "gcn" => Box::new(GcnConv::new(&GcnConfig::new(WIDTH, WIDTH), init)?),
            "sage" => Box::new(SageConv::new(&SageConfig::new(WIDTH, WIDTH), init)?),
            "gat" => {
                let config = GatConfig::new(WIDTH, WIDTH / 4).heads(4);
                Box::new(GatConv::new(&config, init)?)
            }
            "gatv2" => {
                let config = GatV2Config::new(WIDTH, WIDTH / 4).heads(4);
                Box::new(GatV2Conv::new(&config, init)?)
            }
            // A step from a state of 0.
            "tgcn" => Box::new(TgcnCell::new(&TgcnConfig::new(WIDTH, WIDTH), init)?),
            other => return Err(format!("no layer `{other}`").into()),
        };
        let state = StateDict::from_safetensors(&fs::read(path)?)?;
        load_state(layer.as_ref(), &state)?;
        self.layer = Some(layer);
        Ok(())
    }

    fn ready(&self) -> Outcome<(&GraphTensors, &dyn GraphLayer)> {
        let graph = self.graph.as_ref().ok_or("no graph yet")?;
        let layer = self.layer.as_ref().ok_or("no layer yet")?;
        Ok((graph, layer.as_ref()))
    }

    pub(super) fn output(&self, path: &Path) -> Outcome<()> {
        let (graph, layer) = self.ready()?;
        let y = tch::no_grad(|| layer.forward(graph.x(), graph, ForwardMode::Eval))?;
        let shape = y.size().into_iter().map(usize::try_from);
        let shape = shape.collect::<Result<Vec<_>, _>>()?;
        let values = Vec::try_from(y.f_to_kind(Kind::Double)?.f_reshape(-1)?)?;
        let mut state = StateDict::default();
        state.insert("y", &shape, values);
        Ok(fs::write(path, state.to_safetensors()?)?)
    }

    /// Milliseconds of each of `repeats` runs; `backward` adds the gradients of `sum(y²)` by input
    /// and parameters.
    pub(super) fn time(&self, backward: bool, repeats: usize) -> Outcome<Vec<f64>> {
        let (graph, layer) = self.ready()?;
        let x = graph.x().f_detach()?.f_set_requires_grad(backward)?;
        (0..repeats)
            .map(|_| {
                let start = Instant::now();
                if backward {
                    gradients(layer, &x, graph)?;
                } else {
                    drop(tch::no_grad(|| {
                        layer.forward(&x, graph, ForwardMode::Eval)
                    })?);
                }
                Ok(1e3 * start.elapsed().as_secs_f64())
            })
            .collect()
    }
}

fn gradients(layer: &dyn GraphLayer, x: &Tensor, graph: &GraphTensors) -> Outcome<()> {
    let y = layer.forward(x, graph, ForwardMode::Eval)?;
    Ok(y.f_square()?.f_sum(Kind::Float)?.f_backward()?)
}

/// Numbers that are whole by the protocol.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked against the number of nodes by the graph"
)]
fn node_ids(tensor: &StateTensor) -> impl Iterator<Item = u32> {
    tensor.values.iter().map(|&v| v as u32)
}
