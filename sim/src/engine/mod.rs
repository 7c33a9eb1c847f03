//! The event loop and the state that it works on.

mod attempts;
mod calls;
mod incident;
mod load;
mod rollout;
mod telemetry;

use std::collections::BTreeMap;
use std::time::Duration;

use astern_graph_core::{CallStatus, NodeKey, Record, Revision, Timestamp};

use crate::error::SimError;
use crate::event::{Agenda, Event, Tick, ticks};
use crate::host::Machine;
use crate::jobs::Jobs;
use crate::law::TimeLaw;
use crate::load::Load;
use crate::model::Model;
use crate::scenario::{Balance, Scenario};
use crate::server::{Circuit, Pool, Router, Server, Split};
use crate::simulator::Counts;
use crate::streams::Streams;

use rollout::Rollout;

/// The state of a run.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    model: Model,
    rules: Rules,
    clock: Tick,
    agenda: Agenda,
    events: u64,
    streams: Streams,
    jobs: Jobs,
    servers: Vec<Server>,
    routers: Vec<Router>,
    machines: Vec<Machine>,
    /// By link.
    circuits: Vec<Circuit>,
    /// By call and calling instance.
    pools: BTreeMap<(usize, usize), Pool>,
    rollouts: Vec<Rollout>,
    /// By service: share of the calls that has its flag on.
    flag_shares: Vec<f64>,
    /// By service: the oldest revision that works.
    oldest: Vec<usize>,
    /// By service: when it lost what it cached.
    flushed: Vec<Option<Tick>>,
    /// By service: messages that wait for its consumers.
    depths: Vec<u64>,
    started: u64,
    answered: u64,
    sampled: Tick,
    records: Vec<Record>,
}

/// The scalars of a scenario, in ticks where they are times.
#[derive(Debug, Clone)]
struct Rules {
    start: Timestamp,
    step: Tick,
    load: Load,
    /// The highest rate of the load over its mean.
    highest_factor: f64,
    span_secs: f64,
    balance: Balance,
    network: TimeLaw,
    background_errors: f64,
    propagation: f64,
    events_max: u64,
}

impl Engine {
    pub(crate) fn new(scenario: &Scenario) -> Result<Self, SimError> {
        let model = Model::new(scenario)?;
        let rules = Rules {
            start: scenario.start,
            step: ticks(scenario.step),
            load: scenario.load.clone(),
            highest_factor: scenario.load.highest_factor(scenario.span.as_secs_f64()),
            span_secs: scenario.span.as_secs_f64(),
            balance: scenario.balance,
            network: scenario.network,
            background_errors: scenario.background_errors,
            propagation: scenario.propagation,
            events_max: scenario.events_max,
        };
        let services = model.services.len();
        let mut engine = Self {
            clock: 0,
            agenda: Agenda::default(),
            events: 0,
            streams: Streams::new(scenario.seed),
            jobs: Jobs::default(),
            servers: vec![Server::default(); model.instances.len()],
            routers: vec![Router::default(); services],
            machines: model
                .hosts
                .iter()
                .map(|host| Machine::new(host.cores))
                .collect(),
            circuits: vec![Circuit::default(); model.links.len()],
            pools: BTreeMap::new(),
            rollouts: vec![Rollout::default(); model.changes.len()],
            flag_shares: vec![0.0; services],
            oldest: vec![0; services],
            flushed: vec![None; services],
            depths: vec![0; services],
            started: 0,
            answered: 0,
            sampled: 0,
            records: Vec::new(),
            model,
            rules,
        };
        for service in &engine.model.services {
            for instance in service.green..service.instances.end {
                engine.servers[instance].away = true;
            }
        }
        engine.await_arrival();
        engine.agenda.put(engine.rules.step - 1, Event::Sample);
        for (index, change) in engine.model.changes.iter().enumerate() {
            let starts = ticks(change.release.starts);
            engine.agenda.put(starts, Event::Batch(index));
        }
        for (index, bad) in engine.model.bads.iter().enumerate() {
            if bad.is_of_place() {
                engine
                    .agenda
                    .put(bad.during.start, Event::PlaceFault(index));
                engine.agenda.put(bad.during.end, Event::PlaceFault(index));
            }
        }
        Ok(engine)
    }

    /// Lets everything happen that happens before `end`.
    pub(crate) fn run(&mut self, end: Tick) -> Result<(), SimError> {
        while let Some((at, event)) = self.agenda.take_before(end) {
            if self.events >= self.rules.events_max {
                // Put back, so that the run stays as it was and says the same when asked again.
                self.agenda.put(at, event);
                return Err(SimError::TooManyEvents {
                    limit: self.rules.events_max,
                    at: self.time(self.clock),
                });
            }
            self.events += 1;
            self.clock = at;
            match event {
                Event::Arrival => self.arrive(),
                Event::Received(job) => self.receive(job),
                Event::Computed(job) => self.computed(job),
                Event::Rested(job) => self.worked(job),
                Event::Ended { host, version } => self.ended(host, version),
                Event::Answered(job) => self.answer(job),
                Event::TimedOut { job, serial } => self.timed_out(job, serial),
                Event::Again {
                    caller,
                    call,
                    attempt,
                } => self.call(caller, call, attempt),
                Event::Stopped { caller, call } => {
                    self.call_over(caller, call, CallStatus::Error, false);
                }
                Event::PlaceFault(index) => self.incident(index),
                Event::Batch(change) => self.batch(change),
                Event::Sample => self.sample(),
            }
        }
        self.clock = self.clock.max(end);
        Ok(())
    }

    /// The instant of a tick.
    fn time(&self, tick: Tick) -> Timestamp {
        self.rules.start.plus(Duration::from_micros(tick))
    }

    /// The last tick that is not after an instant.
    pub(crate) fn tick(&self, at: Timestamp) -> Tick {
        ticks(at.since(self.rules.start))
    }

    fn after(&mut self, wait: Tick, event: Event) {
        self.agenda.put(self.clock.saturating_add(wait), event);
    }

    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.time(self.clock)
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            started: self.started,
            answered: self.answered,
            in_flight: self.jobs.roots() as u64,
            calls_in_flight: self.jobs.len() as u64,
        }
    }

    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    pub(crate) fn take_records(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    pub(crate) fn service(&self, key: &NodeKey) -> Option<usize> {
        let mut services = self.model.services.iter();
        services.position(|service| service.key == *key)
    }

    pub(crate) fn revision(&self, service: usize, revision: &Revision) -> Option<usize> {
        let mut known = self.model.services[service].revisions.iter();
        known.position(|known| known == revision)
    }

    pub(crate) fn revisions(&self, service: usize) -> Vec<(NodeKey, Revision)> {
        let service = &self.model.services[service];
        let running = |instance: usize| {
            let revision = self.servers[instance].revision;
            let key = self.model.instances[instance].key.clone();
            (key, service.revisions[revision].clone())
        };
        let there = |instance: &usize| !self.servers[*instance].away;
        service
            .instances
            .clone()
            .filter(there)
            .map(running)
            .collect()
    }

    /// Spreads a service's calls by revision; says whether that is new.
    pub(crate) fn split(&mut self, service: usize, split: Split) -> bool {
        let before = self.routers[service].split.replace(split);
        before != Some(split)
    }
}
