//! A network with the hypersphere that healthy embeddings lie in.

use ndarray::{Array1, Array3, ArrayRef1, ArrayRef2, ArrayRef3, ArrayView1, Axis, stack};

use crate::error::{ConfigError, EncodeError};
use crate::model::{Checkpoint, Network, PreparedGraph};

/// Network, centre and radius: everything that a score needs beside scaled features.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sphere {
    pub(crate) checkpoint: Checkpoint,
    /// That of the checkpoint, ready to score.
    network: Network<f64>,
    pub(crate) center: Array1<f64>,
    pub(crate) radius: f64,
}

impl Sphere {
    /// A sphere around the embeddings of this network.
    pub(crate) fn new(
        checkpoint: Checkpoint,
        center: Array1<f64>,
        radius: f64,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            network: Network::new(&checkpoint)?,
            checkpoint,
            center,
            radius,
        })
    }

    /// Squared distance of one embedding from the centre.
    pub(crate) fn squared_distance(&self, z: &ArrayRef1<f64>) -> f64 {
        z.iter()
            .zip(&self.center)
            .map(|(z, c)| (z - c) * (z - c))
            .sum()
    }

    /// Embeddings `[T, N, d]` of scaled features `[T, N, F]`.
    pub(crate) fn embed(
        &self,
        x: &ArrayRef3<f64>,
        graph: &PreparedGraph<f64>,
    ) -> Result<Array3<f64>, EncodeError> {
        embed(&self.network, x, graph)
    }
}

/// Embeddings `[T, N, d]` of features `[T, N, F]`, snapshot by snapshot.
pub(crate) fn embed(
    network: &Network<f64>,
    x: &ArrayRef3<f64>,
    graph: &PreparedGraph<f64>,
) -> Result<Array3<f64>, EncodeError> {
    let mut z = Vec::new();
    for x in x.outer_iter() {
        z.push(network.forward(&x, graph)?);
    }
    let views: Vec<_> = z.iter().map(|z| z.view()).collect();
    Ok(stack(Axis(0), &views).unwrap_or_default())
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

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use ndarray::array;

    use super::*;

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
