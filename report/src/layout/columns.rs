//! Third step of the layout: horizontal positions that keep the order and make arrows straight.

use super::layers::GAP;
use super::rows::Rows;

const ROUNDS: usize = 60;

/// Least distance of a lane to its neighbours.
const LANE_GAP: f64 = 7.0;

/// Pull of a lane on the next one of the same arrow, against 1 of a node: long arrows stay straight.
const LANE_PULL: f64 = 6.0;

/// Pull to the centre of what is joined to nothing.
const CENTRE_PULL: f64 = 1e-3;

/// Centres of all nodes and lanes, and the width of the whole.
///
/// Minimises the squared horizontal lengths of all arrows row by row, each row exactly, for a fixed
/// number of rounds.
pub(super) fn columns(rows: &Rows) -> (Vec<f64>, f64) {
    let packed: Vec<Packed> = rows.items.iter().map(|row| Packed::of(rows, row)).collect();
    let width = packed.iter().map(|row| row.width).fold(0.0, f64::max);
    let mut x = vec![0.0; rows.widths.len()];
    for (row, packed) in rows.items.iter().zip(&packed) {
        for (item, offset) in row.iter().zip(&packed.offsets) {
            x[*item] = (width - packed.width) / 2.0 + offset;
        }
    }
    let count = rows.items.len();
    for round in 0..ROUNDS {
        for step in 0..count {
            let at = if round % 2 == 0 {
                step
            } else {
                count - 1 - step
            };
            let (row, packed) = (&rows.items[at], &packed[at]);
            let wanted: Vec<(f64, f64)> = row
                .iter()
                .map(|item| wanted(rows, &x, *item, width / 2.0))
                .collect();
            let centres = spaced(&wanted, &packed.offsets, width - packed.width);
            for (item, centre) in row.iter().zip(centres) {
                x[*item] = centre;
            }
        }
    }
    (x, width)
}

/// Where an item would best be, and how strongly it is pulled there.
fn wanted(rows: &Rows, x: &[f64], item: usize, centre: f64) -> (f64, f64) {
    let joined = rows.above[item].iter().chain(&rows.below[item]);
    let to_centre = (CENTRE_PULL * centre, CENTRE_PULL);
    let (sum, weight) = joined.fold(to_centre, |(sum, weight), other| {
        let lanes = rows.is_lane(item) && rows.is_lane(*other);
        let pull = if lanes { LANE_PULL } else { 1.0 };
        (sum + pull * x[*other], weight + pull)
    });
    (sum / weight, weight)
}

/// A row packed to the left.
struct Packed {
    /// Centres.
    offsets: Vec<f64>,
    /// Width of the row.
    width: f64,
}

impl Packed {
    fn of(rows: &Rows, row: &[usize]) -> Self {
        let mut width = 0.0;
        let mut offsets = Vec::with_capacity(row.len());
        let mut before: Option<usize> = None;
        for item in row {
            let gap = match before {
                None => 0.0,
                Some(other) if rows.is_lane(other) || rows.is_lane(*item) => LANE_GAP,
                Some(_) => GAP,
            };
            offsets.push(width + gap + rows.widths[*item] / 2.0);
            width += gap + rows.widths[*item];
            before = Some(*item);
        }
        Self { offsets, width }
    }
}

/// The positions nearest to the wanted ones, `(position, weight)`, that are at least as far apart
/// as the offsets and move by 0 to `room` from them: isotonic regression by pooling adjacent
/// violators (Ayer et al. 1955), cut at the bounds. `O(n)`.
pub(crate) fn spaced(wanted: &[(f64, f64)], offsets: &[f64], room: f64) -> Vec<f64> {
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for ((position, weight), offset) in wanted.iter().zip(offsets) {
        let mut block = (position - offset, *weight, 1);
        while let Some((mean, total, count)) = blocks.pop_if(|(mean, ..)| *mean > block.0) {
            let weight = total + block.1;
            block = (
                (mean * total + block.0 * block.1) / weight,
                weight,
                count + block.2,
            );
        }
        blocks.push(block);
    }
    let shifts = blocks
        .into_iter()
        .flat_map(|(mean, _, count)| std::iter::repeat_n(mean, count));
    let room = room.max(0.0);
    shifts
        .zip(offsets)
        .map(|(shift, offset)| shift.clamp(0.0, room) + offset)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_keep_their_distance_and_the_bounds() {
        let wanted = [(5.0, 1.0), (5.0, 1.0), (90.0, 1.0)];
        let offsets = [0.0, 10.0, 20.0];
        assert_eq!(spaced(&wanted, &offsets, 80.0), [0.0, 10.0, 90.0]);
        assert_eq!(spaced(&wanted, &offsets, 30.0), [0.0, 10.0, 50.0]);
        assert_eq!(
            spaced(&[(7.0, 1.0), (7.0, 1.0)], &[0.0, 4.0], 50.0),
            [5.0, 9.0]
        );
        assert_eq!(spaced(&[], &[], 1.0), Vec::<f64>::new());
    }
}
