//! Evidence as sentences, each with the way that it points.

use astern_graph_core::signal::{Evidence, Role, Stance};
use maud::{Markup, html};

use super::text::percent;

/// Evidence about the matter itself: what was replaced by another method has its own section.
pub(super) fn direct(evidence: &[Evidence]) -> impl Iterator<Item = &Evidence> {
    evidence
        .iter()
        .filter(|e| !matches!(e, Evidence::Fallback { .. }))
}

/// Sentences, marked by their direction: `+` for, `−` against, `·` neither.
pub(super) fn list(evidence: &[Evidence], role: Role) -> Markup {
    let marked = direct(evidence).map(|e| (e.stance(role), e.to_string()));
    sentences(&marked.collect::<Vec<_>>())
}

/// The same of sentences.
pub(super) fn sentences(sentences: &[(Stance, String)]) -> Markup {
    html! {
        @if sentences.is_empty() { span.muted { "–" } } @else {
            ul.evidence {
                @for (stance, sentence) in sentences {
                    @let (class, word) = match stance {
                        Stance::For => ("for", "for: "),
                        Stance::Against => ("against", "against: "),
                        Stance::Neutral => ("aside", ""),
                    };
                    li class=(class) { span.hidden { (word) } (sentence) }
                }
            }
        }
    }
}

/// A probability as a bar with its number.
pub(super) fn bar(probability: f64) -> Markup {
    let share = if probability.is_finite() {
        probability.clamp(0.0, 1.0)
    } else {
        0.0
    };
    html! {
        div.bar {
            span.track { span.fill style=(format!("width:{:.1}%", 100.0 * share)) {} }
            span.value { (percent(probability)) }
        }
    }
}
