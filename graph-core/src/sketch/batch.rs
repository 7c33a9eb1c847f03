//! Durations of a batch of calls, in whatever form they came, as a sketch.

use super::Sketch;
use super::bins::{Bin, Bins};
use crate::record::Durations;

/// Quantiles of an exponential distribution that stand for it where only the mean is known.
const OF_MEAN: [f64; 12] = [
    0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999,
];

impl Sketch {
    /// The durations of so many calls; those that were checked.
    pub(crate) fn of_batch(durations: &Durations, calls: u64, bins: &Bins) -> Self {
        let mut sketch = Self::default();
        match durations {
            Durations::Values(values) => {
                for (ms, n) in values {
                    sketch.add_many(bins.of_ms(*ms), *n);
                }
            }
            Durations::Buckets(buckets) => {
                let bounds = buckets.iter().map(|(ms, n)| (bins.of_ms(*ms), *n));
                sketch.add_below(bounds, calls);
            }
            Durations::Exponential {
                scale,
                zero,
                offset,
                counts,
                unit_ms,
            } => {
                let bound = |index: i64| {
                    let power = index as f64 * f64::from(-scale).exp2();
                    bins.of_ms(unit_ms * power.exp2())
                };
                sketch.add_many(bins.of_ms(0.0), *zero);
                for (index, n) in (i64::from(*offset)..).zip(counts) {
                    sketch.add_range(bound(index), Some(bound(index + 1)), *n);
                }
            }
            Durations::Quantiles(quantiles) => sketch.add_quantiles(quantiles, calls, bins),
            Durations::Mean(mean) => {
                let quantiles = OF_MEAN.map(|q| (q, -mean * (-q).ln_1p()));
                sketch.add_quantiles(&quantiles, calls, bins);
            }
        }
        sketch
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of the calls"
    )]
    fn add_quantiles(&mut self, quantiles: &[(f64, f64)], calls: u64, bins: &Bins) {
        let below = |(q, ms): &(f64, f64)| (bins.of_ms(*ms), (q * calls as f64).round() as u64);
        self.add_below(quantiles.iter().map(below), calls);
        if let Some(ranges) = &mut self.ranges {
            ranges.guess();
        }
    }

    /// Adds calls by bounds, each with the number of those that took at most so long; of the other calls it is known that
    /// they took longer than the last bound.
    fn add_below(&mut self, bounds: impl Iterator<Item = (Bin, u64)>, calls: u64) {
        let mut before: Option<(Bin, u64)> = None;
        for (bin, below) in bounds {
            let (after, counted) = before.unwrap_or((Bin(0), 0));
            self.add_range(after, Some(bin), below.saturating_sub(counted));
            before = Some((bin, below));
        }
        if let Some((last, below)) = before {
            self.add_range(last, None, calls.saturating_sub(below));
        }
    }
}
