//! The system as rates and means: one pass over the graph for each quantity.

use crate::coarse::moments::{Moments, Seldom};
use crate::coarse::scenario::{CoarseError, CoarseScenario};
use crate::fault::FaultKind;
use crate::queueing::Wait;
use crate::topologies::Flow;

/// Utilisation above which waits are those of this one, and the rest is the line's.
const BUSY_MAX: f64 = 0.99;

/// What does not change in a run.
#[derive(Debug, Clone)]
pub(super) struct System {
    pub(super) flow: Flow,
    pub(super) services: Vec<Service>,
    /// Both ways of a call on the network.
    travel: Moments,
    background_errors: f64,
    propagation: f64,
}

#[derive(Debug, Clone)]
pub(super) struct Service {
    pub(super) work: Moments,
    pub(super) instances: u32,
    pub(super) workers: u32,
    /// Most calls at a time: those that the callers' workers can make.
    calls_max: f64,
}

/// One group of instances that run the same revision.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    instances: u32,
    fault: Option<FaultKind>,
    /// Calls served per second.
    pub(super) rate: f64,
    /// Share of its calls that fail by themselves.
    own_errors: f64,
    /// Time that a worker is held by a call.
    pub(super) held: Moments,
    /// Time from when a call comes until it is answered.
    pub(super) stay: Moments,
    /// Calls that wait beyond what queueing in balance explains.
    pub(super) line: f64,
}

/// What a service does in one step.
#[derive(Debug, Clone)]
pub(super) struct Load {
    /// Instances of the old and of the new revision.
    pub(super) groups: [Group; 2],
    /// Share of the calls that fail.
    pub(super) errors: f64,
    /// Probability that a call goes on after each of its steps.
    goes_on: Vec<f64>,
    stay: Moments,
}

impl System {
    pub(super) fn new(scenario: &CoarseScenario) -> Result<Self, CoarseError> {
        let flow = Flow::of(&scenario.topology)?;
        let mut services: Vec<Service> = scenario
            .topology
            .services
            .iter()
            .map(|spec| Service {
                work: Moments::of(spec.work),
                instances: spec.instances,
                workers: spec.workers,
                calls_max: 0.0,
            })
            .collect();
        services[flow.entry].calls_max = f64::INFINITY;
        for (caller, steps) in flow.steps.iter().enumerate() {
            let all = f64::from(services[caller].instances) * f64::from(services[caller].workers);
            // Steps come one after the other; the sum is a bound that is easy to be sure of.
            for (callee, _) in steps.iter().flatten() {
                services[*callee].calls_max += all;
            }
        }
        let way = Moments::of(scenario.network);
        Ok(Self {
            flow,
            services,
            travel: way.then(way),
            background_errors: scenario.background_errors,
            propagation: scenario.propagation,
        })
    }

    /// Every service idle, all of its instances of the old revision.
    pub(super) fn idle(&self) -> Vec<Load> {
        let idle = |(service, steps): (&Service, &Vec<Vec<(usize, f64)>>)| {
            let group = |instances| Group {
                instances,
                fault: None,
                rate: 0.0,
                own_errors: self.background_errors,
                held: service.work,
                stay: service.work,
                line: 0.0,
            };
            Load {
                groups: [group(service.instances), group(0)],
                errors: 0.0,
                goes_on: vec![1.0; steps.len()],
                stay: service.work,
            }
        };
        self.services
            .iter()
            .zip(&self.flow.steps)
            .map(idle)
            .collect()
    }

    /// Gives so many instances of a service the new revision.
    pub(super) fn switch(
        &self,
        loads: &mut [Load],
        service: usize,
        new: u32,
        fault: Option<FaultKind>,
    ) {
        let new = new.min(self.services[service].instances);
        let [old_group, new_group] = &mut loads[service].groups;
        // The line goes with the instances before which it stands.
        let moved = f64::from(new.saturating_sub(new_group.instances));
        let moving = old_group.line * moved / f64::from(old_group.instances.max(1));
        old_group.line -= moving;
        new_group.line += moving;
        old_group.instances = self.services[service].instances - new;
        new_group.instances = new;
        new_group.fault = fault;
        new_group.own_errors =
            1.0 - (1.0 - self.background_errors) * (1.0 - fault.map_or(0.0, error_share));
    }

    /// Which calls fail, callees first.
    pub(super) fn spread_errors(&self, loads: &mut [Load]) {
        for &index in self.flow.order.iter().rev() {
            let mut survives = 1.0;
            for (step, calls) in self.flow.steps[index].iter().enumerate() {
                let spared =
                    |(to, p): &(usize, f64)| 1.0 - p * loads[*to].errors * self.propagation;
                let goes_on: f64 = calls.iter().map(spared).product();
                loads[index].goes_on[step] = goes_on;
                survives *= goes_on;
            }
            let load = &mut loads[index];
            load.errors = 1.0 - survives * (1.0 - load.own_errors());
        }
    }

    /// How many calls come and are served, callers first, in a step of this length.
    pub(super) fn spread_rates(&self, loads: &mut [Load], per_second: f64, step_secs: f64) {
        let mut coming = vec![0.0; loads.len()];
        coming[self.flow.entry] = per_second;
        for &index in &self.flow.order {
            let service = &self.services[index];
            for group in &mut loads[index].groups {
                let share = f64::from(group.instances) / f64::from(service.instances);
                let capacity = group.instances_at_work(service) / (group.held.mean / 1e3);
                let wanted = coming[index] * share + group.line / step_secs;
                group.rate = wanted.min(capacity);
                let line = (wanted - group.rate) * step_secs;
                group.line = line.min(service.calls_max * share);
            }
            let mut going_on = loads[index].going_on();
            for (calls, goes_on) in self.flow.steps[index].iter().zip(&loads[index].goes_on) {
                for (to, probability) in calls {
                    coming[*to] += going_on * probability;
                }
                going_on *= goes_on;
            }
        }
    }

    /// Calls per second of each call of each service, in the order of the topology.
    pub(super) fn call_rates(&self, loads: &[Load]) -> Vec<f64> {
        let mut rates = Vec::new();
        for (load, steps) in loads.iter().zip(&self.flow.steps) {
            let mut going_on = load.going_on();
            for (calls, goes_on) in steps.iter().zip(&load.goes_on) {
                rates.extend(calls.iter().map(|(_, probability)| going_on * probability));
                going_on *= goes_on;
            }
        }
        rates
    }

    /// How long calls take, callees first.
    pub(super) fn add_up_times(&self, loads: &mut [Load]) {
        for &index in self.flow.order.iter().rev() {
            let service = &self.services[index];
            let mut calls = Moments::ZERO;
            let steps = self.flow.steps[index].iter().zip(&loads[index].goes_on);
            for (step, goes_on) in steps.rev() {
                let call = |(to, probability): &(usize, f64)| Seldom {
                    probability: *probability,
                    time: loads[*to].stay.then(self.travel),
                };
                let longest = step.iter().map(call).reduce(Seldom::longest);
                let this = longest.map_or(Moments::ZERO, Seldom::moments);
                calls = this.then(calls.sometimes(*goes_on));
            }
            for group in &mut loads[index].groups {
                let own = group.self_time(service.work);
                group.held = own.then(calls.sometimes(1.0 - group.own_errors));
                group.stay = group.wait(service).then(group.held);
            }
            let load = &mut loads[index];
            let [old, new] = &load.groups;
            load.stay = new.stay.or(old.stay, load.new_share());
        }
    }
}

impl Load {
    /// Calls served per second.
    pub(super) fn rate(&self) -> f64 {
        self.groups.iter().map(|group| group.rate).sum()
    }

    /// Calls per second that do not fail by themselves, and so go on to the callees.
    fn going_on(&self) -> f64 {
        let goes_on = |group: &Group| group.rate * (1.0 - group.own_errors);
        self.groups.iter().map(goes_on).sum()
    }

    /// Time from when a call comes until it is answered.
    pub(super) fn stay(&self) -> Moments {
        self.stay
    }

    /// Workers that compute, as a share of all.
    pub(super) fn busy(&self, service: &Service) -> f64 {
        let computing = |group: &Group| group.rate / 1e3 * group.computing_ms(service.work);
        let workers = f64::from(service.instances) * f64::from(service.workers);
        self.groups.iter().map(computing).sum::<f64>() / workers
    }

    /// Share of the calls that the new revision serves, or would.
    fn new_share(&self) -> f64 {
        let [old, new] = &self.groups;
        if self.rate() > 0.0 {
            new.rate / self.rate()
        } else {
            f64::from(new.instances) / f64::from((old.instances + new.instances).max(1))
        }
    }

    fn own_errors(&self) -> f64 {
        let [old, new] = &self.groups;
        let share = self.new_share();
        share * new.own_errors + (1.0 - share) * old.own_errors
    }
}

impl Group {
    fn instances_at_work(&self, service: &Service) -> f64 {
        f64::from(self.instances) * f64::from(service.workers)
    }

    /// Time until an instance has worked on a call, without callees.
    fn self_time(&self, work: Moments) -> Moments {
        match self.fault {
            Some(FaultKind::Slower { factor } | FaultKind::Capacity { factor }) => {
                work.times(factor)
            }
            Some(FaultKind::Delay { ms }) => work.then(Moments::constant(ms)),
            Some(FaultKind::Tail { share, factor }) => work.times(factor).or(work, share),
            _ => work,
        }
    }

    fn computing_ms(&self, work: Moments) -> f64 {
        match self.fault {
            Some(FaultKind::Capacity { factor }) => work.mean * factor,
            _ => work.mean,
        }
    }

    /// Wait for a worker: that of queueing in balance, and that in the line.
    ///
    /// Of K calls that can be there, one does not wait for itself (Schweitzer 1979), and by
    /// Little's law all stay no longer than K calls take to be served.
    fn wait(&self, service: &Service) -> Moments {
        if self.instances == 0 || self.rate <= 0.0 {
            return Moments::ZERO;
        }
        let offered = self.rate / f64::from(self.instances) * self.held.mean / 1e3;
        let offered = offered.min(BUSY_MAX * f64::from(service.workers));
        let variability = f64::midpoint(1.0, self.held.squared_variation());
        let wait = Wait::before(service.workers, offered, self.held.mean, variability);
        let others = 1.0 - 1.0 / service.calls_max.max(1.0);
        let in_line = Moments::constant(self.line / self.rate * 1e3);
        let wait = Moments::from(wait).times(others).then(in_line);
        let share = f64::from(self.instances) / f64::from(service.instances);
        let longest = (service.calls_max * share / self.rate * 1e3 - self.held.mean).max(0.0);
        if wait.mean > longest {
            wait.times(longest / wait.mean)
        } else {
            wait
        }
    }
}

/// Whether means can show a fault.
pub(super) fn can_show(kind: FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::Slower { .. }
            | FaultKind::Delay { .. }
            | FaultKind::Errors { .. }
            | FaultKind::Tail { .. }
            | FaultKind::Capacity { .. }
    )
}

fn error_share(kind: FaultKind) -> f64 {
    match kind {
        FaultKind::Errors { share } => share,
        _ => 0.0,
    }
}
