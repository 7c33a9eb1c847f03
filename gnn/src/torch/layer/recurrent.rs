//! What GRU and LSTM share: weights, states, and the shapes of sequences.

use tch::Tensor;

use super::super::TorchError;
use super::super::error::Named;
use super::super::module::{Init, Visitor};
use super::super::tensor::{int, shaped};
use crate::layer::RecurrentConfig;

/// What a recurrent layer gives for a sequence.
#[derive(Debug)]
#[non_exhaustive]
pub struct Sequence<State> {
    /// The state after each step, `[N, T, d]` or `[T, d]` as the input was.
    pub outputs: Tensor,
    /// The state after the last step, to go on from.
    pub last: State,
}

/// Weights of one recurrent layer, gates one below the other in torch's order.
#[derive(Debug)]
pub(super) struct RecurrentWeights {
    inputs: i64,
    pub(super) outputs: i64,
    pub(super) input: Tensor,
    pub(super) hidden: Tensor,
    bias: Option<[Tensor; 2]>,
}

impl RecurrentWeights {
    /// `U(-1/sqrt(d), 1/sqrt(d))`, as torch has it.
    pub(super) fn new(
        op: &'static str,
        config: &RecurrentConfig,
        gates: i64,
        init: &mut Init,
    ) -> Result<Self, TorchError> {
        config.check().map_err(|e| TorchError::new(op, &[], e))?;
        let (inputs, outputs) = (int(config.inputs), int(config.outputs));
        let rows = gates.saturating_mul(outputs);
        let mut draw = |shape: &[i64]| init.fan_in(shape, config.outputs);
        Ok(Self {
            inputs,
            outputs,
            input: draw(&[rows, inputs])?,
            hidden: draw(&[rows, outputs])?,
            bias: if config.bias {
                Some([draw(&[rows])?, draw(&[rows])?])
            } else {
                None
            },
        })
    }

    /// Names end in `suffix`.
    pub(super) fn visit<'a>(&'a self, suffix: &str, visitor: &mut Visitor<'a>) {
        visitor.tensor(&format!("weight_ih{suffix}"), &self.input);
        visitor.tensor(&format!("weight_hh{suffix}"), &self.hidden);
        if let Some([input, hidden]) = &self.bias {
            visitor.tensor(&format!("bias_ih{suffix}"), input);
            visitor.tensor(&format!("bias_hh{suffix}"), hidden);
        }
    }

    /// Biases of input and state.
    pub(super) fn biases(&self) -> [Option<&Tensor>; 2] {
        match &self.bias {
            Some([input, hidden]) => [Some(input), Some(hidden)],
            None => [None, None],
        }
    }

    /// All weights as libtorch takes them for a sequence.
    pub(super) fn all(&self) -> Vec<&Tensor> {
        let [input, hidden] = self.biases();
        let biases = input.into_iter().chain(hidden);
        [&self.input, &self.hidden]
            .into_iter()
            .chain(biases)
            .collect()
    }

    pub(super) fn has_bias(&self) -> bool {
        self.bias.is_some()
    }

    /// N, if `x` is one step `[N, inputs]`.
    pub(super) fn step(&self, op: &'static str, x: &Tensor) -> Result<i64, TorchError> {
        let [n, _] = shaped(op, x, [None, Some(self.inputs)])?;
        Ok(n)
    }

    /// The state `[n, d]`, 0 where none is given.
    pub(super) fn state(
        &self,
        op: &'static str,
        x: &Tensor,
        n: i64,
        state: Option<&Tensor>,
    ) -> Result<Tensor, TorchError> {
        let shape = [n, self.outputs];
        if let Some(state) = state {
            shaped(op, state, shape.map(Some))?;
            return Ok(state.shallow_clone());
        }
        x.f_new_zeros(shape, (x.kind(), x.device()))
            .named("zeros", &[x])
    }

    /// `x` as `[N, T, inputs]` from that or `[T, inputs]`, with N and whether it was alone.
    pub(super) fn sequence(
        &self,
        op: &'static str,
        x: &Tensor,
    ) -> Result<(Tensor, i64, bool), TorchError> {
        let is_alone = x.defined() && x.dim() == 2;
        let x = if is_alone {
            x.f_unsqueeze(0).named("unsqueeze", &[x])?
        } else {
            x.shallow_clone()
        };
        let [n, steps, _] = shaped(op, &x, [None, None, Some(self.inputs)])?;
        if steps == 0 {
            return Err(TorchError::new(op, &[&x], "a sequence without steps"));
        }
        Ok((x, n, is_alone))
    }
}

/// Without the first axis if `is_alone`.
pub(super) fn squeezed(x: Tensor, is_alone: bool) -> Result<Tensor, TorchError> {
    if is_alone {
        return x.f_squeeze_dim(0).named("squeeze", &[&x]);
    }
    Ok(x)
}

/// With a first axis of length 1: the layers of a stack.
pub(super) fn layered(x: &Tensor) -> Result<Tensor, TorchError> {
    x.f_unsqueeze(0).named("unsqueeze", &[x])
}
