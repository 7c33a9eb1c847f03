//! Graphs of telemetry: from a temporal graph and its windows to what layers take.

use astern_graph_core::{EdgeWindow, FaultFlow, Link, NodeKey, TemporalGraph, Timestamp, Window};
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use super::{Graph, GraphSnapshots, Missing};
use crate::error::GraphDataError;

/// A window makes no graph.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WindowError {
    /// There is no such step.
    #[error("step {step} of a window of {steps} steps")]
    NoStep {
        /// The step asked for.
        step: usize,
        /// Steps of the window.
        steps: usize,
    },
    /// The window of the edges lacks a step of that of the nodes.
    #[error("the window of the edges has no step at {at}")]
    NoEdgeStep {
        /// Start of the step.
        at: Timestamp,
    },
    /// The values make no graph.
    #[error(transparent)]
    Graph(#[from] GraphDataError),
}

/// Which way messages go over the edges of a [`TemporalGraph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MessageFlow {
    /// Where faults go, by [`EdgeKind::fault_flow`](astern_graph_core::EdgeKind::fault_flow): from
    /// the callee to its caller.
    #[default]
    AlongFaults,
    /// The other way: from the caller to its callee.
    AgainstFaults,
    /// Both ways, as two relations: 0 along faults, 1 against them.
    Both,
}

/// The edges that messages run along between the rows of a window, ascending, each once.
///
/// A message goes where a fault goes, by [`EdgeKind::fault_flow`]: from the callee to its caller,
/// and both ways between a writer and what it writes to. An edge is the pair of rows (source,
/// target); what lies outside the window's rows (nodes of other kinds) carries none.
///
/// `O(N · d log N)` for N rows of degree d.
///
/// [`EdgeKind::fault_flow`]: astern_graph_core::EdgeKind::fault_flow
///
/// # Example
/// ```
/// use astern_gnn::graph::message_edges;
/// use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey, NodeKind, TimeRange, Timestamp};
///
/// let mut builder = GraphBuilder::new(GraphParams::default())?;
/// builder.declare_edge(NodeKey::service("web"), NodeKey::service("cart"), EdgeKind::Calls);
/// let graph = builder.build();
/// let minute = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(60))?;
/// let window = graph.window(NodeKind::Service, minute)?;
///
/// let (cart, web) = (0, 1); // rows are sorted by key
/// assert_eq!(message_edges(&graph, &window), [(cart, web)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn message_edges(graph: &TemporalGraph, window: &Window) -> Vec<(u32, u32)> {
    let row = |key: &NodeKey| window.row(key).and_then(|row| u32::try_from(row).ok());
    let mut edges = Vec::new();
    for key in &window.rows {
        let (Some(target), Some(id)) = (row(key), graph.id(key)) else {
            continue;
        };
        let origins = graph.fault_origins(id).filter_map(|id| graph.key(id));
        edges.extend(origins.filter_map(row).map(|source| (source, target)));
    }
    edges.sort_unstable();
    edges
}

/// A window of telemetry on its graph, as [`GraphSnapshots`] or, step by step, as [`Graph`]s.
///
/// Rows of the window become nodes, its features the columns of `x`; messages go between rows by
/// [`message_edges`], in the direction of the [`MessageFlow`]. Values are taken as they are:
/// standardise before.
///
/// # Example
///
/// ```
/// use astern_gnn::graph::{GraphWindow, MessageFlow, Missing};
/// use astern_graph_core::{
///     EdgeKind, GraphBuilder, GraphParams, NodeKey, NodeKind, Sample, TimeRange, Timestamp,
/// };
///
/// let (web, cart) = (NodeKey::service("web"), NodeKey::service("cart"));
/// let at = Timestamp::from_secs(30);
/// let mut builder = GraphBuilder::new(GraphParams::default())?;
/// builder.declare_edge(web, cart.clone(), EdgeKind::Calls);
/// builder.extend([Sample::new(at, cart, "cpu_utilisation", 0.5).into()]);
/// let graph = builder.build();
/// let minute = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(60))?;
/// let window = graph.window(NodeKind::Service, minute)?;
///
/// let source = GraphWindow::new(&graph, &window)
///     .flow(MessageFlow::Both)
///     .missing(Missing::Fill(0.0));
/// let first = source.at(0)?;
/// let (cart, web) = (0, 1); // rows are sorted by key
/// assert_eq!(first.edges().pairs().collect::<Vec<_>>(), [(web, cart), (cart, web)]);
/// assert_eq!(first.edge_type(), Some(&[1, 0][..]));
/// assert_eq!(first.x()[[0, 0]], 0.5);
/// assert_eq!(source.snapshots()?.missing(), 1); // nothing was seen of `web`
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct GraphWindow<'a> {
    nodes: &'a Window,
    along: Vec<(u32, u32)>,
    edges: Option<EdgeRows<'a>>,
    flow: MessageFlow,
    missing: Missing,
}

/// A window of edges, and its row of each edge of `along`.
#[derive(Debug, Clone)]
struct EdgeRows<'a> {
    window: &'a EdgeWindow,
    rows: Vec<Option<usize>>,
}

impl<'a> GraphWindow<'a> {
    /// A window of nodes on its graph: messages along faults, no edge attributes, missing values
    /// refused.
    ///
    /// # Complexity
    ///
    /// That of [`message_edges`].
    pub fn new(graph: &TemporalGraph, nodes: &'a Window) -> Self {
        Self {
            nodes,
            along: message_edges(graph, nodes),
            edges: None,
            flow: MessageFlow::default(),
            missing: Missing::default(),
        }
    }

    /// Sets which way messages go.
    #[must_use]
    pub fn flow(mut self, flow: MessageFlow) -> Self {
        self.flow = flow;
        self
    }

    /// Sets what a [`Graph`] has in place of missing values, of nodes and of edges.
    #[must_use]
    pub fn missing(mut self, missing: Missing) -> Self {
        self.missing = missing;
        self
    }

    /// Gives messages the features of a window of edges as attributes.
    ///
    /// A message from `j` to `i` along faults has those of the link `i → j` (the caller's call),
    /// and where that is not in the window and faults go both ways over links of its kind, of
    /// `j → i`; a message against faults has those of the one that it is the reverse of. A message
    /// over a link of another kind has missing attributes.
    ///
    /// # Complexity
    ///
    /// `O(E log L)` for L links in the window.
    #[must_use]
    pub fn edges(mut self, window: &'a EdgeWindow) -> Self {
        let key = |row: u32| self.nodes.rows[row as usize].clone();
        let link = |from, to| window.row(&Link::new(key(from), key(to), window.kind));
        let both_ways = window.kind.fault_flow() == FaultFlow::Both;
        let row = |&(source, target): &(u32, u32)| {
            let turned = || link(source, target).filter(|_| both_ways);
            link(target, source).or_else(turned)
        };
        let rows = self.along.iter().map(row).collect();
        self.edges = Some(EdgeRows { window, rows });
        self
    }

    /// All steps, `[T, N, F]`, missing values `NaN` as in the window. Snapshots have no relations
    /// and no attributes: under [`MessageFlow::Both`] messages go both ways over one kind of edge.
    ///
    /// # Errors
    ///
    /// Those of [`GraphSnapshots::new`] and [`GraphSnapshots::with_feature_names`].
    pub fn snapshots(&self) -> Result<GraphSnapshots, GraphDataError> {
        let names = self.nodes.schema.iter().map(|f| f.name.to_string());
        GraphSnapshots::new(self.nodes.values.clone(), self.pairs())?.with_feature_names(names)
    }

    /// One step as a graph: features `[N, F]`, relations under [`MessageFlow::Both`], attributes
    /// `[E, D]` of the same time where a window of edges was given.
    ///
    /// # Errors
    ///
    /// [`WindowError::NoStep`], [`WindowError::NoEdgeStep`], and [`GraphDataError::NotFinite`] for a
    /// value that is infinite, or missing and not filled.
    ///
    /// # Complexity
    ///
    /// Time `O(N F + E (D + log E))`.
    pub fn at(&self, step: usize) -> Result<Graph, WindowError> {
        let values = &self.nodes.values;
        let steps = values.len_of(Axis(0)).min(self.nodes.len());
        if step >= steps {
            return Err(WindowError::NoStep { step, steps });
        }
        let x = values.index_axis(Axis(0), step);
        let x = x.mapv(|value| self.missing.apply(value));
        let mut graph = Graph::new(x, self.pairs())?;
        if self.flow == MessageFlow::Both {
            let along = self.along.len();
            let types: Vec<u32> = (0..2 * along).map(|e| u32::from(e >= along)).collect();
            graph = graph.with_edge_type(&types, 2)?;
        }
        match &self.edges {
            Some(edges) => Ok(graph.with_edge_attr(&self.attributes(edges, step)?)?),
            None => Ok(graph),
        }
    }

    /// Pairs (source, target) of all messages; those against faults follow those along them.
    fn pairs(&self) -> Vec<(u32, u32)> {
        let along = self.along.iter().copied();
        let against = self.along.iter().map(|&(source, target)| (target, source));
        match self.flow {
            MessageFlow::AlongFaults => along.collect(),
            MessageFlow::AgainstFaults => against.collect(),
            MessageFlow::Both => along.chain(against).collect(),
        }
    }

    /// Attributes `[E, D]` in the order of [`pairs`](Self::pairs).
    fn attributes(&self, edges: &EdgeRows<'_>, step: usize) -> Result<Array2<f64>, WindowError> {
        let EdgeRows { window, rows } = edges;
        let at = self.nodes.times[step];
        let step = window.times.binary_search(&at).ok();
        let step = step.filter(|&step| step < window.values.len_of(Axis(0)));
        let step = step.ok_or(WindowError::NoEdgeStep { at })?;
        let values = window.values.index_axis(Axis(0), step);
        let copies = self.pairs().len() / self.along.len().max(1);
        let shape = (rows.len() * copies, values.ncols());
        Ok(Array2::from_shape_fn(shape, |(e, f)| {
            let row = rows[e % rows.len()];
            let value = row.map_or(f64::NAN, |row| values[[row, f]]);
            self.missing.apply(value)
        }))
    }
}
