//! Several graphs as one.

use std::iter::repeat_n;
use std::ops::Range;

use ndarray::{Array2, Axis, Slice};

use super::edge_index::{check_edge_count, check_node_count};
use super::{EdgeIndex, Graph};
use crate::error::GraphDataError;

/// Several graphs joined into one whose parts have no edge between them.
///
/// A layer runs over the whole as over any other graph, without padding, and gives each part the
/// rows that it would have alone. Nodes and edges of part `g` are one range of the whole,
/// `node_offsets[g]..node_offsets[g + 1]` and likewise for edges, which is what a readout over the
/// nodes of each graph needs. As `Batch` in `PyTorch` Geometric.
///
/// # Example
///
/// ```
/// use astern_gnn::graph::Batch;
/// use astern_gnn::{Graph, ndarray::array};
///
/// let pair = Graph::new(array![[1.0], [2.0]], [(0, 1)])?;
/// let lone = Graph::new(array![[3.0]], [])?;
/// let batch = Batch::new(&[pair, lone.clone()])?;
///
/// assert_eq!(batch.joined().x(), array![[1.0], [2.0], [3.0]]);
/// assert_eq!(batch.batch(), [0, 0, 1]);
/// assert_eq!(batch.node_offsets(), [0, 2, 3]);
/// assert_eq!(batch.graph(1), Some(lone));
/// # Ok::<(), astern_gnn::GraphDataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    joined: Graph,
    part_of: Vec<u32>,
    node_offsets: Vec<u32>,
    edge_offsets: Vec<u32>,
}

impl Batch {
    /// Joins `graphs`, in order. All have features of one width, and the same of weights,
    /// attributes and types of edges.
    ///
    /// # Errors
    ///
    /// [`GraphDataError::EmptyBatch`], [`GraphDataError::Unlike`], and [`GraphDataError::TooManyNodes`] and
    /// [`GraphDataError::TooManyEdges`] of the whole.
    ///
    /// # Complexity
    ///
    /// Time and memory linear in what the graphs hold: nothing is sorted again.
    pub fn new(graphs: &[Graph]) -> Result<Self, GraphDataError> {
        let first = graphs.first().ok_or(GraphDataError::EmptyBatch)?;
        for (part, graph) in graphs.iter().enumerate() {
            check_alike(part, first, graph)?;
        }
        let node_offsets = starts(graphs.iter().map(Graph::n_nodes), check_node_count)?;
        let n_nodes = graphs.iter().map(Graph::n_nodes).sum();
        let edge_offsets = starts(graphs.iter().map(Graph::n_edges), |n_edges| {
            check_edge_count(n_edges, n_nodes)
        })?;
        let part_of = (0u32..).zip(graphs);
        let part_of = part_of.flat_map(|(part, graph)| repeat_n(part, graph.n_nodes()));
        Ok(Self {
            joined: join(graphs, first, n_nodes, &node_offsets, &edge_offsets),
            part_of: part_of.collect(),
            node_offsets,
            edge_offsets,
        })
    }

    /// The whole: features `[N, F]` one below the other, edges with the nodes of their part.
    pub fn joined(&self) -> &Graph {
        &self.joined
    }

    /// The part that each node belongs to, `[N]`, ascending.
    pub fn batch(&self) -> &[u32] {
        &self.part_of
    }

    /// Where the nodes of each part begin, `[G + 1]`.
    pub fn node_offsets(&self) -> &[u32] {
        &self.node_offsets
    }

    /// Where the edges of each part begin, `[G + 1]`.
    pub fn edge_offsets(&self) -> &[u32] {
        &self.edge_offsets
    }

    /// Number of parts, G.
    pub fn n_graphs(&self) -> usize {
        self.node_offsets.len() - 1
    }

    /// Part `i`, equal to the graph that was joined.
    ///
    /// # Complexity
    ///
    /// Time and memory linear in the part.
    pub fn graph(&self, i: usize) -> Option<Graph> {
        let nodes = range(&self.node_offsets, i)?;
        let edges = range(&self.edge_offsets, i)?;
        let (all, start) = (&self.joined, self.node_offsets[i]);
        let local = |ends: &[u32]| ends[edges.clone()].iter().map(|end| end - start).collect();
        let first = self.edge_offsets[i];
        let given = all.edges.given()[edges.clone()].iter();
        let index = EdgeIndex::ordered(
            nodes.len(),
            local(all.edges.source()),
            local(all.edges.target()),
            given.map(|place| place - first).collect(),
        );
        let rows = |of: &Array2<f64>, range: &Range<usize>| {
            of.slice_axis(Axis(0), Slice::from(range.clone()))
                .to_owned()
        };
        Some(Graph {
            x: rows(&all.x, &nodes),
            edges: index,
            edge_weight: all.edge_weight.as_ref().map(|w| w[edges.clone()].to_vec()),
            edge_attr: all.edge_attr.as_ref().map(|attr| rows(attr, &edges)),
            edge_type: all.edge_type.as_ref().map(|t| t[edges.clone()].to_vec()),
            n_edge_types: all.n_edge_types,
        })
    }

    /// All parts, in order.
    pub fn graphs(&self) -> impl Iterator<Item = Graph> + '_ {
        (0..self.n_graphs()).map_while(|i| self.graph(i))
    }
}

fn check_alike(part: usize, first: &Graph, graph: &Graph) -> Result<(), GraphDataError> {
    let widths = |graph: &Graph| {
        [
            ("x", Some(graph.n_features())),
            ("edge_weight", graph.edge_weight().map(|_| 1)),
            ("edge_attr", graph.edge_attr().map(Array2::ncols)),
            ("edge_type", graph.edge_type().map(|_| graph.n_edge_types())),
        ]
    };
    for ((name, expected), (_, got)) in widths(first).into_iter().zip(widths(graph)) {
        if expected != got {
            return Err(GraphDataError::Unlike {
                part,
                name,
                expected,
                got,
            });
        }
    }
    Ok(())
}

/// Running sums of `sizes`, from 0; `check` holds the last one against its limit.
fn starts(
    sizes: impl Iterator<Item = usize>,
    check: impl Fn(usize) -> Result<(), GraphDataError>,
) -> Result<Vec<u32>, GraphDataError> {
    let mut total = 0usize;
    let mut starts = vec![0];
    for size in sizes {
        total = total.saturating_add(size);
        check(total)?;
        // What `check` lets through can be numbered.
        starts.push(u32::try_from(total).unwrap_or(u32::MAX));
    }
    Ok(starts)
}

fn range(offsets: &[u32], i: usize) -> Option<Range<usize>> {
    let end = *offsets.get(i.checked_add(1)?)?;
    Some(offsets[i] as usize..end as usize)
}

/// The whole of graphs that are alike. Parts follow each other and are sorted by target, so the
/// whole is.
fn join(graphs: &[Graph], first: &Graph, n_nodes: usize, nodes: &[u32], edges: &[u32]) -> Graph {
    let (mut source, mut target, mut given) = (Vec::new(), Vec::new(), Vec::new());
    for (graph, (&node, &edge)) in graphs.iter().zip(nodes.iter().zip(edges)) {
        source.extend(graph.edges.source().iter().map(|j| j + node));
        target.extend(graph.edges.target().iter().map(|i| i + node));
        given.extend(graph.edges.given().iter().map(|place| place + edge));
    }
    let stack = |rows: usize, width: usize, of: &dyn Fn(&Graph) -> Option<&Array2<f64>>| {
        let mut all = Array2::zeros((rows, width));
        let parts = graphs
            .iter()
            .filter_map(of)
            .flat_map(|rows| rows.outer_iter());
        for (mut to, from) in all.rows_mut().into_iter().zip(parts) {
            to.assign(&from);
        }
        all
    };
    let n_edges = source.len();
    let attributes = |attr: &Array2<f64>| stack(n_edges, attr.ncols(), &|g| g.edge_attr.as_ref());
    Graph {
        x: stack(n_nodes, first.n_features(), &|graph| Some(&graph.x)),
        edge_weight: joined(graphs, |graph| graph.edge_weight.as_deref()),
        edge_attr: first.edge_attr.as_ref().map(attributes),
        edge_type: joined(graphs, |graph| graph.edge_type.as_deref()),
        n_edge_types: first.n_edge_types,
        edges: EdgeIndex::ordered(n_nodes, source, target, given),
    }
}

/// What all graphs have, one after the other; `None` where they have it not.
fn joined<T: Copy>(graphs: &[Graph], of: impl Fn(&Graph) -> Option<&[T]>) -> Option<Vec<T>> {
    let parts: Option<Vec<&[T]>> = graphs.iter().map(of).collect();
    parts.map(|parts| parts.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_that_cannot_be_numbered_is_refused() {
        let half = u32::MAX as usize / 2 + 1;
        let nodes = starts([half, half].into_iter(), check_node_count);
        assert_eq!(
            nodes,
            Err(GraphDataError::TooManyNodes {
                n_nodes: 2 * half,
                limit: u32::MAX as usize - 1,
            })
        );
        let edges = starts([half, usize::MAX].into_iter(), |n| check_edge_count(n, 3));
        assert_eq!(
            edges,
            Err(GraphDataError::TooManyEdges {
                n_edges: usize::MAX,
                limit: u32::MAX as usize - 3,
            })
        );
        let most = starts([half, half - 3].into_iter(), check_node_count);
        assert_eq!(most, Ok(vec![0, 1 << 31, u32::MAX - 2]));
    }
}
