//! Where a fault is.

use std::ops::Range;
use std::sync::Arc;

use astern_graph_core::{EdgeKind, NodeKey, Subject};

use super::{CallTo, Change, Model};
use crate::error::SimError;
use crate::event::{Tick, ticks};
use crate::fault::{Fault, FaultKind, PlaceFault, Scope};
use crate::load::Segment;

/// A fault with its names resolved.
#[derive(Debug, Clone)]
pub(crate) struct Bad {
    pub(crate) place: Place,
    pub(crate) kind: FaultKind,
    pub(crate) during: Range<Tick>,
    pub(crate) operation: Option<Arc<str>>,
    pub(crate) segment: Option<usize>,
}

/// Where a fault is, by places in the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Revision {
        service: usize,
        revision: usize,
    },
    /// What a flag turns on.
    Flag {
        service: usize,
    },
    Service(usize),
    Instance(usize),
    Host(usize),
    Link(usize),
}

impl Place {
    /// Whether an instance that runs a revision has the fault in all its calls.
    pub(crate) fn runs(self, service: usize, instance: usize, revision: usize) -> bool {
        match self {
            Self::Revision {
                service: s,
                revision: r,
            } => (s, r) == (service, revision),
            Self::Service(bad) => bad == service,
            Self::Instance(bad) => bad == instance,
            Self::Flag { .. } | Self::Host(_) | Self::Link(_) => false,
        }
    }
}

impl Bad {
    /// Whether it is one of a place, which starts and ends by itself.
    pub(crate) fn is_of_place(&self) -> bool {
        !matches!(self.place, Place::Revision { .. } | Place::Flag { .. })
    }

    /// Whether it hits a call of this operation and segment.
    pub(crate) fn concerns(&self, operation: Option<&Arc<str>>, segment: usize) -> bool {
        self.operation
            .as_ref()
            .is_none_or(|only| operation == Some(only))
            && self.segment.is_none_or(|only| only == segment)
    }
}

impl Model {
    pub(super) fn released(&self, fault: &Fault, segments: &[Segment]) -> Result<Bad, SimError> {
        let of_change = |change: &&Change| change.release.id == fault.change;
        let unknown = || SimError::UnknownChange {
            change: fault.change.clone(),
        };
        let change = self.changes.iter().find(of_change).ok_or_else(unknown)?;
        let service = change.service;
        let place = if change.release.is_flag() {
            Place::Flag { service }
        } else {
            let revision = change.revision;
            Place::Revision { service, revision }
        };
        let during = 0..Tick::MAX;
        self.bad(place, fault.kind, during, &fault.scope, segments)
    }

    pub(super) fn placed(
        &self,
        incident: &PlaceFault,
        segments: &[Segment],
    ) -> Result<Bad, SimError> {
        let place = self.place(&incident.subject)?;
        let from = ticks(incident.starts);
        let lasts = incident.lasts.map_or(Tick::MAX, ticks);
        let during = from..from.saturating_add(lasts);
        self.bad(place, incident.kind, during, &incident.scope, segments)
    }

    fn place(&self, subject: &Subject) -> Result<Place, SimError> {
        let unknown = || SimError::UnknownSubject {
            subject: subject.clone(),
        };
        let service = |key: &NodeKey| self.services.iter().position(|s| s.key == *key);
        let place = match subject {
            Subject::Node(key) => {
                let instance = || self.instances.iter().position(|i| i.key == *key);
                let host = || self.hosts.iter().position(|h| h.key == *key);
                let of_service = service(key).map(Place::Service);
                let of_instance = || instance().map(Place::Instance);
                of_service
                    .or_else(of_instance)
                    .or_else(|| host().map(Place::Host))
            }
            Subject::Edge { from, to, kind } => service(from)
                .zip(service(to))
                .and_then(|pair| self.links.iter().position(|link| *link == pair))
                .filter(|link| self.over(*link).any(|call| call.kind == *kind))
                .map(Place::Link),
        };
        place.ok_or_else(unknown)
    }

    /// The calls over a link.
    fn over(&self, link: usize) -> impl Iterator<Item = &CallTo> {
        self.calls.iter().filter(move |call| call.link == link)
    }

    /// Whether a caller without a timeout would wait for an answer that never comes.
    fn waits_for_good(&self, place: Place, kind: FaultKind) -> bool {
        let without = |call: &CallTo| call.timeout.is_none();
        match (place, kind) {
            (Place::Link(link), FaultKind::Lost { .. }) => self.over(link).any(without),
            (_, FaultKind::Unanswered { .. }) => {
                let service = self.service_of(place);
                let mut calls = self.calls.iter();
                calls.any(|call| Some(call.service) == service && without(call))
            }
            _ => false,
        }
    }

    /// The service that is at fault in a place: of an edge the callee, of a machine none.
    pub(crate) fn service_of(&self, place: Place) -> Option<usize> {
        match place {
            Place::Revision { service, .. } | Place::Flag { service } | Place::Service(service) => {
                Some(service)
            }
            Place::Instance(instance) => {
                let mut services = self.services.iter();
                services.position(|service| service.instances.contains(&instance))
            }
            Place::Link(link) => self.links.get(link).map(|(_, to)| *to),
            Place::Host(_) => None,
        }
    }

    fn bad(
        &self,
        place: Place,
        kind: FaultKind,
        during: Range<Tick>,
        scope: &Scope,
        segments: &[Segment],
    ) -> Result<Bad, SimError> {
        let fits = match place {
            Place::Revision { .. } => kind.is_of_code(),
            Place::Flag { .. } => kind.is_of_code() && kind.is_of_calls(),
            Place::Service(_) => {
                kind.is_of_code() || matches!(kind, FaultKind::Down | FaultKind::Flush)
            }
            Place::Instance(_) => kind.is_of_code() || kind == FaultKind::Down,
            Place::Host(_) => matches!(kind, FaultKind::Hogs { .. }),
            Place::Link(_) => kind.is_of_edge(),
        };
        if !fits || self.waits_for_good(place, kind) || !(kind.is_of_calls() || scope.is_all()) {
            return Err(SimError::Misplaced { fault: kind });
        }
        let named = |name: &Arc<str>| {
            let segment = segments.iter().position(|segment| segment.name == *name);
            segment.ok_or_else(|| SimError::UnknownSegment { name: name.clone() })
        };
        Ok(Bad {
            place,
            kind,
            during,
            operation: scope.operation.clone(),
            segment: scope.segment.as_ref().map(named).transpose()?,
        })
    }
}

/// The kind of an edge to a callee, where the call does not say.
pub(super) fn kind_to(callee: &NodeKey) -> EdgeKind {
    if callee.kind == astern_graph_core::NodeKind::Queue {
        EdgeKind::Publishes
    } else {
        EdgeKind::Calls
    }
}
