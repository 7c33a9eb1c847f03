//! From a diagnosis to a plan.

mod budget;
mod order;
mod params;
mod recovery;

pub use params::PlannerParams;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use astern_graph_core::signal::{Assessment, Diagnosis, Evidence};
use astern_graph_core::{ChangeEvent, NodeKey, TemporalGraph, TimeRange, Timestamp};
use astern_stats::ParamError;

use crate::action::Action;
use crate::impact::{Impact, Impacts, InfluenceWeights};
use crate::plan::{Check, Plan, PlanError, RejectedAlternative, Step, StepId};
use crate::undo::changes::Changes;
use crate::undo::weigh::{Kept, Proposal, Weighed};
use order::Order;
use recovery::Recovery;

/// Plans rollbacks: a pure function from what is known to the safest way back.
///
/// # What is done
/// Only changes that are blamed with `min_confidence` or more are undone, each by the mildest
/// action that its kind allows, always to an absolute target:
///
/// | change | undone by |
/// |---|---|
/// | feature flag | setting it to what it was (off, unless it is known to have been on) |
/// | canary in progress | no traffic to the new revision, then the revision set to `from` |
/// | blue-green | all traffic to the set that runs `from` |
/// | rolling, completed canary | the revision set to `from` |
/// | configuration | the configuration set to `from` |
///
/// Blamed changes of one service that lie on top of each other are undone together. A person is
/// called ([`Action::Escalate`]), and a rollout that goes on or cannot go back is held, when
/// - the change is forward-only and `from` is not known to work with the data as it is now,
/// - `from` is not known (a canary still loses its traffic: that needs no target),
/// - a newer change that is not to blame lies on top,
/// - the change is not active, or changed another service than the blamed one,
/// - a caller keeps its new revision although blamed, or
/// - the budget of steps or of traffic is used up.
///
/// So every change blamed with confidence is answered by a step; what was not done stands in
/// [`Plan::rejected`], with the reason.
///
/// # In which order
/// Callers before callees, so that a new caller is never left in front of an old callee; among
/// independent services the one with the greater [`Impact`] first; within a service the newest
/// change first. Services that call each other in a circle are taken by impact, and say so as
/// evidence.
///
/// # How it is verified
/// Each step must reach its target; the last step of each service must also bring those metrics
/// back that are anomalous there or at what suffers with it.
///
/// # Complexity
/// `O(S (V + E) log V + S³)` for `S` services with blamed changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Planner {
    params: PlannerParams,
    influence: InfluenceWeights,
}

astern_stats::setters!(Planner {
    /// Sets how strongly faults show at neighbours.
    influence: InfluenceWeights,
});

impl Planner {
    /// A planner with these parameters.
    ///
    /// # Errors
    /// [`ParamError`] for a parameter outside its rule.
    pub fn new(params: PlannerParams) -> Result<Self, ParamError> {
        params.check()?;
        Ok(Self {
            params,
            influence: InfluenceWeights::full(),
        })
    }

    /// Plans the way back. `active` are the steps of all changes that may still be undone, in any
    /// order; of several attempts of a change only the last one may be undone. What the graph knows of earlier ones shows
    /// which revision came before which. Steps of changes after `now` are ignored. The crate's front page has an example.
    ///
    /// # Errors
    /// [`PlanError::NothingToDo`] when no change is blamed with enough confidence,
    /// [`PlanError::UnknownService`] when the graph does not know the service of one that is.
    pub fn plan(
        &self,
        graph: &TemporalGraph,
        assessment: &Assessment,
        diagnosis: &Diagnosis,
        active: &[ChangeEvent],
        now: Timestamp,
    ) -> Result<Plan, PlanError> {
        let min_confidence = self.params.min_confidence;
        let past = graph.changes(TimeRange {
            start: Timestamp::MIN,
            end: Timestamp::MAX,
        });
        let changes = Changes::of(active, past, now);
        let mut weighed = Weighed::of(diagnosis, &changes, min_confidence);
        if weighed.proposals.is_empty() && weighed.kept.is_empty() {
            let blamed = diagnosis.changes.len();
            return Err(PlanError::NothingToDo {
                blamed,
                min_confidence,
            });
        }
        let kept: Vec<NodeKey> = weighed
            .kept
            .iter()
            .map(|kept| kept.service.clone())
            .collect();
        if let Some(service) = kept.iter().find(|key| graph.id(key).is_none()) {
            return Err(PlanError::UnknownService {
                service: service.clone(),
            });
        }
        let impacts = self.impacts(graph, &weighed.proposals, now)?;
        let ranked = impacts
            .iter()
            .map(|impact| impact.service.clone())
            .collect();
        let order = Order::of(graph, ranked, &kept);
        let chosen = budget::choose(&mut weighed, &order, &impacts, &self.params);
        let recovery = Recovery::of(assessment, self.params.deviation_left);
        let mut draft = Draft {
            params: &self.params,
            steps: Vec::new(),
            recovery,
        };
        draft.undo(&chosen, &order, &impacts);
        draft.answer(&weighed.kept, &chosen);
        let kept = weighed.kept.into_iter().flat_map(Kept::rejected);
        Plan::new(now, draft.steps, kept.chain(weighed.innocent).collect())
    }

    /// The services to act on, by the traffic that their faults put at risk.
    fn impacts(
        &self,
        graph: &TemporalGraph,
        proposals: &[Proposal],
        now: Timestamp,
    ) -> Result<Vec<Impact>, PlanError> {
        let start = now.minus(self.params.traffic_window);
        // At the beginning of time there is no span before now; the range must hold an instant.
        let end = now.max(start.plus(Duration::from_nanos(1)));
        let range = TimeRange { start, end };
        let mut impacts = Impacts::new(graph, range, &self.influence);
        let impact = |proposal: &Proposal| {
            let service = &proposal.service;
            let unknown = || PlanError::UnknownService {
                service: service.clone(),
            };
            let id = graph.id(service).ok_or_else(unknown)?;
            Ok(impacts.at(id, service))
        };
        proposals
            .iter()
            .map(impact)
            .collect::<Result<_, _>>()
            .map(Impact::ranked)
    }
}

/// A plan under construction.
struct Draft<'a> {
    params: &'a PlannerParams,
    steps: Vec<Step>,
    recovery: Recovery,
}

impl Draft<'_> {
    /// The next step, to be verified by its target.
    fn step(&self, action: Action) -> Step {
        let number = u32::try_from(self.steps.len() + 1).unwrap_or(u32::MAX);
        let target = action.target();
        let reached = target.map(|fact| Check::reached(fact, self.params.settle_within));
        Step::new(StepId::new(number), action).verified_by(reached)
    }

    /// Steps that undo what was chosen, service by service.
    fn undo(&mut self, chosen: &[(NodeKey, Vec<Proposal>)], order: &Order, impacts: &[Impact]) {
        let services: Vec<NodeKey> = chosen.iter().map(|(service, _)| service.clone()).collect();
        let among = order.among(&services);
        let impacts: BTreeMap<&NodeKey, &Impact> = by_service(impacts);
        let mut last_of: BTreeMap<usize, StepId> = BTreeMap::new();
        for (place, (service, proposals)) in chosen.iter().enumerate() {
            let before = among.right_before(place).into_iter();
            let mut after: Vec<StepId> = before
                .filter_map(|place| last_of.get(&place).copied())
                .collect();
            after.sort_unstable();
            let impact = impacts.get(service).copied();
            let circle = among.in_circle(place).and_then(|other| services.get(other));
            for proposal in proposals {
                for one in &proposal.moves {
                    let step = self
                        .step(one.action.clone())
                        .after(after)
                        .answering(proposal.answers.iter().cloned())
                        .requiring(one.requires.iter().cloned())
                        .because(proposal.because.iter().cloned())
                        .because(impact.map(blast_radius))
                        .because(circle.map(|other| circular(service, other)));
                    last_of.insert(place, step.id);
                    after = vec![step.id];
                    self.steps.push(step);
                }
            }
            let collateral: Vec<NodeKey> = proposals
                .iter()
                .flat_map(|p| p.collateral.iter().cloned())
                .collect();
            let metrics = self
                .recovery
                .claim(service, &collateral, self.params.recover_within);
            if let Some(last) = self.steps.last_mut() {
                last.verify.extend(metrics);
            }
        }
    }

    /// Steps that answer what is kept: a person is called, and a rollout is held unless the plan
    /// itself acts on its service. They wait for nothing.
    fn answer(&mut self, kept: &[Kept], chosen: &[(NodeKey, Vec<Proposal>)]) {
        let mut held: BTreeSet<&NodeKey> = chosen.iter().map(|(service, _)| service).collect();
        for one in kept {
            let service = one.service.clone();
            let escalate = Action::Escalate {
                service: service.clone(),
                reason: one.reason.to_string().into(),
            };
            let hold = one.hold && held.insert(&one.service);
            let hold = hold.then_some(Action::Hold { service });
            for action in hold.into_iter().chain([escalate]) {
                let step = self
                    .step(action)
                    .answering(one.answers.iter().cloned())
                    .because(one.because.iter().cloned());
                self.steps.push(step);
            }
        }
    }
}

impl Kept {
    fn rejected(self) -> impl Iterator<Item = RejectedAlternative> {
        let reason = self.reason;
        self.alternatives
            .into_iter()
            .map(move |action| RejectedAlternative::new(action, reason.clone()))
    }
}

/// Impacts to look up.
fn by_service(impacts: &[Impact]) -> BTreeMap<&NodeKey, &Impact> {
    let pairs = impacts.iter().map(|impact| (&impact.service, impact));
    pairs.collect()
}

fn blast_radius(impact: &Impact) -> Evidence {
    // Not `sum`: that of nothing is -0.0, which people would read.
    let calls_per_second = impact
        .affected
        .iter()
        .fold(0.0, |sum, (_, calls)| sum + calls);
    Evidence::BlastRadius {
        nodes: impact.affected.len(),
        calls_per_second,
    }
}

fn circular(service: &NodeKey, other: &NodeKey) -> Evidence {
    Evidence::Fallback {
        wanted: "callers before callees".into(),
        used: "greatest impact first".into(),
        reason: format!("{service} and {other} call each other in a circle").into(),
    }
}
