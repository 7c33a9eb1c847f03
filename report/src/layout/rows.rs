//! Second step of the layout: the order within each row, with few crossings.

use astern_stats::order::ascending;

const SWEEPS: usize = 24;

/// Width that an arrow takes where it passes through a row.
const LANE: f64 = 10.0;

/// Nodes and the lanes of arrows that pass, row by row. The first numbers are those of the nodes;
/// the lanes follow.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    /// Nodes and lanes of each row, from left to right.
    pub(super) items: Vec<Vec<usize>>,
    /// Width of each node and lane.
    pub(super) widths: Vec<f64>,
    /// For each arrow the nodes and lanes that it touches, from top to bottom.
    pub(super) chains: Vec<Vec<usize>>,
    /// What each node or lane is joined to in the row above.
    pub(super) above: Vec<Vec<usize>>,
    /// The same in the row below.
    pub(super) below: Vec<Vec<usize>>,
    place: Vec<usize>,
    nodes: usize,
}

impl Rows {
    /// Rows in the order of the numbers.
    pub(super) fn new(widths: &[f64], row_of: &[usize], arrows: &[(usize, usize)]) -> Self {
        let count = row_of.iter().max().map_or(0, |last| last + 1);
        let mut rows = vec![Vec::new(); count];
        for (node, row) in row_of.iter().enumerate() {
            rows[*row].push(node);
        }
        let mut widths = widths.to_vec();
        let mut chains = Vec::with_capacity(arrows.len());
        for (upper, lower) in arrows {
            let mut chain = vec![*upper];
            for row in &mut rows[row_of[*upper] + 1..row_of[*lower]] {
                chain.push(widths.len());
                row.push(widths.len());
                widths.push(LANE);
            }
            chain.push(*lower);
            chains.push(chain);
        }
        let (mut above, mut below) = (
            vec![Vec::new(); widths.len()],
            vec![Vec::new(); widths.len()],
        );
        for pair in chains.iter().flat_map(|chain| chain.windows(2)) {
            below[pair[0]].push(pair[1]);
            above[pair[1]].push(pair[0]);
        }
        let place = vec![0; widths.len()];
        let mut sorted = Self {
            items: rows,
            widths,
            chains,
            above,
            below,
            place,
            nodes: row_of.len(),
        };
        (0..count).for_each(|row| sorted.note(row));
        sorted
    }

    /// Whether it is a lane and no node.
    pub(super) fn is_lane(&self, item: usize) -> bool {
        item >= self.nodes
    }

    fn note(&mut self, row: usize) {
        for (place, item) in self.items[row].iter().enumerate() {
            self.place[*item] = place;
        }
    }

    /// Sorts rows by the mean place of what they are joined to, downwards and upwards in turn
    /// (barycentre heuristic, Sugiyama et al. 1981), then swaps neighbours where that helps. Keeps
    /// the best order seen. `O(L²)` for the L lanes between two rows.
    pub(super) fn untangle(&mut self) {
        let mut best = (self.crossings(), self.items.clone());
        for sweep in 0..SWEEPS {
            if best.0 == 0 {
                break;
            }
            let count = self.items.len();
            for step in 1..count {
                let down = sweep % 2 == 0;
                self.sort(if down { step } else { count - 1 - step }, down);
            }
            self.swap_neighbours();
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.items.clone());
            }
        }
        self.items = best.1;
        (0..self.items.len()).for_each(|row| self.note(row));
    }

    fn sort(&mut self, row: usize, by_above: bool) {
        let joined = if by_above { &self.above } else { &self.below };
        let mean = |item: &usize| {
            let places = joined[*item].iter().map(|other| self.place[*other] as f64);
            let count = joined[*item].len();
            if count == 0 {
                self.place[*item] as f64
            } else {
                places.sum::<f64>() / count as f64
            }
        };
        let mut keyed: Vec<(f64, usize)> = self.items[row]
            .iter()
            .map(|item| (mean(item), *item))
            .collect();
        keyed.sort_by(|a, b| ascending(a.0, b.0));
        self.items[row] = keyed.into_iter().map(|(_, item)| item).collect();
        self.note(row);
    }

    fn swap_neighbours(&mut self) {
        for row in 0..self.items.len() {
            for left in 1..self.items[row].len() {
                let (a, b) = (self.items[row][left - 1], self.items[row][left]);
                let crossed = |a: usize, b: usize| {
                    self.inversions(&self.above[a], &self.above[b])
                        + self.inversions(&self.below[a], &self.below[b])
                };
                if crossed(b, a) < crossed(a, b) {
                    self.items[row].swap(left - 1, left);
                    self.note(row);
                }
            }
        }
    }

    /// Crossings between what is joined to a left and to a right neighbour.
    fn inversions(&self, left: &[usize], right: &[usize]) -> usize {
        let pairs = left.iter().flat_map(|a| right.iter().map(move |b| (a, b)));
        pairs
            .filter(|(a, b)| self.place[**a] > self.place[**b])
            .count()
    }

    /// Crossings of all arrows.
    pub(super) fn crossings(&self) -> usize {
        let in_row = |row: &Vec<usize>| {
            let mut ends = Vec::new();
            for item in row {
                let mut below: Vec<usize> =
                    self.below[*item].iter().map(|b| self.place[*b]).collect();
                below.sort_unstable();
                ends.extend(below);
            }
            let later = |at: usize| ends[at + 1..].iter().filter(|end| **end < ends[at]).count();
            (0..ends.len()).map(later).sum::<usize>()
        };
        self.items.iter().map(in_row).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_twist_is_undone() {
        let mut rows = Rows::new(&[50.0; 4], &[0, 0, 1, 1], &[(0, 3), (1, 2)]);
        assert_eq!(rows.crossings(), 1);
        rows.untangle();
        assert_eq!(rows.crossings(), 0);
    }

    #[test]
    fn long_arrows_get_a_lane_in_each_row_between() {
        let rows = Rows::new(&[50.0; 3], &[0, 1, 3], &[(0, 1), (0, 2)]);
        assert_eq!(rows.chains, [vec![0, 1], vec![0, 3, 4, 2]]);
        assert_eq!(rows.items, [vec![0], vec![1, 3], vec![4], vec![2]]);
    }
}
