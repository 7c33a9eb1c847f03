//! First step of the layout: each node gets a row, below the rows of its callers.

/// Least distance of two boxes in a row.
pub(super) const GAP: f64 = 26.0;

/// Rows wider than this are split.
const ROW_MAX: f64 = 800.0;

/// Row of each node, as high as the nodes before it and the width of the row allow. Arrows go from
/// lower to higher numbers; nodes without any come last, in rows of their own.
pub(super) fn layers(widths: &[f64], arrows: &[(usize, usize)]) -> Vec<usize> {
    let mut callers = vec![Vec::new(); widths.len()];
    let mut joined = vec![false; widths.len()];
    for (upper, lower) in arrows {
        callers[*lower].push(*upper);
        joined[*upper] = true;
        joined[*lower] = true;
    }
    let mut rows = Rows::default();
    let mut row_of = vec![0; widths.len()];
    for node in (0..widths.len()).filter(|node| joined[*node]) {
        let above = callers[node].iter().map(|caller| row_of[*caller] + 1);
        row_of[node] = rows.place(above.max().unwrap_or(0), widths[node]);
    }
    let alone = rows.used.len();
    for node in (0..widths.len()).filter(|node| !joined[*node]) {
        row_of[node] = rows.place(alone, widths[node]);
    }
    row_of
}

/// Width used in each row.
#[derive(Default)]
struct Rows {
    used: Vec<f64>,
}

impl Rows {
    /// Puts a box into the first row from `least` on that has room for it.
    fn place(&mut self, least: usize, width: f64) -> usize {
        let has_room = |used: &f64| *used + GAP + width <= ROW_MAX;
        let found = self.used.iter().skip(least).position(has_room);
        let row = found.map_or(self.used.len().max(least), |offset| least + offset);
        if self.used.len() <= row {
            self.used.resize(row + 1, 0.0);
        }
        self.used[row] += GAP + width;
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callees_lie_below_and_strangers_last() {
        let rows = layers(&[100.0; 5], &[(0, 1), (1, 2), (0, 2)]);
        assert_eq!(rows, [0, 1, 2, 3, 3]);
    }

    #[test]
    fn full_rows_are_split() {
        let arrows: Vec<(usize, usize)> = (1..20).map(|callee| (0, callee)).collect();
        let rows = layers(&[150.0; 20], &arrows);
        let widest = (0..20)
            .map(|row| rows.iter().filter(|r| **r == row).count())
            .max();
        assert_eq!(widest, Some(4));
    }
}
