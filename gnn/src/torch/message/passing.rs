//! Layers defined by their messages.

use tch::Tensor;

use super::Edges;
use crate::graph::Reduce;
use crate::torch::TorchError;

/// What a message can be made of, one row an edge.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ends {
    /// Features of the senders, `[E, …]`.
    pub source: Tensor,
    /// Features of the receivers, `[E, …]`.
    pub target: Tensor,
}

/// A layer that is defined by its messages: write [`message`](Self::message), call
/// [`propagate`](Self::propagate).
///
/// # Example
///
/// The edge convolution of Wang et al. (2019), without its network: the greatest difference from a
/// neighbour.
///
/// ```
/// use astern_gnn::torch::tch::{Device, Kind};
/// use astern_gnn::torch::{Ends, GraphTensors, MessagePassing, Reduce, TorchError, tch::Tensor};
/// use astern_gnn::{Graph, SelfLoops, ndarray::array};
///
/// struct GreatestDifference;
///
/// impl MessagePassing for GreatestDifference {
///     fn message(&self, ends: &Ends) -> Result<Tensor, TorchError> {
///         let away = ends.source.f_sub(&ends.target);
///         away.map_err(|e| TorchError::new("sub", &[&ends.source, &ends.target], e))
///     }
///
///     fn reduce(&self) -> Reduce {
///         Reduce::Max
///     }
/// }
///
/// let graph = Graph::new(array![[1.0], [5.0], [2.0]], [(1, 0), (2, 0)])?;
/// let graph = GraphTensors::new(&graph, Kind::Double, Device::Cpu)?;
/// let edges = graph.edges(SelfLoops::AsGiven)?;
/// let y = GreatestDifference.propagate(graph.x(), &edges)?;
/// assert_eq!(y.f_double_value(&[0, 0])?, 4.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait MessagePassing {
    /// The message of every edge, `[E, …]`.
    ///
    /// # Errors
    ///
    /// [`TorchError`] when libtorch refuses.
    fn message(&self, ends: &Ends) -> Result<Tensor, TorchError>;

    /// How messages are joined; a sum unless you say otherwise.
    fn reduce(&self) -> Reduce {
        Reduce::Sum
    }

    /// Gathers `x` `[N, …]` at both ends of every edge, makes the messages and joins them, `[N, …]`.
    ///
    /// # Errors
    ///
    /// Those of [`message`](Self::message), and [`TorchError`] for other shapes.
    fn propagate(&self, x: &Tensor, edges: &Edges) -> Result<Tensor, TorchError> {
        let ends = Ends {
            source: edges.gather_source(x)?,
            target: edges.gather_target(x)?,
        };
        edges.reduce(&self.message(&ends)?, self.reduce())
    }
}
