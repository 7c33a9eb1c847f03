//! A confusion matrix as a table of text.

use std::fmt;
use std::iter::once;

use super::ConfusionMatrix;

impl fmt::Display for ConfusionMatrix {
    /// One line per label, columns aligned, totals last; no line break at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = lines(self);
        let width = |column: usize| lines.iter().map(|line| line[column].len()).max();
        let widths: Vec<usize> = (0..self.n_classes() + 2).filter_map(width).collect();
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                let gap = if column == 0 { "" } else { "  " };
                write!(f, "{gap}{cell:>width$}")?;
            }
        }
        Ok(())
    }
}

/// Cells with head and totals, `[C + 2][C + 2]`.
fn lines(matrix: &ConfusionMatrix) -> Vec<Vec<String>> {
    let line = |head: String, counts: &[u64], sum: u64| -> Vec<String> {
        let counts = counts.iter().chain([&sum]).map(u64::to_string);
        once(head).chain(counts).collect()
    };
    let head = once("label \\ predicted".to_owned())
        .chain((0..matrix.n_classes()).map(|class| class.to_string()))
        .chain(once("total".to_owned()));
    let rows = matrix.counts().iter().zip(matrix.labelled()).enumerate();
    let rows = rows.map(|(class, (row, sum))| line(class.to_string(), row, sum));
    let totals = line("total".to_owned(), &matrix.predicted(), matrix.total());
    once(head.collect())
        .chain(rows)
        .chain(once(totals))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let matrix = ConfusionMatrix::try_from(vec![vec![1, 200], vec![30_000, 4]]).unwrap();
        let table = "\
label \\ predicted      0    1  total
                0      1  200    201
                1  30000    4  30004
            total  30001  204  30205";
        assert_eq!(matrix.to_string(), table);
    }
}
