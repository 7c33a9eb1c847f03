//! Scores of a learned model, each beside that of the same network untrained.

use astern_graph_core::NodeKey;
use astern_stats::order;
use maud::{Markup, html};

use super::scene::Scene;
use super::text::{Px, counted, figure, name};

/// Services further down are counted only.
const SHOWN_MAX: usize = 20;

/// Width of the strip that shows both scores.
const STRIP: f64 = 240.0;

pub(super) fn section(scene: &Scene<'_>) -> Markup {
    let mut rows: Vec<(&NodeKey, f64, f64)> = scene
        .page
        .learned
        .iter()
        .map(|(key, (trained, untrained))| (key, *trained, *untrained))
        .collect();
    rows.sort_by(|a, b| order::descending(a.1, b.1).then(a.0.cmp(b.0)));
    if rows.is_empty() {
        return html! {};
    }
    let scale = Strip::new(rows.iter().flat_map(|row| [row.1, row.2]));
    let alone = rows
        .iter()
        .filter(|row| row.1 > 0.0 && row.2 <= 0.0)
        .count();
    let both = rows.iter().filter(|row| row.1 > 0.0 && row.2 > 0.0).count();
    html! {
        section id="learned" {
            h2 { "Learned model" }
            p {
                "Above 0 is outside what is normal. "
                (counted(alone, "service is", "services are")) " outside for the trained network only, "
                (both) " for the untrained control as well: there, training is not what tells them."
            }
            div.scroll {
                table {
                    thead { tr {
                        th scope="col" { "Service" }
                        th.number scope="col" { "Trained" }
                        th.number scope="col" { "Untrained" }
                        th scope="col" { "● trained, ○ untrained, line: 0" }
                    } }
                    tbody {
                        @for (key, trained, untrained) in rows.iter().take(SHOWN_MAX) {
                            tr {
                                td { (name(key)) }
                                td.number { (figure(*trained)) }
                                td.number { (figure(*untrained)) }
                                td { (scale.draw(*trained, *untrained)) }
                            }
                        }
                    }
                }
            }
            @if rows.len() > SHOWN_MAX {
                p.muted { (counted(rows.len() - SHOWN_MAX, "more service", "more services")) " with lower scores." }
            }
        }
    }
}

/// One axis for all rows.
struct Strip {
    least: f64,
    most: f64,
}

impl Strip {
    fn new(scores: impl Iterator<Item = f64>) -> Self {
        let finite = scores.filter(|score| score.is_finite());
        let (least, most) = finite.fold((0.0, 0.0), |(a, b), x| (f64::min(a, x), f64::max(b, x)));
        Self { least, most }
    }

    fn x(&self, score: f64) -> f64 {
        let share = (score - self.least) / (self.most - self.least);
        8.0 + (STRIP - 16.0)
            * if share.is_finite() {
                share.clamp(0.0, 1.0)
            } else {
                0.5
            }
    }

    fn draw(&self, trained: f64, untrained: f64) -> Markup {
        let [zero, solid, hollow] = [0.0, trained, untrained].map(|score| Px(self.x(score)));
        html! {
            svg.strip viewBox=(format!("0 0 {STRIP} 18")) width=(STRIP) height="18" aria-hidden="true" {
                path.axis d=(format!("M{zero} 0V18")) {}
                @if trained.is_finite() && untrained.is_finite() { path.join d=(format!("M{hollow} 9H{solid}")) {} }
                @if untrained.is_finite() { circle.hollow cx=(hollow) cy="9" r="4.5" {} }
                @if trained.is_finite() { circle.solid cx=(solid) cy="9" r="4.5" {} }
            }
        }
    }
}
