//! Generated incidents on three systems, by seed.

use std::time::Duration;

use astern_graph_core::schema::{ERROR_RATE, LATENCY_MS_P95};
use astern_graph_core::signal::Abstention;
use astern_graph_core::{
    EdgeKind, GraphBuilder, GraphParams, MetricName, NodeKey, NodeKind, Record, Subject,
    TemporalGraph, TimeRange, Timestamp,
};
use astern_rca::Incident;
use astern_rca::trace::Traces;
use astern_sim::{
    Fault, FaultKind, HostSpec, Release, Scenario, ServiceSpec, Simulation, Topology, run,
};
use astern_stats::rng::{ChaCha8Rng, seeded};
use astern_stats::{order, robust};
use rand::RngExt;

use crate::EvalError;
use crate::case::Case;
use crate::systems::{Busy, PER_SECOND, SYSTEMS, busy_services, fault, sized, system};

/// Stream of the draws of a scenario.
const STREAM: u64 = 71;
/// Length of what is looked at from the onset on.
const ABNORMAL: Duration = Duration::from_secs(600);

/// What happens in a run; those of [`Plot::ALL`] are each as often as any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plot {
    /// One release, a bad one.
    Single,
    /// Three releases at once, of which one is bad.
    Concurrent,
    /// Messages over an edge are late; two benign releases.
    Network,
    /// Three releases, none of them bad.
    Benign,
    /// Three times as many requests for some minutes, and two benign releases.
    Surge,
    /// Other processes compute on a machine that services share; two benign releases.
    Machine,
    /// One release, a bad one, of a service that shares its machines with others.
    OnMachines,
}

/// Machines of the plots that have any, and processors of each.
const MACHINES: usize = 4;
const PROCESSORS: f64 = 8.0;

impl Plot {
    /// Those that take turns by seed.
    pub(super) const ALL: [Self; 5] = [
        Self::Single,
        Self::Concurrent,
        Self::Network,
        Self::Benign,
        Self::Surge,
    ];

    /// What is right to say instead of a cause; `None` where a node is at fault.
    pub(crate) fn instead_of_a_cause(self) -> Option<Abstention> {
        match self {
            Self::Benign => Some(Abstention::NoRegression),
            Self::Surge => Some(Abstention::Load),
            Self::Single | Self::Concurrent | Self::Network | Self::Machine | Self::OnMachines => {
                None
            }
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Single => "single release",
            Self::Concurrent => "concurrent releases",
            Self::Network => "network delay",
            Self::Benign => "benign releases",
            Self::Surge => "load surge",
            Self::Machine => "busy machine",
            Self::OnMachines => "release on shared machines",
        }
    }
}

/// One run of the simulator.
pub(crate) struct Run {
    pub(super) seed: u64,
    pub(crate) plot: Plot,
    pub(super) system: &'static str,
    pub(crate) simulation: Simulation,
    /// When it began: the fault, or what looks like one.
    onset: Timestamp,
    entry: NodeKey,
    pub(super) step: Duration,
}

/// Runs the scenario of a seed: plots take turns, and systems once all plots were had.
pub(crate) fn simulate(seed: u64) -> Result<Run, EvalError> {
    let turn = usize::try_from(seed).map_or(0, |seed| seed % Plot::ALL.len());
    of_plot(seed, Plot::ALL[turn])
}

/// The same on machines that the services share: a busy machine for even seeds, a bad release for odd ones.
pub(super) fn simulate_on_machines(seed: u64) -> Result<Run, EvalError> {
    let plot = if seed.is_multiple_of(2) {
        Plot::Machine
    } else {
        Plot::OnMachines
    };
    of_plot(seed, plot)
}

fn of_plot(seed: u64, plot: Plot) -> Result<Run, EvalError> {
    let turn = |n: usize, every: u64| usize::try_from(seed / every).map_or(0, |i| i % n);
    let (system, topology) = system(turn(SYSTEMS, Plot::ALL.len() as u64));
    let mut rng = seeded(seed, STREAM);
    let entry = NodeKey::service(topology.entry.clone());
    let mut topology = sized(topology)?;
    if matches!(plot, Plot::Machine | Plot::OnMachines) {
        share_machines(&mut topology);
    }
    let mut scenario = Scenario::new(topology, seed);
    scenario.load.per_second = PER_SECOND;
    draw(plot, &mut scenario, &mut rng)?;
    let simulation = run(&scenario)?;
    let surge = scenario.load.surges.first().map(|surge| surge.starts);
    let first = scenario.releases.iter().map(|release| release.starts).min();
    let began = surge.or(first).unwrap_or(scenario.healthy);
    let onset = simulation.truth.onset.unwrap_or(scenario.start.plus(began));
    Ok(Run {
        seed,
        plot,
        system,
        simulation,
        onset,
        entry,
        step: scenario.step,
    })
}

fn draw(plot: Plot, scenario: &mut Scenario, rng: &mut ChaCha8Rng) -> Result<(), EvalError> {
    let busy = busy_services(&scenario.topology)?;
    let releases = match plot {
        Plot::Single | Plot::OnMachines => 1,
        Plot::Concurrent | Plot::Benign => 3,
        Plot::Network | Plot::Surge | Plot::Machine => 2,
    };
    let mut left = busy.clone();
    for _ in 0..releases {
        let Busy {
            service,
            instances,
            work_ms,
        } = left.swap_remove(rng.random_range(0..left.len()));
        let starts = scenario.healthy + Duration::from_secs(rng.random_range(0..=120));
        let id = format!("{}-release-{}", service.name, scenario.seed);
        let to = format!("sha256:{:016x}", rng.random::<u64>());
        let batches = vec![1; instances as usize];
        let release = Release::new(id.as_str(), service, to.as_str().into(), starts, batches)
            .pause(Duration::from_secs(rng.random_range(60..=120)));
        let is_bad = matches!(plot, Plot::Single | Plot::Concurrent | Plot::OnMachines);
        if is_bad && scenario.fault.is_none() {
            scenario.fault = Some(Fault::new(id.as_str(), fault(work_ms, rng)));
        }
        scenario.releases.push(release);
    }
    let starts = scenario.healthy + Duration::from_secs(rng.random_range(0..=120));
    if plot == Plot::Network {
        let to = busy[rng.random_range(0..busy.len())].service.clone();
        let from = caller(&scenario.topology, &to)?;
        let kind = EdgeKind::Calls;
        let ms = (40.0 + 160.0 * rng.random::<f64>()).round();
        let delay = FaultKind::NetworkDelay { ms };
        let edge = Subject::Edge { from, to, kind };
        scenario.incident = Some(astern_sim::PlaceFault::new(edge, delay, starts));
    }
    if plot == Plot::Machine {
        let host = machine(rng.random_range(0..MACHINES));
        let workers = (16.0 + 24.0 * rng.random::<f64>()).round();
        let host = Subject::Node(NodeKey::new(NodeKind::Host, host));
        let hogs = FaultKind::Hogs { workers };
        scenario.incident = Some(astern_sim::PlaceFault::new(host, hogs, starts));
    }
    if plot == Plot::Surge {
        scenario.load.surges.push(astern_sim::Surge {
            starts,
            lasts: Duration::from_secs(rng.random_range(240..=480)),
            factor: 2.5 + rng.random::<f64>(),
        });
    }
    Ok(())
}

/// Puts each service on three quarters of the machines, its instances in turn, each beginning elsewhere.
fn share_machines(topology: &mut Topology) {
    topology.hosts = (0..MACHINES)
        .map(|i| HostSpec::new(machine(i), PROCESSORS))
        .collect();
    for (i, spec) in topology.services.iter_mut().enumerate() {
        let hosts = (0..MACHINES - 1).map(|k| machine((i + k) % MACHINES));
        spec.hosts = hosts.map(Into::into).collect();
    }
}

fn machine(i: usize) -> String {
    format!("machine-{i}")
}

/// The service that is visited most of those that call this one; the entry where none does.
fn caller(topology: &Topology, to: &NodeKey) -> Result<NodeKey, EvalError> {
    let calls = |spec: &ServiceSpec| {
        let mut calls = spec.steps.iter().flatten();
        calls.any(|call| call.to == to.name && call.kind.is_none_or(|k| k == EdgeKind::Calls))
    };
    let visits = topology.visits()?;
    let services = topology.services.iter().zip(visits);
    let callers = services.filter(|(spec, _)| calls(spec));
    let busiest = callers.max_by(|a, b| order::ascending(a.1, b.1));
    let entry = || NodeKey::service(topology.entry.clone());
    Ok(busiest.map_or_else(entry, |(spec, _)| spec.key.clone()))
}

impl Run {
    pub(crate) fn graph(&self) -> Result<TemporalGraph, EvalError> {
        let mut builder = GraphBuilder::new(GraphParams::default().step(self.step))?;
        builder.extend(self.simulation.records.iter().cloned());
        Ok(builder.build())
    }

    /// The case of the run, with an incident whose time is off by so many seconds; `None` where
    /// nothing is wrong.
    pub(super) fn case(
        &self,
        graph: &TemporalGraph,
        off_s: i64,
    ) -> Result<Option<Case>, EvalError> {
        let truth = &self.simulation.truth;
        // Of a late edge the callee; a machine has no service.
        let place = truth.subject.as_ref().map(Subject::node);
        let Some(cause) = truth.service.as_ref().or(place).cloned() else {
            return Ok(None);
        };
        let services = graph.keys().iter().filter(|k| k.kind != NodeKind::Instance);
        let kind = format!("{} {}", self.plot.name(), kind_name(truth.fault));
        Ok(Some(Case {
            name: format!("{} {}", self.seed, self.system),
            kind: kind.trim_end().to_owned(),
            candidates: services.count(),
            graph: graph.clone(),
            incident: self.incident(graph, off_s)?,
            cause,
            columns: Vec::new(),
        }))
    }

    /// What the users of the entry feel, whether anything is wrong or not, with an incident whose time is
    /// off by so many seconds.
    pub(crate) fn incident(
        &self,
        graph: &TemporalGraph,
        off_s: i64,
    ) -> Result<Incident, EvalError> {
        let off = Duration::from_secs(off_s.unsigned_abs());
        let at = if off_s < 0 {
            self.onset.minus(off)
        } else {
            self.onset.plus(off)
        };
        let at = graph.step_end(at);
        let healthy = TimeRange::new(self.simulation.start, at)?;
        let abnormal = TimeRange::new(at, at.plus(ABNORMAL).min(self.simulation.end))?;
        let metric = self.symptom(graph, healthy, abnormal)?;
        Ok(Incident::new(self.entry.clone(), metric, healthy, abnormal)
            .traced(self.traces(healthy), self.traces(abnormal)))
    }

    fn traces(&self, range: TimeRange) -> Traces {
        let calls = self
            .simulation
            .records
            .iter()
            .filter_map(|record| match record {
                Record::Call(call) if range.contains(call.at) => Some(call),
                _ => None,
            });
        Traces::of(calls)
    }

    /// The metric of the entry that got worse by more healthy deviations: errors or latency.
    fn symptom(
        &self,
        graph: &TemporalGraph,
        healthy: TimeRange,
        abnormal: TimeRange,
    ) -> Result<MetricName, EvalError> {
        let z = |name: &str| -> Result<f64, EvalError> {
            let metric = MetricName::from(name);
            let before = graph.series(&self.entry, &metric, healthy)?;
            let now = graph.series(&self.entry, &metric, abnormal)?;
            let median = robust::median(&before).unwrap_or(0.0);
            let floor = graph.feature(&metric).noise_floor(median);
            let spread = robust::spread(&before).unwrap_or(0.0).max(floor);
            Ok((robust::median(&now).unwrap_or(median) - median) / spread)
        };
        let worse = if z(ERROR_RATE)? > z(LATENCY_MS_P95)? {
            ERROR_RATE
        } else {
            LATENCY_MS_P95
        };
        Ok(worse.into())
    }
}

fn kind_name(fault: Option<FaultKind>) -> &'static str {
    match fault {
        Some(FaultKind::Slower { .. }) => "slower",
        Some(FaultKind::Delay { .. }) => "delay",
        Some(FaultKind::Errors { .. }) => "errors",
        Some(FaultKind::Tail { .. }) => "tail",
        Some(FaultKind::Capacity { .. }) => "capacity",
        Some(FaultKind::Leak { .. }) => "leak",
        Some(FaultKind::Hogs { .. }) => "hogs",
        _ => "",
    }
}
