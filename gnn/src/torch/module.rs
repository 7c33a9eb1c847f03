//! Layers as holders of named parameters.

use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tch::{Device, Kind, Tensor};

use super::error::Named;
use super::tensor::{from_values, int};
use super::{GraphTensors, TorchError};
use crate::model::uniform;

/// Whether a model is being trained: dropout is on in training only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardMode {
    /// Dropout is on.
    Train,
    /// Everything is deterministic.
    #[default]
    Eval,
}

impl ForwardMode {
    /// `rate` in training, else 0.
    pub(super) fn dropout(self, rate: f64) -> f64 {
        match self {
            Self::Train => rate,
            Self::Eval => 0.0,
        }
    }
}

/// Something with parameters: a layer or a model.
///
/// Names are those of `PyTorch` Geometric's state dictionaries, so weights go both ways.
pub trait Module {
    /// Shows every parameter to `visitor`, by name.
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>);

    /// All parameters with their full names, in the order of the layers.
    fn parameters(&self) -> Vec<(String, &Tensor)> {
        let mut visitor = Visitor::default();
        self.visit(&mut visitor);
        visitor.found
    }
}

/// A layer that turns features of nodes into others along a graph.
pub trait GraphLayer: Module {
    /// Applies the layer to `x`, nodes first.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for shapes, kinds or devices that do not fit, and whatever libtorch refuses.
    fn forward(
        &self,
        x: &Tensor,
        graph: &GraphTensors,
        mode: ForwardMode,
    ) -> Result<Tensor, TorchError>;
}

/// Collects the parameters of modules within modules.
#[derive(Debug, Default)]
pub struct Visitor<'a> {
    prefix: String,
    found: Vec<(String, &'a Tensor)>,
}

impl<'a> Visitor<'a> {
    /// A parameter of the module itself.
    pub fn tensor(&mut self, name: &str, tensor: &'a Tensor) {
        self.found.push((format!("{}{name}", self.prefix), tensor));
    }

    /// A parameter that may be absent.
    pub fn optional(&mut self, name: &str, tensor: Option<&'a Tensor>) {
        if let Some(tensor) = tensor {
            self.tensor(name, tensor);
        }
    }

    /// A module within the module.
    pub fn module(&mut self, name: &str, module: &'a dyn Module) {
        let outer = self.prefix.len();
        self.prefix.push_str(name);
        self.prefix.push('.');
        module.visit(self);
        self.prefix.truncate(outer);
    }
}

/// Makes parameters: seeded, of one kind, on one device.
///
/// Numbers come from `ChaCha8` and are rounded to `f32`, so the same seed gives the same weights on
/// every machine and device, in both kinds.
#[derive(Debug)]
pub struct Init {
    rng: ChaCha8Rng,
    kind: Kind,
    device: Device,
}

impl Init {
    /// Draws from `seed`.
    pub fn new(seed: u64, kind: Kind, device: Device) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            kind,
            device,
        }
    }

    /// Uniform numbers in `[-bound, bound)`.
    ///
    /// # Errors
    ///
    /// [`TorchError`], for instance when the device has no room.
    pub fn uniform(&mut self, shape: &[i64], bound: f64) -> Result<Tensor, TorchError> {
        let n = count(shape)?;
        let values = uniform(&mut self.rng, n, bound);
        trainable(&from_values(&values, shape, self.kind, self.device)?)
    }

    /// Glorot's bound, `sqrt(6 / (last axis + axis before))`, as `PyTorch` Geometric takes it for
    /// any shape.
    ///
    /// # Errors
    ///
    /// [`TorchError`], for instance when the device has no room.
    pub fn glorot(&mut self, shape: &[i64]) -> Result<Tensor, TorchError> {
        let fans: f64 = shape.iter().rev().take(2).map(|&n| n as f64).sum();
        self.uniform(shape, (6.0 / fans.max(1.0)).sqrt())
    }

    /// `U(-1/sqrt(fan_in), 1/sqrt(fan_in))`: weights and biases of torch's own dense layers.
    ///
    /// # Errors
    ///
    /// [`TorchError`], for instance when the device has no room.
    pub fn fan_in(&mut self, shape: &[i64], inputs: usize) -> Result<Tensor, TorchError> {
        self.uniform(shape, 1.0 / (inputs.max(1) as f64).sqrt())
    }

    /// The same number everywhere.
    ///
    /// # Errors
    ///
    /// [`TorchError`], for instance when the device has no room.
    pub fn constant(&mut self, shape: &[i64], value: f64) -> Result<Tensor, TorchError> {
        count(shape)?;
        let full = Tensor::f_full(shape, value, (self.kind, self.device)).named("full", &[])?;
        trainable(&full)
    }
}

/// Number of weights of a parameter, within what can be trained: 2³¹.
fn count(shape: &[i64]) -> Result<usize, TorchError> {
    let mut lengths = shape.iter();
    let n = lengths.try_fold(1i64, |n, &length| n.checked_mul(length));
    let n = n.filter(|&n| n <= 1 << 31);
    n.and_then(|n| usize::try_from(n).ok()).ok_or_else(|| {
        let source = format!("a parameter of shape {shape:?}, at most 2^31 weights are allowed");
        TorchError::new("init", &[], source)
    })
}

fn trainable(tensor: &Tensor) -> Result<Tensor, TorchError> {
    tensor
        .f_set_requires_grad(true)
        .named("set_requires_grad", &[tensor])
}

/// Values as a tensor without gradients, for inputs.
///
/// # Errors
///
/// [`TorchError`], for instance when the device has no room.
pub fn tensor_of(values: &Array2<f64>, kind: Kind, device: Device) -> Result<Tensor, TorchError> {
    let shape = [int(values.nrows()), int(values.ncols())];
    let values: Vec<f64> = values.iter().copied().collect();
    from_values(&values, &shape, kind, device)
}
