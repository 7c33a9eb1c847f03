//! Which step of a training this is.

use astern_stats::rng::seeded;
use rand_chacha::rand_core::Rng;

/// Where a training stands, as given to the closures that give loss and validation value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrainStep {
    /// Number of the epoch, from 0.
    pub epoch: usize,
    /// Number of the step within the epoch, from 0.
    pub batch: usize,
    /// A seed of this step alone, the same in every run and after resuming: for whatever the loss
    /// draws, as negative samples.
    pub seed: u64,
}

impl TrainStep {
    /// The step of a training with `batches` steps an epoch.
    pub(super) fn new(seed: u64, epoch: usize, batch: usize, batches: usize) -> Self {
        let stream = epoch.saturating_mul(batches).saturating_add(batch);
        let mut rng = seeded(seed, u64::try_from(stream).unwrap_or(u64::MAX));
        Self {
            epoch,
            batch,
            seed: rng.next_u64(),
        }
    }
}
