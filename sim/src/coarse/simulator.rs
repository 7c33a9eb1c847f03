//! A coarse run, a step at a time.

use std::time::Duration;

use astern_graph_core::{ChangeEvent, NodeKey, Timestamp};

use crate::coarse::limits;
use crate::coarse::model::{Load, System};
use crate::coarse::rollout::Rollout;
use crate::coarse::scenario::{CoarseError, CoarseScenario};
use crate::truth::GroundTruth;

/// Standard normal score of the 95 % quantile.
pub(super) const SCORE_P95: f64 = 1.644_853_626_951_472_2;

/// What one service does in a step, without the noise of counting.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ServiceState {
    /// Calls served per second.
    pub request_rate: f64,
    /// Share of the calls that fail, 0 to 1.
    pub error_rate: f64,
    /// Mean duration of a call as the service sees it, its wait for a worker included.
    pub latency_ms_mean: f64,
    /// Median of the same.
    pub latency_ms_p50: f64,
    /// 95 % quantile of the same.
    pub latency_ms_p95: f64,
    /// Share of the workers that compute, 0 to 1.
    pub cpu_utilisation: f64,
    /// Calls that wait because more came than could be served.
    pub backlog: f64,
}

/// One step of a coarse run.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CoarseStep {
    /// Number of the step, from 0.
    pub number: u64,
    /// When it ends.
    pub end: Timestamp,
    /// What each service does, in the order of the topology.
    pub states: Vec<ServiceState>,
    /// Calls per second of each call that the topology names, service by service, in its order;
    /// empty unless the scenario asks for edges.
    pub call_rates: Vec<f64>,
    /// Releases that went on in it.
    pub changes: Vec<ChangeEvent>,
}

/// A coarse run: an iterator over its steps.
///
/// # Complexity
/// `O(n + m)` for each step, with n services and m calls between them; memory likewise.
#[derive(Debug, Clone)]
pub struct CoarseSimulator {
    pub(super) scenario: CoarseScenario,
    pub(super) system: System,
    rollouts: Vec<Rollout>,
    loads: Vec<Load>,
    truth: GroundTruth,
    number: u64,
}

impl CoarseSimulator {
    /// A run at its start.
    ///
    /// # Errors
    /// [`CoarseError`] for a scenario that breaks a rule, and for a fault that means cannot show.
    pub fn new(scenario: &CoarseScenario) -> Result<Self, CoarseError> {
        limits::check(scenario)?;
        scenario.check()?;
        let system = System::new(scenario)?;
        let fault = scenario.fault.as_ref();
        let rollouts = Rollout::all(&scenario.topology, &scenario.releases, fault)?;
        let bad = rollouts.iter().find(|rollout| rollout.fault.is_some());
        let callers = bad.map_or_else(Vec::new, |bad| system.flow.callers(bad.service));
        let specs = &scenario.topology.services;
        let mut callers: Vec<NodeKey> = callers.into_iter().map(|i| specs[i].key.clone()).collect();
        callers.sort();
        let truth = GroundTruth::of_release(&scenario.frame(), scenario.fault.as_ref(), callers);
        let mut simulator = Self {
            loads: system.idle(),
            system,
            rollouts,
            truth,
            scenario: scenario.clone(),
            number: 0,
        };
        simulator.warm_up();
        Ok(simulator)
    }

    /// What is really wrong, as the scenario planned it.
    pub fn truth(&self) -> &GroundTruth {
        &self.truth
    }

    /// Keys of the services, in the order of the states of a step.
    pub fn services(&self) -> impl Iterator<Item = &NodeKey> {
        self.scenario.topology.services.iter().map(|spec| &spec.key)
    }

    /// Times and rates depend on each other. The first step starts from the times of an empty
    /// system, callees first, so that callers know how long their workers are held.
    fn warm_up(&mut self) {
        let per_second = self.per_second(Duration::ZERO);
        self.system.spread_errors(&mut self.loads);
        self.system.add_up_times(&mut self.loads);
        // A line that forms here has no time to: only the rates count.
        self.system.spread_rates(&mut self.loads, per_second, 1.0);
        for load in &mut self.loads {
            load.groups.iter_mut().for_each(|group| group.line = 0.0);
        }
        self.system.add_up_times(&mut self.loads);
    }

    /// Requests from outside at a time since the start of the run.
    fn per_second(&self, since_start: Duration) -> f64 {
        let load = &self.scenario.load;
        let span_secs = self.scenario.span.as_secs_f64();
        load.per_second * load.factor(since_start.as_secs_f64(), span_secs)
    }

    fn state(&self, index: usize) -> ServiceState {
        let (load, service) = (&self.loads[index], &self.system.services[index]);
        let stay = load.stay();
        ServiceState {
            request_rate: load.rate(),
            error_rate: load.errors,
            latency_ms_mean: stay.mean,
            latency_ms_p50: stay.quantile(0.0),
            latency_ms_p95: stay.quantile(SCORE_P95),
            cpu_utilisation: load.busy(service),
            backlog: load.groups.iter().map(|group| group.line).sum(),
        }
    }

    fn changes(&self, part: &std::ops::Range<Duration>) -> Vec<ChangeEvent> {
        let reported = |rollout: &Rollout| {
            let instances = self.system.services[rollout.service].instances;
            rollout.reported(self.scenario.start, part.clone(), instances)
        };
        let mut changes: Vec<ChangeEvent> = self.rollouts.iter().flat_map(reported).collect();
        changes.sort_by_key(|change| change.at);
        changes
    }
}

impl Iterator for CoarseSimulator {
    type Item = CoarseStep;

    fn next(&mut self) -> Option<CoarseStep> {
        let length = self.scenario.step;
        let before = length.as_secs_f64() * self.number as f64;
        let from = Duration::try_from_secs_f64(before).ok()?;
        if from >= self.scenario.span {
            return None;
        }
        let to = from.saturating_add(length);
        let middle = from + length / 2;
        for rollout in &self.rollouts {
            let reached = rollout.reached(middle);
            self.system
                .switch(&mut self.loads, rollout.service, reached, rollout.fault);
        }
        let (per_second, secs) = (self.per_second(middle), length.as_secs_f64());
        self.system.spread_errors(&mut self.loads);
        self.system.spread_rates(&mut self.loads, per_second, secs);
        self.system.add_up_times(&mut self.loads);
        let call_rates = if self.scenario.edges {
            self.system.call_rates(&self.loads)
        } else {
            Vec::new()
        };
        let step = CoarseStep {
            number: self.number,
            end: self.scenario.start.plus(to),
            states: (0..self.loads.len())
                .map(|index| self.state(index))
                .collect(),
            call_rates,
            changes: self.changes(&(from..to)),
        };
        self.number += 1;
        Some(step)
    }
}
