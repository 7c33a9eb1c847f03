//! What of a node the platform keeps as one thing, and the versions of it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use astern_graph_core::{Artefact, NodeKey, visible};

use crate::executor::IdempotencyKey;

/// A thing of a node that is changed as a whole, and so has one [version](Version): what it runs, its
/// configuration, or one of its flags.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Place {
    /// The node.
    pub node: NodeKey,
    /// The thing.
    pub artefact: Artefact,
}

impl Place {
    /// A thing of a node.
    pub fn new(node: NodeKey, artefact: Artefact) -> Self {
        Self { node, artefact }
    }

    /// What a node runs, how many copies of it, and how traffic is split among its revisions.
    pub fn code(node: NodeKey) -> Self {
        Self::new(node, Artefact::Code)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.artefact {
            Artefact::Code => self.node.fmt(f),
            Artefact::Config => write!(f, "the config of {}", self.node),
            Artefact::Flag(flag) => write!(f, "flag {} of {}", visible(flag), self.node),
        }
    }
}

/// The version of a place: another one after every change of what is asked for there, by whomever.
///
/// It is what tells a state from the same state set again: after `r2 → r1 → r2` the facts are as before and the
/// version is not. A generation, a revision number, an `ETag`. What controllers write on their own (a status, a
/// number of replicas that an autoscaler sets) does not belong to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Version {
    /// Of what.
    pub place: Place,
    /// The platform's text for it. Compared for equality, and for nothing else.
    pub token: Arc<str>,
    /// The effect that brought this version about, where the platform keeps that: the key is written with the change.
    pub by: Option<IdempotencyKey>,
}

impl Version {
    /// A version of which it is not known what brought it about.
    pub fn new(place: Place, token: impl Into<Arc<str>>) -> Self {
        Self {
            place,
            token: token.into(),
            by: None,
        }
    }
}

astern_stats::setters!(Version {
    /// Sets the effect that brought it about.
    by: IdempotencyKey,
});
