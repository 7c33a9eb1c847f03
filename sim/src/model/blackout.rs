//! Whose telemetry is lost, and when.

use std::ops::Range;

use astern_graph_core::{NodeKey, Party, Revision};

use super::Model;
use super::calls::find;
use crate::error::SimError;
use crate::event::{Tick, ticks};
use crate::topology::ServiceSpec;

/// A blackout whose names are known to exist.
#[derive(Debug, Clone)]
pub(crate) struct Blackout {
    service: Option<NodeKey>,
    revision: Option<Revision>,
    instance: Option<NodeKey>,
    during: Range<Tick>,
}

impl Blackout {
    /// Whether it loses what this party reports; without a party, whether it loses everything.
    pub(crate) fn hides(&self, party: Option<&Party>, now: Tick) -> bool {
        let service = party.map(|party| &party.service);
        let revision = party.and_then(|party| party.revision.as_ref());
        let instance = party.and_then(|party| party.instance.as_ref());
        self.during.contains(&now)
            && (self.service.is_none() || self.service.as_ref() == service)
            && (self.revision.is_none() || self.revision.as_ref() == revision)
            && (self.instance.is_none() || self.instance.as_ref() == instance)
    }
}

impl Model {
    pub(super) fn blackout(
        &self,
        lost: &crate::blackout::Blackout,
        specs: &[ServiceSpec],
    ) -> Result<Blackout, SimError> {
        let named = |key: &NodeKey| find(specs, &key.name, "a blackout");
        let service = lost.service.as_ref().map(named).transpose()?;
        let service = service.map(|index| &self.services[index]);
        let unknown = |name: String| SimError::UnknownReporter {
            name,
            service: service.map(|service| service.key.clone()),
        };
        if let Some(revision) = &lost.revision
            && !service.is_some_and(|service| service.revisions.contains(revision))
        {
            return Err(unknown(revision.to_string()));
        }
        let all = 0..self.instances.len();
        let range = service.map_or(all, |service| service.instances.clone());
        let known = |key: &NodeKey| self.instances[range].iter().any(|i| i.key == *key);
        if let Some(instance) = &lost.instance
            && !known(instance)
        {
            return Err(unknown(instance.to_string()));
        }
        let from = ticks(lost.starts);
        Ok(Blackout {
            service: service.map(|service| service.key.clone()),
            revision: lost.revision.clone(),
            instance: lost.instance.clone(),
            during: from..from.saturating_add(lost.lasts.map_or(Tick::MAX, ticks)),
        })
    }
}
