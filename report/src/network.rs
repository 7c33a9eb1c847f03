//! The services and who calls whom, as a drawing.

use maud::{Markup, html};

use super::layout::{BOX_HEIGHT, Spot, layout};
use super::legend::{Scale, badge, legend};
use super::scene::Scene;
use super::services::{Arrow, Selection, select};
use super::text::{Px, counted, ellipsised, figure, name, width_em};

use astern_graph_core::{EdgeKind, NodeKey, NodeKind};

/// Size of the letters of a name.
const LETTER: f64 = 13.0;

/// Most room for a name, in em.
const NAME_EM: f64 = 13.0;

/// Length of an arrow's tip.
const TIP: f64 = 8.0;

pub(super) fn section(scene: &Scene<'_>) -> Markup {
    let selection = select(scene);
    let scale = Scale::new(scene.scores.values().copied());
    let dashed = selection.arrows.iter().any(|arrow| !is_calls(arrow));
    html! {
        section id="services" {
            h2 { "Services" }
            @if selection.boxes.is_empty() { p.muted { "No service is known." } } @else {
                (drawing(scene, &selection, &scale))
                (legend(scene, &scale, dashed))
                @if let Some(left) = left_out(&selection) { p.muted { (left) } }
            }
        }
    }
}

fn left_out(selection: &Selection<'_>) -> Option<String> {
    let boxes = (selection.boxes_left, "quieter node", "quieter nodes");
    let arrows = (selection.arrows_left, "quieter arrow", "quieter arrows");
    let parts = [boxes, arrows].into_iter().filter(|(count, ..)| *count > 0);
    let parts: Vec<String> = parts
        .map(|(count, one, many)| counted(count, one, many))
        .collect();
    (!parts.is_empty()).then(|| format!("Too much to draw: {} left out.", parts.join(" and ")))
}

fn drawing(scene: &Scene<'_>, selection: &Selection<'_>, scale: &Scale) -> Markup {
    let widths: Vec<f64> = selection
        .boxes
        .iter()
        .map(|key| width(scene, key))
        .collect();
    let ends: Vec<(usize, usize)> = selection.arrows.iter().map(|arrow| arrow.ends).collect();
    let drawing = layout(&widths, &ends);
    let busiest = selection
        .arrows
        .iter()
        .map(|arrow| arrow.per_second)
        .fold(0.0, f64::max);
    let (wide, high) = (Px(drawing.width), Px(drawing.height));
    let drawn = |on_path: bool| {
        let arrows = selection.arrows.iter().zip(&drawing.routes);
        arrows.filter(move |(arrow, _)| arrow.on_path == on_path)
    };
    let label = format!(
        "{} and {} between them, callers above callees",
        counted(selection.boxes.len(), "node", "nodes"),
        counted(selection.arrows.len(), "arrow", "arrows")
    );
    let style = format!(
        "min-width:{}px;max-width:{}px",
        Px(0.8 * drawing.width),
        Px(1.25 * drawing.width)
    );
    html! {
        div.scroll {
            svg.network viewBox=(format!("0 0 {wide} {high}")) style=(style) role="img" aria-label=(label) {
                defs { (tip("tip", "")) (tip("tip-path", "path")) }
                @for (arrow, route) in drawn(false).chain(drawn(true)) {
                    (edge(selection, arrow, &route.path(TIP), busiest))
                }
                @for (key, spot) in selection.boxes.iter().zip(&drawing.boxes) {
                    (node(scene, key, spot, scale))
                }
            }
        }
    }
}

fn tip(id: &str, class: &str) -> Markup {
    html! {
        marker id=(id) class=(format!("tip {class}")) viewBox="0 0 8 10" refX="0.5" refY="5" markerWidth="8"
            markerHeight="10" markerUnits="userSpaceOnUse" orient="auto" {
            path d="M0 0L8 5L0 10z" {}
        }
    }
}

fn is_calls(arrow: &Arrow) -> bool {
    arrow.kinds.contains(&EdgeKind::Calls)
}

fn edge(selection: &Selection<'_>, arrow: &Arrow, path: &str, busiest: f64) -> Markup {
    let [from, to] = [arrow.ends.0, arrow.ends.1].map(|end| name(selection.boxes[end]));
    let kinds: Vec<String> = arrow.kinds.iter().map(ToString::to_string).collect();
    let mut label = format!("{from} {} {to}", kinds.join(", "));
    if arrow.per_second > 0.0 {
        label = format!("{label}: {} calls/s", figure(arrow.per_second));
    }
    let share = if busiest > 0.0 {
        (arrow.per_second / busiest).sqrt()
    } else {
        0.0
    };
    let wide = 1.2 + 3.0 * share + if arrow.on_path { 1.6 } else { 0.0 };
    let mut class = "edge".to_owned();
    if arrow.on_path {
        class.push_str(" path");
    }
    if !is_calls(arrow) {
        class.push_str(" other");
    }
    let tip = if arrow.on_path {
        "url(#tip-path)"
    } else {
        "url(#tip)"
    };
    html! {
        g {
            title { (label) }
            path.halo d=(path) stroke-width=(Px(wide + 3.0)) {}
            path class=(class) d=(path) stroke-width=(Px(wide)) marker-end=(tip) {}
        }
    }
}

/// What stands below a name: what else it is, and its score.
fn remark(scene: &Scene<'_>, key: &NodeKey) -> String {
    let score = scene
        .scores
        .get(key)
        .map(|score| format!("score {}", figure(*score)));
    let kind = (key.kind != NodeKind::Service).then(|| key.kind.to_string());
    kind.into_iter()
        .chain(score)
        .collect::<Vec<_>>()
        .join(" · ")
}

fn width(scene: &Scene<'_>, key: &NodeKey) -> f64 {
    let label = LETTER * width_em(&ellipsised(&key.name, NAME_EM));
    let remark = 10.5 * 0.9 * width_em(&remark(scene, key));
    label.max(remark).max(44.0) + 26.0
}

fn node(scene: &Scene<'_>, key: &NodeKey, spot: &Spot, scale: &Scale) -> Markup {
    let score = scene.scores.get(key).copied();
    let on_path = scene.path.contains(&key);
    let class = format!(
        "node s{}{}",
        scale.colour(score),
        if on_path { " on-path" } else { "" }
    );
    let (centre, right) = (spot.x + spot.width / 2.0, spot.x + spot.width);
    let remark = remark(scene, key);
    let line = spot.y + if remark.is_empty() { 25.5 } else { 18.5 };
    let change = scene.released(key);
    html! {
        g class=(class) {
            title {
                (key)
                @if let Some(score) = score { ", anomaly score " (figure(score)) }
                @if let Some(change) = change { ", changed by " (change.id) }
            }
            rect x=(Px(spot.x)) y=(Px(spot.y)) width=(Px(spot.width)) height=(BOX_HEIGHT) rx="9" {}
            text.name x=(Px(centre)) y=(Px(line)) { (ellipsised(&key.name, NAME_EM)) }
            @if !remark.is_empty() {
                text.remark x=(Px(centre)) y=(Px(spot.y + 33.0)) { (remark) }
            }
            @if change.is_some() {
                (badge(rounded(right - 4.0), rounded(spot.y + 1.0), scene.is_culprits(key)))
            }
        }
    }
}

fn rounded(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}
