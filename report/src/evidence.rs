//! Evidence as sentences, split into what speaks for and what against.

use astern_graph_core::signal::Evidence;
use maud::{Markup, html};

use super::text::percent;

/// What a node does by itself speaks against it below this deviation: it is as always.
const BY_ITSELF_Z: f64 = 2.0;

/// Which way a piece of evidence points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stance {
    /// For the cause or the change.
    For,
    /// Against it.
    Against,
    /// Neither: how far it reaches, or how something was found.
    Aside,
}

/// Influences with a greater p-value speak against: they are what chance gives.
const CHANCE: f64 = 0.05;

/// Which way a piece of evidence points.
pub(super) fn stance(evidence: &Evidence) -> Stance {
    let supports = match evidence {
        Evidence::Shift { z, .. } => *z > 0.0,
        Evidence::Gap { z, .. }
        | Evidence::OwnTime { z, .. }
        | Evidence::OwnFailures { z, .. }
        | Evidence::LastBeforeFailure { z, .. }
        | Evidence::FewerCalls { z, .. }
        | Evidence::Tenants { z, .. } => *z >= BY_ITSELF_Z,
        Evidence::NewAgainstOld { p_value, .. }
        | Evidence::Influence { p_value, .. }
        | Evidence::Contrast { p_value, .. } => *p_value <= CHANCE,
        Evidence::Correlation { r, .. } | Evidence::Dose { r, .. } => *r > 0.0,
        Evidence::OriginOfFault {
            anomalous_dependencies,
        } => *anomalous_dependencies == 0,
        Evidence::ChangedBefore { .. } => true,
        Evidence::OlderThanChange { .. } | Evidence::Distance { hops: None, .. } => false,
        Evidence::Learned {
            score, untrained, ..
        } => *score > 0.0 && score > untrained,
        _ => return Stance::Aside,
    };
    if supports {
        Stance::For
    } else {
        Stance::Against
    }
}

/// Evidence about the matter itself: what was replaced by another method has its own section.
pub(super) fn told(evidence: &[Evidence]) -> impl Iterator<Item = &Evidence> {
    evidence
        .iter()
        .filter(|e| !matches!(e, Evidence::Fallback { .. }))
}

/// Sentences, marked by their direction: `+` for, `−` against, `·` neither.
pub(super) fn list(evidence: &[Evidence]) -> Markup {
    let marked = told(evidence).map(|e| (stance(e), e.to_string()));
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
                        Stance::Aside => ("aside", ""),
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn evidence_points_where_it_should() {
        let shift = |z| Evidence::Shift {
            metric: "x".into(),
            healthy: 1.0,
            observed: 2.0,
            z,
        };
        let older = Evidence::OlderThanChange {
            change: "c".into(),
            lead: Duration::ZERO,
        };
        let origin = |n| Evidence::OriginOfFault {
            anomalous_dependencies: n,
        };
        let reach = Evidence::BlastRadius {
            nodes: 3,
            calls_per_second: 1.0,
        };
        let contrast = |p_value| Evidence::Contrast {
            metric: "x".into(),
            ratio: 1.5,
            low: 1.2,
            high: 1.8,
            p_value,
            steps: 9,
        };
        assert_eq!(stance(&contrast(0.01)), Stance::For);
        assert_eq!(stance(&contrast(0.9)), Stance::Against);
        let all = [
            shift(4.0),
            shift(-4.0),
            shift(f64::NAN),
            older,
            origin(0),
            origin(2),
            reach,
        ];
        let (pro, con) = (Stance::For, Stance::Against);
        assert_eq!(
            all.map(|e| stance(&e)),
            [pro, con, con, con, pro, con, Stance::Aside]
        );
    }
}
