//! Trainings on Cora.

use std::error::Error;
use std::path::Path;

use astern_eval::gnn::cora::{Cora, Model, Trained};
use astern_gnn::graph::NodeSplit;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The graph of papers, once it has been read.
#[derive(Default)]
pub(super) struct Papers(Option<Cora>);

impl Papers {
    pub(super) fn read(&mut self, path: &Path) -> Outcome<()> {
        self.0 = Some(Cora::read(path)?);
        Ok(())
    }

    pub(super) fn split(&self, seed: u64) -> Outcome<NodeSplit> {
        self.ready()?.split(seed)
    }

    pub(super) fn train(&self, model: Model, seed: u64) -> Outcome<Trained> {
        self.ready()?.train(model, seed)
    }

    fn ready(&self) -> Outcome<&Cora> {
        Ok(self.0.as_ref().ok_or("no papers yet")?)
    }
}
