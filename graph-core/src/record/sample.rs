//! One value of one metric.

use serde::{Deserialize, Serialize};

use crate::edge::Subject;
use crate::name::MetricName;
use crate::time::Timestamp;

/// One value of one metric of one node or edge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Sample {
    /// When it was read.
    pub at: Timestamp,
    /// What it is about.
    pub subject: Subject,
    /// Which metric.
    pub metric: MetricName,
    /// Its value; a non-finite one is counted and dropped at ingestion.
    pub value: f64,
}

impl Sample {
    /// A value of a metric.
    pub fn new(
        at: Timestamp,
        subject: impl Into<Subject>,
        metric: impl Into<MetricName>,
        value: f64,
    ) -> Self {
        Self {
            at,
            subject: subject.into(),
            metric: metric.into(),
            value,
        }
    }
}
