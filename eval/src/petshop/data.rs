//! Reads the data set: call graph, healthy metrics, issues.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use astern_graph_core::{
    EdgeKind, GraphBuilder, GraphParams, MetricName, NodeKey, NodeKind, Sample, TemporalGraph,
    TimeRange, Timestamp,
};
use astern_rca::Incident;

use crate::EvalError;
use crate::case::Case;
use crate::error::{misshapen, unreadable};
use crate::files::{entries, read_text};

/// Length of a step of the data.
const STEP: Duration = Duration::from_secs(300);

/// A half of the issues.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Split {
    Train,
    Test,
}

#[derive(Deserialize)]
struct Target {
    target: TargetMetric,
    root_cause: RootCause,
}

#[derive(Deserialize)]
struct TargetMetric {
    node: String,
    metric: String,
}

#[derive(Deserialize)]
struct RootCause {
    node: String,
}

/// One metrics file: a column is a node, metric and statistic; a row a time.
struct Metrics {
    columns: Vec<(String, String, String)>,
    rows: Vec<(i64, Vec<f64>)>,
}

/// What kind of node a name of the AWS X-Ray service map stands for.
///
/// A node without segments of its own (`_remote`), a client, and a managed service of the
/// provider lie outside of what the owner of the application can change.
fn key(name: &str) -> NodeKey {
    let kind = if name.ends_with("_remote") || name.ends_with("_client") {
        NodeKind::External
    } else if name.contains("Lambda") || name.starts_with("lambda") {
        NodeKind::Function
    } else if name.ends_with("DynamoDB::Table") || name.ends_with("Database::SQL") {
        NodeKind::Database
    } else if name.ends_with("SQS::Queue") {
        NodeKind::Queue
    } else if name == "PetSite"
        || name.contains("ECS::")
        || name.ends_with("ApiGateway::Stage")
        || name.ends_with("StepFunctions::StateMachine")
    {
        NodeKind::Service
    } else {
        NodeKind::External
    };
    NodeKey::new(kind, name)
}

/// Our name of a metric and the factor to its unit; `None` for statistics that are not used.
fn metric(metric: &str, statistic: &str) -> Option<(MetricName, f64)> {
    match (metric, statistic) {
        ("latency", "Average") => Some(("latency_ms".into(), 1e3)),
        ("availability", "Average") => Some(("availability_percent".into(), 1.0)),
        ("requests", "Sum") => Some(("request_count".into(), 1.0)),
        _ => None,
    }
}

/// Reads all issues of a split below `<root>/petshop/low_traffic`, by number.
pub(crate) fn read(root: &Path, split: Split) -> Result<Vec<Case>, EvalError> {
    let base = root.join("petshop").join("low_traffic");
    let healthy = read_metrics(&base.join("noissue").join("metrics.csv"))?;
    let edges = read_edges(&base.join("graph.csv"))?;
    let folder = base.join(match split {
        Split::Train => "train",
        Split::Test => "test",
    });
    let mut issues: Vec<(u32, PathBuf)> = Vec::new();
    for path in entries(&folder)? {
        let name = path.file_name().and_then(|name| name.to_str());
        let number = name.and_then(|name| name.strip_prefix("issue_"));
        if let Some(number) = number.and_then(|number| number.parse().ok()) {
            issues.push((number, path));
        }
    }
    issues.sort();
    if issues.is_empty() {
        return Err(misshapen(&folder, "it holds no folder `issue_N`"));
    }
    issues
        .into_iter()
        .map(|(number, path)| case(&healthy, &edges, number, &path))
        .collect()
}

fn case(
    healthy: &Metrics,
    edges: &[(String, String)],
    number: u32,
    folder: &Path,
) -> Result<Case, EvalError> {
    let path = folder.join("target.json");
    let target: Target =
        serde_json::from_str(&read_text(&path)?).map_err(|e| unreadable(&path, e))?;
    let abnormal = read_metrics(&folder.join("metrics.csv"))?;
    let (symptom, _) = metric(&target.target.metric, "Average")
        .ok_or_else(|| misshapen(&path, format!("unknown metric {}", target.target.metric)))?;

    let mut builder = GraphBuilder::new(GraphParams::default().step(STEP))?;
    for (from, to) in edges {
        builder.declare_edge(key(from), key(to), EdgeKind::Calls);
    }
    for (name, ..) in &healthy.columns {
        builder.declare_node(key(name));
    }
    let secs = |row: Option<&(i64, Vec<f64>)>| row.map_or(0, |(at, _)| *at);
    let start = Timestamp::from_secs(secs(healthy.rows.first()));
    let onset = Timestamp::from_secs(secs(healthy.rows.last())).plus(STEP);
    // The issues were injected months before the healthy rows were taken; their rows are put
    // right behind them, since only the order and the step matter.
    let after = |i: usize| onset.plus(STEP * u32::try_from(i).unwrap_or(u32::MAX));
    builder.extend(samples(healthy, |i| {
        Timestamp::from_secs(healthy.rows[i].0)
    }));
    builder.extend(samples(&abnormal, after));
    let range = |from, to| TimeRange::new(from, to).map_err(|e| misshapen(folder, e.to_string()));
    let incident = Incident::new(
        key(&target.target.node),
        symptom,
        range(start, onset)?,
        range(onset, after(abnormal.rows.len()))?,
    );
    let mut columns: Vec<NodeKey> = Vec::new();
    for (name, ..) in &healthy.columns {
        if !columns.contains(&key(name)) {
            columns.push(key(name));
        }
    }
    let graph = builder.build();
    Ok(Case {
        name: format!("issue_{number}"),
        kind: target.target.metric,
        candidates: candidates(&graph, &incident, &columns),
        graph,
        incident,
        cause: key(&target.root_cause.node),
        columns,
    })
}

/// Number of nodes but the symptom's that have the symptom's metric in the issue.
fn candidates(graph: &TemporalGraph, incident: &Incident, columns: &[NodeKey]) -> usize {
    let symptom = &incident.symptom;
    let seen = |key: &&NodeKey| {
        let series = graph.series(key, &symptom.metric, incident.abnormal);
        **key != symptom.node && series.is_ok_and(|s| s.iter().any(|x| x.is_finite()))
    };
    columns.iter().filter(seen).count()
}

fn samples(metrics: &Metrics, at: impl Fn(usize) -> Timestamp) -> Vec<astern_graph_core::Record> {
    let mut records = Vec::new();
    for (i, (_, values)) in metrics.rows.iter().enumerate() {
        for ((node, name, statistic), value) in metrics.columns.iter().zip(values) {
            if let (Some((name, factor)), true) = (metric(name, statistic), value.is_finite()) {
                records.push(Sample::new(at(i), key(node), name, value * factor).into());
            }
        }
    }
    records
}

/// Rows of `graph.csv` are callers, columns callees; 1 is an edge.
fn read_edges(path: &Path) -> Result<Vec<(String, String)>, EvalError> {
    let rows = read_csv(path)?;
    let (header, body) = rows
        .split_first()
        .ok_or_else(|| misshapen(path, "the file is empty"))?;
    let mut edges = Vec::new();
    for row in body {
        let Some((caller, cells)) = row.split_first() else {
            continue;
        };
        for (callee, cell) in header.iter().skip(1).zip(cells) {
            if cell.trim().parse::<f64>().is_ok_and(|x| x > 0.5) {
                edges.push((caller.clone(), callee.clone()));
            }
        }
    }
    Ok(edges)
}

/// Three header rows (node, metric, statistic), one with the name of the index, then data.
fn read_metrics(path: &Path) -> Result<Metrics, EvalError> {
    let rows = read_csv(path)?;
    let [nodes, metrics, statistics, _, body @ ..] = rows.as_slice() else {
        return Err(misshapen(path, "it has fewer than four header rows"));
    };
    let columns = nodes
        .iter()
        .zip(metrics)
        .zip(statistics)
        .skip(1)
        .map(|((node, metric), statistic)| (node.clone(), metric.clone(), statistic.clone()))
        .collect();
    let mut parsed = Vec::new();
    for (line, row) in body.iter().enumerate() {
        let Some((at, cells)) = row.split_first() else {
            continue;
        };
        let at: f64 = at
            .parse()
            .map_err(|_| misshapen(path, format!("line {}: `{at}` is no unix time", line + 5)))?;
        let values: Result<Vec<f64>, EvalError> = cells
            .iter()
            .map(|cell| match cell.trim() {
                "" => Ok(f64::NAN),
                text => text.parse().map_err(|_| {
                    misshapen(path, format!("line {}: `{text}` is no number", line + 5))
                }),
            })
            .collect();
        #[expect(clippy::cast_possible_truncation, reason = "unix seconds")]
        parsed.push((at as i64, values?));
    }
    Ok(Metrics {
        columns,
        rows: parsed,
    })
}

fn read_csv(path: &Path) -> Result<Vec<Vec<String>>, EvalError> {
    let reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_path(path);
    let mut reader = reader.map_err(|e| unreadable(path, e))?;
    reader
        .records()
        .map(|record| {
            let record = record.map_err(|e| unreadable(path, e))?;
            Ok(record.iter().map(str::to_owned).collect())
        })
        .collect()
}
