//! OTLP messages handed over as they are: what is refused, with its place, and what is counted.

use astern_traces::{ParseError, SpanParams, Spans, TraceFormat};
use opentelemetry_proto::tonic::trace::v1::span::Link;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData};
use proptest::prelude::*;
use prost::Message as _;

use crate::otlp::any_traces;

/// Two resources of two scopes of two spans, all with good ids and two links.
fn batch() -> Vec<ResourceSpans> {
    let link = Link {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        ..Default::default()
    };
    let span = Span {
        trace_id: vec![1; 16],
        span_id: vec![3; 8],
        parent_span_id: vec![4; 8],
        links: vec![link; 2],
        ..Default::default()
    };
    let scope = ScopeSpans {
        spans: vec![span; 2],
        ..Default::default()
    };
    let resource = ResourceSpans {
        scope_spans: vec![scope; 2],
        ..Default::default()
    };
    vec![resource; 2]
}

fn last(batch: &mut [ResourceSpans]) -> &mut Span {
    &mut batch[1].scope_spans[0].spans[1]
}

fn spans() -> Spans {
    Spans::new(&SpanParams::default()).unwrap()
}

#[test]
fn a_bad_id_is_refused_with_its_place() {
    type Spoil = fn(&mut Span);
    let cases: [(Spoil, &str, &str); 6] = [
        (|s| s.trace_id = vec![1; 15], "trace_id", "16 bytes"),
        (|s| s.span_id = vec![1; 9], "span_id", "8 bytes"),
        (|s| s.span_id = vec![1; 16], "span_id", "8 bytes"),
        (|s| s.parent_span_id = vec![1], "parent_span_id", "8 bytes"),
        (
            |s| s.links[1].trace_id = vec![1; 8],
            "links[1].trace_id",
            "16 bytes",
        ),
        (
            |s| s.links[0].span_id = vec![1; 7],
            "links[0].span_id",
            "8 bytes",
        ),
    ];
    for (spoil, wrong, wanted) in cases {
        let mut batch = batch();
        spoil(last(&mut batch));
        let error = spans().read_messages(&batch).unwrap_err();
        let place = format!("resource_spans[1].scope_spans[0].spans[1].{wrong}: ");
        let text = error.to_string();
        assert!(text.contains(&place) && text.ends_with(wanted), "{text}");
        let ParseError::Message {
            resource,
            scope,
            span,
            field,
            ..
        } = error
        else {
            panic!("{error:?}")
        };
        assert_eq!((resource, scope, span, &*field), (1, 0, 1, wrong));
    }
}

#[test]
fn a_refused_batch_leaves_nothing_behind() {
    let (good, mut bad) = (batch(), batch());
    last(&mut bad).span_id = vec![1];
    let (mut once, mut again) = (spans(), spans());
    once.read_messages(&good).unwrap();
    again.read_messages(&good).unwrap();
    assert!(again.read_messages(&bad).is_err());
    assert_eq!(once.as_slice(), again.as_slice());
    assert_eq!(once.join(), again.join());
}

#[test]
fn what_cannot_be_is_counted_and_no_error() {
    let mut batch = batch();
    batch.truncate(1);
    let span = |at: usize| -> Span {
        let mut span = batch[0].scope_spans[0].spans[0].clone();
        match at {
            0 => span.trace_id.clear(),
            1 => span.span_id = vec![0; 8],
            2 => (span.start_time_unix_nano, span.end_time_unix_nano) = (7, 6),
            3 => span.start_time_unix_nano = u64::MAX,
            _ => {}
        }
        span
    };
    let list: Vec<Span> = (0..5).map(span).collect();
    batch[0].scope_spans.truncate(1);
    batch[0].scope_spans[0].spans = list;
    let mut read = spans();
    read.read_messages(&batch).unwrap();
    let report = read.join().report;
    assert_eq!((report.documents, report.spans), (1, 5));
    assert_eq!(
        (
            report.zero_id,
            report.negative,
            report.out_of_range,
            report.unnamed_service
        ),
        (2, 1, 1, 2)
    );
}

/// An id of any length in one field of one span.
fn any_spoilt() -> impl Strategy<Value = TracesData> {
    let id = prop::collection::vec(any::<u8>(), 0..20);
    (any_traces(), any::<prop::sample::Index>(), 0..5, id).prop_map(
        |(mut traces, at, field, id)| {
            let mut spans: Vec<&mut Span> = traces
                .resource_spans
                .iter_mut()
                .flat_map(|resource| &mut resource.scope_spans)
                .flat_map(|scope| &mut scope.spans)
                .collect();
            if !spans.is_empty() {
                let span = at.get_mut(&mut spans);
                match field {
                    0 => span.trace_id = id,
                    1 => span.span_id = id,
                    2 => span.parent_span_id = id,
                    3 => span.links[0].trace_id = id,
                    _ => span.links[0].span_id = id,
                }
            }
            traces
        },
    )
}

proptest! {
    #[test]
    fn messages_and_their_bytes_give_the_same_spans_or_are_both_refused(traces in any_spoilt()) {
        let (mut binary, mut handed) = (spans(), spans());
        let read = binary.read(TraceFormat::OtlpProtobuf, &traces.encode_to_vec());
        prop_assert_eq!(read.is_ok(), handed.read_messages(&traces.resource_spans).is_ok());
        prop_assert_eq!(binary.as_slice(), handed.as_slice());
        prop_assert_eq!(binary.join(), handed.join());
    }
}
