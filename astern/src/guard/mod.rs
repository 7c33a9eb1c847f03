//! The closed loop: records in, events out.

mod acted;
mod baseline;
mod clock;
mod decide;
mod detectors;
mod escalate;
mod event;
mod influence;
mod instrument;
mod judge;
mod learning;
mod lost;
mod pages;
mod params;
mod proposals;
mod readings;
mod runs;
mod scale;
mod state;
mod stored;
mod targets;
mod tick;
mod warning;
mod watch;

use astern_detect::Detector;
use astern_detect::catalogue::NoDetector;
use astern_graph_core::signal::{Assessment, Diagnosis, Verdict};
use astern_graph_core::{
    ChangeEvent, CodecError, EdgeKind, GraphBuilder, NodeKey, Record, TemporalGraph, TimeRange,
    Timestamp,
};
use astern_rca::ranker::AnyRanker;
use astern_rca::{Diagnoser, Incident, Ranker};
use astern_rollback_policy::{IdempotencyKey, Mode, Outcome, PageCause, Run, RunError};

use crate::error::Error;
use acted::Ended;
use baseline::Baseline;
use detectors::{Detection, detections};
use escalate::Findings;
use judge::Stages;
use state::State;

pub use clock::ClockError;
pub use detectors::OwnDetector;
pub use event::Event;
pub use params::GuardParams;
pub use proposals::Withdrawal;
pub use warning::Warning;

/// Watches a system and its changes, says what is wrong and why, and carries out the way back.
///
/// Feed it records with [`tick`](Self::tick), which carries out what it asks for on your platform; or with
/// [`observe`](Self::observe), carry out each [`Event::Execute`] yourself, and give the answer back with
/// [`report`](Self::report). It reads no clock: call `tick` or
/// `observe` when there are records, at the end of each step, and at the [`deadline`](Self::deadline).
///
/// From the first step on it judges each watched change, and says how far it has [learnt](Event::Learning) what healthy is.
/// Once per step it judges the system by its detectors, and each watched change by its new instances
/// against its old ones. While something is anomalous it ranks causes, blames changes, weighs the risk and
/// decides; when it decides to roll back, and no run is under way, it plans and runs. Each
/// [attempt](astern_graph_core::view::Attempt) of a change is acted on once: where all that is to blame was rolled back
/// already, it holds. A person is called ([`Action::Escalate`](astern_rollback_policy::Action::Escalate)) once an incident: where
/// something stays wrong that no rollback answers, where nothing is seen for a while, and where a rollback fails or does not help. The baseline is learnt from the first `healthy_steps` and again from time to time
/// while all is well and nothing changes. Trained models are recalibrated then, never trained.
///
/// **Store, then send.** [Store](Self::to_bytes) it after each call to `observe` and `report`, before what these ask for is carried
/// out; [`stored`](Self::stored) keeps that order. Then whoever [goes on](Self::from_bytes) from it after a crash does nothing twice, overwrites nothing that a person did
/// meanwhile, and calls nobody twice for one reason.
///
/// `R` is the ranker: the one that the parameters name, or yours by [`with_ranker`](Self::with_ranker). Changes
/// are blamed, and can be rolled back, whichever it is. `D` is a detector of your own beside those that the
/// parameters name: none unless you bring yours with [`with_own`](Self::with_own).
///
/// # Complexity
/// A call costs `O(log n)` a record. A step costs a reference to every cell held, `O(N · F · T)` for
/// the N nodes, F features and T steps that it looks back, and while something is anomalous what
/// the ranker costs.
#[derive(Debug)]
pub struct Guard<R = AnyRanker, D: Detector = NoDetector> {
    params: GuardParams,
    state: State<D::Fitted>,
    stages: Stages,
    detections: Vec<Detection<D>>,
    diagnoser: Diagnoser<R>,
}

impl Guard {
    /// A guard that has seen nothing yet.
    ///
    /// # Errors
    /// [`Error::Param`] for a parameter outside its rule, [`Error::Detection`] for a model that was not handed over or
    /// cannot be read, [`Error::NoDetector`] without any detector.
    pub fn new(params: GuardParams) -> Result<Self, Error> {
        let diagnoser = params.diagnoser.check()?;
        Self::begun(params, diagnoser, [])
    }

    /// A guard from [`to_bytes`](Self::to_bytes), as its next holder, which brings its own
    /// parameters and models: give every holder a greater `fence` than the one before, so that a platform can
    /// refuse the old one's requests.
    ///
    /// A detector that is another one than before, or has other parameters or another model, is fitted again on the same
    /// healthy steps. A run under way keeps its mode. What a dry run acted on does not bind a guard
    /// that applies.
    ///
    /// # Errors
    /// Those of [`new`](Self::new); [`Error::Codec`] for bytes of another
    /// format or version, or damaged ones; [`Error::Restore`] for another length of a step than the
    /// stored graph has; [`Error::Run`] for a fence below the stored one.
    pub fn from_bytes(bytes: &[u8], params: GuardParams, fence: u64) -> Result<Self, Error> {
        let diagnoser = params.diagnoser.check()?;
        Self::restored(bytes, params, fence, diagnoser, [])
    }
}

impl<R: Ranker> Guard<R> {
    /// A guard with a ranker of your own, which takes the place of the one that the parameters name.
    ///
    /// # Errors
    /// Those of [`new`](Guard::new).
    pub fn with_ranker(params: GuardParams, ranker: R) -> Result<Self, Error> {
        Self::with_own(params, ranker, [])
    }

    /// [`from_bytes`](Guard::from_bytes) of a guard with a ranker of your own.
    ///
    /// # Errors
    /// Those of [`from_bytes`](Guard::from_bytes).
    pub fn from_bytes_with_ranker(
        bytes: &[u8],
        params: GuardParams,
        fence: u64,
        ranker: R,
    ) -> Result<Self, Error> {
        Self::from_bytes_with_own(bytes, params, fence, ranker, [])
    }
}

impl<R: Ranker, D: Detector> Guard<R, D> {
    /// A guard with a ranker and detectors of your own. The detectors come beside those that the parameters name; give
    /// [`GuardParams::detectors`] none for yours alone.
    ///
    /// # Errors
    /// Those of [`new`](Guard::new); [`Error::SameDetector`] for a name that is taken.
    pub fn with_own(
        params: GuardParams,
        ranker: R,
        detectors: impl IntoIterator<Item = OwnDetector<D>>,
    ) -> Result<Self, Error> {
        let diagnoser = params.diagnoser.check()?.with_ranker(ranker);
        Self::begun(params, diagnoser, detectors)
    }

    fn begun(
        params: GuardParams,
        diagnoser: Diagnoser<R>,
        own: impl IntoIterator<Item = OwnDetector<D>>,
    ) -> Result<Self, Error> {
        params.check()?;
        let stages = Stages::new(&params)?;
        let builder = GraphBuilder::new(params.graph.clone())?;
        Ok(Self {
            state: State::new(builder, stages.policy.risk().persistence()),
            detections: detections(&params, own)?,
            params,
            stages,
            diagnoser,
        })
    }

    /// [`from_bytes`](Guard::from_bytes) of a guard with a ranker and detectors of your own.
    ///
    /// # Errors
    /// Those of [`from_bytes`](Guard::from_bytes); [`Error::SameDetector`] for a name that is taken.
    pub fn from_bytes_with_own(
        bytes: &[u8],
        params: GuardParams,
        fence: u64,
        ranker: R,
        detectors: impl IntoIterator<Item = OwnDetector<D>>,
    ) -> Result<Self, Error> {
        let diagnoser = params.diagnoser.check()?.with_ranker(ranker);
        Self::restored(bytes, params, fence, diagnoser, detectors)
    }

    fn restored(
        bytes: &[u8],
        params: GuardParams,
        fence: u64,
        diagnoser: Diagnoser<R>,
        own: impl IntoIterator<Item = OwnDetector<D>>,
    ) -> Result<Self, Error> {
        params.check()?;
        let stages = Stages::new(&params)?;
        let detections = detections(&params, own)?;
        Ok(Self {
            state: State::restore(bytes, &params, &stages, &detections, fence)?,
            params,
            stages,
            detections,
            diagnoser,
        })
    }

    /// Declares an edge `from → to` that is known without telemetry, and its ends, so that causes are looked for along
    /// it. It is never retired, and is part of the state; one that comes and goes is a
    /// [`Dependency`](astern_graph_core::Dependency) record.
    ///
    /// ```
    /// use astern::graph::{EdgeKind, NodeKey};
    /// use astern::{Guard, GuardParams};
    ///
    /// let mut guard = Guard::new(GuardParams::default())?;
    /// let (web, cart) = (NodeKey::service("web"), NodeKey::service("cart"));
    /// guard.declare_edge(web, cart, EdgeKind::Calls);
    /// assert_eq!(guard.graph().edge_count(), 1);
    /// # Ok::<(), astern::Error>(())
    /// ```
    pub fn declare_edge(&mut self, from: NodeKey, to: NodeKey, kind: EdgeKind) {
        self.state.builder.declare_edge(from, to, kind);
    }

    /// Takes records in and says what happened until `now`. Bad records are counted in
    /// [`Event::Ingest`], never fatal; a stage that cannot run is an [`Event::Failed`].
    pub fn observe(
        &mut self,
        records: impl IntoIterator<Item = Record>,
        now: Timestamp,
    ) -> Vec<Event> {
        let (limit, has_learnt) = (self.params.clock_jump_max, self.state.baseline.is_some());
        if let Err(error) = self.state.clock.take(now, limit, has_learnt) {
            let events = vec![Event::Failed(error.into())];
            instrument::record(&events);
            return events;
        }
        self.state.builder.advance(now);
        let mut far = None;
        let records = records.into_iter().inspect(|record| {
            if warning::is_far(record.at(), now) {
                far.get_or_insert(record.at());
            }
        });
        let report = self.state.builder.extend(records);
        let mut events = Vec::new();
        if report.total() > 0 {
            events.push(Event::Ingest(report));
        }
        self.warn(far.map(|at| Warning::FarTimes { at }), &mut events);
        let end = self.params.graph.step_end(now);
        if self.state.judged.is_none_or(|judged| judged < end) {
            self.state.judged = Some(end);
            let graph = self.state.builder.build();
            let mut unannounced = graph.unannounced();
            unannounced.retain(|change| end.since(change.at) <= self.params.watch);
            let graph = graph.with_changes(unannounced.iter().cloned());
            let changes = watch::watched(&self.params, &graph, end);
            self.warn(
                warning::of_step(&graph, &changes, &unannounced, end),
                &mut events,
            );
            self.step(&graph, &changes, end, now, &mut events);
            let again = self.call_again(now, &mut events);
            events.extend(again.err().map(Event::Failed));
        }
        self.withdraw_unanswered(now, &mut events);
        self.poll(now, &mut events);
        instrument::record(&events);
        events
    }

    /// Takes the platform's answer to an [`Event::Execute`]. What an observation should report on
    /// metrics and the platform does not, is read from the telemetry.
    ///
    /// # Errors
    /// [`Error::Run`] for a key that no run awaits, [`Error::Clock`] for a time that cannot be right; nothing is changed
    /// then.
    pub fn report(
        &mut self,
        key: &IdempotencyKey,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Vec<Event>, Error> {
        let (limit, has_learnt) = (self.params.clock_jump_max, self.state.baseline.is_some());
        self.state.clock.check(now, limit, has_learnt)?;
        let graph = self.state.builder.build();
        let unknown = RunError::UnknownKey { key: *key };
        let run = self.state.runs.of_plan(key.plan).ok_or(unknown)?;
        let outcome = readings::with_readings(outcome, run, key, &graph, now);
        run.report(key, outcome, now)?;
        let mut events = Vec::new();
        self.poll(now, &mut events);
        instrument::record(&events);
        Ok(events)
    }

    /// When to call [`observe`](Self::observe) next for the sake of a run, or of a plan that waits for a person's word; `None` without
    /// one.
    pub fn deadline(&self) -> Option<Timestamp> {
        let of_proposals = self.state.proposals.deadline();
        self.state
            .runs
            .deadline()
            .into_iter()
            .chain(of_proposals)
            .min()
    }

    /// Takes a time for right that lies further ahead than is [believed](ClockError): hand it to
    /// [`observe`](Self::observe) next. What the graph does not retain at that time is dropped.
    ///
    /// A guard whose newest time lies in the future by mistake cannot be set back: begin a new one.
    pub fn set_clock(&mut self, now: Timestamp) {
        self.state.clock.set(now);
    }

    /// The graph of what was seen so far, with the changes that [nobody announced](TemporalGraph::unannounced).
    pub fn graph(&self) -> TemporalGraph {
        let graph = self.state.builder.build();
        let unannounced = graph.unannounced();
        graph.with_changes(unannounced)
    }

    /// The range that the baseline was learnt from; `None` before there is one.
    pub fn healthy_range(&self) -> Option<TimeRange> {
        self.state.baseline.as_ref().map(|baseline| baseline.range)
    }

    /// The whole state as bytes; parameters are not part of it.
    ///
    /// # Errors
    /// [`CodecError`] when it cannot be serialised.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        self.state.to_bytes()
    }

    /// Says what was not said before.
    fn warn(&mut self, warnings: impl IntoIterator<Item = Warning>, events: &mut Vec<Event>) {
        let state = &mut self.state;
        let new = warnings.into_iter().filter(|warning| state.warn(warning));
        events.extend(new.map(Event::Warned));
    }

    /// One step of the loop. A stage that fails is reported; the others go on with what they have.
    fn step(
        &mut self,
        graph: &TemporalGraph,
        changes: &[ChangeEvent],
        end: Timestamp,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) {
        if self.state.baseline.is_some() && !changes.is_empty() {
            self.state.disturbed = end;
        }
        let errors = self.learn(graph, end);
        events.extend(errors.into_iter().map(Event::Failed));
        let learnt = self.healthy_range();
        let Some(healthy) = learnt.or_else(|| learning::before(graph, changes)) else {
            return;
        };
        let (system, errors) = self.assess_system(graph, end);
        events.extend(errors.into_iter().map(Event::Failed));
        let mut assessments = Vec::from_iter(system);
        let mut judged = Vec::new();
        let release = &self.stages.release;
        for (change, assessment) in watch::judge_changes(release, graph, changes, healthy, end) {
            match assessment {
                Ok(assessment) => {
                    assessments.push(assessment);
                    judged.push(change);
                }
                Err(error) => events.push(Event::Failed(error)),
            }
        }
        let recent = end.minus(graph.step().saturating_mul(self.params.memory_steps));
        lost::state(&mut assessments, &self.state.builder, changes, recent);
        let mut overall = judge::overall(&assessments);
        if learnt.is_none() {
            overall.verdict = learning::verdict(graph, &overall, end);
        }
        self.state.persistence.record(overall.verdict);
        if disturbs(overall.verdict, learnt.is_some()) {
            self.state.disturbed = end;
        }
        if learnt.is_none() {
            let since = self.state.disturbed;
            events.push(learning::progress(&self.params, graph, since, end));
        }
        events.extend(assessments.iter().cloned().map(Event::Assessed));
        let diagnosis = self.diagnose(graph, &assessments, &overall, healthy, end);
        let diagnosis = diagnosis.unwrap_or_else(|error| {
            events.push(Event::Failed(error));
            None
        });
        events.extend(diagnosis.iter().cloned().map(Event::Diagnosed));
        let findings = Findings {
            graph,
            assessments: &assessments,
            judged: &judged,
            overall: &overall,
            diagnosis: diagnosis.as_ref(),
            changes,
        };
        let decided = self.decide(findings, now, events);
        events.extend(decided.err().map(Event::Failed));
        if learnt.is_some_and(|range| learning::is_spoilt(range, findings.of_changes())) {
            self.state.baseline = None;
        }
    }

    /// Learns the baseline, first as soon as there is enough telemetry in which no change was found worse, later when it is stale and
    /// nothing disturbed the steps to learn from.
    fn learn(&mut self, graph: &TemporalGraph, end: Timestamp) -> Vec<Error> {
        let params = &self.params;
        let since = match &self.state.baseline {
            None => self.state.disturbed,
            Some(old) if old.is_stale(params, graph, end) => self.state.disturbed,
            Some(_) => return Vec::new(),
        };
        Baseline::learn(
            &mut self.state.baseline,
            &self.detections,
            params,
            graph,
            since,
            end,
        )
    }

    /// Judges the system as a whole; nothing before there is a baseline.
    fn assess_system(
        &self,
        graph: &TemporalGraph,
        end: Timestamp,
    ) -> (Option<Assessment>, Vec<Error>) {
        let span = graph.step().saturating_mul(self.params.memory_steps);
        match (&self.state.baseline, TimeRange::new(end.minus(span), end)) {
            (Some(baseline), Ok(recent)) => baseline.assess(&self.detections, graph, recent),
            _ => (None, Vec::new()),
        }
    }

    fn diagnose(
        &self,
        graph: &TemporalGraph,
        assessments: &[Assessment],
        overall: &Assessment,
        healthy: TimeRange,
        end: Timestamp,
    ) -> Result<Option<Diagnosis>, Error> {
        if overall.verdict != Verdict::Regressed {
            return Ok(None);
        }
        let mut incident = Incident::builder()
            .healthy(healthy)
            .until(end)
            .assessments(assessments.to_vec());
        if let Some(symptom) = &self.params.symptom {
            incident = incident.symptom(symptom.clone());
        }
        let incident = incident.detected(graph)?;
        let diagnosis = incident.map(|incident| self.diagnoser.diagnose(graph, &incident));
        Ok(diagnosis.transpose()?)
    }

    /// Asks the runs what to do until none comes to its end any more.
    fn poll(&mut self, now: Timestamp, events: &mut Vec<Event>) {
        loop {
            let ended = self.state.runs.poll(now, events);
            if ended.is_empty() {
                return;
            }
            for run in ended {
                let page = self.ended(&run, now, events);
                events.extend(page.err().map(Event::Failed));
            }
        }
    }

    /// Takes note of a run that is over. One that failed, or that nobody could see the effect of, ends with a person, who
    /// is called once for each reason.
    fn ended(&mut self, run: &Run, now: Timestamp, events: &mut Vec<Event>) -> Result<(), Error> {
        let mode = run.mode();
        events.push(Event::Finished(run.summary()));
        if mode != Mode::Apply {
            return Ok(());
        }
        if !run.plan().changes_services() {
            self.state.pages.ended(run);
            return Ok(());
        }
        self.state.undos.ended(run.plan(), now);
        // The platform is another one now: what lasts must show again that it lasts.
        self.state.persistence = self.stages.policy.risk().persistence();
        if let Some(ended) = Ended::of(run.state()) {
            self.state.acted.ended(run.plan(), ended);
        }
        let Some((service, why)) = runs::needs_person(run) else {
            return Ok(());
        };
        let in_incident = self.state.paging.was_called(PageCause::Escalated, mode);
        let Some(page) = self
            .state
            .pages
            .page(service, &why, run.plan(), now, in_incident)?
        else {
            return Ok(());
        };
        self.state.paging.called(PageCause::Escalated, mode, now);
        self.call(page, mode, now, events)
    }
}

/// Whether a step is none to learn from. Before there is a baseline it is one unless something was found worse.
fn disturbs(verdict: Verdict, has_baseline: bool) -> bool {
    if has_baseline {
        verdict != Verdict::Healthy
    } else {
        verdict == Verdict::Regressed
    }
}
