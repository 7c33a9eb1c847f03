//! Errors of this crate, one enum per family of operations.

use std::sync::Arc;

use astern_graph_core::{ChangeId, NodeKey, Revision, Timestamp};
use astern_stats::ParamError;

/// A scenario that cannot be simulated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// A parameter broke its rule.
    #[error("{part} has a wrong parameter")]
    Param {
        /// Which part of the scenario: the load, or a service or change by name.
        part: String,
        /// Which parameter, what it was and what would be right.
        source: ParamError,
    },
    /// A name that no service of the topology has.
    #[error("{by} names the service `{name}`, which is not in the topology")]
    UnknownService {
        /// The name.
        name: Arc<str>,
        /// What names it: the entry, a caller or a change.
        by: String,
    },
    /// Two services or changes share a name, or two changes a service.
    #[error("{what} `{name}` occurs twice; once is allowed")]
    Duplicate {
        /// What occurs twice.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Services call each other in a circle, so that callers could wait for themselves.
    #[error("service `{service}` calls itself through its callees")]
    Cycle {
        /// One of the services of the circle.
        service: Arc<str>,
    },
    /// The fault belongs to a change that the scenario does not have.
    #[error("the fault belongs to change `{change}`, which is not among the releases")]
    UnknownChange {
        /// The change.
        change: ChangeId,
    },
    /// A release to the revision that already runs.
    #[error("change `{change}` releases `{revision}`, which already runs")]
    SameRevision {
        /// The change.
        change: ChangeId,
        /// The revision.
        revision: Revision,
    },
    /// The simulation took more events than the scenario allows.
    #[error("more than {limit} events by {at}")]
    TooManyEvents {
        /// Greatest number of events.
        limit: u64,
        /// How far the simulation came.
        at: Timestamp,
    },
}

/// An action that a running simulation refuses.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// No such service.
    #[error("there is no {service}")]
    UnknownService {
        /// The service asked for.
        service: NodeKey,
    },
    /// The service never had such a revision and is not about to get it.
    #[error("{service} has no revision `{revision}`")]
    UnknownRevision {
        /// The service.
        service: NodeKey,
        /// The revision asked for.
        revision: Revision,
    },
    /// A parameter broke its rule.
    #[error("the action has a wrong parameter")]
    Param(#[from] ParamError),
    /// The action lies in the simulation's past.
    #[error("{now} has passed; the simulation is at {clock}")]
    Past {
        /// The time given.
        now: Timestamp,
        /// Time of the simulation.
        clock: Timestamp,
    },
    /// The simulation could not go on to the time of the action.
    #[error("the simulation cannot reach the time of the action")]
    Stuck(#[from] SimError),
}
