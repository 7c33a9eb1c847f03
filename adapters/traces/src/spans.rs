//! Spans gathered from any number of documents, until they are joined.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use astern_adapters_base::Names;
use astern_graph_core::{Call, SpanId, Timestamp};
use astern_stats::ParamError;

use crate::attributes::{self, Attributes};
use crate::error::ParseError;
use crate::intern::Origins;
use crate::join;
use crate::params::SpanParams;
use crate::report::SpanReport;
use crate::span::{Origin, Span, SpanKind};

/// Spans of any number of documents and formats, waiting to be joined.
///
/// A trace may come in pieces: read or push all of them, in any order, then [`join`](Self::join).
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use astern_graph_core::{SpanId, Timestamp};
/// use astern_traces::{TraceFormat, Origin, SpanParams, Span, SpanKind, Spans};
///
/// let mut spans = Spans::new(&SpanParams::default())?;
/// spans.read(TraceFormat::Zipkin, br#"[{"traceId": "7", "id": "1", "kind": "CLIENT",
///     "timestamp": 1000, "duration": 90, "localEndpoint": {"serviceName": "web"}}]"#)?;
/// // A span of your own format.
/// let cart = Arc::new(Origin::new("cart"));
/// spans.push(
///     Span::new(SpanId::new(7, 2), SpanKind::Server, cart)
///         .child_of(1)
///         .took(Timestamp::from_nanos(1_010_000), Duration::from_micros(70)),
/// );
///
/// let joined = spans.join();
/// assert_eq!(joined.calls.len(), 1); // web calls cart, seen from both sides
/// assert_eq!(joined.calls[0].client, Some(Duration::from_micros(90)));
/// assert_eq!(joined.calls[0].server, Some(Duration::from_micros(70)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Spans {
    pub(crate) params: SpanParams,
    pub(crate) names: Names,
    pub(crate) origins: Origins,
    pub(crate) report: SpanReport,
    held: Vec<Span>,
    /// Stands for an origin that comes later in the document.
    nobody: Arc<Origin>,
}

/// The calls that spans were joined to, and what became of every span.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Decoded {
    /// The calls, by time, then by span.
    pub calls: Vec<Call>,
    /// What became of every span.
    pub report: SpanReport,
}

/// A span as a codec reads it, its origin not yet known.
#[derive(Debug, Default)]
pub(crate) struct Draft<'a> {
    pub(crate) trace: u128,
    pub(crate) id: u64,
    pub(crate) parent: u64,
    pub(crate) follows: bool,
    pub(crate) kind: Option<SpanKind>,
    pub(crate) name: Cow<'a, str>,
    /// Nanoseconds since the Unix epoch.
    pub(crate) start: Option<i128>,
    /// Nanoseconds.
    pub(crate) duration: Option<i128>,
    pub(crate) attributes: Attributes<'a>,
    pub(crate) links: Vec<SpanId>,
}

impl Spans {
    /// None yet.
    ///
    /// # Errors
    /// [`ParamError`] when a parameter breaks its rule.
    pub fn new(params: &SpanParams) -> Result<Self, ParamError> {
        params.check()?;
        Ok(Self {
            params: params.clone(),
            names: Names::default(),
            origins: Origins::default(),
            report: SpanReport::default(),
            held: Vec::new(),
            nobody: Arc::new(Origin::new("")),
        })
    }

    /// The calls of one document, whose codec reads it.
    pub(crate) fn of_document(
        params: &SpanParams,
        read: impl FnOnce(&mut Self) -> Result<(), ParseError>,
    ) -> Result<Decoded, ParseError> {
        let mut spans = Self::new(params)?;
        spans.whole(read)?;
        Ok(spans.join())
    }

    /// Reads a document whole, or nothing of it.
    pub(crate) fn whole(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<(), ParseError>,
    ) -> Result<(), ParseError> {
        let (held, report) = (self.held.len(), self.report);
        let read = read(self);
        if read.is_ok() {
            self.report.documents += 1;
        } else {
            self.held.truncate(held);
            self.report = report;
        }
        read
    }

    /// Adds a span of the user's own making; it is checked like any other.
    pub fn push(&mut self, span: Span) {
        self.report.spans += 1;
        let nanos = span.start.map(|at| i128::from(at.nanos()));
        let took = span
            .duration
            .map(|took| i128::try_from(took.as_nanos()).unwrap_or(i128::MAX));
        if self.may_enter(span.id, nanos, took) {
            if span.origin.service.name.is_empty() {
                self.report.unnamed_service += 1;
            } else {
                self.held.push(span);
            }
        }
    }

    /// The spans that wait to be joined, in the order in which they came.
    pub fn as_slice(&self) -> &[Span] {
        &self.held
    }

    /// Joins the spans to calls, by the rules of the [crate's page](crate#the-rules).
    ///
    /// The result does not depend on the order in which spans came.
    ///
    /// # Complexity
    /// `O(n log n)` in the number of spans, whatever their shape.
    pub fn join(self) -> Decoded {
        let Self {
            params,
            mut held,
            mut report,
            ..
        } = self;
        let calls = join::join(&mut held, &params, &mut report);
        Decoded { calls, report }
    }

    /// Whether a span may be held; counts it where it may not.
    fn may_enter(&mut self, id: SpanId, start: Option<i128>, duration: Option<i128>) -> bool {
        let fits = |nanos: i128| i64::try_from(nanos).is_ok();
        let took = duration.unwrap_or(0);
        let end = start.unwrap_or(0).saturating_add(took);
        let fate = if id.trace == 0 || id.span == 0 {
            &mut self.report.zero_id
        } else if !fits(took) || !start.is_none_or(fits) || !fits(end) {
            &mut self.report.out_of_range
        } else if self.held.len() >= self.params.spans_max as usize {
            &mut self.report.over_limit
        } else {
            return true;
        };
        *fate += 1;
        false
    }

    /// Takes a span whose origin comes later, by [`settle`](Self::settle); `false` when it is left out.
    pub(crate) fn accept(&mut self, draft: Draft<'_>) -> bool {
        self.report.spans += 1;
        let id = SpanId::new(draft.trace, draft.id);
        // A span that ends before it starts was there, but nobody knows for how long.
        let duration = draft.duration.filter(|took| *took >= 0);
        if !self.may_enter(id, draft.start, duration) {
            return false;
        }
        self.report.negative += u64::from(duration != draft.duration);
        let Attributes {
            kind,
            outcome,
            peer,
            segment,
        } = draft.attributes;
        // OTLP's `unspecified` is what a message without a kind says: a tag may know better.
        let stated = draft.kind.filter(|stated| *stated != SpanKind::Unspecified);
        let kind = stated.or(kind).unwrap_or(SpanKind::Unspecified);
        let (kind, step) = attributes::role(kind, peer.verb());
        let name = (!draft.name.is_empty()).then_some(&*draft.name);
        let nanos = |number: i128| i64::try_from(number).ok();
        self.held.push(Span {
            id,
            parent: (draft.parent != 0).then_some(draft.parent),
            follows: draft.follows,
            kind,
            origin: Arc::clone(&self.nobody),
            name: name.map(|name| self.names.get(name)),
            start: draft.start.and_then(nanos).map(Timestamp::from_nanos),
            duration: duration
                .and_then(|d| u64::try_from(d).ok())
                .map(Duration::from_nanos),
            status: outcome.call_status(),
            peer: peer.peer(kind, name, &mut self.names),
            step,
            segment: segment.map(|segment| self.names.get(&segment)),
            links: draft.links,
        });
        true
    }

    /// Number of spans held.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// Names the origin of each span from `from` on, given its place after it; one without an
    /// origin is left out.
    pub(crate) fn settle(
        &mut self,
        from: usize,
        mut origin_of: impl FnMut(usize) -> Option<(Arc<Origin>, Option<Arc<str>>)>,
    ) {
        let mut kept = from;
        for at in from..self.held.len() {
            match origin_of(at - from) {
                Some((origin, segment)) => {
                    if let Some(span) = self.held.get_mut(at) {
                        span.origin = origin;
                        span.segment = span.segment.take().or(segment);
                    }
                    self.held.swap(kept, at);
                    kept += 1;
                }
                None => self.report.unnamed_service += 1,
            }
        }
        self.held.truncate(kept);
    }
}
