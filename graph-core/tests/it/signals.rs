//! The values that cross borders: what people read of them, and that files give them back.

use std::time::Duration;

use astern_graph_core::schema::Unit;
use astern_graph_core::signal::{
    Abstention, Alternative, Anomaly, Assessment, BlamedChange, Counterfactual, Diagnosis,
    Evidence, Explanation, Hop, RankedCause, SourceFault, StaysBroken, Verdict,
};
use astern_graph_core::{EdgeKind, Subject, Timestamp};

use crate::support::service;

fn shift() -> Evidence {
    Evidence::Shift {
        metric: "latency_ms_p95".into(),
        healthy: 20.0,
        observed: 80.0,
        z: 12.0,
    }
}

fn assessment() -> Assessment {
    let onset = Timestamp::from_secs(60);
    let slow = Anomaly::new(service("cart"), 12.0, onset)
        .above(3.0)
        .in_metric("latency_ms_p95".into(), 1e-6)
        .because(shift());
    let edge = Subject::Edge {
        from: service("web"),
        to: service("cart"),
        kind: EdgeKind::Calls,
    };
    let mut assessment = Assessment::new(Verdict::Regressed)
        .of_change("cart@2".into())
        .with_anomalies(vec![Anomaly::new(edge, 4.0, onset), slow]);
    assessment.source_faults = vec![SourceFault::new(service("ads"), None, onset)];
    assessment
}

fn diagnosis() -> Diagnosis {
    let cause = RankedCause::new(service("cart"), 3.5)
        .along(vec![service("cart"), service("web")])
        .because([shift()]);
    let delay = Duration::from_secs(30);
    let change = "cart@2".into();
    let blamed = BlamedChange::new("cart@2".into(), service("cart"), Some(0.925))
        .hurting(vec![service("web")])
        .because([Evidence::ChangedBefore { change, delay }]);
    Diagnosis::new(vec![cause], vec![blamed])
}

#[test]
fn an_assessment_reads_worst_first() {
    assert_eq!(
        assessment().to_string(),
        "cart@2: regressed\n  \
         service/cart latency_ms_p95: score 12.0, p 1.0e-6, since 1970-01-01T00:01:00Z\n  \
         service/web calls service/cart: score 4.0, since 1970-01-01T00:01:00Z\n  \
         no telemetry of service/ads since 1970-01-01T00:01:00Z"
    );
}

#[test]
fn a_diagnosis_reads_from_cause_to_change() {
    assert_eq!(
        diagnosis().to_string(),
        "1. service/cart (3.50) via service/cart > service/web\n   \
         - latency_ms_p95 is 80.000, healthy 20.000 (z 12.0)\n\
         change cart@2 of service/cart: 92 %\n   \
         - cart@2 came 30 s before\n"
    );
    let silent = Diagnosis::abstain(Abstention::TooFewSamples { have: 3, need: 50 });
    assert_eq!(silent.to_string(), "abstained: 3 samples, 50 needed\n");
}

#[test]
fn json_gives_them_back() {
    let json = serde_json::to_string(&assessment()).unwrap();
    assert_eq!(
        serde_json::from_str::<Assessment>(&json).unwrap(),
        assessment()
    );
    assert!(json.contains("\"since\":\"1970-01-01T00:01:00Z\""));
    assert!(json.contains("\"service/cart\""));
    let json = serde_json::to_string(&diagnosis()).unwrap();
    assert_eq!(
        serde_json::from_str::<Diagnosis>(&json).unwrap(),
        diagnosis()
    );
}

#[test]
fn an_anomaly_that_was_written_without_a_threshold_has_none() {
    let json = serde_json::to_string(&assessment().anomalies[0]).unwrap();
    let older = json.replace("\"threshold\":3.0,", "");
    assert_ne!(older, json);
    let read: Anomaly = serde_json::from_str(&older).unwrap();
    assert_eq!((read.threshold, read.score), (None, 12.0));
}

#[test]
fn what_else_it_may_be_and_what_stays_broken_is_stated() {
    let load = vec![Evidence::Load {
        node: service("web"),
        ratio: 3.0,
    }];
    let mut diagnosis = Diagnosis::abstain(Abstention::Load);
    diagnosis.alternatives = vec![
        Alternative::new(Abstention::Load, 0.81, load),
        // Hardly worth a line.
        Alternative::new(Abstention::OutsideGraph, 0.04, Vec::new()),
    ];
    let left = vec![
        StaysBroken::Unexplained(service("ads")),
        StaysBroken::Data {
            min_compatible: "v2".into(),
        },
    ];
    let blamed = BlamedChange::new("cart@2".into(), service("cart"), None).leaving(left);
    diagnosis.changes = vec![blamed];
    assert_eq!(
        diagnosis.to_string(),
        "abstained: more requests came than usual, nothing else is wrong\n\
         or more requests came than usual, nothing else is wrong: 81 %\n   \
         - service/web gets 3.0 times its healthy requests\n\
         change cart@2 of service/cart\n   \
         stays broken: service/ads is anomalous too, and this change cannot be why\n   \
         stays broken: the data needs v2 or newer\n"
    );
    let others = [
        (
            Abstention::NoRegression,
            "the symptom is in its healthy range",
        ),
        (
            Abstention::OutsideGraph,
            "the cause is external or not seen",
        ),
        (Abstention::CannotTell, "nothing is likely enough"),
    ];
    for (reason, sentence) in others {
        assert_eq!(reason.to_string(), sentence);
    }
}

#[test]
fn an_explanation_reads_from_cause_to_symptom() {
    let metric = || "latency_ms_p95".into();
    let hop = |name, healthy, observed| {
        Hop::new(
            service(name),
            metric(),
            Unit::Milliseconds,
            healthy,
            observed,
        )
    };
    let mut cart = hop("cart", Some(20.0), Some(12_500.0));
    cart.supporting = vec![shift()];
    let mut web = hop("web", None, Some(181.26));
    web.opposing = vec![Evidence::Explained { share: 0.5 }];
    let mut explanation = Explanation::new(vec![cart, hop("shop", Some(1.234), None), web]);
    explanation.counterfactual = Some(Counterfactual::new(
        service("cart"),
        (metric(), Unit::Milliseconds),
        181.26,
        (38.04, 41.5, 46.96),
        60,
    ));
    explanation.fallbacks = vec![Evidence::Fallback {
        wanted: "a".into(),
        used: "b".into(),
        reason: "c".into(),
    }];
    assert_eq!(
        explanation.to_string(),
        "began at service/cart: latency_ms_p95 is 12.5 s, normally 20.0 ms\n  \
         + latency_ms_p95 is 80.000, healthy 20.000 (z 12.0)\n\
         went by  service/shop: latency_ms_p95 was not seen, normally 1.23 ms\n\
         felt at  service/web: latency_ms_p95 is 181 ms\n  \
         - the best cause explains 50 % of the symptom's rise\n\
         were service/cart normal, latency_ms_p95 would be 41.5 ms (38.0 ms to 47.0 ms) and not 181 ms\n\
         (b in place of a: c)\n"
    );
    let share = Hop::new(
        service("a"),
        "error_rate".into(),
        Unit::Ratio,
        Some(0.0),
        Some(0.125),
    );
    assert_eq!(
        share.to_string(),
        "service/a: error_rate is 12.5 %, normally 0.00 %"
    );
    let json = serde_json::to_string(&explanation).unwrap();
    assert_eq!(
        serde_json::from_str::<Explanation>(&json).unwrap(),
        explanation
    );
}
