//! What the guard says.

use std::fmt;

use astern_graph_core::signal::{Assessment, Diagnosis};
use astern_graph_core::{IngestReport, Timestamp};
use astern_rollback_policy::{Plan, PlanId, Request, Risk, Ruling, RunSummary, StepId};

use super::proposals::Withdrawal;
use super::warning::Warning;
use crate::error::Error;

/// One thing that happened in a call to the guard, in order.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// What became of the records.
    Ingest(IngestReport),
    /// Something in the records looks like a mistake; said once.
    Warned(Warning),
    /// What healthy is, is not known yet: the system as a whole is not judged, changes are, new against old.
    Learning {
        /// Steps since telemetry began, or since a change was last found worse.
        have: u32,
        /// Steps that are needed.
        need: u32,
    },
    /// The system, or one change, was judged.
    Assessed(Assessment),
    /// Causes were ranked and changes blamed.
    Diagnosed(Diagnosis),
    /// It was decided what to do.
    Decided {
        /// The decision and its reasons.
        ruling: Ruling,
        /// The risk that it rests on.
        risk: Risk,
    },
    /// A plan was made; its run has begun. It may do no more than call a person: see
    /// [`Plan::changes_services`].
    Planned(Plan),
    /// A plan waits for a person's word until then ([`Mode::Ask`](astern_rollback_policy::Mode::Ask)): see
    /// [`Guard::approve`](crate::Guard::approve) and [`Guard::decline`](crate::Guard::decline).
    Proposed {
        /// The plan.
        plan: Plan,
        /// When it is withdrawn.
        until: Timestamp,
    },
    /// A plan waits no longer, and is not carried out.
    Withdrawn {
        /// Which plan.
        plan: PlanId,
        /// Why not.
        why: Withdrawal,
    },
    /// The platform is asked for something: carry it out and report the outcome.
    Execute(Request),
    /// A step has reached its end.
    Verified {
        /// Of which plan.
        plan: PlanId,
        /// Which step.
        step: StepId,
        /// Whether it reached its target and its checks passed.
        ok: bool,
    },
    /// The run is over.
    Finished(RunSummary),
    /// A stage could not run; the others went on.
    Failed(Error),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ingest(report) => report.fmt(f),
            Self::Warned(warning) => write!(f, "warning: {warning}"),
            Self::Learning { have, need } => write!(f, "learning: {have} of {need} steps"),
            Self::Assessed(assessment) => assessment.fmt(f),
            Self::Diagnosed(diagnosis) => write!(f, "diagnosis\n{diagnosis}"),
            Self::Decided { ruling, .. } => write!(f, "decision: {ruling}"),
            Self::Planned(plan) => plan.fmt(f),
            Self::Proposed { plan, until } => {
                write!(f, "waits for a person's word until {until}: {plan}")
            }
            Self::Withdrawn { plan, why } => write!(f, "plan {plan} is withdrawn: {why}"),
            Self::Execute(request) => write!(f, "execute {:?}", request.effect),
            Self::Verified { plan, step, ok } => {
                let not = if *ok { "" } else { "not " };
                write!(f, "step {step} of plan {plan} {not}verified")
            }
            Self::Finished(summary) => summary.fmt(f),
            Self::Failed(error) => write!(f, "failed: {error}"),
        }
    }
}
