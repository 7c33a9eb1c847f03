//! Runs as bytes, and the checks on what comes back from them.

use serde::Deserialize;

use astern_graph_core::codec::Format;
use astern_graph_core::{CodecError, Timestamp};

use crate::plan::{Plan, StepId};
use crate::run::progress::Progress;
use crate::run::{Mode, Run, RunError, RunParams};

const FORMAT: Format = Format {
    name: "a run",
    magic: *b"ASTNRUN\0",
    version: 1,
};

/// A run as it is stored, before it is checked; its fields are those of [`Run`], in their order.
#[derive(Deserialize)]
pub(crate) struct Stored {
    plan: Plan,
    mode: Mode,
    fence: u64,
    params: RunParams,
    clock: Timestamp,
    progress: Vec<Progress>,
}

/// A stored run does not fit together.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoredError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("{progress} states of {steps} steps")]
    Length { progress: usize, steps: usize },
    #[error("step {step} waits for nothing")]
    Stuck { step: StepId },
}

impl TryFrom<Stored> for Run {
    type Error = StoredError;

    fn try_from(stored: Stored) -> Result<Self, StoredError> {
        let Stored {
            plan,
            mode,
            fence,
            params,
            clock,
            progress,
        } = stored;
        plan.validate().map_err(RunError::from)?;
        params.check().map_err(RunError::from)?;
        if progress.len() != plan.steps.len() {
            let (progress, steps) = (progress.len(), plan.steps.len());
            return Err(StoredError::Length { progress, steps });
        }
        let mut states = plan.steps.iter().zip(&progress);
        if let Some((step, _)) = states.find(|(_, progress)| progress.is_stuck()) {
            return Err(StoredError::Stuck { step: step.id });
        }
        let mut run = Self {
            plan,
            mode,
            fence,
            params,
            clock,
            progress,
        };
        // Nothing is left to do here for a run that was stored whole; a damaged one goes on.
        run.advance();
        Ok(run)
    }
}

impl Run {
    /// The whole run as bytes, at whatever point it is.
    ///
    /// # Errors
    /// [`CodecError`] when it cannot be serialised.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        FORMAT.encode(self)
    }

    /// A run from [`to_bytes`](Self::to_bytes). Call [`resume`](Self::resume) next where its
    /// holder may have died meanwhile.
    ///
    /// # Errors
    /// [`CodecError`] for bytes of another format or version, or damaged ones.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        FORMAT.decode(bytes)
    }
}
