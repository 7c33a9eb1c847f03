//! What to do about a risk.

mod brakes;
mod paging;
mod params;
mod reason;

pub use brakes::{BrakesParams, Freeze, Undos};
pub use paging::{PageCause, Paging, PagingParams};
pub use params::{PolicyParams, WhenUnsure};
pub use reason::Reason;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_graph_core::signal::{Abstention, Assessment, Diagnosis, Verdict};
use astern_graph_core::{
    ChangeEvent, ChangeId, ChangeKind, ChangePhase, NodeKey, NodeKind, Timestamp,
};
use astern_stats::ParamError;

use crate::plan::Plan;
use crate::risk::{Risk, RiskLevel, RiskModel};
use crate::run::Mode;
use crate::undo::changes::Changes;
use crate::undo::weigh::Weighed;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Decision {
    /// Let changes go on.
    Continue,
    /// Let nothing go further, and look more often.
    Hold,
    /// Give the blamed canary less traffic, and look more often.
    ShrinkCanary,
    /// Restart or scale the cause: no change explains it.
    Remediate,
    /// Undo the blamed changes: make a plan.
    RollBack,
    /// Call a person.
    Escalate,
}

impl Decision {
    /// Whether it changes anything on the platform by itself.
    pub fn changes_platform(self) -> bool {
        matches!(self, Self::ShrinkCanary | Self::Remediate | Self::RollBack)
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Continue => "continue",
            Self::Hold => "hold",
            Self::ShrinkCanary => "shrink the canary",
            Self::Remediate => "remediate",
            Self::RollBack => "roll back",
            Self::Escalate => "escalate",
        })
    }
}

/// A decision and its reasons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ruling {
    /// What to do.
    pub decision: Decision,
    /// Why, the verdict first.
    pub reasons: Vec<Reason>,
}

impl Ruling {
    /// A person is to decide, and why.
    pub fn escalate(&mut self, because: Reason) {
        self.decision = Decision::Escalate;
        self.reasons.push(because);
    }

    /// Nothing goes further, and why.
    pub fn hold(&mut self, because: Reason) {
        self.decision = Decision::Hold;
        self.reasons.push(because);
    }

    /// The reasons in one line.
    pub fn why(&self) -> String {
        let reasons: Vec<String> = self.reasons.iter().map(Reason::to_string).collect();
        reasons.join("; ")
    }
}

impl fmt::Display for Ruling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.decision)?;
        self.reasons
            .iter()
            .try_for_each(|reason| write!(f, "\n  - {reason}"))
    }
}

/// Decides, by checked parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    params: PolicyParams,
    risk: RiskModel,
}

impl Policy {
    /// A policy with these parameters.
    ///
    /// # Errors
    /// [`ParamError`] for a parameter outside its rule.
    pub fn new(params: PolicyParams) -> Result<Self, ParamError> {
        params.check()?;
        let risk = RiskModel::new(params.risk.clone())?;
        Ok(Self { params, risk })
    }

    /// How risks are made and where they lie.
    pub fn risk(&self) -> &RiskModel {
        &self.risk
    }

    /// How long a plan waits for a person's word.
    pub fn answer_within(&self) -> Duration {
        self.params.answer_within
    }

    /// Takes in what was decided at a step, for when a person is to be called.
    pub fn record(&self, paging: &mut Paging, ruling: &Ruling, at: Timestamp) {
        paging.record(&self.params.paging, ruling, at);
    }

    /// What a person is to be called for now, if anything: say so by [`Paging::called`] once it is done.
    pub fn page_due(&self, paging: &Paging, mode: Mode) -> Option<PageCause> {
        paging.due(&self.params.paging, mode)
    }

    /// Whether a plan must not be carried out now, however sure it is: in a freeze, soon after another run, or too often. The
    /// ruling then says why, and a person decides or it waits.
    pub fn restrain(
        &self,
        ruling: &mut Ruling,
        undos: &Undos,
        plan: &Plan,
        now: Timestamp,
    ) -> bool {
        let page_after = self.params.paging.page_after;
        let brakes = &self.params.brakes;
        brakes.restrain(ruling, undos, plan, now, page_after)
    }

    /// Decides what to do.
    ///
    /// | verdict | risk | decision |
    /// |---|---|---|
    /// | no data, inconclusive | any | hold: losing sight of the system is no sign of a regression, and never changes anything |
    /// | healthy | low | continue |
    /// | healthy | raised, high | hold until it has been healthy for long enough |
    /// | regressed | low | continue |
    /// | regressed | raised | shrink the canary if a canary in progress is blamed, else hold |
    /// | regressed | high | roll back if any blamed change can be undone; escalate if none can; without a confident blame hold where the diagnosis finds the symptom healthy again or more requests the reason, remediate where that is allowed and a cause is found, else `when_unsure` |
    ///
    /// A change is blamed if its probability is known and at least `min_confidence`. It can be
    /// undone if the [`Planner`](crate::Planner) would undo it: not when it is forward-only, when
    /// the revision before it is not known, or when a newer change that is not to blame lies on
    /// top. `changes` are the steps of the active changes, and of earlier ones as far as they are
    /// needed to tell which revision came before which.
    ///
    /// # Example
    /// ```
    /// use astern_graph_core::signal::{Assessment, Verdict};
    /// use astern_rollback_policy::{Decision, Policy, PolicyParams, Risk};
    ///
    /// let policy = Policy::new(PolicyParams::default())?;
    /// let blind = Assessment::new(Verdict::NoData);
    /// let ruling = policy.decide(&Risk::new(1.0, 1.0)?, &blind, None, &[]);
    /// assert_eq!(ruling.decision, Decision::Hold);
    /// # Ok::<(), astern_stats::ParamError>(())
    /// ```
    pub fn decide(
        &self,
        risk: &Risk,
        assessment: &Assessment,
        diagnosis: Option<&Diagnosis>,
        changes: &[ChangeEvent],
    ) -> Ruling {
        let level = self.risk.level(risk);
        let mut reasons = vec![Reason::Verdict(assessment.verdict)];
        reasons.extend(
            assessment
                .source_faults
                .iter()
                .cloned()
                .map(Reason::EvidenceFault),
        );
        reasons.extend(assessment.missing.iter().cloned().map(Reason::Missing));
        let decision = match (assessment.verdict, level) {
            (Verdict::NoData | Verdict::Inconclusive, _) => Decision::Hold,
            (Verdict::Healthy | Verdict::Regressed, RiskLevel::Low) => {
                reasons.push(Reason::Risk { risk: *risk, level });
                Decision::Continue
            }
            (Verdict::Healthy, RiskLevel::Raised | RiskLevel::High) => {
                reasons.push(Reason::Risk { risk: *risk, level });
                Decision::Hold
            }
            (Verdict::Regressed, RiskLevel::Raised | RiskLevel::High) => {
                reasons.push(Reason::Risk { risk: *risk, level });
                let changes = Changes::of(changes, &[], Timestamp::MAX);
                self.regressed(level, diagnosis, &changes, &mut reasons)
            }
        };
        Ruling { decision, reasons }
    }

    fn regressed(
        &self,
        level: RiskLevel,
        diagnosis: Option<&Diagnosis>,
        changes: &Changes,
        reasons: &mut Vec<Reason>,
    ) -> Decision {
        let Some(diagnosis) = diagnosis else {
            reasons.push(Reason::NoDiagnosis);
            return self.unsure(level);
        };
        let weighed = Weighed::of(diagnosis, changes, self.params.min_confidence);
        let blamed = || {
            weighed
                .proposals
                .iter()
                .flat_map(|proposal| &proposal.answers)
        };
        if level < RiskLevel::High {
            let is_canary = |(id, service): &(&ChangeId, &NodeKey)| {
                changes.of_key(id, service).any(|change| {
                    change.kind == ChangeKind::Canary && change.phase != ChangePhase::Completed
                })
            };
            let mut canaries = weighed.proposals.iter().flat_map(|proposal| {
                let ids = proposal.answers.iter().map(|answer| &answer.change);
                ids.map(|id| (id, &proposal.service))
            });
            let canary = canaries.find(is_canary);
            let canary = canary.map(|(id, _)| Reason::Shrinkable(id.clone()));
            let shrinks = canary.is_some();
            reasons.extend(canary);
            return if shrinks {
                Decision::ShrinkCanary
            } else {
                Decision::Hold
            };
        }
        reasons.extend(blamed().cloned().map(Reason::Undoable));
        let kept = weighed.kept.iter();
        reasons.extend(kept.map(|kept| Reason::NotUndoable {
            blamed: kept.answers.clone(),
            because: kept.reason.clone(),
        }));
        if !weighed.proposals.is_empty() {
            Decision::RollBack
        } else if !weighed.kept.is_empty() {
            Decision::Escalate
        } else {
            self.unexplained(diagnosis, reasons)
        }
    }

    /// A high risk for which no change is blamed with enough confidence.
    fn unexplained(&self, diagnosis: &Diagnosis, reasons: &mut Vec<Reason>) -> Decision {
        reasons.extend(diagnosis.abstained.clone().map(Reason::Abstained));
        reasons.extend(diagnosis.changes.iter().map(|entry| Reason::Unsure {
            change: entry.change.clone(),
            probability: entry.probability.filter(|p| p.is_finite()),
            min_confidence: self.params.min_confidence,
        }));
        if diagnosis.abstained.as_ref().is_some_and(is_harmless) {
            return Decision::Hold;
        }
        if diagnosis.changes.is_empty() {
            reasons.push(Reason::NoChangeBlamed);
            let cause = diagnosis
                .causes
                .first()
                .map(|cause| cause.subject.node().kind);
            let curable = matches!(cause, Some(NodeKind::Service | NodeKind::Instance));
            if curable && self.params.remediate {
                return Decision::Remediate;
            }
        }
        self.unsure(RiskLevel::High)
    }

    fn unsure(&self, level: RiskLevel) -> Decision {
        match self.params.when_unsure {
            WhenUnsure::Escalate if level == RiskLevel::High => Decision::Escalate,
            WhenUnsure::Escalate | WhenUnsure::Hold => Decision::Hold,
        }
    }
}

/// Whether nothing is wrong that a person could mend: what was is over, or there is more to do than usual.
fn is_harmless(abstention: &Abstention) -> bool {
    matches!(
        abstention,
        Abstention::NoAnomaly | Abstention::NoRegression | Abstention::Load
    )
}
