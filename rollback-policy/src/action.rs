//! What a plan can do.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use astern_graph_core::{NodeKey, Revision, Timestamp, visible};

use crate::fact::Fact;
use crate::place::Place;
use astern_graph_core::TrafficShare;

/// One action on the platform, always with an absolute target.
///
/// There is no "undo" and no "previous": a relative action that is sent again after a lost reply
/// goes forward to the bad version. Every action names the state that it leads to
/// ([`target`](Self::target)), so sending it twice is the same as sending it once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// Turns a feature flag on or off.
    SetFlag {
        /// The service that reads it.
        service: NodeKey,
        /// Name of the flag.
        flag: Arc<str>,
        /// Whether it shall be on.
        on: bool,
    },
    /// Gives a revision a share of a service's traffic; the rest goes to the other revisions.
    SetTraffic {
        /// The service.
        service: NodeKey,
        /// The revision.
        revision: Revision,
        /// Its share.
        #[serde(rename = "share_basis_points")]
        share: TrafficShare,
    },
    /// Sends all traffic of a service to the set of instances that runs a revision.
    SwitchColour {
        /// The service.
        service: NodeKey,
        /// The revision that shall serve.
        to: Revision,
    },
    /// Sets the revision that a service runs.
    SetRevision {
        /// The service.
        service: NodeKey,
        /// The revision that it shall run.
        to: Revision,
    },
    /// Sets the revision of a service's configuration.
    SetConfig {
        /// The service.
        service: NodeKey,
        /// The revision of the configuration that it shall use.
        to: Revision,
    },
    /// Sets the number of instances of a service.
    Scale {
        /// The service.
        service: NodeKey,
        /// How many it shall have.
        replicas: u32,
    },
    /// Restarts those copies of a node that started before a time; so a retry restarts nothing.
    Restart {
        /// A service or one instance.
        node: NodeKey,
        /// Copies that started at this time or later are left alone.
        started_before: Timestamp,
    },
    /// Stops rollouts of a service where they stand.
    Hold {
        /// The service.
        service: NodeKey,
    },
    /// Calls a person.
    Escalate {
        /// The service that it is about.
        service: NodeKey,
        /// Why a person must decide.
        reason: Arc<str>,
    },
}

impl Action {
    /// The node that it acts on.
    pub fn node(&self) -> &NodeKey {
        match self {
            Self::SetFlag { service, .. }
            | Self::SetTraffic { service, .. }
            | Self::SwitchColour { service, .. }
            | Self::SetRevision { service, .. }
            | Self::SetConfig { service, .. }
            | Self::Scale { service, .. }
            | Self::Restart { node: service, .. }
            | Self::Hold { service }
            | Self::Escalate { service, .. } => service,
        }
    }

    /// The state that it leads to; `None` for [`Escalate`](Self::Escalate), which leaves none that
    /// could be observed.
    pub fn target(&self) -> Option<Fact> {
        match self.clone() {
            Self::SetFlag { service, flag, on } => Some(Fact::Flag { service, flag, on }),
            Self::SetTraffic {
                service,
                revision,
                share,
            } => Some(Fact::Traffic {
                service,
                revision,
                share,
            }),
            Self::SwitchColour {
                service,
                to: revision,
            } => {
                let share = TrafficShare::FULL;
                Some(Fact::Traffic {
                    service,
                    revision,
                    share,
                })
            }
            Self::SetRevision {
                service,
                to: revision,
            } => Some(Fact::Revision { service, revision }),
            Self::SetConfig {
                service,
                to: revision,
            } => Some(Fact::Config { service, revision }),
            Self::Scale { service, replicas } => Some(Fact::Replicas { service, replicas }),
            Self::Restart {
                node,
                started_before: since,
            } => Some(Fact::Started { node, since }),
            Self::Hold { service } => Some(Fact::Held { service }),
            Self::Escalate { .. } => None,
        }
    }

    /// What it changes; `None` for [`Escalate`](Self::Escalate), which changes nothing.
    pub fn place(&self) -> Option<Place> {
        self.target().map(|target| target.place())
    }

    /// Whether it changes what serves users. Holding and escalating do not: they are never cut
    /// from a plan and never wait for a free place in a run.
    pub fn changes_service(&self) -> bool {
        !matches!(self, Self::Hold { .. } | Self::Escalate { .. })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetFlag { service, flag, on } => {
                write!(
                    f,
                    "turn flag {} of {service} {}",
                    visible(flag),
                    if *on { "on" } else { "off" }
                )
            }
            Self::SetTraffic {
                service,
                revision,
                share,
            } => {
                write!(f, "give {revision} {share} of the traffic of {service}")
            }
            Self::SwitchColour { service, to } => {
                write!(f, "switch all traffic of {service} to {to}")
            }
            Self::SetRevision { service, to } => write!(f, "set {service} to revision {to}"),
            Self::SetConfig { service, to } => write!(f, "set {service} to config {to}"),
            Self::Scale { service, replicas } => write!(f, "scale {service} to {replicas}"),
            Self::Restart {
                node,
                started_before,
            } => {
                write!(f, "restart what of {node} started before {started_before}")
            }
            Self::Hold { service } => write!(f, "hold rollouts of {service}"),
            Self::Escalate { service, reason } => {
                write!(f, "call a person about {service}: {}", visible(reason))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_but_a_call_for_help_has_a_target_on_its_own_node() {
        let service = || NodeKey::service("cart");
        let to = || Revision::from("r1");
        let actions = [
            Action::SetFlag {
                service: service(),
                flag: "fast".into(),
                on: false,
            },
            Action::SetTraffic {
                service: service(),
                revision: to(),
                share: TrafficShare::ZERO,
            },
            Action::SwitchColour {
                service: service(),
                to: to(),
            },
            Action::SetRevision {
                service: service(),
                to: to(),
            },
            Action::SetConfig {
                service: service(),
                to: to(),
            },
            Action::Scale {
                service: service(),
                replicas: 3,
            },
            Action::Restart {
                node: service(),
                started_before: Timestamp::from_secs(1),
            },
            Action::Hold { service: service() },
        ];
        for action in actions {
            assert_eq!(action.target().unwrap().node(), action.node(), "{action}");
        }
        let page = Action::Escalate {
            service: service(),
            reason: "why".into(),
        };
        assert_eq!(page.target(), None);
        assert!(!page.changes_service());
    }
}
