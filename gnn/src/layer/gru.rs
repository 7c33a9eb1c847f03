//! A gated recurrent unit over the window of each node by itself.

use super::{Parameters, RecurrentConfig, Weights};
use crate::error::ConfigError;
use crate::kernel::{Dense, Real, each, sigmoid, tanh};

/// Nodes that go through their windows together: their gates stay in the nearest cache.
const BLOCK: usize = 16;

impl RecurrentConfig {
    /// Parameters of a GRU, named as in `torch.nn.GRU`.
    pub(crate) fn gru_parameters(&self) -> Parameters {
        let gates = self.outputs.saturating_mul(3);
        let mut all = vec![
            ("weight_ih_l0", vec![gates, self.inputs]),
            ("weight_hh_l0", vec![gates, self.outputs]),
        ];
        if self.bias {
            all.push(("bias_ih_l0", vec![gates]));
            all.push(("bias_hh_l0", vec![gates]));
        }
        all
    }
}

/// The GRU of `torch.nn.GRU` in pure Rust, from windows `[N, T, inputs]` to last states
/// `[N, outputs]`:
///
/// * `r = σ(W_ir x + b_ir + W_hr h + b_hr)`, `z = σ(W_iz x + b_iz + W_hz h + b_hz)`
/// * `n = tanh(W_in x + b_in + r (W_hn h + b_hn))`
/// * `h' = (1 - z) n + z h`, from `h = 0`
///
/// Time O(N T d (F + d)), memory O(N d).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gru<F> {
    input: Dense<F>,
    hidden: Dense<F>,
}

impl<F: Real> Gru<F> {
    pub(crate) fn new(
        config: &RecurrentConfig,
        weights: &Weights<'_>,
    ) -> Result<Self, ConfigError> {
        let dense = |of: &str, inputs| {
            let weight = weights.get(&format!("weight_{of}_l0"))?;
            let bias = weights.given(&format!("bias_{of}_l0"), config.bias)?;
            Ok(Dense::new(&weight, [3 * config.outputs, inputs], bias))
        };
        Ok(Self {
            input: dense("ih", config.inputs)?,
            hidden: dense("hh", config.outputs)?,
        })
    }

    /// Rows `x` `[N, T, inputs]` of `steps` steps each.
    pub(crate) fn run(&self, x: &[F], steps: usize) -> Vec<F> {
        let window = (steps * self.input.inputs()).max(1);
        let mut state = vec![F::ZERO; x.len() / window * self.hidden.inputs()];
        let blocks = state.chunks_mut(BLOCK * self.hidden.inputs());
        for (state, x) in blocks.zip(x.chunks(BLOCK * window)) {
            self.run_block(x, steps, state);
        }
        state
    }

    fn run_block(&self, x: &[F], steps: usize, state: &mut [F]) {
        let (inputs, width) = (self.input.inputs(), self.hidden.inputs());
        let mut now = vec![F::ZERO; x.len() / steps];
        for step in 0..steps {
            let windows = x.chunks_exact(steps * inputs);
            for (now, window) in now.chunks_exact_mut(inputs).zip(windows) {
                now.copy_from_slice(&window[step * inputs..][..inputs]);
            }
            let (mut of_input, of_state) = (self.input.apply(&now), self.hidden.apply(state));
            let of_input = of_input.chunks_exact_mut(3 * width);
            let gates = of_input.zip(of_state.chunks_exact(3 * width));
            for (state, (of_input, of_state)) in state.chunks_exact_mut(width).zip(gates) {
                update(state, of_input, of_state);
            }
        }
    }
}

/// One step of one node; both rows hold r, z and n side by side. Pass by pass, so that each becomes
/// vectors.
fn update<F: Real>(state: &mut [F], of_input: &mut [F], of_state: &[F]) {
    let width = state.len();
    let (gates, candidate) = of_input.split_at_mut(2 * width);
    let (of_gates, of_candidate) = of_state.split_at(2 * width);
    for (gate, &h) in gates.iter_mut().zip(of_gates) {
        *gate = sigmoid(*gate + h);
    }
    let (reset, keep) = gates.split_at(width);
    for ((n, &r), &h) in candidate.iter_mut().zip(reset).zip(of_candidate) {
        *n += r * h;
    }
    each(candidate, tanh);
    for ((h, &n), &z) in state.iter_mut().zip(&*candidate).zip(keep) {
        *h = (F::ONE - z) * n + z * *h;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn numbers(value: &Value) -> Vec<f64> {
        match value.as_array() {
            Some(rows) => rows.iter().flat_map(numbers).collect(),
            None => vec![value.as_f64().unwrap()],
        }
    }

    /// One step of `torch.nn.GRUCell` from a state that is not 0.
    #[test]
    fn a_step_equals_torch() {
        let fixture = include_str!("../../tests/fixtures/pyg_layers.json");
        let fixture: Value = serde_json::from_str(fixture).unwrap();
        let case = &fixture["gru_cell"];
        let part = |of: &str, inputs| {
            let of_part = |what: &str| numbers(&case["params"][format!("{what}_{of}")]);
            Dense::new(&of_part("weight"), [12, inputs], of_part("bias"))
        };
        let (x, mut h) = (numbers(&fixture["x"]), numbers(&case["h"]));
        let (mut of_input, of_state) = (part("ih", 3).apply(&x), part("hh", 4).apply(&h));
        let gates = of_input.chunks_mut(12).zip(of_state.chunks(12));
        for (h, (of_input, of_state)) in h.chunks_mut(4).zip(gates) {
            update(h, of_input, of_state);
        }
        let expected = numbers(&case["y"]);
        assert_eq!(h.len(), expected.len());
        for (got, expected) in h.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-12, "{got} for {expected}");
        }
    }
}
