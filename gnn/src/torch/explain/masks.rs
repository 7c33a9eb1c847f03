//! Masks to be learned.

use rand_distr::{Distribution, StandardNormal};
use tch::{Kind, Tensor};

use super::super::error::Named;
use super::super::module::{Module, Visitor};
use super::super::tensor::{from_indices, from_values, int, to_values};
use super::super::{GraphTensors, TorchError};
use super::FeatureMask;

/// Keeps logarithms finite.
const EPS: f64 = 1e-15;

/// A mask before the sigmoid, with the entries that have any influence.
#[derive(Debug)]
pub(super) struct Mask {
    pub(super) logits: Tensor,
    /// Places of entries that had a gradient in the first epoch.
    reached: Option<Vec<i64>>,
}

impl Mask {
    fn new(
        shape: &[i64],
        std: f64,
        rng: &mut astern_stats::rng::ChaCha8Rng,
        graph: &GraphTensors,
    ) -> Result<Self, TorchError> {
        let n = usize::try_from(shape.iter().product::<i64>()).unwrap_or(0);
        let draws = StandardNormal.sample_iter(rng).take(n);
        let draws: Vec<f64> = draws.map(|z: f64| z * std).collect();
        let values = from_values(&draws, shape, graph.kind(), graph.device())?;
        Ok(Self {
            logits: values
                .f_set_requires_grad(true)
                .named("set_requires_grad", &[&values])?,
            reached: None,
        })
    }

    pub(super) fn sigmoid(&self) -> Result<Tensor, TorchError> {
        self.logits.f_sigmoid().named("sigmoid", &[&self.logits])
    }

    /// Remembers where `gradient` is not 0.
    pub(super) fn remember(&mut self, gradient: &Tensor) -> Result<(), TorchError> {
        if self.reached.is_none() {
            let values = if gradient.defined() {
                to_values(gradient)?
            } else {
                Vec::new()
            };
            let places = (0i64..).zip(values).filter(|(_, g)| g.abs() > 0.0);
            self.reached = Some(places.map(|(place, _)| place).collect());
        }
        Ok(())
    }

    /// `size · reduce(m) + entropy · mean(H(m))` of the entries in reach; nothing in the first
    /// epoch.
    pub(super) fn penalty(
        &self,
        size: f64,
        entropy: f64,
        reduce: fn(&Tensor, Kind) -> Result<Tensor, tch::TchError>,
    ) -> Result<Option<Tensor>, TorchError> {
        let Some(reached) = self.reached.as_deref().filter(|places| !places.is_empty()) else {
            return Ok(None);
        };
        let l = &self.logits;
        let places = from_indices(reached.iter().copied(), l.device())?;
        let penalty = || {
            let m = l.f_reshape(-1)?.f_index_select(0, &places)?.f_sigmoid()?;
            let rest = m.f_neg()?.f_add_scalar(1.0)?;
            let plogp = |p: &Tensor| p.f_mul(&p.f_add_scalar(EPS)?.f_log()?);
            let h = plogp(&m)?
                .f_add(&plogp(&rest)?)?
                .f_neg()?
                .f_mean(l.kind())?;
            let size = reduce(&m, l.kind())?.f_mul_scalar(size)?;
            size.f_add(&h.f_mul_scalar(entropy)?)
        };
        penalty().named("penalty", &[l]).map(Some)
    }

    /// Sigmoid of the entries in reach, 0 elsewhere.
    pub(super) fn importance(&self) -> Result<Vec<f64>, TorchError> {
        let all = to_values(&self.sigmoid()?)?;
        let mut importance = vec![0.0; all.len()];
        for place in self.reached.iter().flatten() {
            let place = usize::try_from(*place).unwrap_or(usize::MAX);
            if let (Some(slot), Some(&value)) = (importance.get_mut(place), all.get(place)) {
                *slot = value;
            }
        }
        Ok(importance)
    }
}

/// Masks of edges and features: what is optimised.
#[derive(Debug)]
pub(super) struct Masks {
    pub(super) edges: Mask,
    pub(super) features: Option<Mask>,
}

impl Masks {
    pub(super) fn new(
        graph: &GraphTensors,
        features: FeatureMask,
        seed: u64,
    ) -> Result<Self, TorchError> {
        let n = graph.n_nodes();
        let width = graph.x().size().get(1).copied().unwrap_or(1);
        let shape = match features {
            FeatureMask::Off => None,
            FeatureMask::Attributes => Some([n, width]),
            FeatureMask::Object => Some([n, 1]),
            FeatureMask::Common => Some([1, width]),
        };
        let rng = &mut astern_stats::rng::seeded(seed, 0);
        let std = (2.0 / (n as f64).max(1.0)).sqrt();
        let n_edges = int(graph.index().n_edges());
        Ok(Self {
            edges: Mask::new(&[n_edges], std, rng, graph)?,
            features: shape
                .map(|shape| Mask::new(&shape, 0.1, rng, graph))
                .transpose()?,
        })
    }
}

impl Module for Masks {
    fn visit<'a>(&'a self, visitor: &mut Visitor<'a>) {
        visitor.tensor("edges", &self.edges.logits);
        visitor.optional("features", self.features.as_ref().map(|mask| &mask.logits));
    }
}
