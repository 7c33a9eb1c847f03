//! Releases over time: how many instances run the new revision, and what is reported of it.

use std::time::Duration;

use astern_graph_core::{ChangeEvent, ChangePhase, NodeKey, Revision, Timestamp};

use crate::error::SimError;
use crate::fault::{Fault, FaultKind};
use crate::scenario::Release;
use crate::topology::Topology;

/// One release of a known service.
#[derive(Debug, Clone)]
pub(super) struct Rollout {
    /// Index of the service.
    pub(super) service: usize,
    /// What is wrong with the new revision.
    pub(super) fault: Option<FaultKind>,
    release: Release,
    from: Revision,
}

impl Rollout {
    pub(super) fn all(
        topology: &Topology,
        releases: &[Release],
        fault: Option<&Fault>,
    ) -> Result<Vec<Self>, SimError> {
        let known = |fault: &&Fault| !releases.iter().any(|r| r.id == fault.change);
        if let Some(fault) = fault.filter(known) {
            return Err(SimError::UnknownChange {
                change: fault.change.clone(),
            });
        }
        releases
            .iter()
            .map(|r| Self::new(topology, r, fault))
            .collect()
    }

    fn new(
        topology: &Topology,
        release: &Release,
        fault: Option<&Fault>,
    ) -> Result<Self, SimError> {
        let part = format!("change `{}`", release.id);
        let mut services = topology.services.iter().zip(0..);
        let found = services.find(|(spec, _)| spec.key == release.service);
        let Some((spec, service)) = found else {
            let name = release.service.to_string().into();
            return Err(SimError::UnknownService { name, by: part });
        };
        if spec.revision == release.to {
            return Err(SimError::SameRevision {
                change: release.id.clone(),
                revision: release.to.clone(),
            });
        }
        let asked: f64 = release.batches.iter().copied().map(f64::from).sum();
        let most = f64::from(spec.instances);
        astern_stats::param::in_range("instances of all batches", asked, 1.0, most)
            .map_err(|cause| SimError::Param { part, cause })?;
        let bad = fault.filter(|fault| fault.change == release.id);
        Ok(Self {
            service,
            fault: bad.map(|fault| fault.kind),
            release: release.clone(),
            from: spec.revision.clone(),
        })
    }

    /// Instances that run the new revision, so long after the start of the run.
    pub(super) fn reached(&self, since_start: Duration) -> u32 {
        let before = self.batches().take_while(|(at, ..)| *at <= since_start);
        before.map(|(_, _, size)| size).sum()
    }

    /// What is reported in this part of the run.
    pub(super) fn reported(
        &self,
        start: Timestamp,
        part: std::ops::Range<Duration>,
        instances: u32,
    ) -> Vec<ChangeEvent> {
        let mut events = Vec::new();
        for (at, first, size) in self.batches().filter(|(at, ..)| part.contains(at)) {
            let whole = first + size == instances;
            let phase = match (first, whole) {
                (0, _) => ChangePhase::Started,
                (_, true) => ChangePhase::Completed,
                (_, false) => ChangePhase::Progressed,
            };
            let name = &self.release.service.name;
            let key = |number| NodeKey::instance(format!("{name}-v1-{number}"));
            let event = ChangeEvent::new(
                self.release.id.clone(),
                start.plus(at),
                self.release.service.clone(),
                Some(self.from.clone()),
                self.release.to.clone(),
            )
            .by(self.release.kind.clone())
            .undo(self.release.reversibility.clone());
            let reached = (first..first + size).map(key).collect();
            events.push(event.clone().reached(phase, reached));
            if whole && phase == ChangePhase::Started {
                events.push(event.reached(ChangePhase::Completed, Vec::new()));
            }
        }
        events
    }

    /// Time since the start of the run, first instance and size of each batch.
    fn batches(&self) -> impl Iterator<Item = (Duration, u32, u32)> {
        let mut next = (self.release.starts, 0_u32);
        self.release.batches.iter().map(move |size| {
            let (at, first) = next;
            next = (
                at.saturating_add(self.release.pause),
                first.saturating_add(*size),
            );
            (at, first, *size)
        })
    }
}
