//! The ranked causes.

use astern_graph_core::signal::Role;
use maud::{Markup, html};

use super::evidence;
use super::scene::Scene;
use super::text::{counted, name, percent};

/// Causes further down are seldom read.
const SHOWN_MAX: usize = 10;

/// What is less likely than this is left out.
const SHOWN_PROBABILITY_MIN: f64 = 0.05;

pub(super) fn section(scene: &Scene<'_>) -> Markup {
    let Some(diagnosis) = scene.page.diagnosis else {
        return html! {};
    };
    let causes = &diagnosis.causes;
    let probable = causes.iter().any(|cause| cause.probability.is_some());
    html! {
        section id="causes" {
            h2 { "Causes" }
            @if let Some(reason) = &diagnosis.abstained {
                p.callout { "The ranker abstains: " (reason) "." }
            }
            @for other in diagnosis.alternatives.iter().filter(|a| a.probability >= SHOWN_PROBABILITY_MIN) {
                p.muted { "Or else, with " (percent(other.probability)) ": " (other.reason) "." }
            }
            @if let Some(explanation) = diagnosis.explanations.first() {
                @if let Some(counterfactual) = &explanation.counterfactual {
                    p { "Without the first cause: " (counterfactual) "." }
                }
            }
            @if causes.is_empty() { p.muted { "There is no candidate for the cause." } } @else {
                div.scroll {
                    table {
                        thead { tr {
                            th.number scope="col" { "#" }
                            th scope="col" { "Candidate" }
                            th.number scope="col" { "Score" }
                            @if probable { th.number scope="col" { "Probability" } }
                            th scope="col" { "Why" }
                        } }
                        tbody {
                            @for (rank, cause) in causes.iter().take(SHOWN_MAX).enumerate() {
                                tr {
                                    td.number { (rank + 1) }
                                    td {
                                        b { (cause.subject) }
                                        @if cause.path.len() > 1 {
                                            div.muted.way { (way(&cause.path)) }
                                        }
                                    }
                                    td.number { (format!("{:.2}", cause.score)) }
                                    @if probable {
                                        td.number { (cause.probability.map_or_else(|| "–".to_owned(), percent)) }
                                    }
                                    td { (evidence::list(&cause.evidence, Role::Origin)) }
                                }
                            }
                        }
                    }
                }
            }
            @if causes.len() > SHOWN_MAX {
                p.muted {
                    (counted(causes.len() - SHOWN_MAX, "less likely candidate is", "less likely candidates are"))
                    " not shown."
                }
            }
        }
    }
}

/// How a fault travelled.
fn way(path: &[astern_graph_core::NodeKey]) -> Markup {
    html! {
        @for (step, key) in path.iter().enumerate() {
            @if step > 0 { " → " }
            span.part { (name(key)) }
        }
    }
}
