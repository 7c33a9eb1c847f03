//! What of the proposals is carried out: within the budget, and never a callee below a caller
//! that keeps its new revision.

use std::collections::BTreeMap;

use astern_graph_core::{Artefact, NodeKey};

use crate::impact::Impact;
use crate::plan::Rejection;
use crate::planner::PlannerParams;
use crate::planner::by_service;
use crate::planner::order::Order;
use crate::undo::weigh::{Kept, Proposal, Weighed};

/// Goes through the services in order; what does not fit is moved to `weighed.kept`. Returns the
/// rest, in order, the newest change of each service first.
pub(crate) fn choose(
    weighed: &mut Weighed,
    order: &Order,
    impacts: &[Impact],
    params: &PlannerParams,
) -> Vec<(NodeKey, Vec<Proposal>)> {
    let mut proposals: BTreeMap<NodeKey, Vec<Proposal>> = BTreeMap::new();
    for proposal in std::mem::take(&mut weighed.proposals) {
        proposals
            .entry(proposal.service.clone())
            .or_default()
            .push(proposal);
    }
    let is_code = |proposal: &Proposal| proposal.artefact == Artefact::Code;
    let mut keepers: Vec<NodeKey> = weighed
        .kept
        .iter()
        .filter(|kept| kept.code)
        .map(|kept| kept.service.clone())
        .collect();
    let mut spent = Spent {
        steps: 0,
        calls_per_second: 0.0,
    };
    let mut chosen = Vec::new();
    let impacts = by_service(impacts);
    for service in order.sorted() {
        let mut of_service = proposals.remove(&service).unwrap_or_default();
        // The last change is undone first, as one takes off what was put on last.
        of_service.sort_by(|a, b| (b.began, &a.artefact).cmp(&(a.began, &b.artefact)));
        let impact = impacts.get(&service);
        let mut traffic = impact.map_or(0.0, |impact| impact.score);
        let mut accepted = Vec::new();
        for proposal in of_service {
            let caller = keepers
                .iter()
                .find(|caller| order.depends(caller, &service));
            let kept_caller = caller.filter(|caller| is_code(&proposal) && **caller != service);
            let reason = kept_caller
                .map(|caller| Rejection::CallerKept {
                    caller: caller.clone(),
                })
                .or_else(|| spent.over(&proposal, traffic, params));
            if let Some(reason) = reason {
                if is_code(&proposal) {
                    keepers.push(service.clone());
                }
                weighed.kept.push(Kept::cut(proposal, reason));
                continue;
            }
            spent.steps += proposal.moves.len();
            spent.calls_per_second += std::mem::take(&mut traffic);
            accepted.push(proposal);
        }
        if !accepted.is_empty() {
            chosen.push((service, accepted));
        }
    }
    chosen
}

struct Spent {
    steps: usize,
    calls_per_second: f64,
}

impl Spent {
    /// Why a proposal does not fit any more; `traffic` is what it adds.
    fn over(&self, proposal: &Proposal, traffic: f64, params: &PlannerParams) -> Option<Rejection> {
        let steps = u32::try_from(self.steps + proposal.moves.len()).unwrap_or(u32::MAX);
        if steps > params.max_steps {
            return Some(Rejection::TooManySteps {
                steps,
                limit: params.max_steps,
            });
        }
        let calls_per_second = self.calls_per_second + traffic;
        let limit = params
            .max_calls_per_second
            .filter(|limit| calls_per_second > *limit)?;
        Some(Rejection::TooMuchTraffic {
            calls_per_second,
            limit,
        })
    }
}
