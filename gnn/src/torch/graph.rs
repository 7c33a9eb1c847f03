//! A graph on a device.

use std::cell::OnceCell;

use tch::{Device, Kind, Tensor};

use super::TorchError;
use super::error::Named;
use super::message::Edges;
use super::tensor::{from_indices, from_values, int};
use crate::graph::{EdgeIndex, Graph, Propagation, SelfLoops};

/// Number of rules about loops.
const RULES: usize = 4;

/// A [`Graph`] as tensors of one kind on one device, ready for every layer.
///
/// Edges with loops, coefficients and attributes are worked out when a layer first asks for them,
/// and kept: a graph that is passed many times is prepared once.
#[derive(Debug)]
pub struct GraphTensors {
    index: EdgeIndex,
    weights: Option<Vec<f64>>,
    /// Row-major `[E, D]` and D.
    attributes: Option<(Vec<f64>, usize)>,
    types: Option<Vec<u32>>,
    n_types: usize,
    x: Tensor,
    kind: Kind,
    device: Device,
    mask: Option<Tensor>,
    prepared: [OnceCell<Prepared>; RULES],
    relations: OnceCell<Vec<Relation>>,
}

/// What layers with one rule about loops share.
#[derive(Debug)]
struct Prepared {
    propagation: Propagation,
    edges: Edges,
    gcn: OnceCell<Tensor>,
    mean: OnceCell<Tensor>,
    attributes: OnceCell<Tensor>,
}

/// The edges of one relation.
#[derive(Debug)]
pub(super) struct Relation {
    pub(super) edges: Edges,
    /// [`Edges::mean_weights`].
    pub(super) mean: Tensor,
}

impl GraphTensors {
    /// Puts `graph` on `device`, numbers of `kind`.
    ///
    /// # Errors
    ///
    /// [`TorchError`], for instance when the device has no room.
    pub fn new(graph: &Graph, kind: Kind, device: Device) -> Result<Self, TorchError> {
        let shape = [int(graph.n_nodes()), int(graph.n_features())];
        let x: Vec<f64> = graph.x().iter().copied().collect();
        let x = from_values(&x, &shape, kind, device)?;
        let attr = graph.edge_attr();
        Ok(Self {
            index: graph.edges().clone(),
            weights: graph.edge_weight().map(<[f64]>::to_vec),
            attributes: attr.map(|a| (a.iter().copied().collect(), a.ncols())),
            types: graph.edge_type().map(<[u32]>::to_vec),
            n_types: graph.n_edge_types(),
            x,
            kind,
            device,
            mask: None,
            prepared: Default::default(),
            relations: OnceCell::new(),
        })
    }

    /// Features of the nodes, `[N, F]`.
    pub fn x(&self) -> &Tensor {
        &self.x
    }

    /// The edges, on the CPU.
    pub fn index(&self) -> &EdgeIndex {
        &self.index
    }

    /// Number of nodes, N.
    pub fn n_nodes(&self) -> i64 {
        int(self.index.n_nodes())
    }

    /// Number of relations; 1 without edge types.
    pub fn n_edge_types(&self) -> usize {
        self.n_types
    }

    /// Kind of the numbers.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where the tensors are.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The same graph whose messages are scaled by `mask` `[E]`, in the order of
    /// [`index`](Self::index); loops that layers add are not. How explainers switch edges off.
    ///
    /// # Errors
    ///
    /// [`TorchError`] for another number of edges.
    pub fn masked(&self, mask: &Tensor) -> Result<Self, TorchError> {
        let n_edges = int(self.index.n_edges());
        if mask.size() != [n_edges] {
            let source = format!("a mask has one entry an edge, there are {n_edges}");
            return Err(TorchError::new("mask", &[mask], source));
        }
        Ok(Self {
            index: self.index.clone(),
            weights: self.weights.clone(),
            attributes: self.attributes.clone(),
            types: self.types.clone(),
            n_types: self.n_types,
            x: self.x.shallow_clone(),
            kind: self.kind,
            device: self.device,
            mask: Some(mask.shallow_clone()),
            prepared: Default::default(),
            relations: OnceCell::new(),
        })
    }

    /// The edges to pass messages along, with loops by the rule of the layer.
    ///
    /// # Errors
    ///
    /// [`TorchError`], for instance when the device has no room.
    pub fn edges(&self, loops: SelfLoops) -> Result<Edges, TorchError> {
        Ok(self.prepared(loops)?.edges.shared())
    }

    /// [`Propagation::gcn_coefficients`] of the edges with loops, `[E']`.
    pub(super) fn gcn(&self, loops: SelfLoops) -> Result<&Tensor, TorchError> {
        let prepared = self.prepared(loops)?;
        kept(&prepared.gcn, || {
            let weights = self.weights.as_deref();
            let values = prepared.propagation.gcn_coefficients(weights, loops);
            from_values(&values, &[int(values.len())], self.kind, self.device)
        })
    }

    /// [`Edges::mean_weights`] of the edges as given.
    pub(super) fn mean(&self) -> Result<&Tensor, TorchError> {
        let prepared = self.prepared(SelfLoops::AsGiven)?;
        kept(&prepared.mean, || prepared.edges.mean_weights(self.kind))
    }

    /// Attributes of the edges with loops, `[E', width]`.
    pub(super) fn attributes(&self, loops: SelfLoops, width: i64) -> Result<&Tensor, TorchError> {
        let Some((values, columns)) = &self.attributes else {
            let source = "the layer takes edge attributes, the graph has none";
            return Err(TorchError::new("edge_attr", &[], source));
        };
        if int(*columns) != width {
            let source =
                format!("the layer takes {width} edge attributes, the graph has {columns}");
            return Err(TorchError::new("edge_attr", &[], source));
        }
        let prepared = self.prepared(loops)?;
        kept(&prepared.attributes, || {
            let values = prepared.propagation.attributes(values, *columns);
            let shape = [prepared.edges.n_edges(), width];
            from_values(&values, &shape, self.kind, self.device)
        })
    }

    /// The edges of each relation, as given.
    pub(super) fn relations(&self) -> Result<&[Relation], TorchError> {
        let relation = |r| {
            let edges = self.relation(r)?;
            let mean = edges.mean_weights(self.kind)?;
            Ok(Relation { edges, mean })
        };
        let relations = kept(&self.relations, || {
            (0u32..).take(self.n_types).map(relation).collect()
        })?;
        Ok(relations)
    }

    fn relation(&self, relation: u32) -> Result<Edges, TorchError> {
        let of = |e: usize| self.types.as_ref().map_or(0, |types| types[e]);
        let chosen: Vec<usize> = (0..self.index.n_edges())
            .filter(|&e| of(e) == relation)
            .collect();
        let pairs: Vec<_> = chosen
            .iter()
            .map(|&e| (self.index.source()[e], self.index.target()[e]))
            .collect();
        let index = EdgeIndex::sorted(self.index.n_nodes(), &pairs);
        let edges = Edges::new(index.source(), index.target(), index.offsets(), self.device)?;
        let Some(mask) = &self.mask else {
            return Ok(edges);
        };
        let chosen = from_indices(chosen.into_iter().map(int), self.device)?;
        let mask = mask
            .f_index_select(0, &chosen)
            .named("index_select", &[mask, &chosen])?;
        Ok(edges.masked(mask))
    }

    fn prepared(&self, loops: SelfLoops) -> Result<&Prepared, TorchError> {
        let slot = match loops {
            SelfLoops::AsGiven => 0,
            SelfLoops::Add => 1,
            SelfLoops::AddDouble => 2,
            SelfLoops::Replace => 3,
        };
        kept(&self.prepared[slot], || {
            let propagation = Propagation::new(&self.index, loops);
            let (source, target) = (propagation.source(), propagation.target());
            let edges = Edges::new(source, target, propagation.offsets(), self.device)?;
            let edges = match &self.mask {
                Some(mask) => edges.masked(self.spread(mask, &propagation)?),
                None => edges,
            };
            Ok(Prepared {
                propagation,
                edges,
                gcn: OnceCell::new(),
                mean: OnceCell::new(),
                attributes: OnceCell::new(),
            })
        })
    }

    /// The mask of the edges with loops, 1 at those that were added.
    fn spread(&self, mask: &Tensor, propagation: &Propagation) -> Result<Tensor, TorchError> {
        let one = Tensor::f_ones([1], (mask.kind(), mask.device())).named("ones", &[mask])?;
        let extended = Tensor::f_cat(&[mask, &one], 0).named("cat", &[mask, &one])?;
        let added = int(self.index.n_edges());
        let origin = propagation.origin().iter();
        let origin = origin.map(|e| e.map_or(added, i64::from));
        let origin = from_indices(origin, self.device)?;
        extended
            .f_index_select(0, &origin)
            .named("index_select", &[&extended, &origin])
    }
}

/// The value in `cell`, made now if it is not there.
fn kept<T>(
    cell: &OnceCell<T>,
    make: impl FnOnce() -> Result<T, TorchError>,
) -> Result<&T, TorchError> {
    if let Some(value) = cell.get() {
        return Ok(value);
    }
    let value = make()?;
    Ok(cell.get_or_init(|| value))
}
