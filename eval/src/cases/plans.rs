//! What a plan does about changes that are reported badly.

use std::time::Duration;

use astern::policy::{Action, Plan, Planner, PlannerParams};
use astern_graph_core::signal::{Assessment, BlamedChange, Diagnosis, Verdict};
use astern_graph_core::{ChangeEvent, ChangePhase, GraphBuilder, GraphParams, NodeKey, Timestamp};

use super::{CaseOutcome, Played, Situation};
use crate::EvalError;

const FOUND: &str = "found by attacking the planner";

/// When plans are made.
pub(super) const MADE: Timestamp = Timestamp::from_secs(1_700_000_000);

fn before(seconds: u64) -> Timestamp {
    MADE.minus(Duration::from_secs(seconds))
}

/// A release of cart, 100 s before the plan.
pub(super) fn release(id: &str, from: Option<&str>, to: &str) -> ChangeEvent {
    let cart = NodeKey::service("cart");
    ChangeEvent::new(id, before(100), cart, from.map(Into::into), to.into())
}

/// A change that is to blame with 90 %.
pub(super) fn blamed(change: &ChangeEvent) -> BlamedChange {
    BlamedChange::new(change.id.clone(), change.service.clone(), Some(0.9))
}

/// The plan about these changes, with nothing else known.
pub(super) fn plan(changes: &[ChangeEvent], blamed: Vec<BlamedChange>) -> Result<Plan, EvalError> {
    let mut builder = GraphBuilder::new(GraphParams::default())?;
    for change in changes {
        builder.declare_node(change.service.clone());
    }
    let planner = Planner::new(PlannerParams::default())?;
    let assessment = Assessment::new(Verdict::Regressed);
    let diagnosis = Diagnosis::new(vec![], blamed);
    Ok(planner.plan(&builder.build(), &assessment, &diagnosis, changes, MADE)?)
}

/// The actions of a plan, or why there is none.
fn actions(plan: Result<Plan, EvalError>) -> Played<(Vec<Action>, String)> {
    match plan {
        Ok(plan) => {
            let actions: Vec<Action> = plan.steps.into_iter().map(|step| step.action).collect();
            let text: Vec<_> = actions.iter().map(ToString::to_string).collect();
            Ok((actions, text.join("; ")))
        }
        Err(EvalError::Plan(error)) => Ok((Vec::new(), error.to_string())),
        Err(error) => Err(error),
    }
}

/// Whether a plan sets a service to this revision.
fn sets(actions: &[Action], service: &str, revision: &str) -> bool {
    let wanted = Action::SetRevision {
        service: NodeKey::service(service),
        to: revision.into(),
    };
    actions.contains(&wanted)
}

/// One id of a pipeline for a release of cart and one of pay, of which one is blamed.
fn of_one_id(service: &str) -> Played<(Vec<Action>, String)> {
    let mut cart = release("deploy-42", Some("cart-r1"), "cart-r2");
    cart.at = before(100);
    let pay = NodeKey::service("pay");
    let pay = ChangeEvent::new("deploy-42", before(90), pay, None, "pay-r2".into());
    let of = BlamedChange::new("deploy-42".into(), NodeKey::service(service), Some(0.9));
    actions(plan(&[cart, pay], vec![of]))
}

pub(super) const SHARED_ID_CART: Situation = Situation {
    name: "one-id-for-two-services-first-blamed",
    ids: &["c6"],
    expected: "cart goes back to cart-r1: a change is known by its service and its id",
    source: FOUND,
    play: || {
        let (actions, text) = of_one_id("cart")?;
        Ok(CaseOutcome::new(sets(&actions, "cart", "cart-r1"), text))
    },
};

pub(super) const SHARED_ID_PAY: Situation = Situation {
    name: "one-id-for-two-services-second-blamed",
    ids: &["c6"],
    expected: "pay is not set to a revision of cart, whose release has the same id",
    source: FOUND,
    play: || {
        let (actions, text) = of_one_id("pay")?;
        Ok(CaseOutcome::new(!sets(&actions, "pay", "cart-r1"), text))
    },
};

pub(super) const CONTRADICTION: Situation = Situation {
    name: "two-reports-of-one-change-disagree",
    ids: &["c6"],
    expected: "neither r1 nor r7 is set while nothing but two reports that disagree names them",
    source: FOUND,
    play: || {
        let first = release("c", Some("r1"), "r2");
        let mut second = release("c", Some("r7"), "r2");
        second.at = before(50);
        let of = vec![blamed(&first)];
        let (actions, text) = actions(plan(&[first, second], of))?;
        let right = !sets(&actions, "cart", "r1") && !sets(&actions, "cart", "r7");
        Ok(CaseOutcome::new(right, text))
    },
};

pub(super) const KNOWN_BAD: Situation = Situation {
    name: "target-was-rolled-back-before",
    ids: &["c6"],
    expected: "cart is not set to r2, which was rolled back before",
    source: FOUND,
    play: || {
        let mut bad = release("c1", Some("r1"), "r2");
        bad.at = before(5_000);
        let mut back = bad.clone();
        back.at = before(4_000);
        back.phase = ChangePhase::RolledBack;
        let next = release("c3", Some("r2"), "r3");
        let of = vec![blamed(&next)];
        let (actions, text) = actions(plan(&[bad, back, next], of))?;
        Ok(CaseOutcome::new(!sets(&actions, "cart", "r2"), text))
    },
};
