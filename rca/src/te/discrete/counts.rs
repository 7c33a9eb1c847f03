//! How often each combination of symbols occurred.

use std::borrow::Cow;

/// Codes of the rows in z, y and x.
#[derive(Debug)]
pub(super) struct Counts {
    z: Codes,
    y: Codes,
    x: Codes,
    /// Of z and y in one, where all combinations fit a table.
    zy: Option<Codes>,
}

/// Every combination of some columns' symbols as a number.
#[derive(Debug)]
struct Codes {
    by_row: Vec<u32>,
    /// Codes are less than this.
    size: usize,
    /// How many combinations of the symbols seen there can be.
    possible: f64,
}

/// Counts of the combinations that occurred.
#[derive(Debug)]
pub(super) struct Cells {
    pub(super) zyx: Vec<u32>,
    pub(super) zy: Vec<u32>,
    pub(super) zx: Vec<u32>,
    pub(super) z: Vec<u32>,
}

impl Cells {
    pub(super) fn samples(&self) -> f64 {
        self.z.iter().map(|count| f64::from(*count)).sum()
    }

    /// `I(y; x | z)` of the frequencies.
    pub(super) fn nats(&self) -> f64 {
        let sum = |counts: &[u32]| {
            let terms = counts.iter().map(|c| f64::from(*c) * f64::from(*c).ln());
            terms.sum::<f64>()
        };
        let gained = sum(&self.zyx) + sum(&self.z) - sum(&self.zy) - sum(&self.zx);
        // Below 0 by rounding alone.
        (gained / self.samples()).max(0.0)
    }
}

impl Counts {
    pub(super) fn new(z: &[Cow<'_, [u16]>], y: &[Cow<'_, [u16]>], x: &[Cow<'_, [u16]>]) -> Self {
        let rows = y.first().map_or(0, |column| column.len());
        let (z, y, x) = (Codes::of(z, rows), Codes::of(y, rows), Codes::of(x, rows));
        let all = z.size.checked_mul(y.size);
        let all = all.and_then(|zy| zy.checked_mul(x.size));
        let fits = all.is_some_and(|size| size <= table_max(rows));
        let zy = fits.then(|| Codes::joined(&z, &y));
        Self { z, y, x, zy }
    }

    pub(super) fn samples(&self) -> usize {
        self.y.by_row.len()
    }

    /// How many values z, y and x can have, by the symbols seen.
    pub(super) fn possible(&self) -> [f64; 3] {
        [self.z.possible, self.y.possible, self.x.possible]
    }

    /// The counts with row i of x taken from row `order[i]`.
    pub(super) fn cells(&self, order: Option<&[u32]>) -> Cells {
        let moved;
        let x = match order {
            Some(order) => {
                moved = self.moved(order);
                &moved
            }
            None => &self.x.by_row,
        };
        match &self.zy {
            Some(zy) => self.by_table(&zy.by_row, x),
            None => self.by_sorting(x),
        }
    }

    fn moved(&self, order: &[u32]) -> Vec<u32> {
        order
            .iter()
            .map(|row| self.x.by_row[*row as usize])
            .collect()
    }

    fn by_table(&self, zy: &[u32], x: &[u32]) -> Cells {
        let (ny, nx) = (self.y.size, self.x.size);
        let mut table = vec![0_u32; self.z.size * ny * nx];
        for (zy, x) in zy.iter().zip(x) {
            table[*zy as usize * nx + *x as usize] += 1;
        }
        let occurred = |counts: &[u32]| counts.iter().copied().filter(|c| *c > 0).collect();
        let (mut of_zy, mut of_zx, mut of_z) = (Vec::new(), Vec::new(), Vec::new());
        let mut row = vec![0; nx];
        for of_one_z in table.chunks_exact(ny * nx) {
            row.fill(0);
            for of_one_zy in of_one_z.chunks_exact(nx) {
                of_zy.push(of_one_zy.iter().sum());
                for (sum, count) in row.iter_mut().zip(of_one_zy) {
                    *sum += count;
                }
            }
            of_zx.extend_from_slice(&row);
            of_z.push(row.iter().sum());
        }
        Cells {
            zyx: occurred(&table),
            zy: occurred(&of_zy),
            zx: occurred(&of_zx),
            z: occurred(&of_z),
        }
    }

    fn by_sorting(&self, x: &[u32]) -> Cells {
        let (z, y) = (&self.z.by_row, &self.y.by_row);
        let rows = 0..x.len();
        let mut zyx: Vec<[u32; 3]> = rows.clone().map(|i| [z[i], y[i], x[i]]).collect();
        let mut zx: Vec<[u32; 2]> = rows.map(|i| [z[i], x[i]]).collect();
        zyx.sort_unstable();
        zx.sort_unstable();
        Cells {
            zy: lengths(&zyx, |a, b| a[..2] == b[..2]),
            z: lengths(&zyx, |a, b| a[0] == b[0]),
            zyx: lengths(&zyx, |a, b| a == b),
            zx: lengths(&zx, |a, b| a == b),
        }
    }

    /// Local values `ln(n_xyz n_z / (n_xz n_yz))`.
    pub(super) fn locals(&self, order: Option<&[u32]>) -> Vec<f64> {
        let x = order.map_or_else(|| self.x.by_row.clone(), |order| self.moved(order));
        let (z, y) = (&self.z.by_row, &self.y.by_row);
        let count = |key: &dyn Fn(usize) -> [u32; 3]| of_each_row(x.len(), key);
        let all = count(&|i| [z[i], y[i], x[i]]);
        let known = count(&|i| [z[i], 0, 0]);
        let next = count(&|i| [z[i], y[i], 0]);
        let source = count(&|i| [z[i], 0, x[i]]);
        (0..x.len())
            .map(|i| (all[i] * known[i] / (next[i] * source[i])).ln())
            .collect()
    }
}

/// Greatest table of counts for so many rows.
fn table_max(rows: usize) -> usize {
    4 * rows + 65_536
}

impl Codes {
    fn of(columns: &[Cow<'_, [u16]>], rows: usize) -> Self {
        let nothing = || Self {
            by_row: vec![0; rows],
            size: 1,
            possible: 1.0,
        };
        let columns = columns.iter().map(|column| Self::one(column));
        columns
            .reduce(|a, b| Self::joined(&a, &b))
            .unwrap_or_else(nothing)
    }

    /// The combinations of two.
    fn joined(a: &Self, b: &Self) -> Self {
        let pairs = a.by_row.iter().zip(&b.by_row);
        let (size, width) = (a.size.saturating_mul(b.size), b.size as u64);
        let possible = a.possible * b.possible;
        if size <= table_max(a.by_row.len()).min(u32::MAX as usize) {
            #[expect(clippy::cast_possible_truncation, reason = "codes fit")]
            let width = width as u32;
            return Self {
                by_row: pairs.map(|(a, b)| a * width + b).collect(),
                size,
                possible,
            };
        }
        let keys: Vec<u64> = pairs
            .map(|(a, b)| u64::from(*a) * width + u64::from(*b))
            .collect();
        let (by_row, size) = renumbered(&keys);
        Self {
            by_row,
            size,
            possible,
        }
    }

    /// One column; its symbols are renumbered only where they have great numbers.
    fn one(column: &[u16]) -> Self {
        let size = 1 + column.iter().copied().max().map_or(0, usize::from);
        let mut seen = vec![false; size];
        let mut possible = 0;
        for symbol in column {
            let seen = &mut seen[usize::from(*symbol)];
            if !*seen {
                *seen = true;
                possible += 1;
                // Mostly after a few symbols.
                if possible == size {
                    break;
                }
            }
        }
        let (by_row, size) = if size > 4 * possible {
            renumbered(column)
        } else {
            (column.iter().copied().map(u32::from).collect(), size)
        };
        Self {
            by_row,
            size,
            possible: possible as f64,
        }
    }
}

/// The keys that occur numbered from 0 on, and how many there are.
fn renumbered<K: Ord + Copy>(keys: &[K]) -> (Vec<u32>, usize) {
    let mut known = keys.to_vec();
    known.sort_unstable();
    known.dedup();
    let number = |key: &K| known.partition_point(|other| other < key);
    let number = |key| u32::try_from(number(key)).unwrap_or(u32::MAX);
    (keys.iter().map(number).collect(), known.len())
}

/// Lengths of the runs of equal values.
fn lengths<T>(sorted: &[T], is_same: impl Fn(&T, &T) -> bool) -> Vec<u32> {
    let runs = sorted.chunk_by(is_same);
    runs.map(|run| u32::try_from(run.len()).unwrap_or(u32::MAX))
        .collect()
}

/// For each row how many rows have its key.
fn of_each_row(rows: usize, key: &dyn Fn(usize) -> [u32; 3]) -> Vec<f64> {
    let mut sorted: Vec<usize> = (0..rows).collect();
    sorted.sort_by_key(|row| key(*row));
    let mut counts = vec![0.0; rows];
    for run in sorted.chunk_by(|a, b| key(*a) == key(*b)) {
        for row in run {
            counts[*row] = run.len() as f64;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_sorting_count_the_same() {
        let column = |f: u32| Cow::Owned((0..300_u32).map(|t| (t * t % f % 5) as u16).collect());
        let counts = Counts::new(&[column(7), column(23)], &[column(11)], &[column(13)]);
        let order: Vec<u32> = (0..300).map(|i| (i + 37) % 300).collect();
        for order in [None, Some(&order[..])] {
            let table = counts.cells(order);
            let x = order.map_or_else(|| counts.x.by_row.clone(), |order| counts.moved(order));
            let sorted = counts.by_sorting(&x);
            assert_eq!(table.zyx, sorted.zyx);
            assert_eq!(
                (table.zy, table.zx, table.z),
                (sorted.zy, sorted.zx, sorted.z)
            );
        }
    }
}
