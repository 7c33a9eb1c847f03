//! The scale of anomaly scores and the key to the drawing of services.

use astern_stats::order;
use maud::{Markup, html};

use super::scene::Scene;

/// Number of colours for anomalous nodes; the style sheet has one class for each.
const COLOURS: usize = 4;

/// Bounds of the colours: geometric between the least and the greatest score, so that nodes differ
/// whether the scores are 3 to 6 or 5 to 500.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    /// Least score of each colour but the first.
    bounds: [f64; COLOURS - 1],
    /// Whether any node is anomalous.
    any: bool,
}

impl Scale {
    /// The scale for these scores.
    pub(super) fn new(scores: impl Iterator<Item = f64>) -> Self {
        let scores: Vec<f64> = order::sorted_finite(&scores.collect::<Vec<_>>());
        let (Some(least), Some(most)) = (scores.first(), scores.last()) else {
            return Self {
                bounds: [f64::INFINITY; COLOURS - 1],
                any: false,
            };
        };
        // Scores within a factor of ten of each other are not drawn as far apart as they could be.
        let least = least.min(most / 10.0);
        let bounds = if least > 0.0 {
            let half = (most / least).sqrt();
            let quarter = half.sqrt();
            [least * quarter, least * half, least * half * quarter]
        } else {
            let part = (most - least) / COLOURS as f64;
            [least + part, least + 2.0 * part, least + 3.0 * part]
        };
        Self {
            bounds: bounds.map(rounded),
            any: true,
        }
    }

    /// Number of the colour of a score: 0 for a node without one.
    pub(super) fn colour(&self, score: Option<f64>) -> usize {
        score.map_or(0, |score| {
            1 + self.bounds.iter().filter(|bound| score >= **bound).count()
        })
    }

    fn labels(&self) -> [String; COLOURS] {
        // The bounds have two digits; so have their texts.
        let [a, b, c] = self
            .bounds
            .map(|bound| format!("{bound:?}").trim_end_matches(".0").to_owned());
        [
            format!("< {a}"),
            format!("{a} to {b}"),
            format!("{b} to {c}"),
            format!("≥ {c}"),
        ]
    }
}

/// To two digits.
fn rounded(bound: f64) -> f64 {
    let text = format!("{bound:.1e}");
    text.parse().unwrap_or(bound)
}

/// The key below the drawing.
pub(super) fn legend(scene: &Scene<'_>, scale: &Scale, dashed: bool) -> Markup {
    html! {
        div.legend {
            span.group {
                b { "Anomaly score" }
                (swatch("s0", "none"))
                @if scale.any {
                    @for (number, label) in scale.labels().iter().enumerate() {
                        (swatch(&format!("s{}", number + 1), label))
                    }
                }
            }
            span.group {
                @if !scene.changes.is_empty() {
                    span.item { (icon(&badge(9.0, 9.0, false))) "changed" }
                }
                @if scene.culprit.is_some() {
                    span.item { (icon(&badge(9.0, 9.0, true))) "changed, blamed first" }
                }
                @if scene.path.len() > 1 {
                    span.item { (icon(&html! { path.edge.path d="M0 9H18" stroke-width="4" {} })) "way of the fault" }
                }
                span.item { (icon(&html! { path.edge d="M0 9H18" stroke-width="1.5" {} })) "calls; wider: more" }
                @if dashed {
                    span.item { (icon(&html! { path.edge.other d="M0 9H18" stroke-width="1.5" {} })) "other use" }
                }
            }
        }
    }
}

fn swatch(class: &str, label: &str) -> Markup {
    html! { span.item { span class=(format!("swatch {class}")) {} (label) } }
}

fn icon(drawing: &Markup) -> Markup {
    html! { svg.icon viewBox="0 0 18 18" width="18" height="18" aria-hidden="true" { (drawing) } }
}

/// The mark of a changed service: a disc, for the blamed one a diamond.
pub(super) fn badge(x: f64, y: f64, culprit: bool) -> Markup {
    html! {
        @if culprit {
            path.badge.culprit d=(format!("M{x} {}l8.5 8.5l-8.5 8.5l-8.5 -8.5z", y - 8.5)) {}
            path.glyph d=(format!("M{x} {}v5M{x} {}v0.1", y - 4.0, y + 4.0)) {}
        } @else {
            circle.badge cx=(x) cy=(y) r="6" {}
            path.glyph d=(format!("M{} {}h5M{x} {}v5", x - 2.5, y, y - 2.5)) {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_spread_over_the_colours() {
        let scale = Scale::new([4.0, 12.0, 50.0, 400.0].into_iter());
        let colours =
            [4.0, 13.0, 50.0, 400.0, f64::INFINITY].map(|score| scale.colour(Some(score)));
        assert_eq!(colours, [1, 2, 3, 4, 4]);
        assert_eq!(scale.colour(None), 0);
    }

    #[test]
    fn close_scores_share_a_colour_and_odd_ones_have_one() {
        let scale = Scale::new([5.0, 5.5].into_iter());
        assert_eq!([5.0, 5.5].map(|score| scale.colour(Some(score))), [4, 4]);
        for odd in [
            vec![],
            vec![0.0],
            vec![-3.0, -1.0],
            vec![f64::INFINITY],
            vec![1e308, 1e-308],
        ] {
            let scale = Scale::new(odd.iter().copied());
            assert!(
                odd.iter()
                    .all(|score| (1..=COLOURS).contains(&scale.colour(Some(*score))))
            );
        }
    }
}
