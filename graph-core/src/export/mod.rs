//! The graph as a drawing: Graphviz DOT and Mermaid text.

mod dot;
mod label;
mod mermaid;
mod params;
mod scene;

pub use params::{EdgeLabels, ExportParams, Mark};

use self::scene::Scene;
use crate::graph::TemporalGraph;

impl TemporalGraph {
    /// The graph in the DOT language of Graphviz: `dot -Tsvg` draws it.
    ///
    /// Names are only ever quoted labels, so no name can break the file: quotes, backslashes and
    /// entities are escaped, and control characters are written out (`\n`). The same graph and
    /// parameters give the same bytes.
    ///
    /// # Complexity
    /// `O((V + E) log V)`; the text is no longer than `nodes_max` and `edges_max` allow.
    ///
    /// # Example
    /// ```
    /// use astern_graph_core::export::{ExportParams, Mark};
    /// use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey};
    ///
    /// let [web, cart] = ["web", "cart"].map(NodeKey::service);
    /// let mut builder = GraphBuilder::new(GraphParams::default())?;
    /// builder.declare_edge(web, cart.clone(), EdgeKind::Calls);
    /// let graph = builder.build();
    ///
    /// let dot = graph.to_dot(&ExportParams::default().mark(Mark::Cause, [cart]));
    /// assert!(dot.contains("n1 -> n0;"));
    /// # Ok::<(), astern_stats::ParamError>(())
    /// ```
    pub fn to_dot(&self, params: &ExportParams) -> String {
        dot::write(&Scene::of(self, params))
    }

    /// The graph as a Mermaid flowchart, for a Markdown page: as [`to_dot`](Self::to_dot).
    ///
    /// # Example
    /// ```
    /// use astern_graph_core::export::ExportParams;
    /// use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey};
    ///
    /// let mut builder = GraphBuilder::new(GraphParams::default())?;
    /// builder.declare_edge(NodeKey::service("web"), NodeKey::service("cart"), EdgeKind::Calls);
    /// assert_eq!(
    ///     builder.build().to_mermaid(&ExportParams::default()),
    ///     "flowchart LR\n  n0[\"service/cart\"]\n  n1[\"service/web\"]\n  n1 --> n0\n"
    /// );
    /// # Ok::<(), astern_stats::ParamError>(())
    /// ```
    pub fn to_mermaid(&self, params: &ExportParams) -> String {
        mermaid::write(&Scene::of(self, params))
    }
}
