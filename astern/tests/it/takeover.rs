//! A stored guard under the parameters of its next holder.

use astern::detect::catalogue::DetectionParams;
use astern::detect::pipeline::PipelineParams;
use astern::graph::{RestoreError, Timestamp};
use astern::policy::{
    Effect, Executor, Mode, PolicyParams, Request, RiskParams, RunParams, RunState,
};
use astern::{Error, Event, Guard, GuardParams};
use astern_sim::{SimExecutor, Simulator};

use crate::support::{STEP, long_scenario, params};

/// A guard over a simulated system with a bad release.
struct Watched {
    guard: Guard,
    platform: SimExecutor,
    now: Timestamp,
    end: Timestamp,
}

impl Watched {
    fn new(params: GuardParams) -> Self {
        let scenario = long_scenario();
        Self {
            guard: Guard::new(params).unwrap(),
            platform: SimExecutor::new(Simulator::new(&scenario).unwrap()),
            now: scenario.start,
            end: scenario.start.plus(scenario.span),
        }
    }

    /// The events of the next step; `None` at the end.
    fn step(&mut self) -> Option<Vec<Event>> {
        self.now = self.now.plus(STEP);
        let records = self.platform.advance(self.now).unwrap();
        (self.now < self.end).then(|| self.guard.observe(records, self.now))
    }

    /// Sends a request and reports the answer.
    fn carry_out(&mut self, request: &Request) -> Vec<Event> {
        let outcome = self.platform.execute(request);
        self.guard.report(&request.key, outcome, self.now).unwrap()
    }

    /// Goes on, with every request carried out, until an event that is `wanted`.
    fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Option<Event> {
        while let Some(mut events) = self.step() {
            while !events.is_empty() {
                let mut next = Vec::new();
                for event in events {
                    if wanted(&event) {
                        return Some(event);
                    }
                    if let Event::Execute(request) = &event {
                        next.extend(self.carry_out(request));
                    }
                }
                events = next;
            }
        }
        None
    }

    fn taken_over(mut self, params: GuardParams) -> Self {
        let bytes = self.guard.to_bytes().unwrap();
        self.guard = Guard::from_bytes(&bytes, params, 2).unwrap();
        self
    }
}

fn finished(event: &Event) -> bool {
    matches!(event, Event::Finished(_))
}

fn request(events: Vec<Event>) -> Option<Request> {
    let mut requests = events.into_iter().filter_map(|event| match event {
        Event::Execute(request) => Some(request),
        _ => None,
    });
    requests.next()
}

#[test]
fn what_a_dry_run_acted_on_does_not_bind_a_guard_that_applies() {
    let mut dry = Watched::new(params());
    assert!(dry.until(finished).is_some());
    assert_eq!(dry.platform.applied(), []);
    let mut wet = dry.taken_over(params().mode(Mode::Apply));
    let Some(Event::Finished(summary)) = wet.until(finished) else {
        panic!("nothing was rolled back")
    };
    assert_eq!(summary.state, RunState::Succeeded, "{summary}");
    assert!(!wet.platform.applied().is_empty());
    // What was applied binds either.
    let applied = wet.platform.applied().len();
    let mut dry = wet.taken_over(params());
    assert!(
        dry.until(|event| matches!(event, Event::Planned(_)))
            .is_none()
    );
    assert_eq!(dry.platform.applied().len(), applied);
}

#[test]
fn a_run_under_way_keeps_its_mode() {
    let mut dry = Watched::new(params());
    let sent = loop {
        if let Some(sent) = request(dry.step().unwrap()) {
            break sent;
        }
    };
    assert!(matches!(sent.effect, Effect::DryRun(_)), "{sent:?}");
    // Its answer is lost with the old holder; the new one finishes the run as it was begun.
    let mut wet = dry.taken_over(params().mode(Mode::Apply));
    let Some(Event::Finished(summary)) = wet.until(finished) else {
        panic!("the run did not end")
    };
    assert_eq!(summary.mode, Mode::DryRun);
    assert_eq!(wet.platform.applied(), []);
}

#[test]
fn another_detector_is_fitted_again_on_the_same_steps() {
    let mut watched = Watched::new(params());
    while watched.guard.healthy_range().is_none() {
        watched.step().unwrap();
    }
    let learnt = watched.guard.healthy_range();
    let detected_by = |params: GuardParams, pipeline| {
        params.detectors([("robust_z", DetectionParams::default().pipeline(pipeline))])
    };
    let pipeline = PipelineParams::default().score_min(4.0);
    let mut stricter = watched.taken_over(detected_by(params(), pipeline));
    assert_eq!(stricter.guard.healthy_range(), learnt);
    let assessed = |event: &Event| matches!(event, Event::Assessed(_));
    assert!(stricter.until(assessed).is_some());
    // One that cannot be fitted on them is learnt as by a new guard.
    let pipeline = PipelineParams::default().steps_min(61_u32);
    let slower = stricter.taken_over(detected_by(params().healthy_steps(61), pipeline));
    assert_eq!(slower.guard.healthy_range(), None);
}

#[test]
fn parameters_of_the_next_holder_are_checked_against_what_is_stored() {
    let bytes = Guard::new(params()).unwrap().to_bytes().unwrap();
    let refused = |params| Guard::from_bytes(&bytes, params, 1).unwrap_err();
    let minutes = refused(GuardParams::default());
    let step = matches!(
        minutes,
        Error::Restore(RestoreError::Step { stored: STEP, .. })
    );
    assert!(step, "{minutes}");
    let text = "the stored steps are 30s long, the parameters say 60s";
    assert_eq!(minutes.to_string(), text);
    assert!(matches!(
        refused(params().healthy_steps(1)),
        Error::Param(_)
    ));
    let run = RunParams::default().max_attempts(0);
    assert!(matches!(refused(params().run(run)), Error::Param(_)));
    // Everything else may change.
    let risk = RiskParams::default().ticks(3);
    let other = params()
        .policy(PolicyParams::default().risk(risk))
        .memory_steps(20);
    assert!(Guard::from_bytes(&bytes, other, 1).is_ok());
}

#[test]
fn a_later_holder_has_a_greater_fence() {
    let bytes = Guard::new(params()).unwrap().to_bytes().unwrap();
    let taken_over = Guard::from_bytes(&bytes, params(), 7).unwrap();
    let bytes = taken_over.to_bytes().unwrap();
    let stale = Guard::from_bytes(&bytes, params(), 6);
    assert!(matches!(stale, Err(Error::Run(_))));
    assert!(Guard::from_bytes(&bytes, params(), 8).is_ok());
}

#[test]
fn a_guard_with_a_ranker_of_ones_own_survives_a_restart() {
    let ranker = astern::rca::ranker::baseline::CorrelationRanker;
    let guard = Guard::with_ranker(params(), ranker).unwrap();
    let bytes = guard.to_bytes().unwrap();
    let restored = Guard::from_bytes_with_ranker(&bytes, params(), 1, ranker).unwrap();
    assert_eq!(bytes, restored.to_bytes().unwrap());
}
