//! One column of rows, sorted.

use std::sync::Arc;

use astern_stats::order;

use super::strip::Bound;

/// A column with its rows in ascending order.
#[derive(Debug, Clone)]
pub(in crate::te) struct Column {
    /// By row.
    pub(super) values: Vec<f64>,
    /// Row of each sorted value.
    pub(super) rows: Vec<u32>,
    /// Rank of each row.
    pub(super) ranks: Vec<u32>,
    sorted: Arc<Sorted>,
}

/// Values in ascending order, with an index: as many equally wide buckets as there are values.
#[derive(Debug)]
struct Sorted {
    values: Vec<f64>,
    /// Values in the buckets before each.
    starts: Vec<u32>,
    buckets_per_unit: f64,
}

impl Column {
    #[expect(clippy::cast_possible_truncation, reason = "rows are counted in u32")]
    pub(in crate::te) fn new(values: Vec<f64>) -> Self {
        let mut pairs: Vec<(f64, u32)> = values.iter().copied().zip(0..).collect();
        // Values are finite; zeros of either sign lie side by side.
        pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut ranks = vec![0; values.len()];
        for (rank, (_, row)) in pairs.iter().enumerate() {
            ranks[*row as usize] = rank as u32;
        }
        let (sorted, rows) = pairs.into_iter().unzip();
        Self {
            values,
            rows,
            ranks,
            sorted: Arc::new(Sorted::new(sorted)),
        }
    }

    /// The column with row i taken from row `order[i]`.
    pub(in crate::te) fn reordered(&self, order: &[u32]) -> Self {
        let take = |from: &u32| self.values[*from as usize];
        let values = order.iter().map(take).collect();
        let rank = |from: &u32| self.ranks[*from as usize];
        let ranks: Vec<u32> = order.iter().map(rank).collect();
        let mut rows = vec![0; ranks.len()];
        for (row, rank) in (0_u32..).zip(&ranks) {
            rows[*rank as usize] = row;
        }
        Self {
            values,
            rows,
            ranks,
            sorted: Arc::clone(&self.sorted),
        }
    }

    pub(in crate::te) fn values(&self) -> &[f64] {
        &self.values
    }

    /// Runs of equal values from the least on: how many, and their rows.
    pub(in crate::te) fn runs(&self) -> impl Iterator<Item = (usize, &[u32])> {
        let is_same = |a: &f64, b: &f64| order::ascending(*a, *b).is_eq();
        let mut rest = &self.rows[..];
        self.sorted.values.chunk_by(is_same).map(move |run| {
            let (rows, after) = rest.split_at(run.len());
            rest = after;
            (run.len(), rows)
        })
    }

    /// Ranks of the values that are near that of `row`.
    pub(super) fn within(&self, row: usize, width: f64, bound: Bound) -> (usize, usize) {
        let centre = self.values[row];
        let is_far_below = |value: f64| !bound.is_near(centre - value, width);
        let is_not_far_above = |value: f64| bound.is_near(value - centre, width);
        let low = self.sorted.first_after(centre - width, is_far_below);
        let high = self.sorted.first_after(centre + width, is_not_far_above);
        (low, high.max(low))
    }
}

impl Sorted {
    fn new(values: Vec<f64>) -> Self {
        let extent = values
            .last()
            .zip(values.first())
            .map_or(0.0, |(last, first)| last - first);
        let per_unit = values.len() as f64 / extent;
        let mut sorted = Self {
            starts: vec![0; values.len() + 1],
            // All in the first bucket where the extent is 0 or overflows.
            buckets_per_unit: if per_unit.is_finite() { per_unit } else { 0.0 },
            values,
        };
        for at in 0..sorted.values.len() {
            let bucket = sorted.bucket(sorted.values[at]);
            sorted.starts[bucket + 1] += 1;
        }
        for bucket in 1..sorted.starts.len() {
            sorted.starts[bucket] += sorted.starts[bucket - 1];
        }
        sorted
    }

    fn bucket(&self, value: f64) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates at the ends"
        )]
        let bucket = ((value - self.values[0]) * self.buckets_per_unit) as usize;
        bucket.min(self.values.len() - 1)
    }

    /// Rank of the first value that does not come before, which is likely to be one near `guess`.
    fn first_after(&self, guess: f64, is_before: impl Fn(f64) -> bool) -> usize {
        let before = |value: &f64| is_before(*value);
        let bucket = self.bucket(guess);
        let (from, to) = (
            self.starts[bucket] as usize,
            self.starts[bucket + 1] as usize,
        );
        // Right at the edge of a bucket, rounding may have put it into the next.
        let is_here = (from == 0 || before(&self.values[from - 1]))
            && !self.values.get(to).is_some_and(before);
        if is_here {
            from + self.values[from..to].partition_point(before)
        } else {
            self.values.partition_point(before)
        }
    }
}
