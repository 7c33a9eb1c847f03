//! Errors of this crate, one enum per family of operations.

use std::sync::Arc;

use astern_graph_core::{ChangeId, NodeKey, Revision, Subject, Timestamp, visible};
use astern_stats::ParamError;

use crate::fault::FaultKind;

/// A scenario that cannot be simulated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// A parameter broke its rule.
    #[error("{}: {cause}", visible(.part))]
    Param {
        /// Which part of the scenario: the load, or a service or change by name.
        part: String,
        /// Which parameter, what it was and what would be right.
        cause: ParamError,
    },
    /// A name that no service of the topology has.
    #[error("{} names the service `{}`, which is not in the topology", visible(.by), visible(.name))]
    UnknownService {
        /// The name.
        name: Arc<str>,
        /// What names it: the entry, a caller or a change.
        by: String,
    },
    /// Two services or changes share a name, or two changes a service.
    #[error("{what} `{}` occurs twice; once is allowed", visible(.name))]
    Duplicate {
        /// What occurs twice.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Services call each other in a circle, so that callers could wait for themselves.
    #[error("service `{}` calls itself through its callees", visible(.service))]
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
    /// A service runs on a machine that the topology does not have.
    #[error("service `{}` runs on `{}`, which is not among the hosts", visible(.service), visible(.name))]
    UnknownHost {
        /// Name of the machine.
        name: Arc<str>,
        /// The service.
        service: Arc<str>,
    },
    /// A service consumes from what is no queue.
    #[error("{} consumes from `{}`, which is no queue", visible(.by), visible(.name))]
    NoQueue {
        /// The name.
        name: Arc<str>,
        /// The consumer.
        by: String,
    },
    /// A fault hits a segment that the load does not have.
    #[error("the fault hits segment `{}`, which the load does not have", visible(.name))]
    UnknownSegment {
        /// The name.
        name: Arc<str>,
    },
    /// An incident is in a place that the topology does not have.
    #[error("the incident is at {subject:?}, which is not in the topology")]
    UnknownSubject {
        /// The place.
        subject: Subject,
    },
    /// A blackout of an instance or a revision that there is not.
    #[error("a blackout names `{}`, which is no instance or revision of {}", visible(.name), of(service.as_ref()))]
    UnknownReporter {
        /// The instance or revision.
        name: String,
        /// The service that the blackout names.
        service: Option<NodeKey>,
    },
    /// A forward-only change that only revisions never seen are compatible with.
    #[error("change `{change}` leaves `{revision}` as the oldest that works, which is not known")]
    UnknownRevision {
        /// The change.
        change: ChangeId,
        /// The revision.
        revision: Revision,
    },
    /// A fault in a place where it makes no sense, or with a scope that it cannot have.
    #[error("{fault:?} cannot be where it is said to be; see the table of kinds of faults")]
    Misplaced {
        /// The fault.
        fault: FaultKind,
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

fn of(service: Option<&NodeKey>) -> String {
    service.map_or_else(|| "a service that it names".to_owned(), NodeKey::to_string)
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
    /// The service has no such flag, or its release has not started.
    #[error("{service} has no flag `{}` yet", visible(.flag))]
    UnknownFlag {
        /// The service.
        service: NodeKey,
        /// The flag asked for.
        flag: Arc<str>,
    },
    /// A parameter broke its rule.
    #[error(transparent)]
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
    #[error(transparent)]
    Stuck(#[from] SimError),
}
