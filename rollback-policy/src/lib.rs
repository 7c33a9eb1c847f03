#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod action;
#[cfg(feature = "conformance")]
#[cfg_attr(docsrs, doc(cfg(feature = "conformance")))]
pub mod conformance;
mod decision;
mod executor;
mod fact;
mod impact;
mod place;
mod plan;
mod planner;
mod risk;
mod run;
mod seconds;
mod undo;

pub use action::Action;
pub use astern_graph_core::TrafficShare;
pub use decision::{
    BrakesParams, Decision, Freeze, PageCause, Paging, PagingParams, Policy, PolicyParams, Reason,
    Ruling, Undos, WhenUnsure,
};
pub use executor::platform;
pub use executor::{
    DryRun, Effect, Exchange, ExecError, Executor, IdempotencyKey, Observed, Outcome, Reading,
    Recording, Refusal, Request, drive,
};
pub use fact::Fact;
pub use impact::{Impact, InfluenceWeights};
pub use place::{Place, Version};
pub use plan::{
    Blame, Check, Expectation, Limit, Plan, PlanError, PlanId, PlanIdError, Precondition,
    RejectedAlternative, Rejection, Step, StepId,
};
pub use planner::{Planner, PlannerParams};
pub use risk::{Persistence, Risk, RiskLevel, RiskModel, RiskParams};
pub use run::{
    Failure, Mode, Run, RunError, RunParams, RunState, RunSummary, StepStatus, StepSummary,
};
