//! The guard with default parameters, in Apply mode.

use std::time::Duration;

use astern::policy::Mode;
use astern::{Event, Guard};
use astern_graph_core::{Record, Timestamp};
use astern_sim::SimExecutor;

use super::Controller;
use crate::EvalError;
use crate::simulated::params;

#[derive(Debug)]
pub(super) struct Guarded(Guard);

impl Guarded {
    pub(super) fn new(step: Duration) -> Result<Self, EvalError> {
        Ok(Self(Guard::new(params(step).mode(Mode::Apply))?))
    }
}

impl Controller for Guarded {
    fn step(
        &mut self,
        records: Vec<Record>,
        now: Timestamp,
        platform: &SimExecutor,
    ) -> Result<(), EvalError> {
        let store = |_: &[u8]| Ok::<(), std::io::Error>(());
        for event in self.0.tick(records, now, platform, store) {
            if let Event::Failed(error) = event {
                return Err(error.into());
            }
        }
        Ok(())
    }
}
