//! Cholesky's factor of a correlation matrix that may be singular.

/// Unexplained share of a column's variance below which it counts as determined by those before.
const DETERMINED: f64 = 1e-11;

/// Lower factor, row-major, of a correlation matrix; columns that those before them determine are
/// left out.
#[derive(Debug, Clone, Default)]
pub(super) struct Factor {
    width: usize,
    lower: Vec<f64>,
    /// `None` where the column was left out.
    log_pivots: Vec<Option<f64>>,
}

impl Factor {
    /// The factor of the `width` columns whose correlations `of` gives. `O(width³)`.
    pub(super) fn of(width: usize, of: impl Fn(usize, usize) -> f64) -> Self {
        let mut lower = vec![0.0; width * width];
        let mut log_pivots: Vec<Option<f64>> = Vec::with_capacity(width);
        for i in 0..width {
            for j in 0..=i {
                let (head, row) = lower.split_at_mut(i * width);
                let above = if j < i {
                    &head[j * width..j * width + j]
                } else {
                    &row[..j]
                };
                let explained: f64 = row.iter().zip(above).map(|(a, b)| a * b).sum();
                let rest = of(i, j) - explained;
                if j < i {
                    row[j] = match log_pivots[j] {
                        Some(_) => rest / head[j * width + j],
                        None => 0.0,
                    };
                } else if rest > DETERMINED {
                    row[i] = rest.sqrt();
                    log_pivots.push(Some(rest.ln()));
                } else {
                    log_pivots.push(None);
                }
            }
        }
        Self {
            width,
            lower,
            log_pivots,
        }
    }

    /// Log of the variance of each of those columns beyond the columns before them; `None` when one
    /// is determined.
    pub(super) fn log_variance(&self, columns: std::ops::Range<usize>) -> Option<f64> {
        self.log_pivots[columns].iter().copied().sum()
    }

    /// How many of those columns are not determined by those before.
    pub(super) fn rank(&self, columns: std::ops::Range<usize>) -> usize {
        self.log_pivots[columns].iter().flatten().count()
    }

    /// Sum of squares, over those columns, of what columns before them leave unexplained of `row`, in
    /// standard deviations.
    pub(super) fn surprise(&self, row: &[f64], columns: std::ops::Range<usize>) -> f64 {
        let mut solved = vec![0.0; self.width];
        for i in 0..columns.end {
            let lower = &self.lower[i * self.width..(i + 1) * self.width];
            if self.log_pivots[i].is_some() {
                let known: f64 = lower[..i].iter().zip(&solved).map(|(a, b)| a * b).sum();
                solved[i] = (row[i] - known) / lower[i];
            }
        }
        solved[columns].iter().map(|w| w * w).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn determined_columns_are_left_out() {
        // The third column is the first one again.
        let r = [[1.0, 0.6, 1.0], [0.6, 1.0, 0.6], [1.0, 0.6, 1.0]];
        let factor = Factor::of(3, |i, j| r[i][j]);
        assert_eq!((factor.rank(0..3), factor.rank(2..3)), (2, 0));
        assert!((factor.log_variance(1..2).unwrap() - 0.64_f64.ln()).abs() < 1e-12);
        assert_eq!(factor.log_variance(0..3), None);
        // What 0.6 · 2 does not explain of 3, in units of 0.8.
        let surprise = factor.surprise(&[2.0, 3.0, 2.0], 1..2);
        assert!((surprise - (1.8_f64 / 0.8).powi(2)).abs() < 1e-12);
    }
}
