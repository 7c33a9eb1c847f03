//! Scores beside their labels in ascending order: what the ranking metrics of two classes share.

use crate::order::ascending;

/// Pairs of score and label by ascending score; a `NaN` score is left out with its label.
///
/// `None` when the slices differ in length.
pub(crate) fn sorted(scores: &[f64], labels: &[bool]) -> Option<Vec<(f64, bool)>> {
    if scores.len() != labels.len() {
        return None;
    }
    let pairs = scores.iter().copied().zip(labels.iter().copied());
    let mut pairs: Vec<(f64, bool)> = pairs.filter(|(score, _)| !score.is_nan()).collect();
    pairs.sort_by(|a, b| ascending(a.0, b.0));
    Some(pairs)
}

/// Groups of [`sorted`] pairs that share one score, ascending.
pub(crate) fn ties(sorted: &[(f64, bool)]) -> impl DoubleEndedIterator<Item = &[(f64, bool)]> {
    sorted.chunk_by(|a, b| ascending(a.0, b.0).is_eq())
}

/// How many of the pairs are positives.
pub(crate) fn positives(pairs: &[(f64, bool)]) -> f64 {
    pairs.iter().filter(|(_, label)| *label).count() as f64
}
