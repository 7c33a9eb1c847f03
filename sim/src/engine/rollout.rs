//! Releases as they go on, and what undoes them.

use std::sync::Arc;

use astern_graph_core::{ChangeEvent, ChangeKind, ChangePhase, NodeKey, TrafficShare};

use super::Engine;
use crate::event::{Event, ticks};
use crate::server::Split;

/// How far a release has come.
#[derive(Debug, Clone, Default)]
pub(super) struct Rollout {
    /// Batches done.
    batches: usize,
    /// Instances reached.
    reached: usize,
    /// Whether an action settled it, so that no further batch follows.
    settled: bool,
}

impl Engine {
    /// The next batch of a release is due.
    pub(super) fn batch(&mut self, index: usize) {
        let (change, rollout) = (&self.model.changes[index], &self.rollouts[index]);
        let (service, release) = (change.service, &change.release);
        let all = release.batches.len().max(release.traffic.len());
        if rollout.settled || rollout.batches >= all {
            return;
        }
        if rollout.batches == 0 {
            self.oldest[service] = self.oldest[service].max(change.min_compatible);
        }
        let pause = ticks(release.pause);
        match release.kind {
            ChangeKind::FeatureFlag { .. } => self.flag_step(index),
            ChangeKind::BlueGreen => self.switch_sets(index),
            _ => self.replace(index),
        }
        self.after(pause, Event::Batch(index));
    }

    /// The flag is on for another share of the calls.
    fn flag_step(&mut self, index: usize) {
        let change = &self.model.changes[index];
        let step = self.rollouts[index].batches;
        let share = change.release.traffic.get(step).copied();
        let last = step + 1 == change.release.traffic.len();
        self.flag_shares[change.service] = share.map_or(0.0, TrafficShare::fraction);
        self.step_over(index, last, share, Vec::new());
    }

    /// The second set of instances starts and takes all calls.
    fn switch_sets(&mut self, index: usize) {
        let (service, revision) = {
            let change = &self.model.changes[index];
            (change.service, change.revision)
        };
        let green = self.model.services[service].green..self.model.services[service].instances.end;
        for instance in green.clone() {
            self.servers[instance].away = false;
            self.servers[instance].revision = revision;
            self.servers[instance].started = Some(self.clock);
        }
        self.routers[service].split = Some(Split {
            revision,
            share: 1.0,
        });
        self.step_over(index, true, Some(TrafficShare::FULL), self.keys(green));
    }

    /// The instances of the next batch get the new revision.
    fn replace(&mut self, index: usize) {
        let (change, rollout) = (&self.model.changes[index], &self.rollouts[index]);
        let (service, revision) = (change.service, change.revision);
        let size = change.release.batches.get(rollout.batches);
        let share = change.release.traffic.get(rollout.batches).copied();
        let end = self.model.services[service].green;
        let first = self.model.services[service].instances.start + rollout.reached;
        let batch = first..(first + size.map_or(0, |size| *size as usize)).min(end);
        let whole = batch.end == end;
        self.rollouts[index].reached += batch.len();
        for instance in batch.clone() {
            self.switch(service, instance, revision);
        }
        let share = share.map(|share| if whole { TrafficShare::FULL } else { share });
        if let Some(share) = share {
            let share = share.fraction();
            let split = Split { revision, share };
            self.routers[service].split = (!whole).then_some(split);
        }
        self.step_over(index, whole, share, self.keys(batch));
    }

    /// Records a step of a release.
    fn step_over(
        &mut self,
        index: usize,
        whole: bool,
        share: Option<TrafficShare>,
        instances: Vec<NodeKey>,
    ) {
        let phase = match (self.rollouts[index].batches, whole) {
            (0, _) => ChangePhase::Started,
            (_, true) => ChangePhase::Completed,
            (_, false) => ChangePhase::Progressed,
        };
        self.rollouts[index].batches += 1;
        self.tell(index, phase, share, instances);
        if whole && phase == ChangePhase::Started {
            self.tell(index, ChangePhase::Completed, share, Vec::new());
        }
    }

    /// Turns the flag of a release on or off for all calls and settles the release. Says whether
    /// that is new; nothing where there is no such flag, or its release has not started.
    pub(crate) fn set_flag(&mut self, service: usize, flag: &str, on: bool) -> Option<bool> {
        let named =
            |kind: &ChangeKind| matches!(kind, ChangeKind::FeatureFlag { flag: f } if **f == *flag);
        let index = self
            .model
            .changes
            .iter()
            .position(|c| c.service == service && named(&c.release.kind))
            .filter(|index| self.rollouts[*index].batches > 0)?;
        self.rollouts[index].settled = true;
        let (phase, share) = if on {
            (ChangePhase::Completed, TrafficShare::FULL)
        } else {
            (ChangePhase::RolledBack, TrafficShare::ZERO)
        };
        let before = std::mem::replace(&mut self.flag_shares[service], share.fraction());
        let new = (before - share.fraction()).abs() > f64::EPSILON;
        if new {
            self.tell(index, phase, Some(share), Vec::new());
        }
        Some(new)
    }

    /// Flags of a service whose release has started, and the share of calls that has them on.
    pub(crate) fn flags(&self, service: usize) -> impl Iterator<Item = (&Arc<str>, f64)> {
        let changes = self.model.changes.iter().zip(&self.rollouts);
        let started = changes.filter(move |(c, r)| c.service == service && r.batches > 0);
        started.filter_map(move |(change, _)| match &change.release.kind {
            ChangeKind::FeatureFlag { flag } => Some((flag, self.flag_shares[service])),
            _ => None,
        })
    }

    /// Gives a revision to every instance of a service and settles its release, if it has started.
    /// Says how many instances switched.
    pub(crate) fn revise(&mut self, service: usize, revision: usize) -> usize {
        let all = self.model.services[service].instances.clone();
        let other = |instance: &usize| self.servers[*instance].revision != revision;
        let (here, away): (Vec<usize>, Vec<usize>) = all
            .filter(other)
            .partition(|instance| !self.servers[*instance].away);
        let switched = here;
        let mut changes = self.model.changes.iter();
        let release = changes.position(|c| c.service == service && !c.release.is_flag());
        let started = release.filter(|index| self.rollouts[*index].batches > 0);
        if let Some(index) = started {
            let to = self.model.changes[index].revision;
            let undone = |instance: &usize| self.servers[*instance].revision == to;
            let (phase, changed): (_, Vec<usize>) = if to == revision {
                (ChangePhase::Completed, switched.clone())
            } else {
                let undone = switched.iter().copied().filter(undone);
                (ChangePhase::RolledBack, undone.collect())
            };
            self.rollouts[index].settled = true;
            if !changed.is_empty() {
                self.tell(index, phase, None, self.keys(changed));
            }
        }
        self.routers[service].split = None;
        for instance in switched.iter().chain(&away) {
            self.switch(service, *instance, revision);
        }
        switched.len()
    }

    fn switch(&mut self, service: usize, instance: usize, revision: usize) {
        let server = &mut self.servers[instance];
        if server.revision != revision {
            server.revision = revision;
            server.started = Some(self.clock);
            if !self.model.is_ready(service, instance, revision, self.clock) {
                self.refuse_queue(instance);
            }
            // The other revision may have more workers.
            self.pump(service, instance);
        }
    }

    fn keys(&self, instances: impl IntoIterator<Item = usize>) -> Vec<NodeKey> {
        let key = |instance: usize| self.model.instances[instance].key.clone();
        instances.into_iter().map(key).collect()
    }

    fn tell(
        &mut self,
        index: usize,
        phase: ChangePhase,
        share: Option<TrafficShare>,
        instances: Vec<NodeKey>,
    ) {
        let change = &self.model.changes[index];
        let release = &change.release;
        let from = self.model.services[change.service].revisions.first();
        let mut event = ChangeEvent::new(
            release.id.clone(),
            self.time(self.clock),
            release.service.clone(),
            from.cloned(),
            release.to.clone(),
        )
        .by(release.kind.clone())
        .undo(release.reversibility.clone())
        .reached(phase, instances);
        event.share = share;
        self.records.push(event.into());
    }
}
