//! Which of the causes it is, given that a node is at fault.

use astern_graph_core::signal::RankedCause;

use super::{ELSEWHERE, SHARPNESS};

/// Shares of the scores among all causes: a softmax of `sharpness` times the score, in their order; together
/// 1. Scores that are not finite get none. `O(N)`.
///
/// ```
/// use astern_rca::abstain::shares;
/// let found = shares(&[12.0, 2.0, 2.0], 0.5);
/// assert!(found[0] > 0.98 && found[1] == found[2]);
/// ```
pub fn shares(scores: &[f64], sharpness: f64) -> Vec<f64> {
    let finite = scores.iter().copied().filter(|score| score.is_finite());
    let greatest = finite.fold(f64::NEG_INFINITY, f64::max);
    let relative = |score: &f64| {
        let relative = (sharpness * (score - greatest)).exp();
        if relative.is_finite() { relative } else { 0.0 }
    };
    let relative: Vec<f64> = scores.iter().map(relative).collect();
    let total: f64 = relative.iter().sum();
    let share = |x: f64| if total > 0.0 { x / total } else { 0.0 };
    relative.into_iter().map(share).collect()
}

/// The share of each cause of the probability that a cause is at fault.
pub(super) fn probabilities(causes: &[RankedCause], node_at_fault: f64) -> Vec<f64> {
    let scores: Vec<f64> = causes.iter().map(|cause| cause.score).collect();
    let shares = shares(&scores, SHARPNESS).into_iter();
    shares
        .map(|share| node_at_fault * (1.0 - ELSEWHERE) * share)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shares_are_of_one_and_in_the_order_of_the_scores(
            scores in prop::collection::vec(-1e3..1e3f64, 1..50), sharpness in 0.0..10.0f64,
        ) {
            let found = shares(&scores, sharpness);
            prop_assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            for (a, p) in scores.iter().zip(&found) {
                for (b, q) in scores.iter().zip(&found) {
                    prop_assert!(a < b || p >= q);
                }
            }
        }
    }

    #[test]
    fn without_a_finite_score_nothing_is_shared() {
        assert!(
            shares(&[f64::NAN, f64::NEG_INFINITY], 1.0)
                .iter()
                .all(|p| *p < 1e-12)
        );
        assert!(shares(&[], 1.0).is_empty());
    }
}
