//! What a run has done so far, for people and reports.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::plan::{PlanId, StepId};
use crate::run::{Mode, RunState, StepStatus};

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepSummary {
    /// The step.
    pub step: StepId,
    /// What it does.
    pub action: Action,
    /// Where it stands.
    pub status: StepStatus,
    /// Times that the effect was sent.
    pub attempts: u32,
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunSummary {
    /// The plan.
    pub plan: PlanId,
    /// Whether it changes the platform.
    pub mode: Mode,
    /// Where it stands.
    pub state: RunState,
    /// Its steps, in the order of the plan.
    pub steps: Vec<StepSummary>,
}

impl fmt::Display for RunSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.mode {
            Mode::Apply | Mode::Ask => "run",
            Mode::DryRun => "dry run",
        };
        write!(f, "{kind} of plan {}: {}", self.plan, self.state)?;
        let digits = |s: &StepSummary| s.step.to_string().len();
        let width = self.steps.iter().map(digits).max().unwrap_or(1);
        for StepSummary {
            step,
            action,
            status,
            attempts,
        } in &self.steps
        {
            write!(f, "\n{step:>width$}. {action}\n{:width$}    {status}", "")?;
            if *attempts > 1 {
                write!(f, " ({attempts} attempts)")?;
            }
        }
        Ok(())
    }
}
