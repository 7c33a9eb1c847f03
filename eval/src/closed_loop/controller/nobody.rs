//! Nobody acts: what an incident costs.

use astern_graph_core::{Record, Timestamp};
use astern_sim::SimExecutor;

use super::Controller;
use crate::EvalError;

#[derive(Debug)]
pub(super) struct Nobody;

impl Controller for Nobody {
    fn step(&mut self, _: Vec<Record>, _: Timestamp, _: &SimExecutor) -> Result<(), EvalError> {
        Ok(())
    }
}
