//! One side of a call.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::key::NodeKey;
use crate::name::Revision;
use crate::text::visible;

/// One side of a call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Party {
    /// The service (or database, queue, function …).
    pub service: NodeKey,
    /// Which of its instances, when known.
    pub instance: Option<NodeKey>,
    /// The revision that it runs, when known.
    pub revision: Option<Revision>,
    /// The machine that the instance runs on, when known.
    pub host: Option<NodeKey>,
    /// The user segment that the call belongs to, when known.
    pub segment: Option<Arc<str>>,
}

impl Party {
    /// A party of which only the service is known.
    pub fn new(service: NodeKey) -> Self {
        Self {
            service,
            instance: None,
            revision: None,
            host: None,
            segment: None,
        }
    }

    /// With its instance and the revision it runs.
    #[must_use]
    pub fn on(mut self, instance: NodeKey, revision: Revision) -> Self {
        self.instance = Some(instance);
        self.revision = Some(revision);
        self
    }

    /// With the revision that it runs, where its instance is not known.
    #[must_use]
    pub fn running(mut self, revision: Revision) -> Self {
        self.revision = Some(revision);
        self
    }

    /// With the machine that the instance runs on.
    #[must_use]
    pub fn hosted(mut self, host: NodeKey) -> Self {
        self.host = Some(host);
        self
    }

    /// With the user segment that the call belongs to.
    #[must_use]
    pub fn segment(mut self, segment: impl Into<Arc<str>>) -> Self {
        self.segment = Some(segment.into());
        self
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            service,
            instance,
            revision,
            segment,
            ..
        } = self;
        match instance {
            Some(instance) => write!(f, "{service} on {instance}")?,
            None => write!(f, "{service}")?,
        }
        let revision = revision.as_ref().map(Revision::as_str);
        for part in revision.into_iter().chain(segment.as_deref()) {
            write!(f, " ({})", visible(part))?;
        }
        Ok(())
    }
}
