//! The bins that durations fall into.

use std::sync::LazyLock;
use std::time::Duration;

use sketches_ddsketch::Config;

/// Longest duration that is distinguished from longer ones: 11 days, far beyond any timeout.
pub(super) const NANOS_MAX: u64 = 1_000_000_000_000_000;

/// Bin of the longest duration.
pub(super) const BIN_MAX: u16 = 1_726;

pub(super) const NANOS_PER_MS: f64 = 1e6;

/// A duration as the number of its bin: 0 up to 1 ns, then 1 % to either side of the bin's middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bin(pub(super) u16);

/// The middles of all bins in ms, since thresholds are looked up for every sketch.
static MIDDLES_MS: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let bins = Config::defaults();
    let middle = |bin: u16| bins.value(i32::from(bin)) / NANOS_PER_MS;
    (0..=BIN_MAX).map(middle).collect()
});

/// The bins of `DDSketch` (Masson, Rim and Lee 2019) at 1 % relative accuracy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bins(Config);

impl Default for Bins {
    fn default() -> Self {
        Self(Config::defaults())
    }
}

impl Bins {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "keys of 1 ns to 10¹⁵ ns are 0 to 1,726"
    )]
    pub(crate) fn of(&self, duration: Duration) -> Bin {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Bin(self.0.key(nanos.clamp(1, NANOS_MAX) as f64) as u16)
    }

    /// The bin of a duration in ms; that of the shortest for what is less than nothing.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturating is right, and `of` bounds it"
    )]
    pub(super) fn of_ms(&self, ms: f64) -> Bin {
        self.of(Duration::from_nanos((ms * NANOS_PER_MS).round() as u64))
    }

    /// The last bin whose middle is at most `ms`; `None` where there is none. `O(log n)` in the bins.
    pub(super) fn last_up_to(ms: f64) -> Option<u16> {
        let count = MIDDLES_MS.partition_point(|middle| *middle <= ms);
        u16::try_from(count).ok()?.checked_sub(1)
    }

    /// Of a bin up to the last one.
    pub(super) fn middle_ms(bin: u16) -> f64 {
        MIDDLES_MS[usize::from(bin.min(BIN_MAX))]
    }
}
