//! A graph with what layers need of it.

use std::sync::OnceLock;

use ndarray::Array2;

use crate::error::EncodeError;
use crate::graph::{Graph, Propagation, SelfLoops};
use crate::kernel::Real;

/// Number of rules about loops.
const RULES: usize = SelfLoops::Replace as usize + 1;

/// A [`Graph`] ready to be scored: edges with loops, coefficients and attributes are worked out
/// when a layer first asks for them, and kept.
///
/// Features may change from score to score; edges, their weights and attributes are those of the
/// graph it was made of. It can be shared between threads.
///
/// # Complexity
///
/// Memory O(N F + E (1 + D)) for each rule about loops that the layers have, with D edge attributes.
#[derive(Debug, Clone)]
pub struct PreparedGraph<F> {
    graph: Graph,
    x: Array2<F>,
    prepared: [OnceLock<Prepared<F>>; RULES],
}

/// What layers with one rule about loops share.
#[derive(Debug, Clone)]
struct Prepared<F> {
    edges: Propagation,
    gcn: OnceLock<Vec<F>>,
    mean: OnceLock<Vec<F>>,
    attributes: OnceLock<Vec<F>>,
}

impl<F: Real> PreparedGraph<F> {
    /// Takes a copy of `graph`.
    pub fn new(graph: &Graph) -> Self {
        Self {
            graph: graph.clone(),
            x: graph.x().mapv(F::of),
            prepared: Default::default(),
        }
    }

    /// Features of the nodes, `[N, F]`.
    pub fn x(&self) -> &Array2<F> {
        &self.x
    }

    /// Number of nodes, N.
    pub fn n_nodes(&self) -> usize {
        self.graph.n_nodes()
    }

    /// The edges with loops by the rule of a layer.
    pub(crate) fn edges(&self, loops: SelfLoops) -> &Propagation {
        &self.prepared(loops).edges
    }

    /// [`Propagation::gcn_coefficients`], `[E']`.
    pub(crate) fn gcn(&self, loops: SelfLoops) -> &[F] {
        let prepared = self.prepared(loops);
        prepared.gcn.get_or_init(|| {
            let weights = self.graph.edge_weight();
            let coefficients = prepared.edges.gcn_coefficients(weights, loops);
            coefficients.into_iter().map(F::of).collect()
        })
    }

    /// `1 / in-degree` of each edge's target, without loops: `[E]`.
    pub(crate) fn mean(&self) -> &[F] {
        let prepared = self.prepared(SelfLoops::AsGiven);
        prepared.mean.get_or_init(|| {
            let edges = &prepared.edges;
            let degree = |i: u32| edges.offsets()[i as usize + 1] - edges.offsets()[i as usize];
            let targets = edges.target().iter();
            targets
                .map(|&i| F::of(1.0 / f64::from(degree(i))))
                .collect()
        })
    }

    /// Attributes of the edges with loops, `[E', width]`; none for a layer that takes none.
    pub(crate) fn attributes(&self, loops: SelfLoops, width: usize) -> Result<&[F], EncodeError> {
        if width == 0 {
            return Ok(&[]);
        }
        let attributes = self.graph.edge_attr();
        let got = attributes.map_or(0, Array2::ncols);
        let Some(attributes) = attributes.filter(|_| got == width) else {
            let expected = width;
            return Err(EncodeError::EdgeFeatureCount { expected, got });
        };
        let prepared = self.prepared(loops);
        Ok(prepared.attributes.get_or_init(|| {
            let given = crate::kernel::flat(attributes);
            let attributes = prepared.edges.attributes(&given, width);
            attributes.into_iter().map(F::of).collect()
        }))
    }

    fn prepared(&self, loops: SelfLoops) -> &Prepared<F> {
        self.prepared[loops as usize].get_or_init(|| Prepared {
            edges: Propagation::new(self.graph.edges(), loops),
            gcn: OnceLock::new(),
            mean: OnceLock::new(),
            attributes: OnceLock::new(),
        })
    }
}
