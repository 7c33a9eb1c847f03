//! Long short-term memory on tensors.

use tch::Tensor;

use super::super::TorchError;
use super::super::error::Named;
use super::super::module::{Init, Module, Visitor};
use super::recurrent::{RecurrentWeights, Sequence, layered, squeezed};
use crate::layer::RecurrentConfig;

/// What an LSTM carries from step to step, each `[N, d]`.
#[derive(Debug)]
#[non_exhaustive]
pub struct LstmState {
    /// The output.
    pub hidden: Tensor,
    /// The memory.
    pub cell: Tensor,
}

impl LstmState {
    /// A state to begin from, each part `[N, d]`.
    pub fn new(hidden: Tensor, cell: Tensor) -> Self {
        Self { hidden, cell }
    }
}

/// A long short-term memory: one step, or a run over a sequence.
///
/// ```text
/// i  = σ(W_ii x + b_ii + W_hi h + b_hi)
/// f  = σ(W_if x + b_if + W_hf h + b_hf)
/// g  = tanh(W_ig x + b_ig + W_hg h + b_hg)
/// o  = σ(W_io x + b_io + W_ho h + b_ho)
/// c' = f c + i g
/// h' = o tanh(c')
/// ```
///
/// Weights `weight_ih` `[4 d, F]` and `weight_hh` `[4 d, d]` hold the gates in the order i, f, g, o.
///
/// # Complexity
///
/// Time O(N d (F + d)) a step.
///
/// # Source
///
/// Hochreiter and Schmidhuber, 1997, with the forget gate of Gers et al., 2000; equal to
/// `torch.nn.LSTMCell` and `torch.nn.LSTM` 2.11.
///
/// # Example
///
/// ```
/// use astern_gnn::layer::RecurrentConfig;
/// use astern_gnn::torch::tch::{Device, Kind, Tensor};
/// use astern_gnn::torch::{Init, LstmCell};
///
/// let init = &mut Init::new(7, Kind::Float, Device::Cpu);
/// let lstm = LstmCell::new(&RecurrentConfig::new(4, 8), init)?;
/// let x = Tensor::f_ones([3, 10, 4], (Kind::Float, Device::Cpu))?;
/// let past = lstm.sequence(&x, None)?;
/// assert_eq!(past.outputs.size(), [3, 10, 8]);
/// let next = lstm.step(&x.f_select(1, 0)?, Some(&past.last))?;
/// assert_eq!(next.hidden.size(), [3, 8]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LstmCell {
    weights: RecurrentWeights,
}

impl LstmCell {
    /// A cell with random weights: torch's own for recurrent layers.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for settings out of range, or when the device has no room.
    pub fn new(config: &RecurrentConfig, init: &mut Init) -> Result<Self, TorchError> {
        let weights = RecurrentWeights::new("lstm", config, 4, init)?;
        Ok(Self { weights })
    }

    /// The state after `x` `[N, F]`; `state` is 0 where none is given.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for other shapes, another kind or another device.
    pub fn step(&self, x: &Tensor, state: Option<&LstmState>) -> Result<LstmState, TorchError> {
        let n = self.weights.step("lstm", x)?;
        let state = self.state(x, n, state)?;
        let (input, hidden) = (&self.weights.input, &self.weights.hidden);
        let [of_input, of_hidden] = self.weights.biases();
        let [h, c] = &state;
        let (hidden, cell) = x
            .f_lstm_cell(&[h, c], input, hidden, of_input, of_hidden)
            .named("lstm_cell", &[x, h, c, input, hidden])?;
        Ok(LstmState { hidden, cell })
    }

    /// Runs over `x` `[N, T, F]` from `state`, or over one sequence `[T, F]` from a state of
    /// `[1, d]`; `state` is 0 where none is given.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for other shapes, no step, another kind or another device.
    pub fn sequence(
        &self,
        x: &Tensor,
        state: Option<&LstmState>,
    ) -> Result<Sequence<LstmState>, TorchError> {
        let (x, n, is_alone) = self.weights.sequence("lstm", x)?;
        let [h, c] = self.state(&x, n, state)?;
        let state = [layered(&h)?, layered(&c)?];
        let (weights, has_bias) = (self.weights.all(), self.weights.has_bias());
        let [h, c] = &state;
        let (outputs, hidden, cell) = x
            .f_lstm(&[h, c], &weights, has_bias, 1, 0.0, false, false, true)
            .named("lstm", &[&x, h, c])?;
        Ok(Sequence {
            outputs: squeezed(outputs, is_alone)?,
            last: LstmState {
                hidden: squeezed(hidden, true)?,
                cell: squeezed(cell, true)?,
            },
        })
    }

    fn state(
        &self,
        x: &Tensor,
        n: i64,
        state: Option<&LstmState>,
    ) -> Result<[Tensor; 2], TorchError> {
        let part = |part| self.weights.state("lstm", x, n, part);
        Ok([
            part(state.map(|s| &s.hidden))?,
            part(state.map(|s| &s.cell))?,
        ])
    }
}

impl Module for LstmCell {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        self.weights.visit("", visitor);
    }
}
