//! Cells in the order of their steps.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use crate::cell::Cell;

/// The cells of one node, edge or slice, by step number, in order; none twice.
///
/// Cells are shared with the graphs that were built before, and copied on write. A step in which
/// something was named, and nothing measured, has an empty cell.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Cells(VecDeque<(i64, Arc<Cell>)>);

impl Cells {
    /// The cell of a step, made where there is none. The last step is found at once.
    pub(crate) fn at(&mut self, step: i64) -> &mut Cell {
        let place = match self.0.back() {
            Some((last, _)) if *last == step => self.0.len() - 1,
            Some((last, _)) if *last > step => self.place(step),
            _ => self.0.len(),
        };
        if self.0.get(place).is_none_or(|(held, _)| *held != step) {
            self.0.insert(place, (step, Arc::default()));
        }
        Arc::make_mut(&mut self.0[place].1)
    }

    /// Whether there is a cell of this step; the last step is found at once.
    pub(crate) fn has(&self, step: i64) -> bool {
        self.last() == Some(step)
            || self
                .0
                .binary_search_by_key(&step, |(held, _)| *held)
                .is_ok()
    }

    fn place(&self, step: i64) -> usize {
        self.0.partition_point(|(held, _)| *held < step)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (i64, &Cell)> {
        self.0.iter().map(|(step, cell)| (*step, cell.as_ref()))
    }

    pub(crate) fn first(&self) -> Option<i64> {
        self.0.front().map(|(step, _)| *step)
    }

    pub(crate) fn last(&self) -> Option<i64> {
        self.0.back().map(|(step, _)| *step)
    }

    /// From the step `first` up to, but without, `end`.
    pub(crate) fn range(&self, first: i64, end: i64) -> impl Iterator<Item = (i64, &Cell)> {
        let cells = self.held(first, end);
        cells.map(|(step, cell)| (*step, cell.as_ref()))
    }

    /// The cells themselves from the step `first` up to, but without, `end`.
    pub(crate) fn shared(&self, first: i64, end: i64) -> impl Iterator<Item = &Arc<Cell>> {
        self.held(first, end).map(|(_, cell)| cell)
    }

    /// With a single search: most ranges are one step.
    fn held(&self, first: i64, end: i64) -> impl Iterator<Item = &(i64, Arc<Cell>)> {
        let since = self.0.range(self.place(first)..);
        since.take_while(move |(step, _)| *step < end)
    }

    /// The same cells from the step `first` up to, but without, `end`.
    pub(crate) fn part(&self, first: i64, end: i64) -> Self {
        Self(self.held(first, end).cloned().collect())
    }

    pub(crate) fn drop_before(&mut self, oldest: i64) {
        while self.0.front().is_some_and(|(step, _)| *step < oldest) {
            self.0.pop_front();
        }
    }

    /// Adds another's cells; says how many samples there was no room for.
    pub(crate) fn merge(&mut self, other: &Self) -> u64 {
        let mut over_limit = 0;
        for (step, cell) in &other.0 {
            let place = self.place(*step);
            match self.0.get_mut(place) {
                Some((held, mine)) if held == step => {
                    over_limit += Arc::make_mut(mine).merge(cell);
                }
                _ => self.0.insert(place, (*step, Arc::clone(cell))),
            }
        }
        over_limit
    }
}

/// Cells from a file, in the order that look-ups rely on whatever the file says.
impl<'de> Deserialize<'de> for Cells {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut cells = Vec::<(i64, Arc<Cell>)>::deserialize(deserializer)?;
        cells.sort_by_key(|(step, _)| *step);
        cells.dedup_by_key(|(step, _)| *step);
        Ok(Self(cells.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(cells: &Cells) -> Vec<i64> {
        cells.iter().map(|(step, _)| step).collect()
    }

    #[test]
    fn steps_stay_in_order_whatever_the_order_of_arrival() {
        let mut cells = Cells::default();
        for step in [5, 3, 9, 5, -2, 9] {
            cells.at(step);
        }
        assert_eq!(steps(&cells), [-2, 3, 5, 9]);
        assert_eq!(cells.first(), Some(-2));
        assert_eq!(cells.range(3, 9).count(), 2);
        assert_eq!(cells.range(9, 3).count(), 0);
        assert_eq!(steps(&cells.part(0, 6)), [3, 5]);
        cells.drop_before(4);
        assert_eq!(steps(&cells), [5, 9]);
    }

    #[test]
    fn stored_cells_are_put_in_order() {
        let cell = Arc::new(Cell::default());
        let stored = vec![(4_i64, cell.clone()), (1, cell.clone()), (4, cell)];
        let bytes = postcard::to_stdvec(&stored).unwrap();
        let cells: Cells = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(steps(&cells), [1, 4]);
    }
}
