//! Folds of cross-validation.

use std::collections::BTreeMap;

use astern_stats::rng::seeded;
use serde::{Deserialize, Serialize};

use super::SearchError;
use crate::train::draw::shuffle;

/// One division of items into those to learn from and those to judge by; both ascending.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fold {
    /// Number of the fold, from 0.
    pub index: usize,
    /// Items to learn from.
    pub train: Vec<u32>,
    /// Items to judge by; every item is in that of exactly one fold.
    pub validation: Vec<u32>,
}

/// `k` folds of `n` items in random order; sizes differ by 1 at most.
///
/// # Errors
///
/// [`SearchError::Folds`] unless `2 <= k <= n`, [`SearchError::TooManyItems`].
///
/// # Complexity
///
/// O(k n) time and memory.
pub fn k_fold(n: usize, k: usize, seed: u64) -> Result<Vec<Fold>, SearchError> {
    let mut items = numbered(n, k)?;
    shuffle(&mut items, &mut seeded(seed, 0));
    Ok(deal(&items, k))
}

/// `k` folds in each of which every class has its share: counts of a class differ by 1 at most, and
/// so do the sizes of the folds. Item `i` is of class `labels[i]`.
///
/// # Errors
///
/// Those of [`k_fold`], and [`SearchError::SmallClass`] for a class of fewer than `k` items.
///
/// # Complexity
///
/// O(n (k + log c)) time for c classes, O(k n) memory.
pub fn stratified_k_fold(labels: &[u32], k: usize, seed: u64) -> Result<Vec<Fold>, SearchError> {
    let items = numbered(labels.len(), k)?;
    let mut classes: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (&label, item) in labels.iter().zip(items) {
        classes.entry(label).or_default().push(item);
    }
    let mut rng = seeded(seed, 0);
    let mut dealt = Vec::with_capacity(labels.len());
    for (class, mut items) in classes {
        if items.len() < k {
            let items = items.len();
            return Err(SearchError::SmallClass {
                class,
                items,
                folds: k,
            });
        }
        shuffle(&mut items, &mut rng);
        // Dealt on where the last class ended, so that sizes stay even.
        dealt.extend(items);
    }
    Ok(deal(&dealt, k))
}

fn numbered(n: usize, k: usize) -> Result<Vec<u32>, SearchError> {
    if k < 2 || k > n {
        return Err(SearchError::Folds { folds: k, items: n });
    }
    let limit = u32::MAX as usize;
    if n > limit {
        return Err(SearchError::TooManyItems { items: n, limit });
    }
    Ok((0u32..).take(n).collect())
}

/// Gives item `i` to fold `i mod k`.
fn deal(items: &[u32], k: usize) -> Vec<Fold> {
    let fold = |index| {
        let chosen = items.iter().skip(index).step_by(k).copied();
        let mut validation: Vec<u32> = chosen.collect();
        let others = items.iter().enumerate().filter(|(i, _)| i % k != index);
        let mut train: Vec<u32> = others.map(|(_, &item)| item).collect();
        validation.sort_unstable();
        train.sort_unstable();
        Fold {
            index,
            train,
            validation,
        }
    };
    (0..k).map(fold).collect()
}
