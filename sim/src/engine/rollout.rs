//! Releases as they go on, and what undoes them.

use astern_graph_core::{ChangeEvent, ChangePhase, NodeKey};

use super::Engine;
use crate::event::{Event, ticks};

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
    /// The next batch of a release gets its revision.
    pub(super) fn batch(&mut self, index: usize) {
        let (change, rollout) = (&self.model.changes[index], &self.rollouts[index]);
        let Some(size) = change.release.batches.get(rollout.batches) else {
            return;
        };
        if rollout.settled {
            return;
        }
        let all = self.model.services[change.service].instances.clone();
        let first = all.start + rollout.reached;
        let batch = first..(first + *size as usize).min(all.end);
        let whole = batch.end == all.end;
        let (revision, pause) = (change.revision, ticks(change.release.pause));
        let phase = match (rollout.batches, whole) {
            (0, _) => ChangePhase::Started,
            (_, true) => ChangePhase::Completed,
            (_, false) => ChangePhase::Progressed,
        };
        self.rollouts[index].batches += 1;
        self.rollouts[index].reached += batch.len();
        for instance in batch.clone() {
            self.switch(instance, revision);
        }
        self.tell(index, phase, self.keys(batch));
        if whole && phase == ChangePhase::Started {
            self.tell(index, ChangePhase::Completed, Vec::new());
        }
        self.after(pause, Event::Batch(index));
    }

    /// Gives a revision to every instance of a service and settles its release, if it has started.
    /// Says how many instances switched.
    pub(crate) fn revise(&mut self, service: usize, revision: usize) -> usize {
        let all = self.model.services[service].instances.clone();
        let other = |instance: &usize| self.servers[*instance].revision != revision;
        let switched: Vec<usize> = all.filter(other).collect();
        let release = self.model.changes.iter().position(|c| c.service == service);
        let started = release.filter(|index| self.rollouts[*index].batches > 0);
        if let Some(index) = started {
            let to = self.model.changes[index].revision;
            let undone = |instance: &usize| self.servers[*instance].revision == to;
            let (phase, told): (_, Vec<usize>) = if to == revision {
                (ChangePhase::Completed, switched.clone())
            } else {
                let undone = switched.iter().copied().filter(undone);
                (ChangePhase::RolledBack, undone.collect())
            };
            self.rollouts[index].settled = true;
            if !told.is_empty() {
                self.tell(index, phase, self.keys(told));
            }
        }
        self.routers[service].split = None;
        for instance in &switched {
            self.switch(*instance, revision);
        }
        switched.len()
    }

    fn switch(&mut self, instance: usize, revision: usize) {
        let server = &mut self.servers[instance];
        if server.revision != revision {
            server.revision = revision;
            server.since = self.clock;
        }
    }

    fn keys(&self, instances: impl IntoIterator<Item = usize>) -> Vec<NodeKey> {
        let key = |instance: usize| self.model.instances[instance].key.clone();
        instances.into_iter().map(key).collect()
    }

    fn tell(&mut self, index: usize, phase: ChangePhase, instances: Vec<NodeKey>) {
        let change = &self.model.changes[index];
        let release = &change.release;
        let from = self.model.services[change.service].revisions.first();
        let event = ChangeEvent::new(
            release.id.clone(),
            self.time(self.clock),
            release.service.clone(),
            from.cloned(),
            release.to.clone(),
        )
        .by(release.kind.clone())
        .undo(release.reversibility.clone())
        .reached(phase, instances);
        self.records.push(event.into());
    }
}
