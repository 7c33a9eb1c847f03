//! The changes that may be to blame, with what speaks for and against each.

use astern_graph_core::signal::{BlamedChange, Role, Stance, Verdict};
use astern_graph_core::{ChangeEvent, ChangeKind};
use maud::{Markup, html};

use super::evidence::{self, direct};
use super::scene::Scene;
use super::text::{clock, counted, name, revision};

/// Changes further down are seldom read.
const SHOWN_MAX: usize = 20;

pub(super) fn section(scene: &Scene<'_>) -> Markup {
    let Some(diagnosis) = scene.page.diagnosis else {
        return html! {};
    };
    let changes = &diagnosis.changes;
    html! {
        section id="changes" {
            h2 { "Changes" }
            @if changes.is_empty() { p.muted { "No change was under way." } } @else {
                div.scroll {
                    table.stacked {
                        thead { tr {
                            th scope="col" { "Change" }
                            th scope="col" { "To blame" }
                            th scope="col" { "For" }
                            th scope="col" { "Against" }
                            th scope="col" { "Neither" }
                        } }
                        tbody { @for blamed in changes.iter().take(SHOWN_MAX) { (row(scene, blamed)) } }
                    }
                }
            }
            @if changes.len() > SHOWN_MAX {
                p.muted { (counted(changes.len() - SHOWN_MAX, "more change is", "more changes are")) " not shown." }
            }
        }
    }
}

fn row(scene: &Scene<'_>, blamed: &BlamedChange) -> Markup {
    let start = scene.changes.iter().find(|event| event.id == blamed.change);
    let mut sentences: Vec<(Stance, String)> = direct(&blamed.evidence)
        .map(|e| (e.stance(Role::Change), e.to_string()))
        .collect();
    let verdict = scene
        .assessment(&blamed.change)
        .and_then(|a| own(a.verdict));
    sentences.extend(verdict.map(|(stance, sentence)| (stance, sentence.to_owned())));
    let pointing = |way| {
        let pointing = sentences.iter().filter(|(stance, _)| *stance == way);
        evidence::sentences(&pointing.cloned().collect::<Vec<_>>())
    };
    html! {
        tr.culprit[scene.is_culprit(&blamed.change)] {
            td {
                b { (blamed.change) }
                div.muted {
                    (name(&blamed.service))
                    @if let Some(start) = start { (particulars(start)) }
                }
                @if !blamed.collateral.is_empty() {
                    div.muted {
                        "hurts "
                        @for (index, key) in blamed.collateral.iter().enumerate() {
                            @if index > 0 { ", " }
                            (name(key))
                        }
                    }
                }
                @for left in &blamed.stays_broken {
                    div.muted { "undoing it does not mend: " (left) }
                }
            }
            td.probability data-label="To blame" {
                @match blamed.probability {
                    Some(p) => (evidence::bar(p)),
                    None => span.muted { "–" },
                }
            }
            td data-label="For" { (pointing(Stance::For)) }
            td data-label="Against" { (pointing(Stance::Against)) }
            td data-label="Neither" { (pointing(Stance::Neutral)) }
        }
    }
}

fn particulars(start: &ChangeEvent) -> Markup {
    let kind = match &start.kind {
        ChangeKind::Rolling => "rolling".to_owned(),
        ChangeKind::Canary => "canary".to_owned(),
        ChangeKind::BlueGreen => "blue-green".to_owned(),
        ChangeKind::FeatureFlag { flag } => format!("flag {flag}"),
        ChangeKind::Config => "configuration".to_owned(),
        _ => "change".to_owned(),
    };
    html! {
        ", " (kind) ", from " (clock(start.at, true))
        br;
        @if let Some(from) = &start.from { code title=(from) { (revision(from)) } " → " }
        code title=(start.to) { (revision(&start.to)) }
    }
}

/// What the comparison of the change's own instances says.
fn own(verdict: Verdict) -> Option<(Stance, &'static str)> {
    match verdict {
        Verdict::Regressed => Some((Stance::For, "its own instances got worse")),
        Verdict::Healthy => Some((Stance::Against, "its own instances are healthy")),
        Verdict::Inconclusive => {
            Some((Stance::Neutral, "its own instances saw too little to tell"))
        }
        Verdict::NoData => None,
    }
}
