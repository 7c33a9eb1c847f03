//! Why something was decided.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_graph_core::signal::{Abstention, MissingEvidence, SourceFault, Verdict};
use astern_graph_core::{ChangeId, NodeKey, Timestamp, visible};

use crate::plan::{Blame, PlanId, Rejection};
use crate::risk::{Risk, RiskLevel};

/// One reason for a decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// What the detector concludes.
    Verdict(Verdict),
    /// A source of telemetry fails: a fault of the evidence, not of the system.
    EvidenceFault(SourceFault),
    /// The new side of a change should be seen and is not, or not enough of it.
    Missing(MissingEvidence),
    /// The risk, and where it lies.
    Risk {
        /// The risk.
        risk: Risk,
        /// Where it lies.
        level: RiskLevel,
    },
    /// A change is to blame and can be undone.
    Undoable(Blame),
    /// A blamed change is a canary whose share can be made smaller.
    Shrinkable(ChangeId),
    /// A change is to blame and cannot be undone.
    NotUndoable {
        /// The changes.
        blamed: Vec<Blame>,
        /// Why not.
        because: Rejection,
    },
    /// A change is suspected, not confidently enough.
    Unsure {
        /// The change.
        change: ChangeId,
        /// Probability that it is the cause, where known.
        #[serde(with = "astern_stats::real::option", default)]
        probability: Option<f64>,
        /// Probability that is needed.
        #[serde(with = "astern_stats::real")]
        min_confidence: f64,
    },
    /// There is no diagnosis.
    NoDiagnosis,
    /// The diagnosis blames no change.
    NoChangeBlamed,
    /// The diagnosis abstains.
    Abstained(Abstention),
    /// A change is to blame, and a plan to undo it could not be made.
    NoPlan {
        /// Why not.
        cause: Arc<str>,
    },
    /// All that is to blame was rolled back already.
    Undone,
    /// All that is to blame was rolled back, and whether that helped could not be seen: a person is needed.
    UndoUnverified,
    /// Rolling back all that is to blame has failed: a person is needed.
    UndoFailed,
    /// A plan to roll back what is to blame waits for a person's word.
    AwaitsWord {
        /// Which plan.
        plan: PlanId,
        /// Until then.
        until: Timestamp,
    },
    /// A person has declined to roll back what is to blame.
    Declined,
    /// Nobody has said in time whether to roll back what is to blame.
    Unanswered,
    /// Nothing is rolled back without a person at this time.
    Frozen {
        /// Until then.
        until: Timestamp,
        /// Why.
        why: Arc<str>,
    },
    /// A run has changed the service a short while ago.
    CoolDown {
        /// The service.
        service: NodeKey,
        /// When it may be changed again.
        until: Timestamp,
    },
    /// Runs have changed the service too often: a person is needed.
    Flapping {
        /// The service.
        service: NodeKey,
        /// How often.
        undos: u32,
        /// In how long.
        within: Duration,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verdict(verdict) => write!(f, "the verdict is: {verdict}"),
            Self::EvidenceFault(fault) => fault.fmt(f),
            Self::Missing(missing) => missing.fmt(f),
            Self::Risk { risk, level } => match level {
                RiskLevel::Low => write!(f, "{risk}: low"),
                RiskLevel::Raised => write!(f, "{risk}: raised"),
                RiskLevel::High => write!(f, "{risk}: high"),
            },
            Self::Undoable(blame) => write!(f, "{blame} and can be undone"),
            Self::Shrinkable(change) => write!(f, "{change} is a canary and can be made smaller"),
            Self::NotUndoable { blamed, because } => {
                for blame in blamed {
                    write!(f, "{blame}; ")?;
                }
                because.fmt(f)
            }
            Self::Unsure {
                change,
                probability: Some(p),
                min_confidence,
            } => {
                let (p, min) = (100.0 * p, 100.0 * min_confidence);
                write!(f, "{change} is suspected with {p:.0} %, {min:.0} % needed")
            }
            Self::Unsure {
                change,
                probability: None,
                ..
            } => {
                write!(f, "{change} is suspected, how surely is not known")
            }
            Self::NoDiagnosis => f.write_str("there is no diagnosis"),
            Self::NoChangeBlamed => f.write_str("no change is blamed"),
            Self::Abstained(abstention) => abstention.fmt(f),
            other => other.why_not_done(f),
        }
    }
}

impl Reason {
    /// Why what is to blame is not, or no longer, rolled back.
    fn why_not_done(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlan { cause } => write!(f, "there is no plan: {}", visible(cause)),
            Self::UndoUnverified => f.write_str(
                "what is to blame was rolled back, and whether that helped could not be seen: a person is needed",
            ),
            Self::UndoFailed => {
                f.write_str("rolling back what is to blame has failed: a person is needed")
            }
            Self::Undone => f.write_str("all that is to blame was rolled back already"),
            Self::AwaitsWord { plan, until } => {
                write!(f, "plan {plan} waits for a person's word until {until}")
            }
            Self::Declined => f.write_str("a person has declined to roll back what is to blame"),
            Self::Unanswered => {
                f.write_str("nobody has said in time whether to roll back what is to blame")
            }
            Self::Frozen { until, why } => {
                write!(f, "nothing is rolled back without a person until {until}")?;
                if why.is_empty() {
                    return Ok(());
                }
                write!(f, ": {}", visible(why))
            }
            Self::CoolDown { service, until } => {
                write!(f, "{service} was changed a short while ago, and is left alone until {until}")
            }
            Self::Flapping {
                service,
                undos,
                within,
            } => write!(
                f,
                "{service} was changed {undos} times within {} s: a person is needed",
                within.as_secs_f64()
            ),
            // The others are written where this is called.
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_silent_is_named() {
        let silent = |metric: Option<&str>| {
            let since = Timestamp::from_secs(0);
            let fault = SourceFault::new(NodeKey::service("cart"), metric.map(Into::into), since);
            Reason::EvidenceFault(fault).to_string()
        };
        let text = "no error_rate of service/cart since 1970-01-01T00:00:00Z";
        assert_eq!(silent(Some("error_rate")), text);
        assert!(silent(None).starts_with("no telemetry of service/cart since"));
    }
}
