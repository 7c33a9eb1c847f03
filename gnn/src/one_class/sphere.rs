//! An encoder with the hypersphere that healthy embeddings lie in.

use ndarray::{Array1, Array3, ArrayRef1, ArrayRef2, ArrayRef3, ArrayView1, Axis};

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
    pub(crate) fn squared_distance(&self, z: &ArrayRef1<f64>) -> f64 {
        z.iter()
            .zip(&self.center)
            .map(|(z, c)| (z - c) * (z - c))
            .sum()
    }

    /// Embeddings `[T, N, d]` of scaled features `[T, N, F]`.
    pub(crate) fn embed(&self, x: &ArrayRef3<f64>, graph: &GcnGraph) -> Array3<f64> {
        self.encoder.run_all(x, graph)
    }
}

/// Mean of `rows`, with entries closer to 0 than `eps` moved to `±eps`, 0 itself to `+eps`.
pub(crate) fn center(rows: &ArrayRef2<f64>, eps: f64) -> Array1<f64> {
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
pub(crate) fn spread(rows: &ArrayRef2<f64>) -> f64 {
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
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index, >= 0"
    )]
    let below = below as usize;
    let distance = |i: usize| squared.get(i).or(squared.last()).map_or(0.0, |d| d.sqrt());
    let (low, high) = (distance(below), distance(below + 1));
    low + share * (high - low)
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use ndarray::array;

    use super::*;

    /// `torch.quantile(torch.sqrt(d), 0.5)` of torch 2.11.0, `f64`.
    #[test]
    fn radius_equals_torch_quantile() {
        let mut squared = [
            1.172_109_826_984_765,
            10.260_734_976_745_384,
            4.354_616_932_552_157,
            4.949_420_610_015_475,
            2.242_529_664_891_606,
            3.739_973_710_074_371,
        ];
        let radius = quantile_radius(&mut squared, 0.5);
        assert_relative_eq!(radius, 2.010_336_528_132_137_7, max_relative = 1e-14);
    }

    #[test]
    fn radius_reaches_both_ends() {
        assert_relative_eq!(quantile_radius(&mut [9.0, 1.0, 4.0], 1.0), 1.0);
        assert_relative_eq!(quantile_radius(&mut [9.0, 1.0, 4.0], 1e-300), 3.0);
        assert_relative_eq!(quantile_radius(&mut [4.0], 0.3), 2.0);
        assert_relative_eq!(quantile_radius(&mut [], 0.3), 0.0);
    }

    #[test]
    fn small_entries_of_the_centre_are_moved_zero_too() {
        let rows = array![[0.5, 0.0, -1e-4, 1e-4], [1.5, 0.0, -1e-4, 1e-4]];
        assert_eq!(center(&rows, 1e-3), array![1.0, 1e-3, -1e-3, 1e-3]);
    }

    #[test]
    fn spread_is_the_root_of_the_mean_variance() {
        assert_relative_eq!(spread(&array![[1.0, 7.0], [3.0, 7.0]]), 0.5f64.sqrt());
        assert_relative_eq!(spread(&array![[1.0, 7.0]]), 0.0);
    }
}
