//! Runs a scenario: at once, or in steps with actions in between.

use std::sync::Arc;

use astern_graph_core::{NodeKey, Record, Revision, Timestamp};
use astern_stats::param::in_range;
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::error::{ActionError, SimError};
use crate::scenario::Scenario;
use crate::server::Split;
use crate::truth::GroundTruth;

/// What a whole run gave.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Simulation {
    /// Everything observed, in the order of [`sort_records`].
    pub records: Vec<Record>,
    /// What was really wrong.
    pub truth: GroundTruth,
    /// When the run started.
    pub start: Timestamp,
    /// End of the healthy phase.
    pub healthy_until: Timestamp,
    /// When the run ended; calls that were not answered by then are not recorded.
    pub end: Timestamp,
    /// Requests from outside at the end.
    pub counts: Counts,
}

/// Runs a scenario from start to end.
///
/// # Errors
/// [`SimError`] for a scenario that breaks a rule or takes too many events.
///
/// # Complexity
/// `O(log n + k)` for each call, with n calls in progress and k instances of the callee.
pub fn run(scenario: &Scenario) -> Result<Simulation, SimError> {
    let mut simulator = Simulator::new(scenario)?;
    let end = scenario.start.plus(scenario.span);
    Ok(Simulation {
        records: simulator.advance(end)?,
        start: scenario.start,
        healthy_until: scenario.start.plus(scenario.healthy),
        end,
        counts: simulator.counts(),
        truth: simulator.truth,
    })
}

/// Puts records in the order of time. At equal times changes come first, then samples, then calls
/// by the identity of their spans; what is equal in that too stays in its order.
pub fn sort_records(records: &mut [Record]) {
    let rank = |record: &Record| match record {
        Record::Change(_) => (0, None),
        Record::Sample(_) => (1, None),
        Record::Call(call) => (2, call.id),
        _ => (3, None),
    };
    records.sort_by_key(|record| (record.at(), rank(record)));
}

/// Requests from outside: `started = answered + in_flight`, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Counts {
    /// Requests that came.
    pub started: u64,
    /// Requests that were answered, well or not.
    pub answered: u64,
    /// Requests in progress.
    pub in_flight: u64,
    /// Calls in progress, requests from outside among them.
    pub calls_in_flight: u64,
}

/// A run that goes on step by step and can be acted upon.
///
/// # Example
/// Rolls back what the scenario says is bad, five minutes after it came:
/// ```
/// use std::time::Duration;
/// use astern_sim::{Scenario, Simulator};
///
/// let scenario = Scenario::releases(3);
/// let mut simulator = Simulator::new(&scenario)?;
/// let truth = simulator.truth().clone();
/// let (service, onset) = (truth.service.unwrap(), truth.onset.unwrap());
///
/// let good = simulator.revisions(&service)?[0].1.clone();
/// let now = onset.plus(Duration::from_secs(300));
/// let before = simulator.advance(now)?;
/// let switched = simulator.set_revision(&service, &good, now)?;
/// assert!(switched > 0 && !before.is_empty());
/// assert!(simulator.revisions(&service)?.iter().all(|(_, revision)| *revision == good));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Simulator {
    engine: Engine,
    truth: GroundTruth,
}

impl Simulator {
    /// A run at its start.
    ///
    /// # Errors
    /// [`SimError`] for a scenario that breaks a rule.
    pub fn new(scenario: &Scenario) -> Result<Self, SimError> {
        let engine = Engine::new(scenario)?;
        Ok(Self {
            truth: GroundTruth::of(scenario, engine.model()),
            engine,
        })
    }

    /// How far the run has come.
    pub fn now(&self) -> Timestamp {
        self.engine.now()
    }

    /// What is really wrong, as the scenario planned it.
    pub fn truth(&self) -> &GroundTruth {
        &self.truth
    }

    /// Requests until now.
    pub fn counts(&self) -> Counts {
        self.engine.counts()
    }

    /// Events until now: what a scenario's `events_max` bounds.
    pub fn events(&self) -> u64 {
        self.engine.events()
    }

    /// Lets everything happen that happens before `until`, and gives what was observed since the
    /// last time, in the order of [`sort_records`]. A call is observed once it is answered, so it
    /// may have begun before that last time. The scenario's span does not bound it; a time that
    /// has passed changes nothing.
    ///
    /// # Errors
    /// [`SimError::TooManyEvents`] when the scenario's limit is reached; what was observed until
    /// then is kept.
    pub fn advance(&mut self, until: Timestamp) -> Result<Vec<Record>, SimError> {
        self.engine.run(self.engine.tick(until))?;
        let mut records = self.engine.take_records();
        sort_records(&mut records);
        Ok(records)
    }

    /// Instances of a service and the revisions that they run, in the order of their numbers.
    ///
    /// # Errors
    /// [`ActionError::UnknownService`].
    pub fn revisions(&self, service: &NodeKey) -> Result<Vec<(NodeKey, Revision)>, ActionError> {
        Ok(self.engine.revisions(self.service(service)?))
    }

    /// Goes on to `now` and gives every instance of the service this revision at once: the one
    /// that it had at the start, or one that a release brings. Says how many instances switched.
    ///
    /// A release of the service that has started is settled by it: no further batch follows, and
    /// a change event states that it was rolled back or completed. One that has not started still
    /// starts. A split of the service's traffic ends.
    ///
    /// # Errors
    /// [`ActionError`] for a service or revision that is not known and a time that has passed.
    pub fn set_revision(
        &mut self,
        service: &NodeKey,
        revision: &Revision,
        now: Timestamp,
    ) -> Result<usize, ActionError> {
        let (service, revision) = self.target(service, revision)?;
        self.go_on(now)?;
        Ok(self.engine.revise(service, revision))
    }

    /// Goes on to `now` and sends this share of the service's calls to the instances that run
    /// this revision, and the rest to the others, until it is set again. A side without instances
    /// gets nothing, whatever its share. Says whether anything changed.
    ///
    /// # Errors
    /// [`ActionError`] for a service or revision that is not known, a share outside 0..=1, and a
    /// time that has passed.
    pub fn set_traffic(
        &mut self,
        service: &NodeKey,
        revision: &Revision,
        share: f64,
        now: Timestamp,
    ) -> Result<bool, ActionError> {
        let (service, revision) = self.target(service, revision)?;
        let share = in_range("share", share, 0.0, 1.0)?;
        self.go_on(now)?;
        Ok(self.engine.split(service, Split { revision, share }))
    }

    /// Goes on to `now` and turns a flag of the service on or off for all calls. The release of
    /// the flag is settled by it: no further share follows, and a change event states that it was
    /// completed or rolled back. Says whether anything changed.
    ///
    /// # Errors
    /// [`ActionError`] for a service that is not known, a flag whose release has not started, and
    /// a time that has passed.
    pub fn set_flag(
        &mut self,
        service: &NodeKey,
        flag: &str,
        on: bool,
        now: Timestamp,
    ) -> Result<bool, ActionError> {
        let index = self.service(service)?;
        self.go_on(now)?;
        let unknown = || ActionError::UnknownFlag {
            service: service.clone(),
            flag: flag.into(),
        };
        self.engine.set_flag(index, flag, on).ok_or_else(unknown)
    }

    /// Flags of a service whose release has started, and the share of its calls, 0 to 1, that has
    /// them on.
    ///
    /// # Errors
    /// [`ActionError::UnknownService`].
    pub fn flags(&self, service: &NodeKey) -> Result<Vec<(Arc<str>, f64)>, ActionError> {
        let flags = self.engine.flags(self.service(service)?);
        Ok(flags
            .map(|(flag, share)| (Arc::clone(flag), share))
            .collect())
    }

    /// Goes on to `now` and restarts all instances of the service at once: what leaks starts
    /// again, a slow start begins again, and a cache is empty. What workers hold is finished. Says
    /// how many instances there are.
    ///
    /// # Errors
    /// [`ActionError`] for a service that is not known and a time that has passed.
    pub fn restart(&mut self, service: &NodeKey, now: Timestamp) -> Result<usize, ActionError> {
        let index = self.service(service)?;
        self.go_on(now)?;
        Ok(self.engine.restart(index))
    }

    fn service(&self, key: &NodeKey) -> Result<usize, ActionError> {
        let unknown = || ActionError::UnknownService {
            service: key.clone(),
        };
        self.engine.service(key).ok_or_else(unknown)
    }

    /// Whether an action could give this revision to the service.
    pub(crate) fn knows(&self, service: &NodeKey, to: &Revision) -> Result<(), ActionError> {
        self.target(service, to).map(drop)
    }

    fn target(&self, key: &NodeKey, to: &Revision) -> Result<(usize, usize), ActionError> {
        let service = self.service(key)?;
        let unknown = || ActionError::UnknownRevision {
            service: key.clone(),
            revision: to.clone(),
        };
        let revision = self.engine.revision(service, to).ok_or_else(unknown)?;
        Ok((service, revision))
    }

    fn go_on(&mut self, now: Timestamp) -> Result<(), ActionError> {
        let clock = self.now();
        if now < clock {
            return Err(ActionError::Past { now, clock });
        }
        Ok(self.engine.run(self.engine.tick(now))?)
    }
}
