//! Public documents of traces through `astern-traces`: what is read, what is refused, and whether the
//! calls are those that others found in the same documents.

mod expected;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use astern_graph_core::{Call, EdgeKind, NodeKey};
use astern_traces::{ParseError, SpanParams, SpanReport, Spans, TraceFormat};

use crate::EvalError;
use crate::error::refused;
use crate::files::{entries, read};
use crate::table::markdown;

/// What is known of one folder.
#[derive(Default)]
struct Tally {
    documents: u64,
    report: SpanReport,
    services: BTreeSet<NodeKey>,
    edges: BTreeSet<(NodeKey, NodeKey, EdgeKind)>,
    refused: Vec<String>,
}

impl Tally {
    fn take(&mut self, calls: &[Call]) {
        for call in calls {
            self.services.insert(call.callee.service.clone());
            if let Some(caller) = &call.caller {
                self.services.insert(caller.service.clone());
                let edge = (
                    caller.service.clone(),
                    call.callee.service.clone(),
                    call.kind,
                );
                self.edges.insert(edge);
            }
        }
    }

    fn row(&self, name: &str) -> Vec<String> {
        let counts = [
            self.documents,
            self.report.spans,
            self.report.calls,
            self.services.len() as u64,
            self.edges.len() as u64,
            self.report.lost(),
            self.refused.len() as u64,
        ];
        std::iter::once(name.to_owned())
            .chain(counts.map(|count| count.to_string()))
            .collect()
    }
}

/// Reads every document under `root/traces` and `root/nezha-trainticket`; the table as Markdown.
///
/// # Errors
/// [`EvalError`] when the data is not there, or a document that has an expected answer is refused.
pub fn evaluate(root: &Path) -> Result<String, EvalError> {
    let traces = root.join("traces");
    let mut rows = Vec::new();
    let mut refused = Vec::new();
    let mut reports = Vec::new();
    for folder in entries(&traces)?.into_iter().filter(|path| path.is_dir()) {
        let name = folder
            .file_name()
            .map_or(String::new(), |name| name.to_string_lossy().into());
        let tally = one_by_one(&folder)?;
        rows.push(tally.row(&name));
        refused.extend(tally.refused);
        reports.push(format!("- {name}: {}", tally.report));
    }
    let nezha = root.join("nezha-trainticket");
    for group in ["normal", "fault"] {
        let tally = together(&nezha.join(group).join("trace"))?;
        let name = format!("nezha {group}");
        rows.push(tally.row(&name));
        reports.push(format!("- {name}: {}", tally.report));
    }
    let header = [
        "set",
        "documents",
        "spans",
        "calls",
        "nodes",
        "edges",
        "lost",
        "refused",
    ];
    let table = markdown(&header, &rows);
    let refused = if refused.is_empty() {
        "none".to_owned()
    } else {
        refused.join("\n")
    };
    let answers = expected::table(&traces)?;
    Ok(format!(
        "{table}\n\n`nodes` are services and what they talk to. `lost` are spans that are in no call and \
         should have been. The files of a Nezha group are joined together, the others one by one.\n\n\
         ## Expected answers\n\n{answers}\n\n## What became of the spans\n\n{}\n\n## Refused\n\n{refused}\n",
        reports.join("\n"),
    ))
}

/// Each document by itself.
fn one_by_one(folder: &Path) -> Result<Tally, EvalError> {
    let mut tally = Tally::default();
    for path in documents(folder)? {
        tally.documents += 1;
        let bytes = read(&path)?;
        let decoded = TraceFormat::recognise(&bytes)
            .ok_or(ParseError::UnknownFormat)
            .and_then(|format| astern_traces::decode(format, &bytes, &SpanParams::default()));
        match decoded {
            Ok(decoded) => {
                tally.report += decoded.report;
                tally.take(&decoded.calls);
            }
            Err(error) => {
                let name = path
                    .strip_prefix(folder.parent().unwrap_or(folder))
                    .unwrap_or(&path);
                tally.refused.push(format!("- {}: {error}", name.display()));
            }
        }
    }
    Ok(tally)
}

/// All documents joined: a trace goes over the edge of a file's minute.
fn together(folder: &Path) -> Result<Tally, EvalError> {
    let mut tally = Tally::default();
    let mut spans = Spans::new(&SpanParams::default())?;
    for path in documents(folder)? {
        tally.documents += 1;
        let bytes = read(&path)?;
        spans
            .read(TraceFormat::Csv, &bytes)
            .map_err(|e| refused(&path, e))?;
    }
    let joined = spans.join();
    tally.report = joined.report;
    tally.take(&joined.calls);
    Ok(tally)
}

/// Documents of a folder and of those in it; lists of edges are answers and no documents.
fn documents(folder: &Path) -> Result<Vec<PathBuf>, EvalError> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        if path.is_dir() {
            found.extend(documents(&path)?);
        } else {
            let end = path.extension().and_then(|end| end.to_str());
            let edges = path.file_stem().is_some_and(|stem| stem == "edges");
            if matches!(end, Some("json" | "csv" | "pb")) && !edges {
                found.push(path);
            }
        }
    }
    Ok(found)
}
