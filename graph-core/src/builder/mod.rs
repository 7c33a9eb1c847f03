//! Records in, graph out.

mod admit;
mod content;
mod merge;
mod room;
mod spans;
mod stored;
mod take;

use std::collections::BTreeSet;

use astern_stats::ParamError;

use crate::edge::EdgeKind;
use crate::graph::TemporalGraph;
use crate::ingest::IngestReport;
use crate::key::NodeKey;
use crate::name::MetricName;
use crate::params::GraphParams;
use crate::record::Record;
use crate::sketch::Bins;
use crate::store::{Slot, Store};
use crate::time::Timestamp;

pub use room::Loss;
use room::Losses;
use spans::Spans;

/// Takes records in any order and makes [`TemporalGraph`]s of them.
///
/// What a graph holds does not depend on the order in which records came, as long as none was over
/// a limit (see [`IngestReport::over_limit`]). At the limits on nodes and edges the instances and hosts that were
/// unseen for longest make way, an eighth of the nodes at once; past any other limit the first to come are kept. A call is a duplicate where
/// one of its span came before that is equal in every field; calls of one span that differ are all taken and counted
/// ([`IngestReport::unlike`]), since nothing says which of them is right. Without
/// [`advance`](Self::advance) everything is taken, as fits a file; with it, the given time bounds
/// what is late or lies in the future, and what is older than the retention is dropped, as fits a
/// stream.
///
/// # Complexity
/// A record costs `O(1)` expected, and `O(log n)` in the steps held where it is not of the newest. A
/// graph costs one reference per node and edge, since what they hold is shared and copied only when
/// written to again; and a sort of them where one came or went.
///
/// # Example
/// ```
/// use astern_graph_core::{Call, GraphBuilder, GraphParams, NodeKey, Party, Timestamp};
///
/// let (web, cart) = (NodeKey::service("web"), NodeKey::service("cart"));
/// let at = Timestamp::from_secs(30);
/// let mut builder = GraphBuilder::new(GraphParams::default())?;
/// let report = builder.extend([
///     Call::new(at, Party::new(web.clone())).into(),
///     Call::new(at, Party::new(cart.clone())).from(Party::new(web.clone())).into(),
/// ]);
/// assert_eq!(report.accepted, 2);
///
/// let graph = builder.build();
/// let id = graph.id(&web).unwrap();
/// assert_eq!(graph.callees(id).collect::<Vec<_>>(), [graph.id(&cart).unwrap()]);
/// # Ok::<(), astern_stats::ParamError>(())
/// ```
#[derive(Debug, Clone)]
pub struct GraphBuilder {
    store: Store,
    bins: Bins,
    /// At least the metrics of which a sample is held.
    metrics: BTreeSet<MetricName>,
    /// Steps were dropped since `metrics` was last made of what is held.
    metrics_stale: bool,
    spans: Spans,
    losses: Losses,
    /// A step since which every instance was seen when one was last searched for that could make way.
    all_seen_since: Option<i64>,
    now: Option<Timestamp>,
}

impl GraphBuilder {
    /// An empty builder.
    ///
    /// # Errors
    /// [`ParamError`] for a parameter outside its rule.
    pub fn new(params: GraphParams) -> Result<Self, ParamError> {
        params.check()?;
        Ok(Self {
            store: Store::new(params),
            bins: Bins::default(),
            metrics: BTreeSet::new(),
            metrics_stale: false,
            spans: Spans::default(),
            losses: Losses::default(),
            all_seen_since: None,
            now: None,
        })
    }

    /// Declares a node that is known without telemetry; it is never retired.
    pub fn declare_node(&mut self, key: NodeKey) {
        self.declare(key);
    }

    fn declare(&mut self, key: NodeKey) -> Slot {
        let slot = self.store.add_node(key);
        if let Some(node) = self.store.nodes.get_mut(slot) {
            node.declared = true;
        }
        slot
    }

    /// Declares an edge `from → to` that is known without telemetry, and its ends.
    pub fn declare_edge(&mut self, from: NodeKey, to: NodeKey, kind: EdgeKind) {
        let (from, to) = (self.declare(from), self.declare(to));
        let slot = self.store.edge((from, to, kind));
        if let Some(edge) = self.store.edges.get_mut(slot) {
            edge.declared = true;
        }
    }

    /// Takes records in; bad ones are counted, never fatal.
    pub fn extend(&mut self, records: impl IntoIterator<Item = Record>) -> IngestReport {
        let mut report = IngestReport::default();
        for record in records {
            let count = self.take(&record, &mut report);
            *count.of(&mut report) += 1;
        }
        report
    }

    /// Sets the time: from now on what is older than the lateness bound is late (not a change, which may be announced
    /// as long as its step is kept), what lies further ahead is in the future, and what is older than the retention is dropped.
    ///
    /// Time never goes backwards: an earlier `now` than before changes nothing.
    ///
    /// # Complexity
    /// `O(V + E)` when a step has left the retention since the last call, else that of forgetting
    /// spans.
    pub fn advance(&mut self, now: Timestamp) {
        if self.now.is_some_and(|before| now <= before) {
            return;
        }
        // Since the last call nothing older than its oldest step was admitted.
        let moved = self.now.map(|before| self.oldest(before)) != Some(self.oldest(now));
        self.now = Some(now);
        if moved {
            self.forget(now);
        } else {
            self.forget_spans(now);
        }
    }

    /// Drops what is older than the retention.
    fn forget(&mut self, now: Timestamp) {
        let oldest = self.oldest(now);
        self.store.retire_before(oldest);
        self.losses
            .forget_before(self.store.params.start_of(oldest));
        self.metrics_stale = true;
        self.all_seen_since = None;
        self.forget_spans(now);
    }

    /// Forgets spans of steps in which nothing more is taken.
    fn forget_spans(&mut self, now: Timestamp) {
        let params = &self.store.params;
        let closed = params.step_of(now.minus(params.lateness_bound()));
        self.spans.forget_before(closed.max(self.oldest(now)));
    }

    /// The graph of everything that is held now.
    pub fn build(&self) -> TemporalGraph {
        TemporalGraph::of(&self.store)
    }
}

/// Where a record is counted.
#[derive(Debug, Clone, Copy)]
enum Count {
    Accepted,
    Duplicate,
    Late,
    Future,
    NonFinite,
    Malformed,
    OverLimit,
}

impl Count {
    fn of(self, report: &mut IngestReport) -> &mut u64 {
        match self {
            Self::Accepted => &mut report.accepted,
            Self::Duplicate => &mut report.duplicate,
            Self::Late => &mut report.late,
            Self::Future => &mut report.future,
            Self::NonFinite => &mut report.non_finite,
            Self::Malformed => &mut report.malformed,
            Self::OverLimit => &mut report.over_limit,
        }
    }
}
