//! T-GCN cell on tensors.

use tch::Tensor;

use super::super::error::Named;
use super::super::module::{ForwardMode, GraphLayer, Init, Module, Visitor};
use super::super::tensor::{int, shaped};
use super::super::{GraphTensors, TorchError};
use super::{Linear, Sequence, linear, with_bias};
use crate::layer::{LinearConfig, TgcnConfig};

/// A GRU whose inputs are graph convolutions; see [`TgcnConfig`]. It carries a state `[N, d]` from
/// snapshot to snapshot.
///
/// As a [`GraphLayer`] it is one step from a state of 0, or the last state of a window
/// `[N, T, F]`.
///
/// # Complexity
///
/// Time O(N d (F + d) + E · min(F, 3 d) + F d²) a step: features are propagated once for all three gates,
/// and over a whole window at once, and the weights of convolution and dense layer are multiplied
/// before they meet a node.
///
/// # Source
///
/// Zhao et al., T-GCN, 2019 (arXiv 1811.05320), in the form of `PyTorch` Geometric Temporal's `TGCN`
/// (one convolution a gate, the state is not propagated), whose parameter names it has.
///
/// # Example
///
/// ```
/// use astern_gnn::layer::TgcnConfig;
/// use astern_gnn::torch::tch::{Device, Kind};
/// use astern_gnn::torch::{GraphTensors, Init, TgcnCell};
/// use astern_gnn::{Graph, ndarray::Array2};
///
/// let graph = Graph::new(Array2::ones((3, 4)), [(1, 0), (2, 1)])?;
/// let graph = GraphTensors::new(&graph, Kind::Float, Device::Cpu)?;
/// let cell = TgcnCell::new(&TgcnConfig::new(4, 8), &mut Init::new(7, Kind::Float, Device::Cpu))?;
/// let mut state = None;
/// for snapshot in 0..10 {
///     let next = cell.step(graph.x(), &graph, state.as_ref())?;
///     // Gradients reach back 5 snapshots at most.
///     state = Some(if snapshot % 5 == 4 { TgcnCell::detach(&next)? } else { next });
/// }
/// assert_eq!(state.ok_or("no snapshot")?.size(), [3, 8]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TgcnCell {
    config: TgcnConfig,
    update: Gate,
    reset: Gate,
    candidate: Gate,
}

/// One gate: a graph convolution, and a dense layer on it beside the state.
#[derive(Debug)]
struct Gate {
    weight: Tensor,
    bias: Tensor,
    dense: Linear,
}

impl Gate {
    fn new(config: &TgcnConfig, init: &mut Init) -> Result<Self, TorchError> {
        let (inputs, outputs) = (int(config.inputs), int(config.outputs));
        let dense = LinearConfig::new(config.outputs.saturating_mul(2), config.outputs);
        Ok(Self {
            weight: init.glorot(&[outputs, inputs])?,
            bias: init.constant(&[outputs], 0.0)?,
            dense: Linear::new(&dense, init)?,
        })
    }

    fn visit<'a>(&'a self, gate: char, visitor: &mut Visitor<'a>) {
        visitor.tensor(&format!("conv_{gate}.bias"), &self.bias);
        visitor.tensor(&format!("conv_{gate}.lin.weight"), &self.weight);
        visitor.module(&format!("linear_{gate}"), &self.dense);
    }
}

/// The dense layers' part of the state: update and reset gate `[2 d, d]`, candidate `[d, d]`.
struct Recurrent {
    gates: Tensor,
    candidate: Tensor,
}

impl TgcnCell {
    /// A cell with random weights: convolutions begin as Glorot's with a bias of 0, dense layers as
    /// torch's own.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for settings out of range, or when the device has no room.
    pub fn new(config: &TgcnConfig, init: &mut Init) -> Result<Self, TorchError> {
        config
            .check()
            .map_err(|e| TorchError::new("tgcn", &[], e))?;
        Ok(Self {
            config: config.clone(),
            update: Gate::new(config, init)?,
            reset: Gate::new(config, init)?,
            candidate: Gate::new(config, init)?,
        })
    }

    /// The state `[N, d]` after the snapshot `x` `[N, F]`; `state` is 0 where none is given.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for other shapes, another kind or another device.
    pub fn step(
        &self,
        x: &Tensor,
        graph: &GraphTensors,
        state: Option<&Tensor>,
    ) -> Result<Tensor, TorchError> {
        shaped("tgcn", x, [None, Some(int(self.config.inputs))])?;
        let state = self.state(x, graph, state)?;
        let inputs = self.inputs(x, graph)?;
        advance(&inputs, &self.recurrent()?, &state)
    }

    /// Runs over the window `x` `[N, T, F]` on one graph, from `state` `[N, d]`.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for other shapes, no step, another kind or another device.
    pub fn sequence(
        &self,
        x: &Tensor,
        graph: &GraphTensors,
        state: Option<&Tensor>,
    ) -> Result<Sequence<Tensor>, TorchError> {
        let [_, steps, _] = shaped("tgcn", x, [None, None, Some(int(self.config.inputs))])?;
        if steps == 0 {
            return Err(TorchError::new("tgcn", &[x], "a sequence without steps"));
        }
        let mut last = self.state(x, graph, state)?;
        let (inputs, recurrent) = (self.inputs(x, graph)?, self.recurrent()?);
        let mut outputs = Vec::new();
        for t in 0..steps {
            let at = inputs.f_select(1, t).named("select", &[&inputs])?;
            last = advance(&at, &recurrent, &last)?;
            outputs.push(last.shallow_clone());
        }
        Ok(Sequence {
            outputs: Tensor::f_stack(&outputs, 1).named("stack", &[&last])?,
            last,
        })
    }

    /// The same state without its past: gradients stop here, and what led to it is freed.
    ///
    /// # Errors
    ///
    /// [`TorchError`] when libtorch refuses.
    pub fn detach(state: &Tensor) -> Result<Tensor, TorchError> {
        state.f_detach().named("detach", &[state])
    }

    fn gates(&self) -> [&Gate; 3] {
        [&self.update, &self.reset, &self.candidate]
    }

    fn state(
        &self,
        x: &Tensor,
        graph: &GraphTensors,
        state: Option<&Tensor>,
    ) -> Result<Tensor, TorchError> {
        let shape = [graph.n_nodes(), int(self.config.outputs)];
        if let Some(state) = state {
            shaped("tgcn", state, shape.map(Some))?;
            return Ok(state.shallow_clone());
        }
        x.f_new_zeros(shape, (x.kind(), x.device()))
            .named("zeros", &[x])
    }

    /// What does not depend on the state, `[N, …, 3 d]`: the dense layers on the convolutions. Both
    /// are linear, so their weights are multiplied first: `L (W a + b) = (L W) a + L b`.
    fn inputs(&self, x: &Tensor, graph: &GraphTensors) -> Result<Tensor, TorchError> {
        let (mut weights, mut biases) = (Vec::new(), Vec::new());
        for gate in self.gates() {
            let dense = self.half(gate, 0)?;
            let weight = dense.f_matmul(&gate.weight);
            weights.push(weight.named("matmul", &[&dense, &gate.weight])?);
            let bias = dense.f_mv(&gate.bias).named("mv", &[&dense, &gate.bias])?;
            biases.push(with_bias(bias, gate.dense.bias())?);
        }
        let weight = Tensor::f_cat(&weights, 0).named("cat", &[])?;
        let bias = Tensor::f_cat(&biases, 0).named("cat", &[])?;

        let edges = graph.edges(self.config.loops)?;
        let coefficients = Some(graph.gcn(self.config.loops)?);
        // Propagation is linear too: it goes where rows are narrower.
        if self.config.inputs < self.config.outputs.saturating_mul(3) {
            linear(&edges.aggregate(x, coefficients)?, &weight, Some(&bias))
        } else {
            let y = edges.aggregate(&linear(x, &weight, None)?, coefficients)?;
            with_bias(y, Some(&bias))
        }
    }

    /// The half of a gate's dense layer that takes the convolution (0) or the state (1), `[d, d]`.
    fn half(&self, gate: &Gate, which: i64) -> Result<Tensor, TorchError> {
        let (weight, d) = (gate.dense.weight(), int(self.config.outputs));
        weight.f_narrow(1, which * d, d).named("narrow", &[weight])
    }

    fn recurrent(&self) -> Result<Recurrent, TorchError> {
        let (update, reset) = (self.half(&self.update, 1)?, self.half(&self.reset, 1)?);
        Ok(Recurrent {
            gates: Tensor::f_cat(&[&update, &reset], 0).named("cat", &[&update, &reset])?,
            candidate: self.half(&self.candidate, 1)?,
        })
    }
}

/// `u h + (1 - u) c`, with `inputs` `[N, 3 d]` of one step.
fn advance(inputs: &Tensor, recurrent: &Recurrent, h: &Tensor) -> Result<Tensor, TorchError> {
    let [_, d] = shaped("tgcn", h, [None; 2])?;
    let part = |at, length| inputs.f_narrow(1, at, length).named("narrow", &[inputs]);
    let (gates, candidate) = (part(0, 2 * d)?, part(2 * d, d)?);
    let of_state = linear(h, &recurrent.gates, None)?;
    let gates = gates.f_add(&of_state).named("add", &[&gates, &of_state])?;
    let gates = gates.f_sigmoid().named("sigmoid", &[&gates])?;
    let gate = |at| gates.f_narrow(1, at, d).named("narrow", &[&gates]);
    let (update, reset) = (gate(0)?, gate(d)?);
    let kept = reset.f_mul(h).named("mul", &[&reset, h])?;
    let of_kept = linear(&kept, &recurrent.candidate, None)?;
    let sum = candidate
        .f_add(&of_kept)
        .named("add", &[&candidate, &of_kept])?;
    let candidate = sum.f_tanh().named("tanh", &[&sum])?;
    candidate
        .f_lerp_tensor(h, &update)
        .named("lerp", &[&candidate, h, &update])
}

impl Module for TgcnCell {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        for (gate, name) in self.gates().into_iter().zip(['z', 'r', 'h']) {
            gate.visit(name, visitor);
        }
    }
}

impl GraphLayer for TgcnCell {
    fn forward(
        &self,
        x: &Tensor,
        graph: &GraphTensors,
        _: ForwardMode,
    ) -> Result<Tensor, TorchError> {
        if x.defined() && x.dim() == 3 {
            return Ok(self.sequence(x, graph, None)?.last);
        }
        self.step(x, graph, None)
    }
}
