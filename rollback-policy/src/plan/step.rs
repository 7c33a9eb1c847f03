//! One step of a plan.

use std::fmt;

use serde::{Deserialize, Serialize};

use astern_graph_core::ChangeId;
use astern_graph_core::signal::Evidence;

use crate::action::Action;
use crate::plan::{Check, Precondition, StepId};

/// A change that is blamed, and how surely.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Blame {
    /// The change.
    pub change: ChangeId,
    /// Probability that it is the cause.
    #[serde(with = "astern_stats::real")]
    pub probability: f64,
}

impl Blame {
    /// A change that is the cause with a probability.
    pub fn new(change: ChangeId, probability: f64) -> Self {
        Self {
            change,
            probability,
        }
    }
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is to blame with {:.0} %",
            self.change,
            100.0 * self.probability
        )
    }
}

/// One step: an action, what it waits for, what it requires, how it is verified, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Step {
    /// Its number.
    pub id: StepId,
    /// Steps that must have reached their targets before.
    pub after: Vec<StepId>,
    /// What it does.
    pub action: Action,
    /// The changes that it answers.
    pub answers: Vec<Blame>,
    /// What must hold when it is applied.
    pub requires: Vec<Precondition>,
    /// What must hold after it.
    pub verify: Vec<Check>,
    /// Why.
    pub because: Vec<Evidence>,
}

impl Step {
    /// A step that waits for nothing, requires nothing and is not verified; the fields are public
    /// for the rest.
    pub fn new(id: StepId, action: Action) -> Self {
        Self {
            id,
            after: Vec::new(),
            action,
            answers: Vec::new(),
            requires: Vec::new(),
            verify: Vec::new(),
            because: Vec::new(),
        }
    }

    /// With the steps that must have reached their targets before.
    #[must_use]
    pub fn after(mut self, steps: impl IntoIterator<Item = StepId>) -> Self {
        self.after.extend(steps);
        self
    }

    /// With the changes that it answers.
    #[must_use]
    pub fn answering(mut self, changes: impl IntoIterator<Item = Blame>) -> Self {
        self.answers.extend(changes);
        self
    }

    /// With what must hold when it is applied.
    #[must_use]
    pub fn requiring(mut self, conditions: impl IntoIterator<Item = Precondition>) -> Self {
        self.requires.extend(conditions);
        self
    }

    /// With what must hold after it.
    #[must_use]
    pub fn verified_by(mut self, checks: impl IntoIterator<Item = Check>) -> Self {
        self.verify.extend(checks);
        self
    }

    /// With reasons.
    #[must_use]
    pub fn because(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.because.extend(evidence);
        self
    }
}
