//! Parallel edges as one, and directed edges as undirected ones.

use ndarray::{Array2, Axis};

use super::data::check_finite;
use super::{EdgeIndex, Graph};
use crate::error::GraphDataError;

/// How several values become one: the weights, and each attribute, of edges that are made one, or the messages
/// into a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Reduce {
    /// Their sum: right for counts (`PyTorch` Geometric's default).
    #[default]
    Sum,
    /// Their mean: right for rates and latencies; 0 for a node without messages.
    Mean,
    /// The greatest of each entry; 0 for a node without messages. Equal greatest values share the gradient
    /// evenly.
    Max,
}

/// An edge on its way to another place: target, source, relation, and the edge that it was. The
/// order is that of the result.
type Moved = (u32, u32, u32, usize);

impl Graph {
    /// The same graph with one edge where there were parallel ones: edges of one source, target
    /// and relation become one.
    ///
    /// # Errors
    ///
    /// [`GraphDataError::Weight`] and [`GraphDataError::NotFinite`] for a sum beyond the range of `f64`.
    ///
    /// # Complexity
    ///
    /// Time O(E log E + E D), memory O(E D) for D attributes.
    pub fn coalesced(&self, reduce: Reduce) -> Result<Self, GraphDataError> {
        self.merged(self.moved().collect(), reduce)
    }

    /// The same graph with every edge in both directions, parallel ones made one.
    ///
    /// An edge that is turned round keeps weight, attributes and relation. Where both directions
    /// were there already, each becomes one with the other turned round; under
    /// [`Reduce::Sum`] two edges of weight 1 become two of weight 2, as in `to_undirected` of
    /// `PyTorch` Geometric. Deviations from it: a loop stays as it is (there its weight doubles),
    /// and relations are not summed.
    ///
    /// # Errors
    ///
    /// Those of [`coalesced`](Self::coalesced), and [`GraphDataError::TooManyEdges`].
    ///
    /// # Complexity
    ///
    /// That of [`coalesced`](Self::coalesced).
    ///
    /// # Example
    ///
    /// ```
    /// use astern_gnn::graph::Reduce;
    /// use astern_gnn::{Graph, ndarray::array};
    ///
    /// let graph = Graph::new(array![[0.0], [1.0], [2.0]], [(0, 1), (1, 2), (2, 1)])?
    ///     .with_edge_weight(&[4.0, 2.0, 6.0])?;
    /// let both = graph.undirected(Reduce::Mean)?;
    /// assert_eq!(both.edges().pairs().collect::<Vec<_>>(), [(1, 0), (0, 1), (2, 1), (1, 2)]);
    /// assert_eq!(both.edge_weight(), Some(&[4.0, 4.0, 4.0, 4.0][..]));
    /// # Ok::<(), astern_gnn::GraphDataError>(())
    /// ```
    pub fn undirected(&self, reduce: Reduce) -> Result<Self, GraphDataError> {
        let turned = self.moved().filter(|(target, source, ..)| target != source);
        let turned = turned.map(|(target, source, relation, e)| (source, target, relation, e));
        self.merged(self.moved().chain(turned).collect(), reduce)
    }

    fn moved(&self) -> impl Iterator<Item = Moved> {
        let relation = |e: usize| self.edge_type().map_or(0, |types| types[e]);
        let pairs = self.edges().pairs().enumerate();
        pairs.map(move |(e, (source, target))| (target, source, relation(e), e))
    }

    fn merged(&self, mut moved: Vec<Moved>, reduce: Reduce) -> Result<Self, GraphDataError> {
        moved.sort_unstable();
        let same = |a: &Moved, b: &Moved| (a.0, a.1, a.2) == (b.0, b.1, b.2);
        let groups: Vec<&[Moved]> = moved.chunk_by(same).collect();
        let pairs = groups.iter().map(|group| (group[0].1, group[0].0));
        // Already sorted by (target, source): the order given is that of the index.
        let edges = EdgeIndex::new(self.n_nodes(), pairs)?;
        let one = |group: &[Moved], of: &dyn Fn(usize) -> f64| {
            let values = group.iter().map(|&(.., e)| of(e));
            match reduce {
                Reduce::Sum => values.sum(),
                Reduce::Mean => values.sum::<f64>() / group.len() as f64,
                Reduce::Max => values.fold(f64::NEG_INFINITY, f64::max),
            }
        };
        let edge_weight = self.edge_weight().map(|weights| {
            let merged = groups.iter().map(|group| one(group, &|e| weights[e]));
            merged.collect::<Vec<f64>>()
        });
        let edge_attr = self.edge_attr().map(|attr| {
            let shape = (groups.len(), attr.len_of(Axis(1)));
            Array2::from_shape_fn(shape, |(g, f)| one(groups[g], &|e| attr[[e, f]]))
        });
        if let Some(attr) = &edge_attr {
            check_finite("edge_attr", attr)?;
        }
        let types = groups.iter().map(|group| group[0].2).collect();
        let merged = Self {
            x: self.x.clone(),
            edges,
            edge_weight: None,
            edge_attr,
            edge_type: self.edge_type().map(|_| types),
            n_edge_types: self.n_edge_types(),
        };
        match edge_weight {
            Some(weights) => merged.with_edge_weight(&weights),
            None => Ok(merged),
        }
    }
}
