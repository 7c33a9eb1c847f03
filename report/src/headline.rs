//! The head of the page: verdict, culprit and decision at a glance.

use astern_graph_core::signal::Verdict;
use astern_stats::order;
use maud::{Markup, html};

use super::scene::Scene;
use super::text::{clock, counted, date, figure, name, span};
use super::{evidence, plan, services};

pub(super) fn header(scene: &Scene<'_>) -> Markup {
    let page = scene.page;
    let drawn = page
        .graph
        .keys()
        .iter()
        .filter(|key| services::is_drawn(key))
        .count();
    let range = page.range;
    html! {
        header {
            h1 { (page.title) }
            p.meta {
                (date(range.start)) ", " (clock(range.start, false)) " to "
                @if date(range.start) != date(range.end) { (date(range.end)) ", " }
                (clock(range.end, false)) " UTC · " (span(range.span())) " · "
                (counted(drawn, "node", "nodes")) " · "
                (counted(scene.changes.len(), "change", "changes"))
            }
            div.tiles {
                (verdict(scene))
                (blamed(scene))
                (decision(scene))
            }
        }
    }
}

fn verdict(scene: &Scene<'_>) -> Markup {
    let (class, sign, word) = match scene.verdict() {
        Some(Verdict::Regressed) => ("bad", "▲", "Regressed"),
        Some(Verdict::Healthy) => ("good", "✓", "Healthy"),
        Some(Verdict::Inconclusive) => ("unsure", "?", "Inconclusive"),
        Some(Verdict::NoData) => ("unsure", "–", "No data"),
        None => ("unsure", "–", "Not assessed"),
    };
    let anomalous = scene.scores.len();
    let worst = scene
        .scores
        .iter()
        .rev()
        .max_by(|a, b| order::ascending(*a.1, *b.1));
    html! {
        div class=(format!("tile {class}")) {
            h2 { "Verdict" }
            p.strong { span.sign aria-hidden="true" { (sign) } " " (word) }
            p {
                @if scene.verdict().is_some() {
                    (counted(anomalous, "node is anomalous", "nodes are anomalous"))
                } @else { "No assessment was given" }
                @if let Some(onset) = scene.page.onset { ", since " (clock(onset, true)) }
                "."
            }
            @if let Some((key, score)) = worst {
                p { "Worst: " b { (name(key)) } ", score " (figure(*score)) "." }
            }
        }
    }
}

fn blamed(scene: &Scene<'_>) -> Markup {
    html! {
        div.tile {
            h2 { "To blame" }
            @if let Some(culprit) = scene.culprit {
                p.strong { (culprit.change) }
                p {
                    "changed " b { (name(&culprit.service)) }
                    @if !scene.path.is_empty() { ", " (ranked(scene.rank)) }
                }
                @if let Some(p) = culprit.probability {
                    (evidence::bar(p))
                } @else { p.muted { "No probability was given." } }
            } @else {
                p.strong { (if scene.page.diagnosis.is_some() { "No change" } else { "Unknown" }) }
                p { (plan::sentence(&nothing_blamed(scene))) "." }
                @if let Some(cause) = scene.path.first() {
                    p { "First of the causes: " b { (name(cause)) } "." }
                }
            }
        }
    }
}

fn ranked(rank: usize) -> String {
    if rank == 1 {
        "the first cause".to_owned()
    } else {
        format!("cause number {rank}")
    }
}

fn nothing_blamed(scene: &Scene<'_>) -> String {
    match scene.page.diagnosis {
        None => "no diagnosis was given".to_owned(),
        Some(diagnosis) => match &diagnosis.abstained {
            Some(reason) => reason.to_string(),
            None => "no change is to blame".to_owned(),
        },
    }
}

fn decision(scene: &Scene<'_>) -> Markup {
    let page = scene.page;
    let steps = page.plan.map_or(&[][..], |plan| &plan.steps);
    // What holds or calls for help is not the point of a plan that does more.
    let main = steps.iter().find(|step| step.action.changes_service());
    let main = main
        .or(steps.first())
        .map(|step| plan::headline(&step.action));
    html! {
        div.tile {
            h2 { "Decision" }
            @match (&page.decision, &main) {
                (Some(sentence), Some(step)) => {
                    p.strong { (plan::sentence(sentence)) }
                    p { (step) }
                },
                (Some(sentence), None) => p.strong { (plan::sentence(sentence)) },
                (None, Some(step)) => p.strong { (step) },
                (None, None) => p.strong { "None" },
            }
            @if let Some(plan) = page.plan {
                p {
                    "Plan of " a href="#plan" { (counted(steps.len(), "step", "steps")) }
                    @if !plan.rejected.is_empty() {
                        ", " (counted(plan.rejected.len(), "alternative", "alternatives")) " rejected"
                    }
                    "."
                }
            } @else { p { "No plan was given." } }
        }
    }
}
