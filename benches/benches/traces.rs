//! Speed of each trace codec, bytes to calls, beside `serde_json::Value` on the same bytes in one run;
//! and a day of traces as large as one of the Nezha data set, from bytes to a built graph.
#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    reason = "the macros of criterion make undocumented items"
)]
#![allow(clippy::unwrap_used, reason = "a bench panics to fail")]

use std::hint::black_box;

use astern_benches::documents;
use astern_graph_core::{GraphBuilder, GraphParams, Record};
use astern_traces::{Decoded, SpanParams, Spans, TraceFormat, decode};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message as _;

/// Makes a document of so many traces of so many spans from a seed.
type Make = fn(u64, u64, u64) -> Vec<u8>;

const SIZE: u64 = 33;
const TRACES: [u64; 2] = [30, 3_000];

const MAKERS: [(TraceFormat, Make); 5] = [
    (TraceFormat::Jaeger, documents::jaeger),
    (TraceFormat::Zipkin, documents::zipkin),
    (TraceFormat::OtlpJson, documents::otlp_json),
    (TraceFormat::OtlpProtobuf, documents::otlp_protobuf),
    (TraceFormat::Csv, documents::csv),
];

fn codecs(c: &mut Criterion) {
    for (format, make) in MAKERS {
        let mut group = c.benchmark_group(format!("traces/{}", format.as_str()));
        group.sample_size(10);
        for traces in TRACES {
            let bytes = make(1, traces, SIZE);
            let spans = traces * SIZE;
            group.throughput(Throughput::Bytes(bytes.len() as u64));
            let joined = decode(format, &bytes, &SpanParams::default()).unwrap();
            assert_eq!((joined.report.spans, joined.report.lost()), (spans, 0));
            group.bench_with_input(BenchmarkId::new("calls", spans), &bytes, |b, bytes| {
                b.iter(|| decode(format, black_box(bytes), &SpanParams::default()).unwrap());
            });
            if matches!(
                format,
                TraceFormat::Jaeger | TraceFormat::Zipkin | TraceFormat::OtlpJson
            ) {
                group.bench_with_input(BenchmarkId::new("value", spans), &bytes, |b, bytes| {
                    b.iter(|| {
                        serde_json::from_slice::<serde_json::Value>(black_box(bytes)).unwrap()
                    });
                });
            }
        }
        group.finish();
    }
}

fn handed_over(traces: &TracesData) -> Decoded {
    let mut spans = Spans::new(&SpanParams::default()).unwrap();
    spans.read_messages(&traces.resource_spans).unwrap();
    spans.join()
}

/// The messages of `traces/otlp-protobuf` decoded beforehand, and decoded by their crate as well.
fn messages(c: &mut Criterion) {
    let mut group = c.benchmark_group("traces/otlp-messages");
    group.sample_size(10);
    for traces in TRACES {
        let data = documents::otlp_messages(1, traces, SIZE);
        let bytes = data.encode_to_vec();
        let read = decode(TraceFormat::OtlpProtobuf, &bytes, &SpanParams::default()).unwrap();
        assert_eq!(handed_over(&data), read);
        let spans = traces * SIZE;
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_with_input(BenchmarkId::new("calls", spans), &data, |b, data| {
            b.iter(|| handed_over(black_box(data)));
        });
        group.bench_with_input(BenchmarkId::new("prost", spans), &bytes, |b, bytes| {
            b.iter(|| handed_over(&TracesData::decode(black_box(&bytes[..])).unwrap()));
        });
    }
    group.finish();
}

/// 4,483 traces and 329 thousand spans: one day of Nezha's Train Ticket.
fn day(c: &mut Criterion) {
    let mut group = c.benchmark_group("traces/day");
    group.sample_size(10);
    for traces in [448, 4_483] {
        let bytes = documents::csv(2, traces, 74);
        group.throughput(Throughput::Elements(traces * 74));
        group.bench_with_input(
            BenchmarkId::new("graph", traces * 74),
            &bytes,
            |b, bytes| {
                b.iter(|| {
                    let joined =
                        decode(TraceFormat::Csv, black_box(bytes), &SpanParams::default()).unwrap();
                    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
                    builder.extend(joined.calls.into_iter().map(Record::from));
                    builder.build()
                });
            },
        );
    }
    group.finish();
}

criterion_group!(benches, codecs, messages, day);
criterion_main!(benches);
