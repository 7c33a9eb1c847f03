//! The plan: what is done in which order and why, and what is not done.

use std::collections::BTreeSet;
use std::fmt;

use astern_rollback_policy::{Action, Plan, Step};
use maud::{Markup, html};

use super::scene::Scene;
use super::text::{brief, clock, name};

pub(super) fn section(scene: &Scene<'_>) -> Markup {
    let Some(plan) = scene.page.plan else {
        return html! { section id="plan" { h2 { "Plan" } p.muted { "There is no plan." } } };
    };
    html! {
        section id="plan" {
            h2 { "Plan" }
            p.meta { "made at " (clock(plan.made, true)) " · id " code { (plan.id) } }
            ol.steps { @for step in in_order(plan) { (item(step)) } }
            @if !plan.rejected.is_empty() {
                h3 { "Considered and not done" }
                ul.rejected {
                    @for rejected in &plan.rejected {
                        li { b { (headline(&rejected.action)) } ": " (brief(&rejected.reason.to_string())) }
                    }
                }
            }
        }
    }
}

/// With a capital at its start.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(chars).collect()
}

/// An action as a headline: without the kind of its service, long digests cut.
pub(super) fn headline(action: &Action) -> String {
    let node = action.node();
    sentence(&brief(
        &action.to_string().replace(&node.to_string(), &name(node)),
    ))
}

/// Steps in their order, each after those that it waits for; a plan that was altered so that steps
/// wait in a circle ends with these.
fn in_order(plan: &Plan) -> Vec<&Step> {
    let mut left: Vec<&Step> = plan.steps.iter().collect();
    let mut order: Vec<&Step> = Vec::with_capacity(left.len());
    let mut done = BTreeSet::new();
    let known: BTreeSet<_> = plan.steps.iter().map(|step| step.id).collect();
    while !left.is_empty() {
        let waits = |step: &&Step| {
            step.after
                .iter()
                .any(|id| known.contains(id) && !done.contains(id))
        };
        let (free, waiting): (Vec<&Step>, Vec<&Step>) =
            left.into_iter().partition(|step| !waits(step));
        done.extend(free.iter().map(|step| step.id));
        let stuck = free.is_empty();
        order.extend(free);
        left = waiting;
        if stuck {
            order.append(&mut left);
        }
    }
    order
}

fn item(step: &Step) -> Markup {
    let after: Vec<String> = step.after.iter().map(|id| format!("step {id}")).collect();
    let exactly = sentence(&step.action.to_string());
    let is_cut = brief(&exactly) != exactly;
    let because = texts(&step.answers).chain(texts(&step.because));
    html! {
        li.step {
            span.count { (step.id) }
            div {
                p.action { (headline(&step.action)) }
                p.muted {
                    @if after.is_empty() { "can start at once" } @else { "after " (after.join(", ")) }
                }
                dl {
                    (row("Because", because))
                    (row("Requires", texts(&step.requires)))
                    (row("Verified by", texts(&step.verify)))
                    @if is_cut { dt { "Exactly" } dd { code { (exactly) } } }
                }
            }
        }
    }
}

fn texts<T: fmt::Display>(items: &[T]) -> impl Iterator<Item = String> {
    items.iter().map(|item| brief(&item.to_string()))
}

fn row(label: &str, texts: impl Iterator<Item = String>) -> Markup {
    let texts: Vec<String> = texts.collect();
    html! {
        @if !texts.is_empty() {
            dt { (label) }
            @for text in texts { dd { (text) } }
        }
    }
}
