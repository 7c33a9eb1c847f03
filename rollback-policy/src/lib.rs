//! From a diagnosis to a rollback that is carried out and verified.
//!
//! ```text
//! Assessment ─► Risk ─► Policy::decide ─► Planner::plan ─► Plan ─► Run ◄─► Executor
//! ```
//!
//! - [`Risk`] says how bad it is, [`Policy`] what to do about it, [`Impact`] whom it hits.
//! - [`Planner`] makes a [`Plan`]: absolute targets only, callers before callees, within a budget,
//!   every step with its preconditions, checks and reasons, and what was rejected.
//! - [`Run`] carries a plan out without IO: it says what to ask of the platform and when, and can
//!   be stored at any moment and resumed after a crash.
//! - [`Executor`] is the one trait to implement for a platform; [`drive`] joins it to a run.
//!
//! Pure data and functions: no clock, no IO, no runtime. The same input makes the same plan, byte
//! for byte.
//!
//! ```
//! use std::time::Duration;
//! use astern_graph_core::signal::{Assessment, BlamedChange, Diagnosis, Evidence, Verdict};
//! use astern_graph_core::{
//!     Call, ChangeEvent, GraphBuilder, GraphParams, NodeKey, Party, Timestamp,
//! };
//! use astern_rollback_policy::{
//!     DryRun, Mode, Planner, PlannerParams, Run, RunParams, RunState, drive,
//! };
//!
//! // web calls cart ten times a second.
//! let (web, cart) = (NodeKey::service("web"), NodeKey::service("cart"));
//! let start = Timestamp::from_secs(1_700_000_000);
//! let now = start.plus(Duration::from_secs(60));
//! let mut builder = GraphBuilder::new(GraphParams::default().step(Duration::from_secs(10)))?;
//! builder.extend((0..600).map(|i| {
//!     let at = start.plus(Duration::from_millis(100 * i));
//!     Call::new(at, Party::new(cart.clone())).from(Party::new(web.clone())).into()
//! }));
//!
//! // cart was released, and the release is to blame.
//! let release = ChangeEvent::new("cart@2", start, cart.clone(), Some("sha-1".into()), "sha-2".into());
//! let blamed = BlamedChange::new(release.id.clone(), cart, Some(0.92)).because([
//!     Evidence::ChangedBefore { change: release.id.clone(), delay: Duration::from_secs(20) },
//! ]);
//! let diagnosis = Diagnosis::new(vec![], vec![blamed]);
//!
//! let params = PlannerParams::default().traffic_window(Duration::from_secs(60));
//! let assessment = Assessment::new(Verdict::Regressed);
//! let plan = Planner::new(params)?.plan(&builder.build(), &assessment, &diagnosis, &[release], now)?;
//! assert_eq!(plan.to_string(), "\
//! plan 28bdb0fd6d25229276836eae22af8588 of 2023-11-14T22:14:20Z, 1 step
//! 1. set service/cart to revision sha-1
//!      because  cart@2 is to blame with 92 %
//!      because  cart@2 came 20 s before
//!      because  1 node depends on it, 10.0 calls/s at risk there
//!      requires service/cart runs sha-2
//!      requires sha-1 of service/cart can still be run
//!      requires no other plan acts on service/cart
//!      verify   service/cart runs sha-1 within 10 min");
//!
//! let mut run = Run::new(plan, Mode::DryRun, 1, RunParams::default(), now)?;
//! drive(&mut run, &DryRun, now)?;
//! assert_eq!(run.state(), RunState::Succeeded);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod action;
mod decision;
mod executor;
mod fact;
mod impact;
mod plan;
mod planner;
mod risk;
mod run;
mod seconds;
mod undo;

pub use action::Action;
pub use astern_graph_core::TrafficShare;
pub use decision::{Decision, Policy, PolicyParams, Reason, Ruling, WhenUnsure};
pub use executor::{
    DryRun, Effect, Exchange, ExecError, Executor, IdempotencyKey, Observed, Outcome, Reading,
    Recording, Refusal, Request, drive,
};
pub use fact::Fact;
pub use impact::{Impact, Influence};
pub use plan::{
    Blame, Check, Expectation, Limit, Plan, PlanError, PlanId, PlanIdError, Precondition,
    RejectedAlternative, Rejection, Step, StepId,
};
pub use planner::{Planner, PlannerParams};
pub use risk::{Persistence, Risk, RiskLevel, RiskModel, RiskParams};
pub use run::{
    Failure, Mode, Run, RunError, RunParams, RunState, RunSummary, StepStatus, StepSummary,
};
