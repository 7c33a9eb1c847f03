//! Sums over the edges into each node.

use super::{Real, each};
use crate::graph::Propagation;

/// `y += c x`.
#[inline]
pub(crate) fn add_scaled<F: Real>(y: &mut [F], c: F, x: &[F]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y += c * x;
    }
}

/// `y += Σ_k c_k x_k` for rows `x_k` as wide as `y`.
pub(crate) fn add_rows<F: Real>(y: &mut [F], c: &[F], x: &[F]) {
    let rows = x.chunks_exact(y.len().max(1));
    c.iter().zip(rows).for_each(|(&c, x)| add_scaled(y, c, x));
}

/// Row `i` of rows of this width.
fn row<F>(rows: &[F], width: usize, i: u32) -> &[F] {
    let start = i as usize * width;
    &rows[start..start + width]
}

/// `y_i += Σ_{j→i} c_ji x_j` for rows of `width`, one coefficient an edge.
pub(crate) fn add_neighbours<F: Real>(
    edges: &Propagation,
    coefficients: &[F],
    x: &[F],
    width: usize,
    y: &mut [F],
) {
    let ends = edges.offsets().windows(2);
    for (y, ends) in y.chunks_exact_mut(width.max(1)).zip(ends) {
        let into = ends[0] as usize..ends[1] as usize;
        for (&j, &c) in edges.source()[into.clone()].iter().zip(&coefficients[into]) {
            add_scaled(y, c, row(x, width, j));
        }
    }
}

/// Greatest value of each column over the edges into each node, 0 where there are none.
pub(crate) fn max_of_neighbours<F: Real>(edges: &Propagation, x: &[F], width: usize) -> Vec<F> {
    let mut y = vec![F::ZERO; edges.n_nodes() * width];
    let ends = edges.offsets().windows(2);
    for (y, ends) in y.chunks_exact_mut(width.max(1)).zip(ends) {
        let mut senders = edges.source()[ends[0] as usize..ends[1] as usize].iter();
        if let Some(&first) = senders.next() {
            y.copy_from_slice(row(x, width, first));
        }
        for &j in senders {
            for (y, &x) in y.iter_mut().zip(row(x, width, j)) {
                let passes = x > *y || x.is_nan();
                *y = if passes { x } else { *y };
            }
        }
    }
    y
}

/// Several heads side by side, and how they are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heads {
    pub(crate) count: usize,
    /// Width of one head.
    pub(crate) width: usize,
    pub(crate) concat: bool,
}

impl Heads {
    /// Width of the output rows.
    pub(crate) fn outputs(self) -> usize {
        if self.concat {
            self.count * self.width
        } else {
            self.width
        }
    }
}

/// One edge of a [`Propagation`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edge {
    pub(crate) index: usize,
    pub(crate) source: u32,
    pub(crate) target: u32,
}

/// `y_i += join_h Σ_{j→i} α_jih x_jh` with `α = softmax_j(score)` over the edges into `i`.
///
/// `x` is `[N, H C]`; `score` writes the H scores of an edge. The softmax is that of `PyTorch`
/// Geometric: less the greatest score, 1e-16 added to the sum. Memory O(H · largest in-degree).
pub(crate) fn attend<F: Real>(
    edges: &Propagation,
    heads: Heads,
    x: &[F],
    mut score: impl FnMut(Edge, &mut [F]),
    y: &mut [F],
) {
    let (count, width) = (heads.count, heads.width);
    let wide = count * width;
    let share = if heads.concat { 1 } else { count };
    let share = F::ONE / F::of(share as f64);
    let mut of_edge = vec![F::ZERO; count];
    let mut scores = Vec::new();
    let ends = edges.offsets().windows(2);
    for ((y, ends), target) in y
        .chunks_exact_mut(heads.outputs().max(1))
        .zip(ends)
        .zip(0u32..)
    {
        let start = ends[0] as usize;
        let senders = &edges.source()[start..ends[1] as usize];
        let degree = senders.len();
        scores.clear();
        scores.resize(count * degree, F::ZERO);
        for (k, &source) in senders.iter().enumerate() {
            let index = start + k;
            score(
                Edge {
                    index,
                    source,
                    target,
                },
                &mut of_edge,
            );
            let places = scores[k..].iter_mut().step_by(degree);
            places.zip(&of_edge).for_each(|(place, &s)| *place = s);
        }
        for (h, scores) in scores.chunks_exact_mut(degree.max(1)).enumerate() {
            softmax(scores);
            let columns = h * width..(h + 1) * width;
            let y = if heads.concat {
                &mut y[columns.clone()]
            } else {
                &mut *y
            };
            for (&source, &alpha) in senders.iter().zip(&*scores) {
                add_scaled(y, alpha * share, &row(x, wide, source)[columns.clone()]);
            }
        }
    }
}

fn softmax<F: Real>(scores: &mut [F]) {
    let Some((&first, rest)) = scores.split_first() else {
        return;
    };
    let greatest = rest.iter().fold(first, |m, &s| if s > m { s } else { m });
    each(scores, |s| (s - greatest).exp());
    let sum = scores.iter().fold(F::ZERO, |sum, &s| sum + s);
    let inverse = F::ONE / (sum + F::of(1e-16));
    each(scores, |s| s * inverse);
}
