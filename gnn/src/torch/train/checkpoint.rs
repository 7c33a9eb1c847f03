//! A training to a checkpoint, and back.

use tch::Tensor;

use super::super::state::{load_tensor, shape_of};
use super::super::tensor::to_values;
use super::super::{Module, TorchError, load_state};
use super::TrainError;
use super::trainer::Core;
use crate::state::StateDict;
use crate::train::TrainCheckpoint;

impl Core {
    pub(super) fn checkpoint(
        &self,
        config: serde_json::Value,
    ) -> Result<TrainCheckpoint, TorchError> {
        let now = match &self.last {
            Some(last) => self.named(last)?,
            None => self.named(self.optimizer.parameters().map(|(_, p)| p))?,
        };
        Ok(TrainCheckpoint {
            params: self.params.clone(),
            parameters: now,
            best: self.best.as_ref().map(|b| self.named(b)).transpose()?,
            optimizer: self.optimizer.state()?,
            config,
            library: env!("CARGO_PKG_VERSION").into(),
            progress: self.progress.clone(),
        })
    }

    /// Puts `checkpoint` into `module` and goes on from there.
    pub(super) fn resume(
        module: &dyn Module,
        checkpoint: &TrainCheckpoint,
    ) -> Result<Self, TrainError> {
        let mut core = Self::new(module, &checkpoint.params)?;
        core.optimizer.load_state(&checkpoint.optimizer)?;
        if let Some(best) = &checkpoint.best {
            let of = |(name, p): (&str, &Tensor)| load_tensor(best, name, p);
            let best = core.optimizer.parameters().map(of);
            core.best = Some(best.collect::<Result<_, _>>()?);
        }
        load_state(module, &checkpoint.parameters)?;
        let mut progress = checkpoint.progress.clone().under(&checkpoint.params);
        progress.report.stop = None;
        core.progress = progress;
        Ok(core)
    }

    /// `tensors`, one a parameter, by name.
    fn named<'t>(
        &self,
        tensors: impl IntoIterator<Item = &'t Tensor>,
    ) -> Result<StateDict, TorchError> {
        let mut state = StateDict::default();
        for ((name, _), tensor) in self.optimizer.parameters().zip(tensors) {
            state.insert(name, &shape_of(tensor), to_values(tensor)?);
        }
        Ok(state)
    }
}
