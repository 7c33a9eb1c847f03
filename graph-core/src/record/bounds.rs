//! How long names may be, and how much a record may list.

use super::{Call, CallBatch, ChangeEvent, ChangeKind, Dependency, Party, Record, Sample};
use super::{Reversibility, SampleSubject};
use crate::edge::Subject;
use crate::key::NodeKey;
use crate::name::Revision;

/// Most bytes of a name. Names of Kubernetes have 253 at most, references to images some 500.
const NAME_MAX: usize = 1_024;

/// Most instances that one step of a change lists.
const INSTANCES_MAX: usize = 4_096;

/// A record has more than a builder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BoundError {
    /// A name is too long.
    #[error("a name of {bytes} bytes; the most is {limit}")]
    Name {
        /// How long it is.
        bytes: usize,
        /// The most.
        limit: usize,
    },
    /// A step of a change lists too many instances.
    #[error("a change of {instances} instances in one step; the most is {limit}")]
    Instances {
        /// How many.
        instances: usize,
        /// The most.
        limit: usize,
    },
}

fn name(name: &str) -> Result<(), BoundError> {
    if name.len() > NAME_MAX {
        let (bytes, limit) = (name.len(), NAME_MAX);
        return Err(BoundError::Name { bytes, limit });
    }
    Ok(())
}

fn keys<'a>(keys: impl IntoIterator<Item = &'a NodeKey>) -> Result<(), BoundError> {
    keys.into_iter().try_for_each(|key| name(&key.name))
}

impl Party {
    fn bounds(&self) -> Result<(), BoundError> {
        keys(
            [&self.service]
                .into_iter()
                .chain(&self.instance)
                .chain(&self.host),
        )?;
        let revision = self.revision.as_ref().map(Revision::as_str);
        let mut names = revision.into_iter().chain(self.segment.as_deref());
        names.try_for_each(name)
    }
}

impl ChangeEvent {
    /// Whether its names and its list of instances are within bounds.
    fn bounds(&self) -> Result<(), BoundError> {
        if self.instances.len() > INSTANCES_MAX {
            return Err(BoundError::Instances {
                instances: self.instances.len(),
                limit: INSTANCES_MAX,
            });
        }
        keys(self.instances.iter().chain([&self.service]))?;
        let least = match &self.reversibility {
            Reversibility::ForwardOnly { min_compatible } => Some(min_compatible),
            _ => None,
        };
        let revisions = self.from.iter().chain([&self.to]).chain(least);
        let flag = match &self.kind {
            ChangeKind::FeatureFlag { flag } => Some(&**flag),
            _ => None,
        };
        let mut names = revisions
            .map(Revision::as_str)
            .chain(flag)
            .chain(self.version.as_deref())
            .chain([self.id.as_str()]);
        names.try_for_each(name)
    }
}

impl Record {
    /// Checks that a builder would hold its names whole: each has 1,024 bytes at most, and a step of a change lists
    /// 4,096 instances at most. The operation of a call is not held.
    ///
    /// # Errors
    /// [`BoundError`], which says what is too long.
    pub fn bounds(&self) -> Result<(), BoundError> {
        match self {
            Self::Call(Call { caller, callee, .. })
            | Self::Batch(CallBatch { caller, callee, .. }) => {
                caller.iter().chain([callee]).try_for_each(Party::bounds)
            }
            Self::Sample(Sample {
                subject, metric, ..
            }) => {
                name(metric.as_str())?;
                match subject {
                    SampleSubject::Whole(Subject::Node(key)) => keys([key]),
                    SampleSubject::Whole(Subject::Edge { from, to, .. }) => keys([from, to]),
                    SampleSubject::Part(party) => party.bounds(),
                }
            }
            Self::Change(change) => change.bounds(),
            Self::Dependency(Dependency { from, to, .. }) => keys([from, to]),
        }
    }
}
