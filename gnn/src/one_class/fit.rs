//! What comes before and after training, without libtorch.

use ndarray::{Array2, Array3, ArrayRef3, s};

use super::report::{Collapse, TrainReport};
use super::sphere::{Sphere, center, embed, spread};
use super::{CollapsePolicy, OneClass, OneClassError, OneClassParams};
use crate::graph::GraphSnapshots;
use crate::kernel::quantile_radius;
use crate::model::{Checkpoint, Network, PreparedGraph};
use crate::scale::Scaler;
use crate::train::StopReason;

/// Where training starts: scaled data and the untrained network with its sphere.
pub(crate) struct Start<'a> {
    params: &'a OneClassParams,
    pub(crate) data: &'a GraphSnapshots,
    scaler: Scaler,
    /// Scaled features, `[T, N, F]`.
    pub(crate) x: Array3<f64>,
    graph: PreparedGraph<f64>,
    /// Rows `t * N + n` with at least one value.
    pub(crate) rows: Vec<usize>,
    pub(crate) initial: Sphere,
    spread: f64,
}

impl OneClassParams {
    /// Checks the settings and scales the data, draws the weights, and places the sphere.
    pub(crate) fn start<'a>(
        &'a self,
        data: &'a GraphSnapshots,
    ) -> Result<Start<'a>, OneClassError> {
        self.check()?;
        let checkpoint = Checkpoint::glorot(self.network(data.n_features()), self.seed)?;
        let rows = data.observed_rows();
        if rows.is_empty() {
            let (snapshots, nodes) = (data.n_snapshots(), data.n_nodes());
            return Err(OneClassError::NoObservation { snapshots, nodes });
        }
        let scaler = Scaler::fit(data)?;
        let x = scaler.apply(data.x());
        let graph = PreparedGraph::new(&data.structure());
        let network = Network::new(&checkpoint)?;
        let z = observed(&embed(&network, &x, &graph)?, &rows);
        let center = center(&z, self.center_eps);
        let spread = spread(&z);
        let mut initial = Sphere::new(checkpoint, center, 0.0)?;
        let mut squared: Vec<f64> = z
            .rows()
            .into_iter()
            .map(|z| initial.squared_distance(&z))
            .collect();
        initial.radius = quantile_radius(&mut squared, self.nu);
        Ok(Start {
            params: self,
            data,
            scaler,
            x,
            graph,
            rows,
            initial,
            spread,
        })
    }

    /// A model with the initial weights, without training: needs no libtorch.
    ///
    /// Scaler, centre and radius are fitted as for a trained model; its score is a random
    /// projection over the graph, the mark that training has to beat.
    ///
    /// # Errors
    ///
    /// [`OneClassError::Param`], [`OneClassError::NoObservation`], [`OneClassError::Scale`] and
    /// [`OneClassError::Collapsed`].
    ///
    /// # Example
    ///
    /// ```
    /// use astern_gnn::{GraphSnapshots, OneClassParams, ndarray::Array3};
    ///
    /// let x = Array3::from_shape_fn((20, 3, 2), |(t, n, f)| ((7 * t + 3 * n + f) % 5) as f64);
    /// let data = GraphSnapshots::new(x, [(1, 0), (2, 1)])?;
    /// let model = OneClassParams::default().hidden([8]).embedding(4).untrained(&data)?;
    /// assert_eq!(model.score(&data)?.dim(), (20, 3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn untrained(&self, data: &GraphSnapshots) -> Result<OneClass, OneClassError> {
        let start = self.start(data)?;
        let checkpoint = start.initial.checkpoint.clone();
        start.finish(checkpoint, Vec::new(), StopReason::Untrained, "none".into())
    }
}

impl Start<'_> {
    /// The model with the weights of `checkpoint`; radius and spread are taken from the path that
    /// scores.
    pub(crate) fn finish(
        self,
        checkpoint: Checkpoint,
        losses: Vec<f64>,
        stop: StopReason,
        device: String,
    ) -> Result<OneClass, OneClassError> {
        let mut trained = Sphere::new(checkpoint, self.initial.center.clone(), 0.0)?;
        let z = observed(&trained.embed(&self.x, &self.graph)?, &self.rows);
        let spread_after = spread(&z);
        let mut squared: Vec<f64> = z
            .rows()
            .into_iter()
            .map(|z| trained.squared_distance(&z))
            .collect();
        trained.radius = quantile_radius(&mut squared, self.params.nu);
        let distance = |d: Option<&f64>| d.map_or(0.0, |d| d.sqrt());
        let embedding = Collapse {
            spread_before: self.spread,
            spread_after,
            distance_min: distance(squared.first()),
            distance_max: distance(squared.last()),
        };
        if !(spread_after.is_finite() && embedding.distance_max.is_finite()) {
            let loss = losses.last().copied().unwrap_or(f64::NAN);
            return Err(OneClassError::Diverged {
                epoch: losses.len(),
                loss,
            });
        }
        let collapsed = embedding.happened(self.params.collapse_ratio);
        if collapsed && self.params.collapse == CollapsePolicy::Refuse {
            return Err(OneClassError::Collapsed(embedding));
        }
        let report = TrainReport {
            losses,
            stop,
            device,
            radius: trained.radius,
            control_radius: self.initial.radius,
            embedding,
            collapsed,
            rows: self.rows.len(),
            missing: self.data.missing(),
        };
        Ok(OneClass {
            params: self.params.clone(),
            features: self.data.features().to_vec(),
            scaler: self.scaler,
            trained,
            control: self.initial,
            report,
        })
    }
}

/// The given rows of embeddings `[T, N, d]`, shape `[rows, d]`.
fn observed(z: &ArrayRef3<f64>, rows: &[usize]) -> Array2<f64> {
    let (_, n, width) = z.dim();
    let mut out = Array2::zeros((rows.len(), width));
    for (mut out, &row) in out.rows_mut().into_iter().zip(rows) {
        out.assign(&z.slice(s![row / n, row % n, ..]));
    }
    out
}
