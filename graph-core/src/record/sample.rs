//! One value of one metric.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Party;
use crate::edge::{Link, Subject};
use crate::key::NodeKey;
use crate::name::MetricName;
use crate::time::Timestamp;

/// One value of one metric of one node or edge, or of a part of a service.
///
/// # Example
/// A metric of the new revision, to be compared with that of the old one:
///
/// ```
/// use astern_graph_core::{
///     GraphBuilder, GraphParams, NodeKey, Party, Sample, SliceBy, TimeRange, Timestamp,
/// };
///
/// let (cart, at) = (NodeKey::service("cart"), Timestamp::from_secs(30));
/// let of = |revision: &str, value| {
///     let party = Party::new(cart.clone()).running(revision.into());
///     Sample::new(at, party, "abandoned_carts", value).into()
/// };
/// let mut builder = GraphBuilder::new(GraphParams::default())?;
/// builder.extend([of("v1", 3.0), of("v2", 40.0)]);
///
/// let minute = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(60))?;
/// let by_revision = builder.build().calls_by(&cart, SliceBy::Revision, minute);
/// let metric = "abandoned_carts".into();
/// assert!(by_revision[1].1.sampled(&metric).eq([40.0]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Sample {
    /// When it was read.
    pub at: Timestamp,
    /// What it is about.
    pub subject: SampleSubject,
    /// Which metric.
    pub metric: MetricName,
    /// Its value; a non-finite one is counted and dropped at ingestion.
    pub value: f64,
}

/// What a sample is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SampleSubject {
    /// A node or an edge.
    Whole(Subject),
    /// A part of a service. With its instance it is a sample of that node, which then belongs to the service and runs the
    /// revision; else one of the revision and of the segment, and of the service where neither is
    /// known.
    Part(Party),
}

impl SampleSubject {
    /// The node that is responsible: the node itself, the target of the edge, the instance, or the service.
    pub fn node(&self) -> &NodeKey {
        match self {
            Self::Whole(subject) => subject.node(),
            Self::Part(party) => party.instance.as_ref().unwrap_or(&party.service),
        }
    }
}

impl fmt::Display for SampleSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(subject) => subject.fmt(f),
            Self::Part(party) => f.pad(&party.to_string()),
        }
    }
}

impl From<Subject> for SampleSubject {
    fn from(subject: Subject) -> Self {
        Self::Whole(subject)
    }
}

impl From<NodeKey> for SampleSubject {
    fn from(key: NodeKey) -> Self {
        Self::Whole(key.into())
    }
}

impl From<Link> for SampleSubject {
    fn from(link: Link) -> Self {
        Self::Whole(link.into())
    }
}

impl From<Party> for SampleSubject {
    fn from(party: Party) -> Self {
        Self::Part(party)
    }
}

impl PartialEq<Subject> for SampleSubject {
    fn eq(&self, other: &Subject) -> bool {
        matches!(self, Self::Whole(subject) if subject == other)
    }
}

impl Sample {
    /// A value of a metric.
    pub fn new(
        at: Timestamp,
        subject: impl Into<SampleSubject>,
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
