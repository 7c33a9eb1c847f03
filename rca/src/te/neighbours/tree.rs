//! Nearest neighbours of every row in all columns, by a k-d tree (Friedman, Bentley and Finkel 1977).

/// Rows of a leaf. All leaves but the last are full, so that a leaf is scanned without branches.
const LEAF: usize = 8;

/// A k-d tree for the maximum norm: median splits of the widest column, rows in leaf order.
#[derive(Debug)]
pub(in crate::te) struct Tree {
    width: usize,
    splits: Vec<Split>,
    /// Values of leaf i and column d at `i * width + d`; infinite where the last leaf has no row.
    values: Vec<[f64; LEAF]>,
    /// Row of each value of a leaf.
    rows: Vec<[u32; LEAF]>,
}

#[derive(Debug, Clone, Copy)]
struct Split {
    column: u32,
    /// Greatest value to the left and least to the right.
    left_max: f64,
    right_min: f64,
    /// Number of the right child; the left one follows. Leaves are numbered from `LEAVES` on.
    right: u32,
    left: u32,
}

/// Numbers from here on are leaves.
const LEAVES: u32 = 1 << 31;

/// The nearest rows to one row, nearest first.
#[derive(Debug)]
pub(in crate::te) struct Nearest {
    pub(in crate::te) distances: Vec<f64>,
    pub(in crate::te) rows: Vec<u32>,
}

impl Nearest {
    fn reset(&mut self, radius: f64) {
        self.distances.fill(radius);
        self.rows.fill(u32::MAX);
    }

    /// Distance of the last one.
    pub(in crate::te) fn radius(&self) -> f64 {
        self.distances.last().copied().unwrap_or(0.0)
    }

    fn insert(&mut self, distance: f64, row: u32) {
        let mut at = self.distances.len() - 1;
        while at > 0 && self.distances[at - 1] > distance {
            self.distances[at] = self.distances[at - 1];
            self.rows[at] = self.rows[at - 1];
            at -= 1;
        }
        self.distances[at] = distance;
        self.rows[at] = row;
    }
}

impl Tree {
    /// The tree of the rows of those columns. `O(N log N)`.
    pub(in crate::te) fn new(columns: &[&[f64]]) -> Self {
        let n = columns.first().map_or(0, |column| column.len());
        #[expect(clippy::cast_possible_truncation, reason = "rows are counted in u32")]
        let mut rows: Vec<u32> = (0..n as u32).collect();
        let mut tree = Self {
            width: columns.len(),
            splits: Vec::with_capacity(n / LEAF),
            values: Vec::with_capacity((n / LEAF + 1) * columns.len()),
            rows: Vec::with_capacity(n / LEAF + 1),
        };
        tree.build(columns, &mut rows, &mut Vec::with_capacity(n));
        tree
    }

    /// Builds the part of those rows; its number is returned.
    fn build(&mut self, columns: &[&[f64]], rows: &mut [u32], keyed: &mut Vec<(f64, u32)>) -> u32 {
        if rows.len() <= LEAF {
            return self.leaf(columns, rows);
        }
        let (mut widest, mut extent) = (0, -1.0);
        for (at, column) in columns.iter().enumerate() {
            let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
            for row in rows.iter() {
                let value = column[*row as usize];
                low = if value < low { value } else { low };
                high = if value > high { value } else { high };
            }
            if high - low > extent {
                (widest, extent) = (at, high - low);
            }
        }
        // Values beside their rows: selection then reads in order.
        let column = columns[widest];
        keyed.clear();
        keyed.extend(rows.iter().map(|row| (column[*row as usize], *row)));
        let middle = rows.len().div_ceil(LEAF).div_ceil(2) * LEAF;
        keyed.select_nth_unstable_by(middle, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let right_min = keyed[middle].0;
        let left_max = keyed[..middle].iter().map(|(value, _)| *value);
        let left_max = left_max.fold(f64::NEG_INFINITY, f64::max);
        for (row, (_, from)) in rows.iter_mut().zip(keyed.iter()) {
            *row = *from;
        }
        let at = self.splits.len();
        #[expect(clippy::cast_possible_truncation, reason = "columns and rows are few")]
        let split = Split {
            column: widest as u32,
            left_max,
            right_min,
            right: 0,
            left: 0,
        };
        self.splits.push(split);
        let (left, right) = rows.split_at_mut(middle);
        self.splits[at].left = self.build(columns, left, keyed);
        self.splits[at].right = self.build(columns, right, keyed);
        #[expect(clippy::cast_possible_truncation, reason = "rows are counted in u32")]
        {
            at as u32
        }
    }

    fn leaf(&mut self, columns: &[&[f64]], rows: &[u32]) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "rows are counted in u32")]
        let at = self.rows.len() as u32;
        let mut padded = [u32::MAX; LEAF];
        padded[..rows.len()].copy_from_slice(rows);
        self.rows.push(padded);
        for column in columns {
            let mut values = [f64::INFINITY; LEAF];
            for (value, row) in values.iter_mut().zip(rows) {
                *value = column[*row as usize];
            }
            self.values.push(values);
        }
        LEAVES + at
    }

    /// Calls `found` with each row and its `count` nearest other rows, of those that `may` be
    /// neighbours (row, other); the radius is infinite where there are fewer.
    pub(in crate::te) fn each_nearest(
        &self,
        count: usize,
        may: Option<&dyn Fn(u32, u32) -> bool>,
        mut found: impl FnMut(u32, &Nearest),
    ) {
        let mut nearest = Nearest {
            distances: vec![f64::INFINITY; count],
            rows: vec![u32::MAX; count],
        };
        let mut open = Vec::with_capacity(64);
        let (mut centre, mut before) = (vec![0.0; self.width], vec![0.0; self.width]);
        for (leaf, rows) in self.rows.iter().enumerate() {
            let mut last = f64::INFINITY;
            for (lane, row) in rows.iter().enumerate().filter(|(_, row)| **row != u32::MAX) {
                let mut moved = 0.0_f64;
                for (column, value) in centre.iter_mut().enumerate() {
                    *value = self.values[leaf * self.width + column][lane];
                    moved = moved.max((*value - before[column]).abs());
                }
                // The last row and its neighbours are all at most so far from this one; strictly
                // within, against rounding. With excluded neighbours they may be others.
                let reach = (last + moved) * (1.0 + 1e-12) + f64::MIN_POSITIVE;
                nearest.reset(if may.is_none() { reach } else { f64::INFINITY });
                self.search(&centre, *row, may, &mut nearest, &mut open);
                last = nearest.radius();
                before.copy_from_slice(&centre);
                found(*row, &nearest);
            }
        }
    }

    fn search(
        &self,
        centre: &[f64],
        row: u32,
        may: Option<&dyn Fn(u32, u32) -> bool>,
        nearest: &mut Nearest,
        open: &mut Vec<(u32, f64)>,
    ) {
        let root = if self.splits.is_empty() { LEAVES } else { 0 };
        open.push((root, 0.0));
        while let Some((mut node, bound)) = open.pop() {
            if bound >= nearest.radius() {
                continue;
            }
            while node < LEAVES {
                let split = &self.splits[node as usize];
                let value = centre[split.column as usize];
                let (to_left, to_right) = (value - split.left_max, split.right_min - value);
                let (near, far, gap) = if to_left < to_right {
                    (split.left, split.right, to_right)
                } else {
                    (split.right, split.left, to_left)
                };
                let gap = gap.max(bound);
                if gap < nearest.radius() {
                    open.push((far, gap));
                }
                node = near;
            }
            self.scan((node - LEAVES) as usize, centre, row, may, nearest);
        }
    }

    fn scan(
        &self,
        leaf: usize,
        centre: &[f64],
        row: u32,
        may: Option<&dyn Fn(u32, u32) -> bool>,
        nearest: &mut Nearest,
    ) {
        let mut distances = [0.0_f64; LEAF];
        let columns = &self.values[leaf * self.width..(leaf + 1) * self.width];
        for (values, centre) in columns.iter().zip(centre) {
            for (distance, value) in distances.iter_mut().zip(values) {
                let here = (value - centre).abs();
                *distance = if here > *distance { here } else { *distance };
            }
        }
        let least = distances.iter().fold(f64::INFINITY, |least, distance| {
            if *distance < least { *distance } else { least }
        });
        if least >= nearest.radius() {
            return;
        }
        for (distance, other) in distances.iter().zip(&self.rows[leaf]) {
            if *distance < nearest.radius()
                && *other != row
                && may.is_none_or(|may| may(row, *other))
            {
                nearest.insert(*distance, *other);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::te::tests::noise;

    #[test]
    fn finds_what_a_scan_of_all_finds() {
        for (n, width) in [(1, 2), (5, 1), (8, 2), (9, 3), (100, 1), (333, 3), (200, 5)] {
            let mut columns: Vec<Vec<f64>> = (0..width).map(|d| noise(d, n)).collect();
            // Ties.
            for value in &mut columns[0] {
                *value = (*value * 8.0).round();
            }
            let columns: Vec<&[f64]> = columns.iter().map(|column| &column[..]).collect();
            let far = |a: u32, b: u32| a.abs_diff(b) > 3;
            let tree = Tree::new(&columns);
            let mut seen = 0;
            for may in [None, Some(&far as &dyn Fn(u32, u32) -> bool)] {
                tree.each_nearest(4, may, |row, nearest| {
                    seen += 1;
                    let to = |other: usize| {
                        let apart = columns.iter().map(|c| (c[row as usize] - c[other]).abs());
                        apart.fold(0.0, f64::max)
                    };
                    let others = (0..n).filter(|o| *o != row as usize);
                    let mut distances: Vec<f64> = others
                        .filter(|o| may.is_none_or(|may| may(row, u32::try_from(*o).unwrap())))
                        .map(to)
                        .collect();
                    distances.sort_by(f64::total_cmp);
                    distances.resize(4, f64::INFINITY);
                    if distances[3].is_finite() {
                        assert_eq!(nearest.distances, distances);
                        for (row, distance) in nearest.rows.iter().zip(&nearest.distances) {
                            assert!((to(*row as usize) - distance).abs() < 1e-15);
                        }
                    } else {
                        assert!(nearest.radius().is_infinite() || nearest.rows[3] == u32::MAX);
                    }
                });
            }
            assert_eq!(seen, 2 * n);
        }
    }
}
