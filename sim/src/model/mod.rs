//! A scenario with its names resolved: what the engine works on.

mod blackout;
mod build;
mod calls;
mod place;
mod releases;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use astern_graph_core::{EdgeKind, NodeKey, Party, Revision};

use crate::event::Tick;
use crate::fault::FaultKind;
use crate::law::TimeLaw;
use crate::resilience::{Breaker, Retries};
use crate::scenario::Release;
use crate::start_up::StartUp;

pub(crate) use blackout::Blackout;
pub(crate) use place::{Bad, Place};

#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) entry: usize,
    pub(crate) services: Vec<Service>,
    /// Instances of all services, those of one service side by side.
    pub(crate) instances: Vec<Instance>,
    /// Calls that services make, in no order that means anything.
    pub(crate) calls: Vec<CallTo>,
    /// Pairs of caller and callee; a call names its own.
    pub(crate) links: Vec<(usize, usize)>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) changes: Vec<Change>,
    /// What is wrong, in the order of the scenario.
    pub(crate) bads: Vec<Bad>,
    pub(crate) blackouts: Vec<Blackout>,
}

#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) key: NodeKey,
    pub(crate) workers: u32,
    pub(crate) queue_limit: usize,
    pub(crate) work: TimeLaw,
    pub(crate) start_up: Option<StartUp>,
    pub(crate) client_errors: f64,
    /// Calls by their places in the model.
    pub(crate) steps: Vec<Vec<usize>>,
    /// Services that get a copy of each message, and what handling it is called.
    pub(crate) consumers: Vec<(usize, Arc<str>)>,
    pub(crate) instances: Range<usize>,
    /// The first of them that only a blue-green release starts.
    pub(crate) green: usize,
    /// The revision at the start, and those that releases bring.
    pub(crate) revisions: Vec<Revision>,
    /// By revision: work over that of the first.
    pub(crate) work_factors: Vec<f64>,
    /// It as a party of which only the service is known, for each segment.
    pub(crate) parties: Vec<Party>,
}

#[derive(Debug, Clone)]
pub(crate) struct CallTo {
    pub(crate) service: usize,
    pub(crate) link: usize,
    pub(crate) operation: Arc<str>,
    pub(crate) probability: f64,
    /// What the probability is multiplied by, for each segment; empty where that is 1 for all.
    pub(crate) favours: Vec<f64>,
    pub(crate) kind: EdgeKind,
    pub(crate) timeout: Option<Tick>,
    pub(crate) retries: Option<Retries>,
    pub(crate) breaker: Option<Breaker>,
    pub(crate) connections: Option<u32>,
    pub(crate) cache: Option<Cache>,
}

/// The call that a miss costs, by its place in the model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cache {
    pub(crate) hit_ratio: f64,
    pub(crate) warm: Tick,
    pub(crate) store: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) key: NodeKey,
    pub(crate) host: Option<usize>,
    pub(crate) speed: f64,
    /// It as a party of a call, for each segment under each revision of its service.
    pub(crate) parties: Vec<Vec<Party>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Host {
    pub(crate) key: NodeKey,
    pub(crate) cores: f64,
}

#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) release: Release,
    pub(crate) service: usize,
    pub(crate) revision: usize,
    /// The oldest revision that works once it has started.
    pub(crate) min_compatible: usize,
}

impl Model {
    /// All services that call one, directly or not, in the order of their keys. Consumers of
    /// messages are none of them.
    pub(crate) fn callers(&self, service: usize) -> Vec<NodeKey> {
        let mut found = BTreeSet::new();
        let mut left = vec![service];
        while let Some(callee) = left.pop() {
            for (from, to) in &self.links {
                let key = &self.services[*from].key;
                if *to == callee && *from != service && !found.contains(key) {
                    found.insert(key.clone());
                    left.push(*from);
                }
            }
        }
        found.into_iter().collect()
    }

    /// The faults that an instance which runs a revision has in all its calls now.
    pub(crate) fn faults_of(
        &self,
        service: usize,
        instance: usize,
        revision: usize,
        now: Tick,
    ) -> impl Iterator<Item = FaultKind> {
        let runs = move |bad: &&Bad| bad.place.runs(service, instance, revision);
        let now = self
            .bads
            .iter()
            .filter(move |bad| bad.during.contains(&now));
        now.filter(runs).map(|bad| bad.kind)
    }

    /// Whether an instance that runs a revision may get calls.
    pub(crate) fn is_ready(
        &self,
        service: usize,
        instance: usize,
        revision: usize,
        now: Tick,
    ) -> bool {
        let mut faults = self.faults_of(service, instance, revision, now);
        faults.all(|kind| kind != FaultKind::NotReady)
    }

    /// Workers of an instance that runs a revision.
    pub(crate) fn workers(
        &self,
        service: usize,
        instance: usize,
        revision: usize,
        now: Tick,
    ) -> u32 {
        let faults = self.faults_of(service, instance, revision, now);
        let left = faults.filter_map(|kind| match kind {
            FaultKind::Workers { left } => Some(left),
            _ => None,
        });
        left.fold(self.services[service].workers, u32::min)
    }
}
