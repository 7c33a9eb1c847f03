//! What is true of the platform: the one vocabulary of targets, preconditions and checks.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use astern_graph_core::{Artefact, NodeKey, Revision, Timestamp, visible};

use astern_graph_core::TrafficShare;

use crate::place::Place;

/// One statement about the state of the platform.
///
/// In a precondition it is about what the platform is *asked for* (the specification); in a check
/// and in what was observed it is about what the platform *has reached* (the status). A rollout
/// under way has a new revision asked for and not yet reached.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fact {
    /// A service runs this revision, on every instance that serves.
    Revision {
        /// The service.
        service: NodeKey,
        /// The revision.
        revision: Revision,
    },
    /// A service uses this revision of its configuration.
    Config {
        /// The service.
        service: NodeKey,
        /// Revision of the configuration.
        revision: Revision,
    },
    /// A revision of a service gets this share of its traffic.
    Traffic {
        /// The service.
        service: NodeKey,
        /// The revision.
        revision: Revision,
        /// Its share.
        #[serde(rename = "share_basis_points")]
        share: TrafficShare,
    },
    /// A feature flag of a service is on or off.
    Flag {
        /// The service.
        service: NodeKey,
        /// Name of the flag.
        flag: Arc<str>,
        /// Whether it is on.
        on: bool,
    },
    /// A service has this many instances.
    Replicas {
        /// The service.
        service: NodeKey,
        /// Number of instances.
        replicas: u32,
    },
    /// Every running copy of a node started at this time or later.
    Started {
        /// A service or one instance.
        node: NodeKey,
        /// Earliest start among its copies.
        since: Timestamp,
    },
    /// Rollouts of a service are held.
    Held {
        /// The service.
        service: NodeKey,
    },
}

impl Fact {
    /// The node that it is about.
    pub fn node(&self) -> &NodeKey {
        match self {
            Self::Revision { service, .. }
            | Self::Config { service, .. }
            | Self::Traffic { service, .. }
            | Self::Flag { service, .. }
            | Self::Replicas { service, .. }
            | Self::Started { node: service, .. }
            | Self::Held { service } => service,
        }
    }

    /// The thing that it is about.
    pub fn place(&self) -> Place {
        let artefact = match self {
            Self::Flag { flag, .. } => Artefact::Flag(flag.clone()),
            Self::Config { .. } => Artefact::Config,
            _ => Artefact::Code,
        };
        Place::new(self.node().clone(), artefact)
    }

    /// Whether this fact, as observed, is what is `wanted`; `None` when it is about something else
    /// and so says nothing.
    ///
    /// ```
    /// use astern_graph_core::NodeKey;
    /// use astern_rollback_policy::Fact;
    ///
    /// let runs = |service: &str, revision: &str| Fact::Revision {
    ///     service: NodeKey::service(service),
    ///     revision: revision.into(),
    /// };
    /// assert_eq!(runs("cart", "r1").satisfies(&runs("cart", "r1")), Some(true));
    /// assert_eq!(runs("cart", "r2").satisfies(&runs("cart", "r1")), Some(false));
    /// assert_eq!(runs("web", "r1").satisfies(&runs("cart", "r1")), None);
    /// ```
    pub fn satisfies(&self, wanted: &Self) -> Option<bool> {
        let same_subject = match (self, wanted) {
            (Self::Traffic { revision: a, .. }, Self::Traffic { revision: b, .. }) => a == b,
            (Self::Flag { flag: a, .. }, Self::Flag { flag: b, .. }) => a == b,
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        };
        if !same_subject || self.node() != wanted.node() {
            return None;
        }
        Some(match (self, wanted) {
            (Self::Started { since, .. }, Self::Started { since: wanted, .. }) => since >= wanted,
            (a, b) => a == b,
        })
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revision { service, revision } => write!(f, "{service} runs {revision}"),
            Self::Config { service, revision } => write!(f, "{service} uses config {revision}"),
            Self::Traffic {
                service,
                revision,
                share,
            } => {
                write!(f, "{revision} gets {share} of the traffic of {service}")
            }
            Self::Flag {
                service,
                flag,
                on: true,
            } => write!(f, "flag {} of {service} is on", visible(flag)),
            Self::Flag {
                service,
                flag,
                on: false,
            } => write!(f, "flag {} of {service} is off", visible(flag)),
            Self::Replicas { service, replicas } => write!(f, "{service} has {replicas} replicas"),
            Self::Started { node, since } => write!(f, "{node} started at {since} or later"),
            Self::Held { service } => write!(f, "rollouts of {service} are held"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_start_satisfies_and_an_earlier_does_not() {
        let started = |secs| Fact::Started {
            node: NodeKey::instance("cart-1"),
            since: Timestamp::from_secs(secs),
        };
        assert_eq!(started(5).satisfies(&started(4)), Some(true));
        assert_eq!(started(3).satisfies(&started(4)), Some(false));
    }

    #[test]
    fn shares_of_two_revisions_say_nothing_of_each_other() {
        let share = |revision: &str, share| Fact::Traffic {
            service: NodeKey::service("cart"),
            revision: revision.into(),
            share,
        };
        let (zero, full) = (TrafficShare::ZERO, TrafficShare::FULL);
        assert_eq!(share("r1", full).satisfies(&share("r2", zero)), None);
        assert_eq!(share("r2", full).satisfies(&share("r2", zero)), Some(false));
    }
}
