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
/// Minimises the squared horizontal lengths of all arrows row by row, each row exactly.
pub(super) fn columns(rows: &Rows, nodes: usize) -> (Vec<f64>, f64) {
    let offsets: Vec<Vec<f64>> = rows
        .rows
        .iter()
        .map(|row| offsets(rows, row, nodes))
        .collect();
    let width = rows
        .rows
        .iter()
        .zip(&offsets)
        .map(|(row, offsets)| extent(rows, row, offsets));
    let width = width.fold(0.0, f64::max);
    let mut x = vec![0.0; rows.widths.len()];
    for (row, offsets) in rows.rows.iter().zip(&offsets) {
        let start = (width - extent(rows, row, offsets)) / 2.0;
        for (item, offset) in row.iter().zip(offsets) {
            x[*item] = start + offset;
        }
    }
    let pull = |a: usize, b: usize| {
        let lanes = usize::from(rows.is_lane(a, nodes)) + usize::from(rows.is_lane(b, nodes));
        if lanes == 2 { LANE_PULL } else { 1.0 }
    };
    for round in 0..ROUNDS {
        for step in 0..rows.rows.len() {
            let at = if round % 2 == 0 {
                step
            } else {
                rows.rows.len() - 1 - step
            };
            let row = &rows.rows[at];
            let wanted: Vec<(f64, f64)> = row
                .iter()
                .map(|item| {
                    let joined = rows.above[*item].iter().chain(&rows.below[*item]);
                    let start = (CENTRE_PULL * width / 2.0, CENTRE_PULL);
                    let (sum, weight) = joined.fold(start, |(sum, weight), other| {
                        let w = pull(*item, *other);
                        (sum + w * x[*other], weight + w)
                    });
                    (sum / weight, weight)
                })
                .collect();
            let room = width - extent(rows, row, &offsets[at]);
            for (item, centre) in row.iter().zip(spaced(&wanted, &offsets[at], room)) {
                x[*item] = centre;
            }
        }
    }
    (x, width)
}

/// Centres of a row packed to the left.
fn offsets(rows: &Rows, row: &[usize], nodes: usize) -> Vec<f64> {
    let mut end = 0.0;
    let mut before: Option<usize> = None;
    row.iter()
        .map(|item| {
            let lane = |i: usize| rows.is_lane(i, nodes);
            let gap = match before {
                None => 0.0,
                Some(other) if lane(other) || lane(*item) => LANE_GAP,
                Some(_) => GAP,
            };
            let centre = end + gap + rows.widths[*item] / 2.0;
            end = centre + rows.widths[*item] / 2.0;
            before = Some(*item);
            centre
        })
        .collect()
}

fn extent(rows: &Rows, row: &[usize], offsets: &[f64]) -> f64 {
    let last = row.last().zip(offsets.last());
    last.map_or(0.0, |(item, offset)| offset + rows.widths[*item] / 2.0)
}

/// The positions nearest to the wanted ones, `(position, weight)`, that are at least as far apart
/// as the offsets and move by 0 to `room` from them: isotonic regression by pooling adjacent
/// violators (Ayer et al. 1955), cut at the bounds. `O(n)`.
pub(in crate::report) fn spaced(wanted: &[(f64, f64)], offsets: &[f64], room: f64) -> Vec<f64> {
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
