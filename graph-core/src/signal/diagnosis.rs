//! What a root-cause ranker says.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::edge::Subject;
use crate::key::NodeKey;
use crate::name::{ChangeId, Revision};
use crate::signal::{Evidence, Explanation};

/// One candidate for the cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RankedCause {
    /// What is blamed.
    pub subject: Subject,
    /// How strongly; comparable within one diagnosis only.
    #[serde(with = "astern_stats::real")]
    pub score: f64,
    /// Calibrated probability that it is the cause, where the ranker has one.
    #[serde(with = "astern_stats::real::option", default)]
    pub probability: Option<f64>,
    /// How the fault travelled: cause first, symptom last.
    pub path: Vec<NodeKey>,
    /// Why.
    pub evidence: Vec<Evidence>,
}

impl RankedCause {
    /// A candidate without path or evidence; the fields are public for the rest.
    pub fn new(subject: impl Into<Subject>, score: f64) -> Self {
        let subject = subject.into();
        Self {
            subject,
            score,
            probability: None,
            path: Vec::new(),
            evidence: Vec::new(),
        }
    }

    /// With the path that the fault took, cause first.
    #[must_use]
    pub fn along(mut self, path: Vec<NodeKey>) -> Self {
        self.path = path;
        self
    }

    /// With evidence.
    #[must_use]
    pub fn because(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }
}

/// One change that may have caused it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BlamedChange {
    /// The change.
    pub change: ChangeId,
    /// The service that it changed.
    pub service: NodeKey,
    /// Probability that it is the cause, where the ranker has one.
    #[serde(with = "astern_stats::real::option", default)]
    pub probability: Option<f64>,
    /// Services that suffer although nothing of theirs is at fault.
    pub collateral: Vec<NodeKey>,
    /// What undoing it would not mend.
    #[serde(default)]
    pub stays_broken: Vec<StaysBroken>,
    /// Why.
    pub evidence: Vec<Evidence>,
}

impl BlamedChange {
    /// A change of a service, without evidence; the fields are public for the rest.
    pub fn new(change: ChangeId, service: NodeKey, probability: Option<f64>) -> Self {
        Self {
            change,
            service,
            probability,
            collateral: Vec::new(),
            stays_broken: Vec::new(),
            evidence: Vec::new(),
        }
    }

    /// With the services that suffer from it.
    #[must_use]
    pub fn hurting(mut self, collateral: Vec<NodeKey>) -> Self {
        self.collateral = collateral;
        self
    }

    /// With what undoing it would not mend.
    #[must_use]
    pub fn leaving(mut self, stays_broken: Vec<StaysBroken>) -> Self {
        self.stays_broken = stays_broken;
        self
    }

    /// With evidence.
    #[must_use]
    pub fn because(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }
}

/// One thing that stays broken when a change is undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StaysBroken {
    /// It is anomalous, and no fault of the change's service can have reached it.
    Unexplained(NodeKey),
    /// The change is forward-only: older revisions no longer work with the data.
    Data {
        /// Oldest revision that works with the data as it is now.
        min_compatible: Revision,
    },
}

impl fmt::Display for StaysBroken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unexplained(node) => {
                write!(f, "{node} is anomalous too, and this change cannot be why")
            }
            Self::Data { min_compatible } => {
                write!(f, "the data needs {min_compatible} or newer")
            }
        }
    }
}

/// Why a ranker blames nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Abstention {
    /// Nothing is anomalous.
    NoAnomaly,
    /// The symptom cannot be reached from any candidate.
    NoCandidate,
    /// Something is wrong, and no change explains it.
    NoChangeExplains,
    /// The symptom itself is in its healthy range.
    NoRegression,
    /// More requests came, and everything is busier in proportion.
    Load,
    /// No node of the graph explains the symptom: what it depends on is external or not seen.
    OutsideGraph,
    /// Nothing is likely enough.
    CannotTell,
    /// Too few samples to tell.
    TooFewSamples {
        /// Samples there are.
        have: usize,
        /// Samples needed.
        need: usize,
    },
}

impl fmt::Display for Abstention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnomaly => f.write_str("nothing is anomalous"),
            Self::NoCandidate => f.write_str("no candidate can have reached the symptom"),
            Self::NoChangeExplains => f.write_str("no change explains what is wrong"),
            Self::NoRegression => f.write_str("the symptom is in its healthy range"),
            Self::Load => f.write_str("more requests came than usual, nothing else is wrong"),
            Self::OutsideGraph => f.write_str("the cause is external or not seen"),
            Self::CannotTell => f.write_str("nothing is likely enough"),
            Self::TooFewSamples { have, need } => write!(f, "{have} samples, {need} needed"),
        }
    }
}

/// What it may be instead of a node that is at fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Alternative {
    /// What it may be.
    pub reason: Abstention,
    /// Calibrated probability that it is.
    #[serde(with = "astern_stats::real")]
    pub probability: f64,
    /// Why.
    pub evidence: Vec<Evidence>,
}

impl Alternative {
    /// An alternative with its probability.
    pub fn new(reason: Abstention, probability: f64, evidence: Vec<Evidence>) -> Self {
        Self {
            reason,
            probability,
            evidence,
        }
    }
}

/// Causes and changes, the most likely first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Diagnosis {
    /// Candidates for the cause, best first.
    pub causes: Vec<RankedCause>,
    /// Changes that may be to blame, best first.
    pub changes: Vec<BlamedChange>,
    /// Why there is no answer, where there is none.
    pub abstained: Option<Abstention>,
    /// What it may be instead of a node at fault, the most likely first; empty where the ranker
    /// does not tell. Their probabilities and that of a node at fault sum to 1.
    #[serde(default)]
    pub alternatives: Vec<Alternative>,
    /// How the fault came from the best causes to the symptom, in the order of the causes.
    #[serde(default)]
    pub explanations: Vec<Explanation>,
}

impl Diagnosis {
    /// Ranked causes and changes, best first.
    pub fn new(causes: Vec<RankedCause>, changes: Vec<BlamedChange>) -> Self {
        Self {
            causes,
            changes,
            ..Self::default()
        }
    }

    /// No answer, and why.
    pub fn abstain(reason: Abstention) -> Self {
        Self {
            abstained: Some(reason),
            ..Self::default()
        }
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(reason) = &self.abstained {
            writeln!(f, "abstained: {reason}")?;
        }
        let likely = self.alternatives.iter().filter(|a| a.probability >= 0.05);
        for other in likely {
            writeln!(f, "or {}: {:.0} %", other.reason, 100.0 * other.probability)?;
            for evidence in &other.evidence {
                writeln!(f, "   - {evidence}")?;
            }
        }
        for (rank, cause) in self.causes.iter().enumerate() {
            write!(f, "{}. {} ({:.2})", rank + 1, cause.subject, cause.score)?;
            if let Some(p) = cause.probability {
                write!(f, " {:.0} %", 100.0 * p)?;
            }
            if cause.path.len() > 1 {
                let path: Vec<String> = cause.path.iter().map(ToString::to_string).collect();
                write!(f, " via {}", path.join(" > "))?;
            }
            writeln!(f)?;
            for evidence in &cause.evidence {
                writeln!(f, "   - {evidence}")?;
            }
        }
        for blamed in &self.changes {
            write!(f, "change {} of {}", blamed.change, blamed.service)?;
            match blamed.probability {
                Some(p) => writeln!(f, ": {:.0} %", 100.0 * p)?,
                None => writeln!(f)?,
            }
            for evidence in &blamed.evidence {
                writeln!(f, "   - {evidence}")?;
            }
            for left in &blamed.stays_broken {
                writeln!(f, "   stays broken: {left}")?;
            }
        }
        Ok(())
    }
}
