//! Jaeger's query JSON.
//!
//! `{"data": [{"traceID", "spans": [...], "processes": {...}}]}` as `/api/traces` answers, or one
//! such trace or a list of them alone. A span may carry its `process` itself.
//!
//! - The parent is the first `CHILD_OF` reference into the same trace, else the first `FOLLOWS_FROM`;
//!   the other references are links.
//! - Times are microseconds. `span.kind` is a tag.
//! - Ids that are not hexadecimal are hashed (FNV-1a): test data has such.
//! - Process tags name instance, host and revision as OTLP resources do.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use astern_graph_core::SpanId;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess};

use crate::attributes::{Attributes, Resource, Value};
use crate::error::ParseError;
use crate::format::TraceFormat;
use crate::id;
use crate::params::SpanParams;
use crate::span::Origin;
use crate::spans::{Decoded, Draft, Spans};
use astern_adapters_base::json::{Each, Fill, List, Number, Object, OneOrMany, Text, skip};

/// Decodes a document and joins its spans.
///
/// # Errors
/// [`ParseError`] when it is no such document, or when a parameter breaks its rule.
pub fn decode(bytes: &[u8], params: &SpanParams) -> Result<Decoded, ParseError> {
    Spans::of_document(params, |spans| read(bytes, spans))
}

pub(crate) fn read(bytes: &[u8], spans: &mut Spans) -> Result<(), ParseError> {
    let mut document = Document {
        spans,
        recognised: false,
        bare: Pending::default(),
        empty: true,
    };
    let mut read = serde_json::Deserializer::from_slice(bytes);
    let done = OneOrMany(&mut document)
        .deserialize(&mut read)
        .and_then(|()| read.end());
    done.map_err(|cause| ParseError::Json {
        format: TraceFormat::Jaeger,
        cause,
    })?;
    document.bare.settle(document.spans);
    if document.recognised || document.empty {
        return Ok(());
    }
    let found = "an object without `data` and without `spans`".to_owned();
    Err(ParseError::NotTraces {
        format: TraceFormat::Jaeger,
        found,
    })
}

/// What is known so far of a trace whose spans and processes may come in either order.
#[derive(Default)]
struct Pending<'de> {
    from: Option<usize>,
    /// Of each span held since: its process by name, or in the span itself.
    processes_of: Vec<Process<'de>>,
    processes: HashMap<Cow<'de, str>, Option<Arc<Known>>>,
}

/// An origin and the segment that comes with it.
type Known = (Arc<Origin>, Option<Arc<str>>);

enum Process<'de> {
    Named(Cow<'de, str>),
    Inline(Option<Arc<Known>>),
}

impl<'de> Pending<'de> {
    fn settle(&mut self, spans: &mut Spans) {
        let Self {
            from,
            processes_of,
            processes,
        } = std::mem::take(self);
        let Some(from) = from else {
            return;
        };
        spans.settle(from, |at| {
            let known = match processes_of.get(at)? {
                Process::Named(name) => processes.get(name)?.as_ref()?,
                Process::Inline(known) => known.as_ref()?,
            };
            Some(Known::clone(known))
        });
    }

    fn field<A: MapAccess<'de>>(
        &mut self,
        spans: &mut Spans,
        key: &str,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match key {
            "spans" => {
                self.from.get_or_insert(spans.held());
                map.next_value_seed(Each(SpanList {
                    spans,
                    of: &mut self.processes_of,
                }))
            }
            "processes" => map.next_value_seed(Fill(&mut Processes {
                spans,
                of: &mut self.processes,
            })),
            _ => skip(map),
        }
    }
}

/// The whole document, or a trace alone.
struct Document<'s, 'de> {
    spans: &'s mut Spans,
    recognised: bool,
    empty: bool,
    bare: Pending<'de>,
}

impl<'de> Object<'de> for Document<'_, 'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        self.empty = false;
        self.recognised |= matches!(key, "data" | "spans" | "traceID");
        if key == "data" {
            return map.next_value_seed(Each(Traces(self.spans)));
        }
        self.bare.field(self.spans, key, map)
    }
}

impl<'de> List<'de> for Document<'_, 'de> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        self.recognised = true;
        Traces(self.spans).element(seq)
    }
}

struct Traces<'s>(&'s mut Spans);

impl<'de> List<'de> for Traces<'_> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let mut trace = Trace {
            spans: self.0,
            pending: Pending::default(),
        };
        let more = seq.next_element_seed(Fill(&mut trace))?.is_some();
        trace.pending.settle(trace.spans);
        Ok(more)
    }
}

struct Trace<'s, 'de> {
    spans: &'s mut Spans,
    pending: Pending<'de>,
}

impl<'de> Object<'de> for Trace<'_, 'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        self.pending.field(self.spans, key, map)
    }
}

struct Processes<'s, 'm, 'de> {
    spans: &'s mut Spans,
    of: &'m mut HashMap<Cow<'de, str>, Option<Arc<Known>>>,
}

impl<'de> Object<'de> for Processes<'_, '_, 'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let known = process(self.spans, |process| map.next_value_seed(Fill(process)))?;
        self.of.insert(Cow::Owned(key.to_owned()), known);
        Ok(())
    }
}

/// Reads a process with `fill`.
fn process<'de, E>(
    spans: &mut Spans,
    fill: impl FnOnce(&mut ProcessFields<'de, '_>) -> Result<(), E>,
) -> Result<Option<Arc<Known>>, E> {
    let segment_key = spans.params.segment_attribute.as_deref();
    let mut fields = ProcessFields {
        resource: Resource::default(),
        segment_key,
    };
    fill(&mut fields)?;
    let resource = fields.resource;
    Ok(resource.origin(&mut spans.names).map(Arc::new))
}

struct ProcessFields<'de, 'k> {
    resource: Resource<'de>,
    segment_key: Option<&'k str>,
}

impl<'de> Object<'de> for ProcessFields<'de, '_> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "serviceName" => {
                let Text(name) = map.next_value()?;
                self.resource.set("service.name", Value::Text(name), None);
                Ok(())
            }
            "tags" => map.next_value_seed(Each(Tags(|key: &str, value| {
                // A tag is no better at naming the service than the field of that name.
                if key != "service.name" {
                    self.resource.set(key, value, self.segment_key);
                }
            }))),
            _ => skip(map),
        }
    }
}

/// A list of `{"key", "type", "value"}`.
struct Tags<F>(F);

impl<'de, F: FnMut(&str, Value<'de>)> List<'de> for Tags<F> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let mut tag = Tag {
            key: Text::default(),
            value: Value::Other,
        };
        let more = seq.next_element_seed(Fill(&mut tag))?.is_some();
        if more {
            (self.0)(&tag.key.0, tag.value);
        }
        Ok(more)
    }
}

struct Tag<'de> {
    key: Text<'de>,
    value: Value<'de>,
}

impl<'de> Object<'de> for Tag<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "key" => self.key = map.next_value()?,
            "value" => self.value = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

struct SpanList<'s, 'p, 'de> {
    spans: &'s mut Spans,
    of: &'p mut Vec<Process<'de>>,
}

impl<'de> List<'de> for SpanList<'_, '_, 'de> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let mut span = SpanFields {
            spans: self.spans,
            draft: Draft::default(),
            references: Vec::new(),
            process: Process::Inline(None),
        };
        let more = seq.next_element_seed(Fill(&mut span))?.is_some();
        if more {
            let SpanFields {
                spans,
                mut draft,
                references,
                process,
            } = span;
            refer(&mut draft, &references);
            if spans.accept(draft) {
                self.of.push(process);
            }
        }
        Ok(more)
    }
}

struct SpanFields<'s, 'de> {
    spans: &'s mut Spans,
    draft: Draft<'de>,
    references: Vec<Reference>,
    process: Process<'de>,
}

#[derive(Default)]
struct Reference {
    follows: bool,
    trace: u128,
    span: u64,
}

/// The first reference that is a parent becomes it, the others become links.
fn refer(draft: &mut Draft<'_>, references: &[Reference]) {
    let first = |follows: bool| {
        let into_trace =
            |r: &&Reference| id::is_same_trace(r.trace, draft.trace) && r.follows == follows;
        references.iter().find(into_trace)
    };
    let parent = first(false).or_else(|| first(true));
    if let Some(parent) = parent {
        draft.parent = parent.span;
        draft.follows = parent.follows;
    }
    let links = references
        .iter()
        .filter(|r| parent.is_none_or(|p| !std::ptr::eq(*r, p)));
    draft.links = links.map(|r| SpanId::new(r.trace, r.span)).collect();
}

const NANOS_PER_MICRO: i128 = 1_000;

impl<'de> Object<'de> for SpanFields<'_, 'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let draft = &mut self.draft;
        match key {
            "traceID" => draft.trace = trace(&map.next_value()?),
            "spanID" => draft.id = span(&map.next_value()?),
            "parentSpanID" => draft.parent = span(&map.next_value()?),
            "operationName" => draft.name = map.next_value::<Text<'de>>()?.0,
            "startTime" => draft.start = micros(map.next_value()?),
            "duration" => draft.duration = micros(map.next_value()?),
            "references" => {
                map.next_value_seed(Each(References(&mut self.references)))?;
            }
            "tags" => {
                let key = self.spans.params.segment_attribute.as_deref();
                let attributes: &mut Attributes<'de> = &mut draft.attributes;
                map.next_value_seed(Each(Tags(|name: &str, value| {
                    attributes.set(name, value, key);
                })))?;
            }
            "processID" => {
                let Text(name) = map.next_value()?;
                if !name.is_empty() {
                    self.process = Process::Named(name);
                }
            }
            "process" => {
                let known = process(self.spans, |fields| map.next_value_seed(Fill(fields)))?;
                // An empty one is there beside an id in some documents.
                if known.is_some() {
                    self.process = Process::Inline(known);
                }
            }
            _ => skip(map)?,
        }
        Ok(())
    }
}

fn micros(number: Number) -> Option<i128> {
    number
        .0
        .map(|micros| micros.saturating_mul(NANOS_PER_MICRO))
}

fn trace(text: &Text<'_>) -> u128 {
    if text.0.is_empty() {
        0
    } else {
        id::text_trace(text.as_bytes())
    }
}

fn span(text: &Text<'_>) -> u64 {
    if text.0.is_empty() {
        0
    } else {
        id::text_span(text.as_bytes())
    }
}

struct References<'r>(&'r mut Vec<Reference>);

impl<'de> List<'de> for References<'_> {
    fn element<A: SeqAccess<'de>>(&mut self, seq: &mut A) -> Result<bool, A::Error> {
        let mut reference = Reference::default();
        let more = seq.next_element_seed(Fill(&mut reference))?.is_some();
        if reference.trace != 0 && reference.span != 0 {
            self.0.push(reference);
        }
        Ok(more)
    }
}

impl<'de> Object<'de> for Reference {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "refType" => match &*map.next_value::<Text<'de>>()?.0 {
                "CHILD_OF" => self.follows = false,
                "FOLLOWS_FROM" => self.follows = true,
                _ => {
                    return Err(A::Error::custom(
                        "`refType` is neither CHILD_OF nor FOLLOWS_FROM",
                    ));
                }
            },
            "traceID" => self.trace = trace(&map.next_value()?),
            "spanID" => self.span = span(&map.next_value()?),
            _ => skip(map)?,
        }
        Ok(())
    }
}
