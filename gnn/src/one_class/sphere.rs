//! An encoder with the hypersphere that healthy embeddings lie in.

use ndarray::{Array1, Array3, ArrayView1, ArrayView2, ArrayView3, Axis};

use crate::{GcnEncoder, GcnGraph};

/// Encoder, centre and radius: everything that a score needs beside scaled features.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sphere {
    pub(crate) encoder: GcnEncoder,
    pub(crate) center: Array1<f64>,
    pub(crate) radius: f64,
}

impl Sphere {
    /// Squared distance of one embedding from the centre.
    pub(crate) fn squared_distance(&self, z: ArrayView1<'_, f64>) -> f64 {
        z.iter().zip(&self.center).map(|(z, c)| (z - c) * (z - c)).sum()
    }

    /// Embeddings `[T, N, d]` of scaled features `[T, N, F]`.
    pub(crate) fn embed(&self, x: ArrayView3<'_, f64>, graph: &GcnGraph) -> Array3<f64> {
        self.encoder.run_all(x, graph)
    }
}

/// Mean of `rows`, with entries closer to 0 than `eps` moved to `±eps`, 0 itself to `+eps`.
pub(crate) fn center(rows: ArrayView2<'_, f64>, eps: f64) -> Array1<f64> {
    let n = rows.nrows().max(1) as f64;
    rows.sum_axis(Axis(0)).mapv(|sum| {
        let mean = sum / n;
        if mean.abs() >= eps {
            mean
        } else if mean < 0.0 {
            -eps
        } else {
            eps
        }
    })
}

/// Root of the mean over columns of the variance over `rows`.
pub(crate) fn spread(rows: ArrayView2<'_, f64>) -> f64 {
    let n = rows.nrows().max(1) as f64;
    let variance = |column: ArrayView1<'_, f64>| {
        let mean = column.sum() / n;
        column.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n
    };
    let columns = rows.ncols().max(1) as f64;
    (rows.columns().into_iter().map(variance).sum::<f64>() / columns).sqrt()
}

/// The `(1 - nu)`-quantile of the distances, by linear interpolation between order statistics
/// (`torch.quantile`'s default); 0 for no distance.
pub(crate) fn quantile_radius(squared: &mut [f64], nu: f64) -> f64 {
    squared.sort_unstable_by(f64::total_cmp);
    let position = (1.0 - nu) * squared.len().saturating_sub(1) as f64;
    let (below, share) = (position.floor(), position.fract());
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index, >= 0")]
    let below = below as usize;
    let distance = |i: usize| squared.get(i).or(squared.last()).map_or(0.0, |d| d.sqrt());
    let (low, high) = (distance(below), distance(below + 1));
    low + share * (high - low)
}
