//! How many rows are near in some of the columns.

use std::ops::Range;

use super::column::Column;

/// How near counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::te) enum Bound {
    /// Nearer than the width.
    Within,
    /// Nearer, or just as far.
    AtMost,
}

impl Bound {
    pub(in crate::te) fn is_near(self, distance: f64, width: f64) -> bool {
        match self {
            Self::Within => distance < width,
            Self::AtMost => distance <= width,
        }
    }
}

/// Counts of rows that are near in the columns of a base, and in those of the base and of a group.
///
/// Rows are laid out in the order of the base's first column, the lead: those near in it are one
/// range. In every other column, near is a range of ranks.
#[derive(Debug)]
pub(in crate::te) struct Strip<'a> {
    columns: &'a [Column],
    base: Range<usize>,
    groups: Vec<Range<usize>>,
    ranks: Ranks,
}

/// Ranks of each column in the order of the lead, as narrow as they fit.
#[derive(Debug)]
enum Ranks {
    Narrow(Vec<Vec<u16>>),
    Wide(Vec<Vec<u32>>),
}

impl<'a> Strip<'a> {
    /// For those of the columns: the base must have one, a group may hold further columns anywhere.
    pub(in crate::te) fn new(
        columns: &'a [Column],
        base: Range<usize>,
        groups: Vec<Range<usize>>,
    ) -> Self {
        let lead = &columns[base.start].rows;
        let needed = |at: usize| base.contains(&at) || groups.iter().any(|g| g.contains(&at));
        let ranks = if u16::try_from(lead.len()).is_ok() {
            Ranks::Narrow(laid_out(columns, lead, needed))
        } else {
            Ranks::Wide(laid_out(columns, lead, needed))
        };
        Self {
            columns,
            base,
            groups,
            ranks,
        }
    }

    /// Rows in the order of the lead, in which counting is fastest.
    pub(in crate::te) fn rows(&self) -> &[u32] {
        &self.columns[self.base.start].rows
    }

    /// Writes the number of rows near `row` in the base, then for each group in base and group.
    /// `width(column)` is how near in that column; the rows `apart` are left out of the counts.
    pub(in crate::te) fn count(
        &self,
        row: u32,
        bound: Bound,
        width: impl Fn(usize) -> f64,
        apart: impl Iterator<Item = u32> + Clone,
        counts: &mut [usize],
    ) {
        let near = |column: usize| self.columns[column].within(row as usize, width(column), bound);
        match &self.ranks {
            Ranks::Narrow(ranks) => self.count_in(ranks, near, counts),
            Ranks::Wide(ranks) => self.count_in(ranks, near, counts),
        }
        for other in apart {
            let is_near = |column: usize| {
                let values = self.columns[column].values();
                let apart = (values[other as usize] - values[row as usize]).abs();
                bound.is_near(apart, width(column))
            };
            if self.base.clone().all(is_near) {
                counts[0] -= 1;
                for (group, count) in self.groups.iter().zip(&mut counts[1..]) {
                    *count -= usize::from(group.clone().all(is_near));
                }
            }
        }
    }

    fn count_in<R: Rank>(
        &self,
        ranks: &[Vec<R>],
        near: impl Fn(usize) -> (usize, usize),
        counts: &mut [usize],
    ) {
        let (low, high) = near(self.base.start);
        let in_base = self.base.start + 1..self.base.end;
        if in_base.is_empty() && self.groups.iter().all(|group| group.len() == 1) {
            counts[0] = high - low;
            for (group, count) in self.groups.iter().zip(&mut counts[1..]) {
                let (first, end) = near(group.start);
                *count = R::count(&ranks[group.start][low..high], first, end - first);
            }
            return;
        }
        let mut is_base = vec![R::ALL; high - low];
        for column in in_base {
            let (first, end) = near(column);
            R::keep(&mut is_base, &ranks[column][low..high], first, end - first);
        }
        counts[0] = R::kept(&is_base);
        for (group, count) in self.groups.iter().zip(&mut counts[1..]) {
            let mut is_group = is_base.clone();
            for column in group.clone() {
                let (first, end) = near(column);
                R::keep(&mut is_group, &ranks[column][low..high], first, end - first);
            }
            *count = R::kept(&is_group);
        }
    }
}

fn laid_out<R: Rank>(
    columns: &[Column],
    lead: &[u32],
    needed: impl Fn(usize) -> bool,
) -> Vec<Vec<R>> {
    let in_order = |column: &Column| {
        let ranks = lead.iter().map(|row| column.ranks[*row as usize]);
        ranks.map(R::narrowed).collect()
    };
    let columns = columns.iter().enumerate();
    columns
        .map(|(at, column)| {
            if needed(at) {
                in_order(column)
            } else {
                Vec::new()
            }
        })
        .collect()
}

/// A rank: sums of so many ones fit as well, which keeps vector lanes as narrow as they can be.
trait Rank: Copy {
    /// All bits set: a row that counts.
    const ALL: Self;

    fn narrowed(rank: u32) -> Self;

    /// How many ranks lie in `first..first + extent`.
    fn count(ranks: &[Self], first: usize, extent: usize) -> usize;

    /// Clears the marks of ranks outside of `first..first + extent`.
    fn keep(marks: &mut [Self], ranks: &[Self], first: usize, extent: usize);

    /// How many marks are left.
    fn kept(marks: &[Self]) -> usize;
}

macro_rules! rank {
    ($type:ty) => {
        #[expect(
            clippy::allow_attributes,
            reason = "of the two types one narrows and one does not"
        )]
        impl Rank for $type {
            const ALL: Self = Self::MAX;

            #[allow(clippy::cast_possible_truncation, reason = "chosen by the rows")]
            #[allow(trivial_numeric_casts, reason = "of u32 to itself")]
            fn narrowed(rank: u32) -> Self {
                rank as Self
            }

            #[allow(clippy::cast_possible_truncation, reason = "chosen by the rows")]
            fn count(ranks: &[Self], first: usize, extent: usize) -> usize {
                let (first, extent) = (first as Self, extent as Self);
                let is_in = |rank: &Self| Self::from(rank.wrapping_sub(first) < extent);
                ranks.iter().map(is_in).sum::<Self>() as usize
            }

            #[allow(clippy::cast_possible_truncation, reason = "chosen by the rows")]
            fn keep(marks: &mut [Self], ranks: &[Self], first: usize, extent: usize) {
                let (first, extent) = (first as Self, extent as Self);
                for (mark, rank) in marks.iter_mut().zip(ranks) {
                    let is_in = Self::from(rank.wrapping_sub(first) < extent);
                    *mark &= is_in.wrapping_neg();
                }
            }

            fn kept(marks: &[Self]) -> usize {
                marks.iter().map(|mark| mark & 1).sum::<Self>() as usize
            }
        }
    };
}
rank!(u16);
rank!(u32);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::te::tests::noise;

    #[test]
    fn counts_what_a_scan_of_all_counts() {
        // Ties in one column; base of one and of two columns; narrow and wide ranks.
        for n in [50, 400] {
            let round = |x: f64| (10.0 * x).round();
            let mut values: Vec<Vec<f64>> = (0..4).map(|d| noise(d, n)).collect();
            values[1] = values[1].iter().copied().map(round).collect();
            let columns: Vec<Column> = values.iter().cloned().map(Column::new).collect();
            for (base, groups) in [
                (0..1, vec![1..2, 2..3]),
                (1..2, vec![]),
                (0..2, vec![2..3, 2..4]),
                (1..3, vec![0..1, 3..4]),
            ] {
                let mut strip = Strip::new(&columns, base.clone(), groups.clone());
                for wide in [false, true] {
                    if wide {
                        strip.ranks = Ranks::Wide(laid_out(&columns, strip.rows(), |_| true));
                    }
                    for (bound, width) in [
                        (Bound::Within, 0.4),
                        (Bound::AtMost, 1.0),
                        (Bound::Within, 0.0),
                    ] {
                        for row in 0..n {
                            let near = |other: usize, set: &Range<usize>| {
                                set.clone().all(|c| {
                                    let apart = (values[c][row] - values[c][other]).abs();
                                    bound.is_near(apart, width + c as f64 / 10.0)
                                })
                            };
                            let others = (0..n).filter(|o| o.abs_diff(row) > 1);
                            let mut expected =
                                vec![others.clone().filter(|o| near(*o, &base)).count()];
                            for group in &groups {
                                let both = |o: &usize| near(*o, &base) && near(*o, group);
                                expected.push(others.clone().filter(both).count());
                            }
                            let row = u32::try_from(row).unwrap();
                            let apart =
                                row.saturating_sub(1)..(row + 2).min(u32::try_from(n).unwrap());
                            let mut counts = vec![0; 1 + groups.len()];
                            strip.count(
                                row,
                                bound,
                                |c| width + c as f64 / 10.0,
                                apart,
                                &mut counts,
                            );
                            assert_eq!(counts, expected);
                        }
                    }
                }
            }
        }
    }
}
