//! What changed between two graphs: nodes, edges, revisions and owners.

mod axis;
mod show;

use serde::{Deserialize, Serialize};

use self::axis::{added_removed, merged, placed_edges};
use crate::edge::{EdgeKind, Link};
use crate::graph::TemporalGraph;
use crate::key::NodeKey;
use crate::name::Revision;

/// What has to change to make one graph's topology another's; by keys, so that it outlives both.
///
/// To people it shows counts and the first ten entries of each list; `{:#}` shows all. All lists are
/// sorted, by node, edge or instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GraphDiff {
    /// Nodes that only the later graph has.
    pub nodes_added: Vec<NodeKey>,
    /// Nodes that only the earlier graph has.
    pub nodes_removed: Vec<NodeKey>,
    /// Edges that only the later graph has.
    pub edges_added: Vec<Link>,
    /// Edges that only the earlier graph has.
    pub edges_removed: Vec<Link>,
    /// Instances of both graphs that run another revision.
    pub revisions: Vec<Moved<Revision>>,
    /// Instances of both graphs that belong to another service.
    pub owners: Vec<Moved<NodeKey>>,
}

/// What an instance had and has; `None` is unknown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Moved<T> {
    /// The instance.
    pub instance: NodeKey,
    /// In the earlier graph.
    pub from: Option<T>,
    /// In the later graph.
    pub to: Option<T>,
}

impl TemporalGraph {
    /// What changed from this graph to a later one. Telemetry is not compared, only topology.
    ///
    /// # Complexity
    /// `O(V + E)`, and a look-up for each node that both have.
    ///
    /// # Example
    /// ```
    /// use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey};
    ///
    /// let [web, cart, ads] = ["web", "cart", "ads"].map(NodeKey::service);
    /// let mut builder = GraphBuilder::new(GraphParams::default())?;
    /// builder.declare_edge(web.clone(), cart, EdgeKind::Calls);
    /// let before = builder.build();
    /// builder.declare_edge(web, ads.clone(), EdgeKind::Calls);
    ///
    /// let diff = before.diff(&builder.build());
    /// assert_eq!(diff.nodes_added, [ads]);
    /// assert_eq!(
    ///     diff.to_string(),
    ///     "nodes +1 -0, edges +1 -0, revisions 0, owners 0\n\
    ///      + service/ads\n\
    ///      + service/web calls service/ads\n"
    /// );
    /// # Ok::<(), astern_stats::ParamError>(())
    /// ```
    pub fn diff(&self, later: &Self) -> GraphDiff {
        let axis = merged(self.keys(), later.keys());
        let key = |place: &u32| axis.keys[*place as usize].clone();
        let (nodes_added, nodes_removed) = added_removed(&axis.earlier, &axis.later);
        let (edges_added, edges_removed) = added_removed(
            &placed_edges(self, &axis.earlier),
            &placed_edges(later, &axis.later),
        );
        let edge = |(from, to, kind): &(u32, u32, EdgeKind)| Link::new(key(from), key(to), *kind);
        let both = || self.keys().iter().filter(|key| later.id(key).is_some());
        GraphDiff {
            nodes_added: nodes_added.iter().map(key).collect(),
            nodes_removed: nodes_removed.iter().map(key).collect(),
            edges_added: edges_added.iter().map(edge).collect(),
            edges_removed: edges_removed.iter().map(edge).collect(),
            revisions: both()
                .filter_map(|key| moved(key, self.revision(key), later.revision(key)))
                .collect(),
            owners: both()
                .filter_map(|key| moved(key, self.owner(key), later.owner(key)))
                .collect(),
        }
    }
}

impl GraphDiff {
    /// Whether both graphs have the same topology.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The way back: what changed from the later graph to the earlier one.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            nodes_added: self.nodes_removed,
            nodes_removed: self.nodes_added,
            edges_added: self.edges_removed,
            edges_removed: self.edges_added,
            revisions: self.revisions.into_iter().map(Moved::reversed).collect(),
            owners: self.owners.into_iter().map(Moved::reversed).collect(),
        }
    }
}

impl<T> Moved<T> {
    /// An instance that had `from` and has `to`.
    pub fn new(instance: NodeKey, from: Option<T>, to: Option<T>) -> Self {
        Self { instance, from, to }
    }

    fn reversed(self) -> Self {
        Self::new(self.instance, self.to, self.from)
    }
}

/// What an instance had and has, where that is not the same.
fn moved<T: Clone + PartialEq>(
    instance: &NodeKey,
    from: Option<&T>,
    to: Option<&T>,
) -> Option<Moved<T>> {
    (from != to).then(|| Moved::new(instance.clone(), from.cloned(), to.cloned()))
}
