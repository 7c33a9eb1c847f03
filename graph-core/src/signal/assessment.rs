//! What a detector says.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::p_value::PValue;
use crate::edge::Subject;
use crate::name::{ChangeId, MetricName};
use crate::signal::{Evidence, MissingEvidence};
use crate::time::Timestamp;

/// One node or edge that does not behave as it did while healthy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Anomaly {
    /// What is anomalous.
    pub subject: Subject,
    /// In which metric, or which of all deviates most; `None` where none is known.
    pub metric: Option<MetricName>,
    /// How anomalous, in the unit of the detector; [`threshold`](Self::threshold) has the same.
    #[serde(with = "astern_stats::real")]
    pub score: f64,
    /// Score from which severity counts. Without one the anomaly has no severity.
    #[serde(with = "astern_stats::real::option", default)]
    pub threshold: Option<f64>,
    /// Probability of such a score while healthy, adjusted for the number of tests.
    #[serde(with = "astern_stats::real::option", default)]
    pub p_value: Option<f64>,
    /// Since when, without a break.
    pub since: Timestamp,
    /// Why.
    pub evidence: Vec<Evidence>,
}

impl Anomaly {
    /// An anomaly without threshold, metric, p-value or evidence; the fields are public for the rest.
    pub fn new(subject: impl Into<Subject>, score: f64, since: Timestamp) -> Self {
        let subject = subject.into();
        Self {
            subject,
            metric: None,
            score,
            threshold: None,
            p_value: None,
            since,
            evidence: Vec::new(),
        }
    }

    /// With the score from which severity counts.
    #[must_use]
    pub fn above(mut self, threshold: f64) -> Self {
        self.threshold = Some(threshold);
        self
    }

    /// With the metric it shows in.
    #[must_use]
    pub fn in_metric(mut self, metric: MetricName, p_value: f64) -> Self {
        self.metric = Some(metric);
        self.p_value = Some(p_value);
        self
    }

    /// With evidence.
    #[must_use]
    pub fn because(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.subject)?;
        if let Some(metric) = &self.metric {
            write!(f, " {metric}")?;
        }
        write!(f, ": score {:.1}", self.score)?;
        if let Some(p) = self.p_value {
            write!(f, ", {}", PValue(p))?;
        }
        write!(f, ", since {}", self.since)
    }
}

/// What a detector concludes. Absence of evidence is a verdict of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Worse than while healthy, beyond chance.
    Regressed,
    /// Enough was seen, and it is as it was.
    Healthy,
    /// Something was seen, too little to say.
    Inconclusive,
    /// Nothing was seen.
    NoData,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Regressed => "regressed",
            Self::Healthy => "healthy",
            Self::Inconclusive => "inconclusive",
            Self::NoData => "no data",
        })
    }
}

/// A source of telemetry that fails. It is no sign of a regression and never read as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SourceFault {
    /// What it should have reported on.
    pub subject: Subject,
    /// Which metric is missing; `None` for all.
    pub metric: Option<MetricName>,
    /// Since when.
    pub since: Timestamp,
}

impl fmt::Display for SourceFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subject, since) = (&self.subject, self.since);
        match &self.metric {
            Some(metric) => write!(f, "no {metric} of {subject} since {since}"),
            None => write!(f, "no telemetry of {subject} since {since}"),
        }
    }
}

impl SourceFault {
    /// A subject that is silent since a time, in one metric or in all.
    pub fn new(subject: impl Into<Subject>, metric: Option<MetricName>, since: Timestamp) -> Self {
        Self {
            subject: subject.into(),
            metric,
            since,
        }
    }
}

/// Verdict over the system or over one change, with what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Assessment {
    /// The change judged; `None` for the system as a whole.
    pub change: Option<ChangeId>,
    /// The conclusion.
    pub verdict: Verdict,
    /// What is anomalous, the highest score first.
    pub anomalies: Vec<Anomaly>,
    /// What could not be seen.
    pub source_faults: Vec<SourceFault>,
    /// Of a change: what would have to be seen before more could be said.
    #[serde(default)]
    pub missing: Vec<MissingEvidence>,
}

impl Assessment {
    /// A verdict over the system without anomalies; the fields are public for the rest.
    pub fn new(verdict: Verdict) -> Self {
        Self {
            change: None,
            verdict,
            anomalies: Vec::new(),
            source_faults: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// With the change that it is about.
    #[must_use]
    pub fn of_change(mut self, change: ChangeId) -> Self {
        self.change = Some(change);
        self
    }

    /// With what is missing.
    #[must_use]
    pub fn without(mut self, missing: impl IntoIterator<Item = MissingEvidence>) -> Self {
        self.missing.extend(missing);
        self
    }

    /// With anomalies, the highest score first.
    #[must_use]
    pub fn with_anomalies(mut self, mut anomalies: Vec<Anomaly>) -> Self {
        anomalies.sort_by(|a, b| {
            astern_stats::order::descending(a.score, b.score)
                .then_with(|| (&a.subject, &a.metric).cmp(&(&b.subject, &b.metric)))
        });
        self.anomalies = anomalies;
        self
    }
}

impl fmt::Display for Assessment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.change {
            Some(change) => write!(f, "{change}: {}", self.verdict)?,
            None => write!(f, "system: {}", self.verdict)?,
        }
        for anomaly in &self.anomalies {
            write!(f, "\n  {anomaly}")?;
        }
        for fault in &self.source_faults {
            write!(f, "\n  {fault}")?;
        }
        self.missing
            .iter()
            .try_for_each(|missing| write!(f, "\n  {missing}"))
    }
}
