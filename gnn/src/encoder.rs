//! A stack of graph convolutions.

use ndarray::{Array2, Array3, ArrayRef2, ArrayRef3};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::kernel::{each, flat, matrix, relu};
use crate::layer::check_input;
use crate::{EncodeError, GcnConv, GcnGraph, ParamError};

/// Largest number of weights in an encoder: half a gigabyte.
const MAX_WEIGHTS: usize = 1 << 26;

/// Graph convolutions with `ReLU` between them and none after the last.
///
/// Without `ReLU` at the end an embedding can lie on every side of a centre. Weights are held in
/// `f64`; those that libtorch trained are `f32` numbers, held exactly.
///
/// # Complexity
///
/// That of its layers, see [`GcnConv`].
#[derive(Debug, Clone, PartialEq)]
pub struct GcnEncoder {
    layers: Vec<GcnConv>,
}

impl GcnEncoder {
    /// Bias-free layers with random weights; `widths` run from the features to the embedding, so
    /// `[4, 64, 32]` makes two layers.
    ///
    /// Glorot's uniform initialisation, `U(-b, b)` with `b = sqrt(6 / (inputs + outputs))`
    /// (Glorot and Bengio, 2010), as in `PyTorch` Geometric. Numbers come from `ChaCha8` seeded with
    /// `seed`, layer by layer and row by row, and are rounded to `f32`: training with libtorch
    /// and scoring without it start from the same weights, on every machine.
    ///
    /// # Errors
    ///
    /// [`ParamError::NoLayer`] for fewer than two widths or a width of 0,
    /// [`ParamError::TooManyWeights`] above 2²⁶ weights.
    pub fn glorot(widths: &[usize], seed: u64) -> Result<Self, ParamError> {
        if widths.len() < 2 || widths.contains(&0) {
            return Err(ParamError::NoLayer {
                widths: widths.to_vec(),
            });
        }
        let mut total = Some(0usize);
        for pair in widths.windows(2) {
            let layer = pair[0].checked_mul(pair[1]);
            total = total.and_then(|t| t.checked_add(layer?));
        }
        if total.is_none_or(|t| t > MAX_WEIGHTS) {
            let widths = widths.to_vec();
            return Err(ParamError::TooManyWeights {
                widths,
                limit: MAX_WEIGHTS,
            });
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let layer = |pair: &[usize]| {
            let (inputs, outputs) = (pair[0], pair[1]);
            let bound = (6.0 / (inputs + outputs) as f64).sqrt();
            let weight = Array2::from_shape_simple_fn((outputs, inputs), || {
                symmetric_unit(&mut rng) * bound
            });
            GcnConv::new(weight.mapv(round_to_f32), None)
        };
        Ok(Self {
            layers: widths.windows(2).map(layer).collect::<Result<_, _>>()?,
        })
    }

    /// An encoder of given layers, in order.
    ///
    /// # Errors
    ///
    /// [`ParamError::NoLayer`], and [`ParamError::LayerChain`] when a layer does not take what
    /// the one before it gives.
    pub fn from_layers(layers: Vec<GcnConv>) -> Result<Self, ParamError> {
        if layers.is_empty() {
            return Err(ParamError::NoLayer { widths: Vec::new() });
        }
        for (i, pair) in layers.windows(2).enumerate() {
            let (expected, got) = (pair[0].n_outputs(), pair[1].n_inputs());
            if expected != got {
                return Err(ParamError::LayerChain {
                    layer: i + 1,
                    expected,
                    got,
                });
            }
        }
        Ok(Self { layers })
    }

    /// The layers, in order; never empty.
    pub fn layers(&self) -> &[GcnConv] {
        &self.layers
    }

    /// Width of the input rows.
    pub fn n_inputs(&self) -> usize {
        self.layers.first().map_or(0, GcnConv::n_inputs)
    }

    /// Width of an embedding.
    pub fn n_outputs(&self) -> usize {
        self.layers.last().map_or(0, GcnConv::n_outputs)
    }

    /// Embeds the nodes of one snapshot: `x` of shape `[N, inputs]` gives `[N, outputs]`.
    ///
    /// # Errors
    ///
    /// [`EncodeError::FeatureCount`] and [`EncodeError::NodeCount`].
    pub fn embed(&self, x: &ArrayRef2<f64>, graph: &GcnGraph) -> Result<Array2<f64>, EncodeError> {
        check_input(x, self.n_inputs(), graph)?;
        let z = self.run(&flat(x), graph);
        Ok(matrix(z, x.nrows(), self.n_outputs()))
    }

    /// [`embed`](Self::embed) for rows whose shape is known to be right.
    fn run(&self, x: &[f64], graph: &GcnGraph) -> Vec<f64> {
        let mut layers = self.layers.iter();
        let first = layers.next().map(|layer| layer.run(x, graph));
        layers.fold(first.unwrap_or_default(), |mut h, layer| {
            each(&mut h, relu);
            layer.run(&h, graph)
        })
    }

    /// Embeds snapshots `[T, N, inputs]` one by one, for shapes that are known to be right.
    pub(crate) fn run_all(&self, x: &ArrayRef3<f64>, graph: &GcnGraph) -> Array3<f64> {
        let (steps, n_nodes, _) = x.dim();
        let snapshots = x.outer_iter();
        let z = snapshots.flat_map(|x| self.run(&flat(&x), graph)).collect();
        let shape = (steps, n_nodes, self.n_outputs());
        Array3::from_shape_vec(shape, z).unwrap_or_default()
    }
}

/// A number in [-1, 1) from the upper 24 bits of the generator's next word.
fn symmetric_unit(rng: &mut ChaCha8Rng) -> f64 {
    f64::from(rng.next_u32() >> 8) / f64::from(1u32 << 23) - 1.0
}

/// The nearest `f32`, as `f64`.
#[allow(
    clippy::cast_possible_truncation,
    reason = "rounding is what this function is for"
)]
pub(crate) fn round_to_f32(value: f64) -> f64 {
    f64::from(value as f32)
}
