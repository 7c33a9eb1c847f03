//! When nothing of the graph is blamed.

use std::time::Duration;

use astern_graph_core::signal::{Abstention, Diagnosis, Evidence};
use astern_graph_core::{Call, GraphBuilder, GraphParams, NodeKey, Party};
use astern_rca::blame::BlameParams;
use astern_rca::ranker::{FusedParams, FusedWeights};
use astern_rca::{DiagnoserParams, Incident};

use crate::world::{minute, minutes};

const ONSET: i64 = 60;
const END: i64 = 72;

/// `web`, called so many times a minute, and so slow, before and since minute 60.
fn diagnosis(calls: (u64, u64), ms: (u64, u64)) -> Diagnosis {
    diagnosis_by(&DiagnoserParams::default(), calls, ms)
}

fn diagnosis_by(params: &DiagnoserParams, calls: (u64, u64), ms: (u64, u64)) -> Diagnosis {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    for at in 0..END {
        let (calls, ms) = if at < ONSET {
            (calls.0, ms.0)
        } else {
            (calls.1, ms.1)
        };
        for i in 0..calls {
            let spread = u64::try_from(at * at % 11).unwrap() + i % 5;
            let took = Some(Duration::from_millis(ms + spread));
            let at = minute(at).plus(Duration::from_millis(60_000 * i / calls));
            let call = Call::new(at, Party::new(NodeKey::service("web"))).took(took, took);
            builder.extend([call.into()]);
        }
    }
    let (healthy, abnormal) = (minutes(0, ONSET), minutes(ONSET, END));
    let metric = "latency_ms_p95".into();
    let incident = Incident::new(NodeKey::service("web"), metric, healthy, abnormal);
    let diagnoser = params.check().unwrap();
    diagnoser.diagnose(&builder.build(), &incident).unwrap()
}

fn probability(diagnosis: &Diagnosis, reason: &Abstention) -> f64 {
    let mut all = diagnosis.alternatives.iter();
    all.find(|a| a.reason == *reason).unwrap().probability
}

#[test]
fn three_times_the_requests_are_load() {
    let surge = diagnosis((20, 60), (30, 42));
    assert_eq!(surge.abstained, Some(Abstention::Load), "{surge}");
    let evidence = &surge.alternatives[0].evidence;
    assert!(matches!(evidence[..], [Evidence::Load { ratio, .. }] if (2.9..3.1).contains(&ratio)));
}

#[test]
fn a_symptom_in_its_healthy_range_is_none() {
    let normal = diagnosis((20, 20), (30, 30));
    let slow = diagnosis((20, 20), (30, 300));
    assert_eq!(normal.alternatives[0].reason, Abstention::NoRegression);
    assert!(normal.abstained.is_some(), "{normal}");
    assert_eq!(slow.abstained, None, "{slow}");
    let of = |found| probability(found, &Abstention::NoRegression);
    assert!(of(&normal) > 0.4 && of(&slow) < 0.1, "{normal}\n{slow}");
}

#[test]
fn what_was_not_seen_is_reported() {
    // No call tells how long `web` itself worked.
    let slow = diagnosis((20, 20), (30, 300));
    let mut all = slow.alternatives.iter();
    let outside = all.find(|a| a.reason == Abstention::OutsideGraph).unwrap();
    assert!(matches!(outside.evidence[..], [Evidence::Fallback { .. }]));
}

#[test]
fn other_parameters_give_no_probability_of_causes_and_say_so() {
    let (by_default, fallback) = (
        diagnosis((20, 20), (30, 300)),
        |e: &Evidence| matches!(e, Evidence::Fallback { wanted, .. } if wanted.starts_with("probabilities")),
    );
    assert!(by_default.causes[0].probability.is_some());
    let telling = |found: &Diagnosis| {
        let all = found.alternatives.iter();
        all.filter(|a| a.evidence.iter().any(fallback)).count()
    };
    assert_eq!(telling(&by_default), 0);
    let weights = FusedWeights {
        self_time: 1.0,
        ..FusedWeights::default()
    };
    let ranker = FusedParams::default().weights(weights);
    let other = diagnosis_by(
        &DiagnoserParams::default().ranker(ranker),
        (20, 20),
        (30, 300),
    );
    assert_eq!(other.causes[0].probability, None);
    assert_eq!(telling(&other), 3, "{other}");
    // Blame moves no score.
    let blame = BlameParams::default().prior(-2.0);
    let cautious = diagnosis_by(
        &DiagnoserParams::default().blame(blame),
        (20, 20),
        (30, 300),
    );
    assert!(cautious.causes[0].probability.is_some() && telling(&cautious) == 0);
}
