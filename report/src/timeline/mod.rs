//! Latency and failures of the services that matter, over the whole range.

mod axis;
mod marks;
mod panel;
mod series;

use astern_graph_core::NodeKey;
use maud::{Markup, html};

use super::scene::Scene;
use super::text::{clock, name};
use marks::{Mark, marks};
use series::{Quantity, Series};

/// Most services shown.
const SERVICES_MAX: usize = 8;

pub(super) fn section(scene: &Scene<'_>) -> Markup {
    let services = services(scene);
    if services.is_empty() {
        return html! {};
    }
    let marks = marks(scene);
    html! {
        section id="timelines" {
            h2 { "Over time" }
            (key(scene, &marks))
            @for service in services {
                div.pair {
                    h3 {
                        (name(service))
                        @if let Some(change) = scene.released(service) {
                            span.tag.culprit[scene.is_culprit(&change.id)] { "changed by " (change.id) }
                        }
                    }
                    div.charts {
                        @for quantity in [Quantity::Latency, Quantity::Failures] {
                            (panel::chart(scene, service, &Series::of(scene, service, quantity), &marks))
                        }
                    }
                }
            }
        }
    }
}

/// The way of the fault, then what was changed, by blame and then by time; with neither, the most
/// anomalous.
fn services<'a>(scene: &Scene<'a>) -> Vec<&'a NodeKey> {
    let blamed = scene
        .page
        .diagnosis
        .iter()
        .flat_map(|d| &d.changes)
        .map(|c| &c.service);
    let changed = scene.changes.iter().map(|change| &change.service);
    let mut services: Vec<&NodeKey> = Vec::new();
    for key in scene.path.iter().copied().chain(blamed).chain(changed) {
        if !services.contains(&key) {
            services.push(key);
        }
    }
    if services.is_empty() {
        let mut anomalous: Vec<(&NodeKey, f64)> =
            scene.scores.iter().map(|(k, s)| (*k, *s)).collect();
        anomalous.sort_by(|a, b| astern_stats::order::descending(a.1, b.1).then(a.0.cmp(b.0)));
        services.extend(anomalous.into_iter().map(|(key, _)| key));
    }
    services.truncate(SERVICES_MAX);
    services
}

/// What the marks and bands in the charts stand for.
fn key(scene: &Scene<'_>, marks: &[Mark<'_>]) -> Markup {
    let left_out = scene.changes.len() - marks.len();
    html! {
        div.legend {
            span.group {
                span.item { span.swatch.band {} "healthy median ± spread" }
                @if let Some(onset) = scene.page.onset {
                    span.item { span.dash {} "onset " (clock(onset, true)) }
                }
            }
            @if !marks.is_empty() {
                span.group {
                    @for mark in marks {
                        span.item {
                            span.flag.culprit[mark.culprit] { (mark.number) }
                            (mark.change.id) " " (clock(mark.change.at, false))
                            @if mark.culprit { b { " blamed first" } }
                        }
                    }
                    @if left_out > 0 { span.item.muted { "and " (left_out) " more, not marked" } }
                }
            }
        }
    }
}
