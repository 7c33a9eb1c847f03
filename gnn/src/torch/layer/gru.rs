//! Gated recurrent unit on tensors.

use tch::Tensor;

use super::super::TorchError;
use super::super::error::Named;
use super::super::module::{Init, Module, Visitor};
use super::recurrent::{RecurrentWeights, Sequence, layered, squeezed};
use crate::layer::RecurrentConfig;

/// A gated recurrent unit: one step, or a run over a sequence.
///
/// ```text
/// r  = σ(W_ir x + b_ir + W_hr h + b_hr)
/// z  = σ(W_iz x + b_iz + W_hz h + b_hz)
/// n  = tanh(W_in x + b_in + r (W_hn h + b_hn))
/// h' = (1 - z) n + z h
/// ```
///
/// Weights `weight_ih` `[3 d, F]` and `weight_hh` `[3 d, d]` hold the gates in the order r, z, n.
///
/// # Complexity
///
/// Time O(N d (F + d)) a step.
///
/// # Source
///
/// Cho et al., 2014 (arXiv 1406.1078), with the reset gate behind the product as in `cuDNN`; equal
/// to `torch.nn.GRUCell` and `torch.nn.GRU` 2.11.
///
/// # Example
///
/// ```
/// use astern_gnn::layer::RecurrentConfig;
/// use astern_gnn::torch::tch::{Device, Kind, Tensor};
/// use astern_gnn::torch::{GruCell, Init};
///
/// let init = &mut Init::new(7, Kind::Float, Device::Cpu);
/// let gru = GruCell::new(&RecurrentConfig::new(4, 8), init)?;
/// // 3 services, 10 steps, 4 features.
/// let x = Tensor::f_ones([3, 10, 4], (Kind::Float, Device::Cpu))?;
/// let past = gru.sequence(&x, None)?;
/// assert_eq!(past.outputs.size(), [3, 10, 8]);
/// let next = gru.step(&x.f_select(1, 0)?, Some(&past.last))?;
/// assert_eq!(next.size(), [3, 8]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct GruCell {
    pub(super) weights: RecurrentWeights,
}

impl GruCell {
    /// A cell with random weights: torch's own for recurrent layers.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for settings out of range, or when the device has no room.
    pub fn new(config: &RecurrentConfig, init: &mut Init) -> Result<Self, TorchError> {
        let weights = RecurrentWeights::new("gru", config, 3, init)?;
        Ok(Self { weights })
    }

    /// The state `[N, d]` after `x` `[N, F]`; `state` is 0 where none is given.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for other shapes, another kind or another device.
    pub fn step(&self, x: &Tensor, state: Option<&Tensor>) -> Result<Tensor, TorchError> {
        let n = self.weights.step("gru", x)?;
        let state = self.weights.state("gru", x, n, state)?;
        let (input, hidden) = (&self.weights.input, &self.weights.hidden);
        let [of_input, of_hidden] = self.weights.biases();
        x.f_gru_cell(&state, input, hidden, of_input, of_hidden)
            .named("gru_cell", &[x, &state, input, hidden])
    }

    /// Runs over `x` `[N, T, F]` from `state` `[N, d]`, or over one sequence `[T, F]` from `[1, d]`;
    /// `state` is 0 where none is given.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for other shapes, no step, another kind or another device.
    pub fn sequence(
        &self,
        x: &Tensor,
        state: Option<&Tensor>,
    ) -> Result<Sequence<Tensor>, TorchError> {
        let (x, n, is_alone) = self.weights.sequence("gru", x)?;
        let state = layered(&self.weights.state("gru", &x, n, state)?)?;
        let (weights, has_bias) = (self.weights.all(), self.weights.has_bias());
        let (outputs, last) = x
            .f_gru(&state, &weights, has_bias, 1, 0.0, false, false, true)
            .named("gru", &[&x, &state])?;
        Ok(Sequence {
            outputs: squeezed(outputs, is_alone)?,
            last: squeezed(last, true)?,
        })
    }
}

impl Module for GruCell {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        self.weights.visit("", visitor);
    }
}
