//! What could not be seen, and which methods had to be replaced.

use std::collections::BTreeSet;

use astern_graph_core::signal::{Evidence, SourceFault};
use maud::{Markup, html};

use super::scene::Scene;
use super::text::{clock, counted};

/// Silent sources beyond these are counted only.
const SHOWN_MAX: usize = 30;

pub(super) fn section(scene: &Scene<'_>) -> Markup {
    let page = scene.page;
    let mut silent: Vec<&SourceFault> = Vec::new();
    for fault in page.assessments.iter().flat_map(|a| &a.source_faults) {
        if !silent.contains(&fault) {
            silent.push(fault);
        }
    }
    let fallbacks: BTreeSet<String> = every(scene)
        .filter(|e| matches!(e, Evidence::Fallback { .. }))
        .map(ToString::to_string)
        .collect();
    html! {
        section id="unseen" {
            h2 { "What could not be seen" }
            @if page.assessments.is_empty() {
                p { "No assessment was given, so it is not known which sources were silent." }
            } @else if silent.is_empty() {
                p { "No source of telemetry was silent." }
            } @else {
                ul { @for fault in silent.iter().take(SHOWN_MAX) { li { (line(fault)) } } }
                @if silent.len() > SHOWN_MAX {
                    p.muted { (counted(silent.len() - SHOWN_MAX, "more", "more")) "." }
                }
            }
            @if fallbacks.is_empty() { p { "No method had to be replaced by another." } } @else {
                h3 { "Replaced methods" }
                ul { @for fallback in &fallbacks { li { (fallback) } } }
            }
        }
    }
}

fn line(fault: &SourceFault) -> Markup {
    html! {
        b { (fault.subject) } ": "
        @match &fault.metric {
            Some(metric) => { "no " code { (metric) } }
            None => "no telemetry at all",
        }
        " since " (clock(fault.since, true))
    }
}

/// Every piece of evidence on the page.
fn every<'s>(scene: &'s Scene<'_>) -> impl Iterator<Item = &'s Evidence> {
    let page = scene.page;
    let anomalies = page
        .assessments
        .iter()
        .flat_map(|a| &a.anomalies)
        .flat_map(|a| &a.evidence);
    let causes = page
        .diagnosis
        .iter()
        .flat_map(|d| &d.causes)
        .flat_map(|c| &c.evidence);
    let changes = page
        .diagnosis
        .iter()
        .flat_map(|d| &d.changes)
        .flat_map(|c| &c.evidence);
    let steps = page
        .plan
        .iter()
        .flat_map(|p| &p.steps)
        .flat_map(|s| &s.because);
    anomalies.chain(causes).chain(changes).chain(steps)
}
