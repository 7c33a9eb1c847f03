//! One chart: a series with its healthy band, the changes and the onset.

use std::fmt::Write;

use astern_graph_core::{NodeKey, TimeRange, Timestamp};
use maud::{Markup, html};

use super::super::scene::Scene;
use super::super::text::{Px, clock, counted, figure, name};
use super::axis::{Values, times};
use super::marks::{Label, Mark, Placed, place};
use super::series::Series;

const WIDTH: f64 = 540.0;
const HEIGHT: f64 = 158.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = WIDTH - 12.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = HEIGHT - 20.0;

/// Bottom of the labels above the chart.
const LABELS: f64 = 17.0;

/// From data to places.
struct Frame {
    range: TimeRange,
    values: Values,
}

impl Frame {
    fn x(&self, at: Timestamp) -> f64 {
        let (start, end) = (
            self.range.start.nanos() as f64,
            self.range.end.nanos() as f64,
        );
        let share = (at.nanos() as f64 - start) / (end - start);
        LEFT + (RIGHT - LEFT)
            * if share.is_finite() {
                share.clamp(0.0, 1.0)
            } else {
                0.0
            }
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value - self.values.low) / (self.values.high - self.values.low);
        BOTTOM
            - (BOTTOM - TOP)
                * if share.is_finite() {
                    share.clamp(0.0, 1.0)
                } else {
                    0.0
                }
    }
}

/// The chart of a series of a service.
pub(super) fn chart(
    scene: &Scene<'_>,
    service: &NodeKey,
    series: &Series,
    marks: &[Mark<'_>],
) -> Markup {
    let band = series.healthy.map(|(median, spread)| median + spread);
    let values = series
        .points
        .iter()
        .filter_map(|(_, value)| *value)
        .chain(band);
    let frame = Frame {
        range: scene.page.range,
        values: Values::of(values, series.least_height),
    };
    let inside = |at: &Timestamp| scene.page.range.contains(*at);
    let onset = scene.page.onset.filter(inside);
    let labels = place(marks, onset, |at| frame.x(at), (LEFT, RIGHT));
    let summary_text = format!("{} of {}, {}", series.title, name(service), summary(series));
    html! {
        figure {
            figcaption { (series.title) }
            svg.chart viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(summary_text) {
                (axes(&frame, series.points.is_empty()))
                @if let Some((median, spread)) = series.healthy { (healthy(&frame, median, spread)) }
                @for placed in &labels { (line(placed, service)) }
                @if series.points.is_empty() {
                    text.nothing x=(Px(f64::midpoint(LEFT, RIGHT))) y=(Px(f64::midpoint(TOP, BOTTOM) + 4.0)) { "no data" }
                } @else {
                    path.series d=(curve(&frame, series)) {}
                }
                @for placed in &labels { (label(placed)) }
            }
        }
    }
}

fn summary(series: &Series) -> String {
    match (
        series.healthy,
        series.points.iter().rev().find_map(|(_, value)| *value),
    ) {
        (Some((median, _)), Some(last)) => {
            format!("healthy {}, at last {}", figure(median), figure(last))
        }
        (None, Some(last)) => format!("at last {}", figure(last)),
        _ => counted(0, "value", "values"),
    }
}

fn axes(frame: &Frame, empty: bool) -> Markup {
    let (ticks, with_seconds) = times(frame.range);
    html! {
        g.axes {
            @if !empty {
                @for tick in &frame.values.ticks {
                    @let y = frame.y(*tick);
                    path.grid d=(format!("M{LEFT} {}H{RIGHT}", Px(y))) {}
                    text.value x=(Px(LEFT - 6.0)) y=(Px(y + 3.5)) { (frame.values.label(*tick)) }
                }
            }
            path.base d=(format!("M{LEFT} {BOTTOM}H{RIGHT}")) {}
            @for tick in ticks {
                @let x = frame.x(tick);
                path.base d=(format!("M{} {BOTTOM}v4", Px(x))) {}
                text.time x=(Px(x.clamp(LEFT, RIGHT - 8.0))) y=(Px(BOTTOM + 16.0)) { (clock(tick, with_seconds)) }
            }
        }
    }
}

fn healthy(frame: &Frame, median: f64, spread: f64) -> Markup {
    let (top, bottom) = (frame.y(median + spread), frame.y(median - spread));
    let height = (bottom - top).max(1.0);
    html! {
        rect.band x=(Px(LEFT)) y=(Px(top)) width=(Px(RIGHT - LEFT)) height=(Px(height)) {
            title { "healthy: " (figure(median)) " ± " (figure(spread)) }
        }
        path.median d=(format!("M{LEFT} {}H{RIGHT}", Px(frame.y(median)))) {}
    }
}

/// The series as a line with gaps; a value between two gaps is a dot.
fn curve(frame: &Frame, series: &Series) -> String {
    let mut path = String::new();
    let mut drawing = false;
    for (at, value) in &series.points {
        let Some(value) = value else {
            drawing = false;
            continue;
        };
        let (x, y) = (Px(frame.x(*at)), Px(frame.y(*value)));
        // Writing to a string cannot fail. A line of no length has round ends: it shows.
        let _ = if drawing {
            write!(path, "L{x} {y}")
        } else {
            write!(path, "M{x} {y}h0")
        };
        drawing = true;
    }
    path
}

/// The line of a mark, from its label down to the time.
fn line(placed: &Placed<'_>, service: &NodeKey) -> Markup {
    let class = match &placed.label {
        Label::Onset => "mark onset",
        Label::Change(mark) if mark.culprit => "mark culprit",
        Label::Change(mark) if mark.change.service == *service => "mark own",
        Label::Change(_) => "mark",
    };
    let (at, centre) = (Px(placed.at), Px(placed.centre));
    html! { path class=(class) d=(format!("M{centre} {LABELS}L{at} {TOP}V{BOTTOM}")) {} }
}

fn label(placed: &Placed<'_>) -> Markup {
    let width = placed.label.width();
    let (left, centre) = (Px(placed.centre - width / 2.0), Px(placed.centre));
    html! {
        @match &placed.label {
            Label::Onset => text.onset x=(centre) y="13" { "onset" },
            Label::Change(mark) => g.flag.culprit[mark.culprit] {
                title { (mark.change.id) " of " (name(&mark.change.service)) ", from " (clock(mark.change.at, true)) }
                rect x=(left) y="2" width=(Px(width)) height="15" rx="3.5" {}
                text x=(centre) y="13.4" { (mark.number) }
            },
        }
    }
}
