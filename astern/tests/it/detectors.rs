//! A guard with other detectors than the default one: several, one of the user's own, a learned one.

use std::collections::BTreeSet;

use astern::detect::catalogue::{DetectionParams, DetectorParams};
use astern::detect::pipeline::PipelineParams;
use astern::detect::score::{RobustZ, RobustZParams};
use astern::detect::{Detector, FitError, FittedDetector, ScoreError, Scores};
use astern::graph::{EdgeKind, NodeKind, Subject, TemporalGraph, TimeRange};
use astern::policy::Plan;
use astern::rca::Ranker;
use astern::rca::ranker::FusedParams;
use astern::{Error, Event, Guard, GuardParams, OwnDetector};
use astern_sim::{Simulation, run};
use serde::{Deserialize, Serialize};

use crate::support::{batches, params, scenario};

/// What a guard says of a run. `store` is called after every step, with its events until then, and may put another
/// guard in its place.
fn feed<R: Ranker, D: Detector>(
    simulation: &Simulation,
    mut guard: Guard<R, D>,
    mut store: impl FnMut(Guard<R, D>, &[Event]) -> Guard<R, D>,
) -> Vec<Event> {
    let mut events = Vec::new();
    for (now, batch) in batches(simulation.records.clone(), simulation.start, simulation.end) {
        events.extend(guard.observe(batch, now));
        guard = store(guard, &events);
    }
    events
}

fn texts(events: &[Event]) -> Vec<String> {
    events.iter().map(ToString::to_string).collect()
}

fn plan(events: &[Event]) -> Option<&Plan> {
    events.iter().find_map(|event| match event {
        Event::Planned(plan) => Some(plan),
        _ => None,
    })
}

/// Whether the first plan acts on the bad release and on nothing else.
fn acts_on_the_culprit(simulation: &Simulation, events: &[Event]) -> bool {
    let steps = plan(events).into_iter().flat_map(|plan| &plan.steps);
    let acted: BTreeSet<_> = steps
        .flat_map(|step| &step.answers)
        .map(|b| &b.change)
        .collect();
    acted.into_iter().eq(&simulation.truth.culprit)
}

fn named(method: DetectorParams) -> DetectionParams {
    DetectionParams::default().method(method)
}

fn robust_z(subjects: impl Into<astern::detect::Subjects>) -> DetectionParams {
    named(DetectorParams::RobustZ(
        RobustZParams::default().subjects(subjects),
    ))
}

#[test]
fn several_detectors_are_united_and_each_survives_a_restart() {
    let simulation = run(&scenario()).unwrap();
    let detectors = || {
        let of_edges = robust_z(EdgeKind::Calls);
        params().detectors([
            ("edges", of_edges),
            ("services", DetectionParams::default()),
        ])
    };
    let new = || Guard::new(detectors()).unwrap();
    let events = feed(&simulation, new(), |guard, _| guard);
    assert!(
        acts_on_the_culprit(&simulation, &events),
        "{:?}",
        plan(&events)
    );
    let restarted = feed(&simulation, new(), |guard, _| {
        Guard::from_bytes(&guard.to_bytes().unwrap(), detectors(), 1).unwrap()
    });
    assert_eq!(texts(&restarted), texts(&events));
    let of_system = events.iter().filter_map(|event| match event {
        Event::Assessed(a) if a.change.is_none() => Some(a),
        _ => None,
    });
    // One assessment a step is of the system, and of it both find something.
    let found: Vec<_> = of_system.flat_map(|a| &a.anomalies).collect();
    let is_edge = |subject: &Subject| matches!(subject, Subject::Edge { .. });
    assert!(found.iter().any(|a| is_edge(&a.subject)));
    assert!(found.iter().any(|a| !is_edge(&a.subject)));
}

#[test]
fn a_detector_that_cannot_be_fitted_is_an_event_and_the_others_go_on() {
    let simulation = run(&scenario()).unwrap();
    let alone = feed(&simulation, Guard::new(params()).unwrap(), |guard, _| guard);
    let queues = robust_z(NodeKind::Queue);
    let both = params().detectors([
        ("queues", queues.clone()),
        ("rz", DetectionParams::default()),
    ]);
    let events = feed(&simulation, Guard::new(both).unwrap(), |guard, _| guard);
    let (failed, others): (Vec<_>, Vec<_>) = events
        .into_iter()
        .partition(|event| matches!(event, Event::Failed(Error::Fit(FitError::Graph(_)))));
    assert_eq!(texts(&others), texts(&alone));
    // Once for each time that the baseline is learnt, not for each step.
    assert!((1..20).contains(&failed.len()), "{}", failed.len());
    let only = feed(
        &simulation,
        Guard::new(params().detectors([("queues", queues)])).unwrap(),
        |guard, _| guard,
    );
    // The system is not judged then; changes are.
    let of_system = |event: &Event| matches!(event, Event::Assessed(a) if a.change.is_none());
    assert!(!only.iter().any(of_system));
}

/// A detector of the user's own: the share of calls that fail, in units of one per cent.
#[derive(Debug, Clone, Copy)]
struct FailedShare;

#[derive(Serialize, Deserialize)]
struct FittedShare {
    levels: RobustZ,
}

impl Detector for FailedShare {
    type Fitted = FittedShare;

    fn fit(&self, graph: &TemporalGraph, healthy: TimeRange) -> Result<FittedShare, FitError> {
        let levels = RobustZParams::default().fit(graph, healthy)?;
        Ok(FittedShare { levels })
    }
}

impl FittedDetector for FittedShare {
    fn score(&self, graph: &TemporalGraph, range: TimeRange) -> Result<Scores, ScoreError> {
        let window = graph.window_of(NodeKind::Service, &["error_rate".into()], range)?;
        let subjects = window.rows.into_iter().map(Into::into).collect();
        let values = 100.0 * window.values;
        Scores::of_metrics(window.times, subjects, window.schema, values)
    }

    fn levels(&self) -> &RobustZ {
        &self.levels
    }
}

fn own(name: &str) -> [OwnDetector<FailedShare>; 1] {
    let pipeline = PipelineParams::default().score_min(5.0);
    [OwnDetector::new(name, FailedShare).pipeline(pipeline)]
}

#[test]
fn a_detector_of_ones_own_plans_by_itself_and_survives_a_restart() {
    let simulation = run(&scenario()).unwrap();
    let none: [(&str, DetectionParams); 0] = [];
    let params = params().detectors(none);
    let ranker = || FusedParams::default().check().unwrap();
    let new = || Guard::with_own(params.clone(), ranker(), own("failed")).unwrap();
    let events = feed(&simulation, new(), |guard, _| guard);
    assert!(
        acts_on_the_culprit(&simulation, &events),
        "{:?}",
        plan(&events)
    );
    let thresholds = events.iter().filter_map(|event| match event {
        Event::Assessed(a) if a.change.is_none() => Some(a.anomalies.iter()),
        _ => None,
    });
    assert!(thresholds.flatten().all(|a| a.threshold == Some(5.0)));
    let restarted = feed(&simulation, new(), |guard, _| {
        let bytes = guard.to_bytes().unwrap();
        Guard::from_bytes_with_own(&bytes, params.clone(), 1, ranker(), own("failed")).unwrap()
    });
    assert_eq!(texts(&restarted), texts(&events));
}

#[test]
fn names_of_detectors_are_unique_and_there_is_one_at_least() {
    let ranker = || FusedParams::default().check().unwrap();
    let with = |params: GuardParams, name| Guard::with_own(params, ranker(), own(name)).err();
    assert!(with(params(), "failed").is_none());
    let same = with(params(), "robust_z").unwrap();
    assert!(matches!(&same, Error::SameDetector { name } if &**name == "robust_z"));
    let none: [(&str, DetectionParams); 0] = [];
    let refused = Guard::new(params().detectors(none)).err().unwrap();
    assert!(matches!(refused, Error::NoDetector));
    let long = PipelineParams::default().steps_min(61u32);
    let long = params().detectors([("long", DetectionParams::default().pipeline(long))]);
    assert!(matches!(Guard::new(long), Err(Error::Param(_))));
}

#[cfg(feature = "gnn")]
mod learned {
    use astern::detect::catalogue::DetectionError;
    use astern::detect::learned::{HypersphereParams, ModelParams};
    use astern::graph::signal::{Evidence, Verdict};
    use astern::graph::{GraphBuilder, GraphParams};
    use astern_sim::Scenario;

    use super::*;
    use crate::support::STEP;

    /// Whether a regression of the system was seen and no plan was made yet.
    fn is_amid_the_incident(events: &[Event]) -> bool {
        let regressed = |event: &Event| match event {
            Event::Assessed(a) => a.change.is_none() && a.verdict == Verdict::Regressed,
            _ => false,
        };
        events.iter().any(regressed) && plan(events).is_none()
    }

    /// A model that was made elsewhere: of another system, in which all was well.
    fn model() -> Vec<u8> {
        let elsewhere = run(&Scenario::benign(2)).unwrap();
        let params = GraphParams::default().step(STEP);
        let mut builder = GraphBuilder::new(params).unwrap();
        builder.extend(elsewhere.records);
        let graph = builder.build();
        let start = graph.extent().unwrap().start;
        let healthy = TimeRange::new(start, start.plus(60 * STEP)).unwrap();
        let window = graph.window(NodeKind::Service, healthy).unwrap();
        let model = HypersphereParams::default()
            .untrained(&graph, &window)
            .unwrap();
        model.to_bytes().unwrap()
    }

    fn hypersphere() -> GuardParams {
        let method = DetectorParams::Hypersphere(ModelParams::new("shop"));
        params().detectors([("sphere", named(method))])
    }

    #[test]
    fn a_hypersphere_alone_is_stored_amid_an_incident_restored_and_plans() {
        let simulation = run(&scenario()).unwrap();
        let params = hypersphere().model("shop", model());
        let new = || Guard::new(params.clone()).unwrap();
        let unbroken = feed(&simulation, new(), |guard, _| guard);
        let mut restored_at = None;
        let events = feed(&simulation, new(), |guard, events| {
            if restored_at.is_some() || !is_amid_the_incident(events) {
                return guard;
            }
            restored_at = Some(events.len());
            let bytes = guard.to_bytes().unwrap();
            drop(guard);
            Guard::from_bytes(&bytes, params.clone(), 1).unwrap()
        });
        let planned = events
            .iter()
            .position(|event| matches!(event, Event::Planned(_)));
        assert!(restored_at.unwrap() <= planned.unwrap());
        assert!(
            acts_on_the_culprit(&simulation, &events),
            "{:?}",
            plan(&events)
        );
        assert_eq!(texts(&events), texts(&unbroken));
        // Every anomaly of the system is the hypersphere's, and names a metric.
        let found = events.iter().filter_map(|event| match event {
            Event::Assessed(a) if a.change.is_none() => Some(a.anomalies.iter()),
            _ => None,
        });
        for anomaly in found.flatten() {
            let learned = |e: &Evidence| matches!(e, Evidence::Learned { .. });
            assert!(anomaly.evidence.iter().any(learned) && anomaly.metric.is_some());
        }
    }

    #[test]
    fn a_model_that_was_not_handed_over_is_refused_by_name() {
        let refused = Guard::new(hypersphere()).err().unwrap();
        assert!(matches!(
            &refused,
            Error::Detection(DetectionError::NoModel { model }) if &**model == "shop"
        ));
        assert!(refused.to_string().contains("shop"));
        let damaged = Guard::new(hypersphere().model("shop", *b"no model"))
            .err()
            .unwrap();
        assert!(matches!(
            damaged,
            Error::Detection(DetectionError::Model { .. })
        ));
    }
}
