//! Training on libtorch.

use std::ops::ControlFlow;

use astern_gnn::one_class::OneClassEpoch;
use astern_gnn::torch::DeviceChoice;
use astern_graph_core::{TemporalGraph, Window};

use super::params::Prepared;
use super::{HypersphereModel, HypersphereParams, NetworkRole};
use crate::learned::LearnedError;

impl HypersphereParams {
    /// Trains a model: [`train_with`](Self::train_with) on the first GPU, or on the CPU where there
    /// is none.
    ///
    /// # Errors
    /// Those of [`train_with`](Self::train_with).
    pub fn train(
        &self,
        graph: &TemporalGraph,
        healthy: &Window,
    ) -> Result<HypersphereModel, LearnedError> {
        let go_on = |_, _| ControlFlow::Continue(());
        self.train_with(graph, healthy, DeviceChoice::Auto, go_on)
    }

    /// Trains the graph network and then the MLP on the first two thirds of a healthy window, so that the last third
    /// can calibrate. `progress` receives every epoch of either network and may end the training of that network.
    ///
    /// On the CPU the same parameters, data, libtorch and number of threads give the same bytes.
    ///
    /// # Errors
    /// Those of [`training_data`](Self::training_data); [`LearnedError::Train`] for a device that
    /// is not there, and for training that diverges or collapses.
    ///
    /// # Complexity
    /// That of [`OneClassParams::fit_with`](astern_gnn::OneClassParams::fit_with), twice.
    pub fn train_with(
        &self,
        graph: &TemporalGraph,
        healthy: &Window,
        device: DeviceChoice,
        mut progress: impl FnMut(NetworkRole, OneClassEpoch) -> ControlFlow<()>,
    ) -> Result<HypersphereModel, LearnedError> {
        let prepared = Prepared::new(self, graph, healthy)?;
        let mut train = |network| {
            let data = prepared.training_data(network)?;
            let trained = self
                .network
                .fit_with(&data, device, |epoch| progress(network, epoch))?;
            Ok::<_, LearnedError>(trained)
        };
        let (gnn, mlp) = (train(NetworkRole::Graph)?, train(NetworkRole::Mlp)?);
        HypersphereModel::new(healthy.kind, gnn, mlp)
    }
}
