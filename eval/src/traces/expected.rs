//! Documents of which others say what is in them.

use std::collections::BTreeMap;
use std::path::Path;

use astern_traces::{Decoded, SpanParams, Spans, TraceFormat};
use serde::Deserialize;

use crate::EvalError;
use crate::error::{refused, unreadable};
use crate::files::{entries, read};
use crate::table::markdown;

/// One line of `DeathStarBench`'s list: a span and its parent, with their services.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Edge {
    trace_id: String,
    parent_id: String,
    child_id: String,
    #[serde(rename = "parentMS")]
    parent_service: String,
    #[serde(rename = "childMS")]
    child_service: String,
}

/// Spans with their parents, and calls between services, both with counts.
#[derive(PartialEq)]
struct Found {
    spans: BTreeMap<(u128, u64, u64), u64>,
    calls: BTreeMap<(String, String), u64>,
}

/// Each expected answer, and whether it came out.
pub(super) fn table(traces: &Path) -> Result<String, EvalError> {
    let folder = traces.join("jaeger-deathstarbench");
    let (expected, found) = (listed(&folder.join("edges.csv"))?, joined(&folder)?);
    let sum = |counts: &BTreeMap<(String, String), u64>| counts.values().sum::<u64>();
    let yes = |equal: bool| if equal { "yes" } else { "no" }.to_owned();
    let pair = |name: &str, expected: u64, found: u64, equal: bool| {
        vec![
            name.to_owned(),
            expected.to_string(),
            found.to_string(),
            yes(equal),
        ]
    };
    let spans = |found: &Found| found.spans.values().sum::<u64>();
    let (otlp, jaeger) = (
        decoded(
            TraceFormat::OtlpJson,
            &traces.join("jaeger/otlp2jaeger-in.json"),
        )?,
        decoded(
            TraceFormat::Jaeger,
            &traces.join("jaeger/otlp2jaeger-out.json"),
        )?,
    );
    let rows = [
        pair(
            "DeathStarBench, spans with their parents",
            spans(&expected),
            spans(&found),
            expected.spans == found.spans,
        ),
        pair(
            "DeathStarBench, calls between services",
            sum(&expected.calls),
            sum(&found.calls),
            expected.calls == found.calls,
        ),
        pair(
            "Jaeger's rendering of OTLP, calls",
            otlp.calls.len() as u64,
            jaeger.calls.len() as u64,
            otlp.calls == jaeger.calls,
        ),
    ];
    Ok(markdown(&["answer", "expected", "found", "equal"], &rows))
}

fn listed(path: &Path) -> Result<Found, EvalError> {
    let no_edges = |e: csv::Error| unreadable(path, e);
    let mut found = Found {
        spans: BTreeMap::new(),
        calls: BTreeMap::new(),
    };
    let mut reader = csv::Reader::from_path(path).map_err(no_edges)?;
    for edge in reader.deserialize() {
        let edge: Edge = edge.map_err(no_edges)?;
        let hex = |text: &str| u64::from_str_radix(text, 16).unwrap_or_default();
        let key = (
            hex(&edge.trace_id).into(),
            hex(&edge.parent_id),
            hex(&edge.child_id),
        );
        *found.spans.entry(key).or_default() += 1;
        if edge.parent_service != edge.child_service {
            *found
                .calls
                .entry((edge.parent_service, edge.child_service))
                .or_default() += 1;
        }
    }
    Ok(found)
}

fn joined(folder: &Path) -> Result<Found, EvalError> {
    let mut found = Found {
        spans: BTreeMap::new(),
        calls: BTreeMap::new(),
    };
    let is_document =
        |path: &&std::path::PathBuf| path.extension().is_some_and(|end| end == "json");
    for path in entries(folder)?.iter().filter(is_document) {
        let mut spans = Spans::new(&SpanParams::default())?;
        let bytes = read(path)?;
        spans
            .read(TraceFormat::Jaeger, &bytes)
            .map_err(|e| refused(path, e))?;
        for span in spans.as_slice() {
            if let Some(parent) = span.parent {
                *found
                    .spans
                    .entry((span.id.trace, parent, span.id.span))
                    .or_default() += 1;
            }
        }
        for call in spans.join().calls {
            if let Some(caller) = call.caller {
                let edge = (
                    caller.service.name.to_string(),
                    call.callee.service.name.to_string(),
                );
                *found.calls.entry(edge).or_default() += 1;
            }
        }
    }
    Ok(found)
}

fn decoded(format: TraceFormat, path: &Path) -> Result<Decoded, EvalError> {
    astern_traces::decode(format, &read(path)?, &SpanParams::default())
        .map_err(|e| refused(path, e))
}
