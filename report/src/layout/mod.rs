//! A layered drawing of a directed graph: callers above callees (Sugiyama, Tagawa and Toda 1981).
//!
//! Pure geometry; what is drawn, and how it looks, is up to the caller.

pub(super) mod columns;
mod layers;
mod rows;

use std::fmt::Write;

use astern_stats::order::ascending;

use super::text::Px;
use rows::Rows;

/// Height of a box.
pub(super) const BOX_HEIGHT: f64 = 42.0;

/// Empty border around the drawing; badges, loops and bold borders reach into it.
const MARGIN: f64 = 18.0;

/// Where a box is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spot {
    /// Left end.
    pub(super) x: f64,
    /// Top.
    pub(super) y: f64,
    /// Width.
    pub(super) width: f64,
}

/// The way of one arrow, from its upper to its lower end.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Route {
    start: (f64, f64),
    /// Lanes through rows: horizontal position, top, bottom.
    lanes: Vec<(f64, f64, f64)>,
    end: (f64, f64),
    /// The arrow points upwards: it closes a circle.
    upwards: bool,
}

impl Route {
    /// The way as the data of an SVG path that leaves room for a tip of this length at its head.
    pub(super) fn path(&self, tip: f64) -> String {
        let lanes = self
            .lanes
            .iter()
            .flat_map(|(x, top, bottom)| [(*x, *top), (*x, *bottom)]);
        let mut points = vec![self.start];
        points.extend(lanes);
        points.push((
            self.end.0,
            self.end.1 - if self.upwards { 0.0 } else { tip },
        ));
        if self.upwards {
            points[0].1 += tip;
            points.reverse();
        }
        let mut path = format!("M{} {}", Px(points[0].0), Px(points[0].1));
        for (index, pair) in points.windows(2).enumerate() {
            let [(x0, y0), (x1, y1)] = [pair[0], pair[1]];
            let (middle, y) = (Px(f64::midpoint(y0, y1)), Px(y1));
            let (x0, x1) = (Px(x0), Px(x1));
            // Curves between rows and straight pieces through rows take turns. Writing to a
            // string cannot fail.
            let _ = if index % 2 == 0 {
                write!(path, "C{x0} {middle} {x1} {middle} {x1} {y}")
            } else {
                write!(path, "V{y}")
            };
        }
        path
    }
}

/// A finished drawing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Drawing {
    /// Boxes, in the order of the widths given.
    pub(super) boxes: Vec<Spot>,
    /// Ways, in the order of the arrows given.
    pub(super) routes: Vec<Route>,
    /// Width of the whole.
    pub(super) width: f64,
    /// Height of the whole.
    pub(super) height: f64,
}

/// Lays out boxes of these widths and arrows between them, by their numbers. An arrow from a
/// higher to a lower number points upwards. Arrows between different boxes only; both ends exist.
///
/// # Complexity
/// `O(N + E)` lanes in each of at most N rows, and the square of the lanes between two rows.
pub(super) fn layout(widths: &[f64], arrows: &[(usize, usize)]) -> Drawing {
    let downwards: Vec<(usize, usize)> =
        arrows.iter().map(|(a, b)| (*a.min(b), *a.max(b))).collect();
    let row_of = layers::layers(widths, &downwards);
    let mut rows = Rows::new(widths, &row_of, &downwards);
    rows.untangle();
    let (x, width) = columns::columns(&rows);
    let tops = tops(&rows, &x);
    let spot = |node: usize| Spot {
        x: MARGIN + x[node] - widths[node] / 2.0,
        y: tops[row_of[node]],
        width: widths[node],
    };
    let height = tops.last().map_or(0.0, |top| top + BOX_HEIGHT + MARGIN);
    let ports = Ports::new(&rows, &x, widths);
    let routes = arrows.iter().enumerate().map(|(arrow, (from, to))| {
        let chain = &rows.chains[arrow];
        let row = row_of[*from.min(to)];
        let (start, end) = (ports.bottom[arrow], ports.top[arrow]);
        let lanes = chain
            .iter()
            .enumerate()
            .skip(1)
            .take(chain.len().saturating_sub(2));
        let lanes = lanes.map(|(step, lane)| {
            let top = tops[row + step];
            (MARGIN + x[*lane], top, top + BOX_HEIGHT)
        });
        Route {
            start: (MARGIN + start, tops[row] + BOX_HEIGHT),
            lanes: lanes.collect(),
            end: (MARGIN + end, tops[row + chain.len() - 1]),
            upwards: from > to,
        }
    });
    Drawing {
        boxes: (0..widths.len()).map(spot).collect(),
        routes: routes.collect(),
        width: width + 2.0 * MARGIN,
        height,
    }
}

/// Top of each row: the further arrows run sideways between two rows, the more room they get.
fn tops(rows: &Rows, x: &[f64]) -> Vec<f64> {
    let mut top = MARGIN;
    let mut tops = Vec::with_capacity(rows.items.len());
    for row in &rows.items {
        tops.push(top);
        let joined = row
            .iter()
            .flat_map(|a| rows.below[*a].iter().map(|b| (x[*a] - x[*b]).abs()));
        let sideways = joined.fold(0.0, f64::max);
        top += BOX_HEIGHT + (42.0 + 0.09 * sideways).min(104.0);
    }
    tops
}

/// Where arrows leave the bottoms of boxes and reach their tops, by arrow.
struct Ports {
    bottom: Vec<f64>,
    top: Vec<f64>,
}

impl Ports {
    fn new(rows: &Rows, x: &[f64], widths: &[f64]) -> Self {
        let ends = |at_bottom: bool| {
            let mut by_node: Vec<Vec<(f64, usize)>> = vec![Vec::new(); widths.len()];
            for (arrow, chain) in rows.chains.iter().enumerate() {
                let last = chain.len() - 1;
                let (node, next) = if at_bottom {
                    (chain[0], chain[1])
                } else {
                    (chain[last], chain[last - 1])
                };
                by_node[node].push((x[next], arrow));
            }
            let mut positions = vec![0.0; rows.chains.len()];
            for (node, mut ends) in by_node.into_iter().enumerate() {
                ends.sort_by(|a, b| ascending(a.0, b.0).then(a.1.cmp(&b.1)));
                let step = (0.6 * widths[node] / ends.len().max(1) as f64).min(16.0);
                let first = x[node] - step * ends.len().saturating_sub(1) as f64 / 2.0;
                for (place, (_, arrow)) in ends.into_iter().enumerate() {
                    positions[arrow] = first + step * place as f64;
                }
            }
            positions
        };
        Self {
            bottom: ends(true),
            top: ends(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn overlap(a: &Spot, b: &Spot) -> bool {
        let across = a.x < b.x + b.width && b.x < a.x + a.width;
        across && (a.y - b.y).abs() < BOX_HEIGHT
    }

    #[test]
    fn nothing_and_one_box() {
        let nothing = layout(&[], &[]);
        assert_eq!((nothing.boxes.len(), nothing.routes.len()), (0, 0));
        let one = layout(&[80.0], &[]);
        assert_eq!(
            one.boxes,
            [Spot {
                x: MARGIN,
                y: MARGIN,
                width: 80.0
            }]
        );
    }

    #[test]
    fn an_arrow_back_starts_below_and_ends_above() {
        let drawing = layout(&[80.0, 80.0], &[(0, 1), (1, 0)]);
        let [down, up] = [&drawing.routes[0], &drawing.routes[1]];
        assert!(
            down.path(7.0)
                .starts_with(&format!("M{} 60C", Px(down.start.0)))
        );
        assert!(up.path(7.0).ends_with(" 67"), "{}", up.path(7.0));
        assert!(up.upwards && !down.upwards);
    }

    proptest! {
        #[test]
        fn boxes_never_overlap_nor_leave_the_drawing(
            widths in prop::collection::vec(60.0..180.0f64, 1..25),
            raw in prop::collection::vec((0usize..25, 0usize..25), 0..60),
        ) {
            let n = widths.len();
            let arrows: Vec<(usize, usize)> =
                raw.into_iter().map(|(a, b)| (a % n, b % n)).filter(|(a, b)| a != b).collect();
            let drawing = layout(&widths, &arrows);
            for (i, a) in drawing.boxes.iter().enumerate() {
                prop_assert!(a.x >= MARGIN - 1e-6 && a.x + a.width <= drawing.width - MARGIN + 1e-6);
                prop_assert!(a.y + BOX_HEIGHT <= drawing.height);
                prop_assert!(drawing.boxes[i + 1..].iter().all(|b| !overlap(a, b)));
            }
            for (route, (from, to)) in drawing.routes.iter().zip(&arrows) {
                let (upper, lower) = (&drawing.boxes[*from.min(to)], &drawing.boxes[*from.max(to)]);
                prop_assert!(upper.y < lower.y);
                prop_assert!((upper.x..=upper.x + upper.width).contains(&route.start.0));
                prop_assert!((lower.x..=lower.x + lower.width).contains(&route.end.0));
            }
        }

        #[test]
        fn lanes_pass_beside_boxes(raw in prop::collection::vec((0usize..12, 0usize..12), 0..40)) {
            let arrows: Vec<(usize, usize)> = raw.into_iter().filter(|(a, b)| a != b).collect();
            let drawing = layout(&[110.0; 12], &arrows);
            for (x, top, _) in drawing.routes.iter().flat_map(|r| &r.lanes) {
                let hit = |b: &Spot| (b.y - top).abs() < 1.0 && b.x < *x && *x < b.x + b.width;
                prop_assert!(!drawing.boxes.iter().any(hit));
            }
        }
    }
}
