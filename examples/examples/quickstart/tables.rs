//! What the example prints: aligned tables, colour only on a terminal.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;

use anstream::println;
use anstyle::Style;
use astern::detect::pipeline::PipelineParams;
use astern::detect::score::RobustZParams;
use astern::graph::schema::FeatureClass;
use astern::graph::{Record, TimeRange};
use astern_examples::{Incident, Sample};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::learned::Learned;

const CAUSES_SHOWN: usize = 5;

/// Columns of a table that does not go to a terminal; there it is as wide as the terminal.
const WIDTH_ELSEWHERE: u16 = 120;

pub(crate) fn heading(text: &str) {
    let bold = Style::new().bold();
    println!("\n{bold}{text}{bold:#}");
}

/// An aligned table; a line between rows only where rows have several lines.
pub(crate) fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    let tall = rows.iter().flatten().any(|cell| cell.contains('\n'));
    let style = if tall {
        presets::UTF8_HORIZONTAL_ONLY
    } else {
        presets::NOTHING
    };
    table
        .load_style(style)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header.to_vec());
    if !std::io::stdout().is_terminal() {
        table.set_width(WIDTH_ELSEWHERE);
    }
    for row in rows {
        table.add_row(row.into_iter().enumerate().map(|(column, text)| {
            let number = column > 0 && text.trim_end_matches('%').trim().parse::<f64>().is_ok();
            let side = if number {
                CellAlignment::Right
            } else {
                CellAlignment::Left
            };
            Cell::new(text).set_alignment(side)
        }));
    }
    table.to_string()
}

pub(crate) fn telemetry(sample: &Sample) -> String {
    let count = |wanted: fn(&Record) -> bool| sample.records.iter().filter(|r| wanted(r)).count();
    let changes: BTreeSet<&str> = sample.records.iter().filter_map(change).collect();
    let first = sample.records.first().map(Record::at);
    let last = sample.records.last().map(Record::at);
    let span = first
        .zip(last)
        .map_or(0, |(first, last)| last.since(first).as_secs() / 60);
    format!(
        "{} calls, {} samples over {span} minutes; {} releases: {}",
        count(|r| matches!(r, Record::Call(_))),
        count(|r| matches!(r, Record::Sample(_))),
        changes.len(),
        changes.into_iter().collect::<Vec<_>>().join(", "),
    )
}

fn change(record: &Record) -> Option<&str> {
    match record {
        Record::Change(change) => Some(change.id.as_str()),
        _ => None,
    }
}

pub(crate) fn decisions(incident: &Incident) -> String {
    if incident.rulings.is_empty() {
        return "continue, all the time".to_owned();
    }
    let rows = incident.rulings.iter().map(|(at, ruling, risk)| {
        let reason = ruling
            .reasons
            .last()
            .map(ToString::to_string)
            .unwrap_or_default();
        vec![
            at.to_string(),
            ruling.decision.to_string(),
            format!("{:.2}", risk.value),
            reason,
        ]
    });
    table(&["from", "decision", "risk", "because"], rows.collect())
}

pub(crate) fn causes(incident: &Incident) -> String {
    let Some(diagnosis) = &incident.diagnosis else {
        return "none".to_owned();
    };
    let rows = diagnosis
        .causes
        .iter()
        .take(CAUSES_SHOWN)
        .enumerate()
        .map(|(rank, cause)| {
            let path: Vec<&str> = cause.path.iter().map(|key| &*key.name).collect();
            let evidence: Vec<String> = cause.evidence.iter().map(ToString::to_string).collect();
            vec![
                (rank + 1).to_string(),
                cause.subject.to_string(),
                format!("{:.2}", cause.score),
                path.join(" > "),
                evidence.join("\n"),
            ]
        });
    table(
        &["rank", "cause", "score", "path to the symptom", "evidence"],
        rows.collect(),
    )
}

pub(crate) fn changes(incident: &Incident) -> String {
    let Some(diagnosis) = &incident.diagnosis else {
        return "none is blamed".to_owned();
    };
    let rows = diagnosis.changes.iter().map(|blamed| {
        let evidence: Vec<String> = blamed.evidence.iter().map(ToString::to_string).collect();
        let probability = blamed
            .probability
            .map_or("-".into(), |p| format!("{:.1} %", 100.0 * p));
        vec![blamed.change.to_string(), probability, evidence.join("\n")]
    });
    table(&["change", "probability", "evidence"], rows.collect())
}

/// Worst score of each service's application metrics in the last step, the learned ones beside the classic one.
pub(crate) fn scores(
    sample: &Sample,
    incident: &Incident,
    learned: Option<&[Learned]>,
) -> Result<String, Box<dyn std::error::Error>> {
    let Some(extent) = incident.graph.extent() else {
        return Ok("no telemetry".to_owned());
    };
    let range = |from, to| TimeRange::new(from, to);
    let healthy = range(extent.start, sample.healthy_until)?;
    let later = range(sample.healthy_until, extent.end)?;
    let pipeline = PipelineParams::default().check()?;
    let fitted = pipeline.fit(&RobustZParams::default(), &incident.graph, healthy)?;
    let scores = pipeline.scores(&fitted, &incident.graph, later)?;
    let metrics = scores.metrics().unwrap_or_default();
    let last = scores.times().len().saturating_sub(1);
    let mut rows = Vec::new();
    for (row, subject) in scores.subjects().iter().enumerate() {
        let of_users = |f: &usize| metrics[*f].class == FeatureClass::Application;
        let of_service = (0..metrics.len())
            .filter(of_users)
            .map(|f| scores.values()[[last, row, f]]);
        let worst = of_service
            .filter(|x| x.is_finite())
            .fold(f64::NAN, f64::max);
        let key = subject.node();
        let mut cells = vec![key.to_string(), format!("{worst:.1}")];
        if let Some(learned) = learned.and_then(|all| all.iter().find(|l| l.key == *key)) {
            cells.push(format!("{:.2}", learned.trained));
            cells.push(format!("{:.2}", learned.untrained));
            cells.push(format!("{:.2}", learned.mlp));
        }
        rows.push((worst, cells));
    }
    rows.sort_by(|a, b| astern::stats::order::descending(a.0, b.0));
    let header: &[&str] = if learned.is_some() {
        &["service", "robust z", "hypersphere", "untrained", "mlp"]
    } else {
        &["service", "robust z"]
    };
    Ok(table(
        header,
        rows.into_iter().map(|(_, cells)| cells).collect(),
    ))
}

pub(crate) fn truth(sample: &Sample, incident: &Incident) -> String {
    let truth = &sample.truth;
    let blamed = incident.diagnosis.as_ref().and_then(|d| d.changes.first());
    match (&truth.culprit, &truth.fault, blamed) {
        (Some(culprit), Some(fault), Some(blamed)) if blamed.change == *culprit => {
            format!("{culprit} was the bad release ({fault:?}): found.")
        }
        (Some(culprit), Some(fault), _) => {
            format!("{culprit} was the bad release ({fault:?}): missed.")
        }
        _ => "None of the releases was bad.".to_owned(),
    }
}
