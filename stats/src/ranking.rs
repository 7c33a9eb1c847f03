//! Accuracy of rankings: strict ranks and AC@k.

use crate::order::ascending;
use std::cmp::Ordering;

/// Strict rank (1 = best) of position `target` among `scores`: ties share the worst rank.
///
/// A ranker that gives everything the same score must not be credited with a hit, so an item is
/// ranked behind all others of equal score. `NaN` is least. `None` when `target` is out of bounds.
/// `O(n)`.
///
/// ```
/// use astern_stats::ranking::strict_rank;
/// assert_eq!(strict_rank(&[0.9, 0.9, 0.1], 0), Some(2));
/// ```
pub fn strict_rank(scores: &[f64], target: usize) -> Option<usize> {
    let own = *scores.get(target)?;
    Some(
        scores
            .iter()
            .filter(|s| ascending(**s, own) != Ordering::Less)
            .count(),
    )
}

/// AC@k: the number of cases whose culprit ranks within the first `k`. `None` = not ranked at all.
pub fn hits_at(ranks: &[Option<usize>], k: usize) -> usize {
    ranks.iter().flatten().filter(|rank| **rank <= k).count()
}

/// Expected number of hits at `k` of a ranking drawn at random, given each case's candidates.
pub fn chance_hits_at(candidates: &[usize], k: usize) -> f64 {
    candidates
        .iter()
        .filter(|n| **n > 0)
        .map(|n| (k as f64 / *n as f64).min(1.0))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_the_worst_rank() {
        let scores = [1.0, 1.0, 1.0];
        assert!((0..3).all(|i| strict_rank(&scores, i) == Some(3)));
        assert_eq!(strict_rank(&scores, 3), None);
        assert_eq!(strict_rank(&[f64::NAN, 0.0], 0), Some(2));
    }

    #[test]
    fn hits_and_chance() {
        assert_eq!(hits_at(&[Some(1), Some(4), None], 3), 1);
        assert!((chance_hits_at(&[10, 2, 0], 3) - 1.3).abs() < 1e-12);
    }
}
