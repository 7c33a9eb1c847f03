//! One column of rows, sorted.

use astern_stats::order;

/// A column with its rows in ascending order.
#[derive(Debug, Clone)]
pub(in crate::te) struct Column {
    /// By row.
    pub(super) values: Vec<f64>,
    /// Ascending.
    pub(super) sorted: Vec<f64>,
    /// Row of each sorted value.
    pub(super) rows: Vec<u32>,
    /// Rank of each row.
    pub(super) ranks: Vec<u32>,
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
            sorted,
            rows,
            ranks,
        }
    }

    /// The column with row i taken from row `order[i]`.
    pub(in crate::te) fn reordered(&self, order: &[u32]) -> Self {
        let take = |from: &u32| self.values[*from as usize];
        let values = order.iter().map(take).collect();
        let ranks: Vec<u32> = order
            .iter()
            .map(|from| self.ranks[*from as usize])
            .collect();
        let mut rows = vec![0; ranks.len()];
        for (row, rank) in (0_u32..).zip(&ranks) {
            rows[*rank as usize] = row;
        }
        Self {
            values,
            sorted: self.sorted.clone(),
            rows,
            ranks,
        }
    }

    pub(in crate::te) fn values(&self) -> &[f64] {
        &self.values
    }

    /// Runs of equal values from the least on: how many, and their rows.
    pub(in crate::te) fn runs(&self) -> impl Iterator<Item = (usize, &[u32])> {
        let is_same = |a: &f64, b: &f64| order::ascending(*a, *b).is_eq();
        let mut rest = &self.rows[..];
        self.sorted.chunk_by(is_same).map(move |run| {
            let (rows, after) = rest.split_at(run.len());
            rest = after;
            (run.len(), rows)
        })
    }

    /// Ranks of the values whose distance from that of `row` is within.
    pub(super) fn within(&self, row: usize, is_near: impl Fn(f64) -> bool) -> (usize, usize) {
        let (centre, rank) = (self.values[row], self.ranks[row] as usize);
        let (below, above) = self.sorted.split_at(rank);
        let low = below.partition_point(|value| !is_near(centre - value));
        let high = rank + above.partition_point(|value| is_near(value - centre));
        (low, high.max(low))
    }
}
