//! Traces: which operations of which services each request went through, how long they took, and
//! which of them failed.
//!
//! [`Traces`] is made of the same [`Call`]s as a graph. A graph sums them
//! up step by step; the rankers that look at single requests need them as they are:
//! [`Incident::traced`](crate::Incident::traced).

mod build;
pub(crate) mod coverage;
mod parents;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use astern_graph_core::{Call, EdgeKind, NodeKey, Timestamp, visible};

/// What was asked of a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Operation {
    /// The service that did it.
    pub service: NodeKey,
    /// Its name; `None` where the call has none.
    pub name: Option<Arc<str>>,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} {}", self.service, visible(name)),
            None => self.service.fmt(f),
        }
    }
}

/// One call of one trace.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TracedCall {
    /// Place in [`Traces::operations`].
    pub operation: usize,
    /// Place in [`Traces::services`] of the service that did the work.
    pub service: usize,
    /// Place in [`Traces::services`] of the service that asked for it, where it is known.
    pub caller: Option<usize>,
    /// Place in [`Trace::calls`] of the call on whose behalf this one was made, where there is one.
    pub parent: Option<usize>,
    /// The kind of edge that it went over.
    pub kind: EdgeKind,
    /// When it began.
    pub at: Timestamp,
    /// Duration as the caller saw it.
    pub client: Option<Duration>,
    /// Duration as the callee saw it.
    pub server: Option<Duration>,
    /// The part of it in which the callee did not wait for a call of its own.
    pub exclusive: Option<Duration>,
    /// Whether it failed by the fault of the callee.
    pub failed: bool,
}

impl TracedCall {
    /// How long it took: as the callee saw it, else as the caller did.
    pub fn duration(&self) -> Option<Duration> {
        self.server.or(self.client)
    }

    /// When it was over, by the longer of both views; its start where neither is known.
    pub fn end(&self) -> Timestamp {
        self.at
            .plus(self.client.max(self.server).unwrap_or_default())
    }
}

/// One request and all calls that were made for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trace<'a> {
    /// Its id.
    pub id: u128,
    calls: &'a [TracedCall],
}

impl<'a> Trace<'a> {
    /// Its calls by time, at equal times the longer one first; at least one.
    pub fn calls(&self) -> &'a [TracedCall] {
        self.calls
    }

    /// From the start of its first call to the end of the last one.
    pub fn duration(&self) -> Duration {
        let start = self.calls.first().map(|call| call.at);
        let end = self.calls.iter().map(TracedCall::end).max();
        start
            .zip(end)
            .map_or(Duration::ZERO, |(start, end)| end.since(start))
    }

    /// What each call did not spend waiting for calls of its own: as it was reported, else its
    /// duration less those of the calls that were made for it, as their caller saw them; never
    /// negative. `None` for a call without a duration. `O(n)`.
    pub fn self_times(&self) -> Vec<Option<Duration>> {
        let mut waited = vec![Duration::ZERO; self.calls.len()];
        for call in self.calls {
            if let (Some(parent), Some(took)) = (call.parent, call.client.or(call.server)) {
                waited[parent] = waited[parent].saturating_add(took);
            }
        }
        let calls = self.calls.iter().zip(waited);
        calls
            .map(|(call, waited)| {
                let rest = call.duration().map(|took| took.saturating_sub(waited));
                call.exclusive.or(rest)
            })
            .collect()
    }

    /// Whether any of its calls failed.
    pub fn failed(&self) -> bool {
        self.calls.iter().any(|call| call.failed)
    }

    /// Its operations, each once, ascending. `O(n log n)`.
    pub fn operations(&self) -> Vec<usize> {
        distinct(self.calls.iter().map(|call| call.operation))
    }

    /// The services that did something in it, each once, ascending. `O(n log n)`.
    pub fn services(&self) -> Vec<usize> {
        distinct(self.calls.iter().map(|call| call.service))
    }
}

fn distinct(places: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut places: Vec<usize> = places.collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// The traces of a time range.
///
/// Made of calls that carry a [`SpanId`](astern_graph_core::SpanId): calls of one
/// [`trace`](astern_graph_core::SpanId::trace) are one request. Others are counted and left out, and
/// so is a call whose id was there before (of several with one id the earliest stays).
///
/// A call names the service that made it, not the call on whose behalf. That is taken to be the
/// latest call into that service that had begun and was not over; if all were over (a service that
/// answers first and works on), the latest that had begun. Two requests that one service handles at
/// the same time in one trace can thus be taken for each other.
///
/// A consumption of a message is turned round: the consumer did the work, and the queue asked for
/// it.
///
/// Equal calls give equal traces, in whatever order they come.
///
/// # Complexity
/// `O(n log n)` in time and `O(n)` in memory for n calls.
///
/// # Example
/// ```
/// use std::time::Duration;
/// use astern_graph_core::{Call, NodeKey, Party, SpanId, Timestamp};
/// use astern_rca::trace::Traces;
///
/// let [web, cart] = ["web", "cart"].map(|name| Party::new(NodeKey::service(name)));
/// let call = |at: i64, span: u64, ms: u64, callee: &Party| {
///     let mut call = Call::new(Timestamp::from_millis(at), callee.clone())
///         .took(None, Some(Duration::from_millis(ms)));
///     call.id = Some(SpanId::new(7, span));
///     call
/// };
/// let calls = [call(5, 2, 20, &cart).from(web.clone()), call(0, 1, 40, &web)];
///
/// let traces = Traces::of(&calls);
/// let trace = traces.iter().next().ok_or("no trace")?;
/// assert_eq!(trace.duration(), Duration::from_millis(40));
/// assert_eq!(traces.operations()[trace.calls()[1].operation].service, cart.service);
/// assert_eq!(trace.calls()[1].parent, Some(0)); // made for the call into `web`
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Traces {
    services: Vec<NodeKey>,
    operations: Vec<Operation>,
    calls: Vec<TracedCall>,
    /// Id of each trace and the place after its last call; traces by id.
    ends: Vec<(u128, usize)>,
    without_id: usize,
    repeated: usize,
}

impl Traces {
    /// Joins calls to traces.
    pub fn of<'c>(calls: impl IntoIterator<Item = &'c Call>) -> Self {
        build::traces(calls)
    }

    /// Number of traces.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no trace.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The traces, by id.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Trace<'_>> {
        (0..self.ends.len()).map(|i| Trace {
            id: self.ends[i].0,
            calls: &self.calls[self.range(i)],
        })
    }

    fn range(&self, trace: usize) -> Range<usize> {
        let start = trace.checked_sub(1).map_or(0, |before| self.ends[before].1);
        start..self.ends[trace].1
    }

    /// The calls of all traces, trace by trace.
    pub fn calls(&self) -> &[TracedCall] {
        &self.calls
    }

    /// All services that called or were called, sorted by key.
    pub fn services(&self) -> &[NodeKey] {
        &self.services
    }

    /// All operations, sorted by service and name.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Number of calls that were left out because they carry no id.
    pub fn without_id(&self) -> usize {
        self.without_id
    }

    /// Number of calls that were left out because their id was there before.
    pub fn repeated(&self) -> usize {
        self.repeated
    }
}
