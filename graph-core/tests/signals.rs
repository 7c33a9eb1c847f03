//! The values that cross borders: what people read of them, and that files give them back.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::time::Duration;

use astern_graph_core::signal::{
    Abstention, Alternative, Anomaly, Assessment, BlamedChange, Counterfactual, Diagnosis,
    Evidence, Explanation, Hop, RankedCause, SourceFault, StaysBroken, Verdict,
};
use astern_graph_core::{EdgeKind, NodeKey, Subject, Timestamp, Unit};

fn service(name: &str) -> NodeKey {
    NodeKey::service(name)
}

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
fn evidence_has_a_sentence() {
    let (from, to) = (service("a"), service("b"));
    let metric = || "error_rate".into();
    let sentences = [
        (
            Evidence::NewAgainstOld {
                metric: metric(),
                old: 0.01,
                new: 0.2,
                p_value: 0.0005,
            },
            "error_rate is 0.200 on new instances, 0.010 on old (p 5.0e-4)",
        ),
        (
            Evidence::Influence {
                from: from.clone(),
                to: to.clone(),
                te_nats: 0.12,
                p_value: 0.001,
            },
            "service/a drives service/b (0.120 nats, p 0.001)",
        ),
        (
            Evidence::Influence {
                from,
                to,
                te_nats: 0.0,
                p_value: 0.5,
            },
            "service/a is not seen to drive service/b (0.000 nats, p 0.500)",
        ),
        (
            Evidence::OriginOfFault {
                anomalous_dependencies: 2,
            },
            "2 of its dependencies are anomalous too",
        ),
        (
            Evidence::BlastRadius {
                nodes: 0,
                calls_per_second: 0.0,
            },
            "nothing depends on it",
        ),
        (
            Evidence::BlastRadius {
                nodes: 1,
                calls_per_second: 2.0,
            },
            "1 node depends on it, 2.0 calls/s at risk there",
        ),
    ];
    assert_sentences(sentences);
}

#[test]
fn evidence_from_calls_has_a_sentence() {
    let sentences = [
        (
            Evidence::Spectrum {
                operation: Some("add".into()),
                abnormal_through: 8,
                abnormal: 9,
                normal_through: 1,
                normal: 40,
            },
            "8 of 9 requests that went wrong went through add, 1 of 40 others",
        ),
        (
            Evidence::Counterfactual {
                metric: "latency_ms".into(),
                observed: 120.0,
                expected: 41.5,
                low: 38.0,
                high: 45.0,
            },
            "latency_ms of the symptom would be 41.500 (38.000 to 45.000) without it, is 120.000",
        ),
        (
            Evidence::Gap {
                from: NodeKey::service("web"),
                to: NodeKey::service("cart"),
                healthy_ms: 2.0,
                observed_ms: 201.25,
                z: 40.0,
            },
            "service/web waits 201.2 ms longer than service/cart works, healthy 2.0 (z 40.0)",
        ),
        (
            Evidence::OwnTime {
                healthy_ms: 8.0,
                observed_ms: 16.0,
                z: 4.5,
            },
            "it takes 16.0 ms by itself, healthy 8.0 (z 4.5)",
        ),
        (
            Evidence::OwnFailures {
                healthy: 0.01,
                observed: 0.25,
                z: 6.0,
            },
            "25.0 % of its calls fail though none of its own did, healthy 1.0 (z 6.0)",
        ),
        (
            Evidence::LastBeforeFailure {
                caller: NodeKey::service("web"),
                healthy: 0.0,
                observed: 0.5,
                z: 3.0,
            },
            "50.0 % of the calls of service/web fail right after its answer, healthy 0.0 (z 3.0)",
        ),
        (
            Evidence::FewerCalls {
                to: NodeKey::service("stock"),
                healthy: 1.5,
                observed: 0.25,
                z: 3.5,
            },
            "it calls service/stock 0.25 times a call, healthy 1.50 (z 3.5)",
        ),
        (
            Evidence::Tenants {
                slower: 5,
                tenants: 6,
                z: 12.0,
            },
            "5 of 6 services on it take longer by themselves (z 12.0)",
        ),
    ];
    assert_sentences(sentences);
}

fn assert_sentences<const N: usize>(sentences: [(Evidence, &str); N]) {
    for (evidence, sentence) in sentences {
        assert_eq!(evidence.to_string(), sentence);
    }
}

#[test]
fn evidence_about_changes_and_load_reads_plainly() {
    let (web, cart) = (service("web"), service("cart"));
    let distance = |hops| Evidence::Distance {
        from: cart.clone(),
        to: web.clone(),
        hops,
    };
    let dose = |r| Evidence::Dose {
        change: "cart@2".into(),
        r,
        steps: 20,
    };
    let sentences = [
        (
            Evidence::Contrast {
                metric: "latency_ms_p95".into(),
                ratio: 1.354,
                low: 1.2,
                high: 1.523,
                p_value: 1e-4,
                steps: 12,
            },
            "latency_ms_p95 on new instances is 1.35 times (1.20 to 1.52) that on old ones \
             over 12 steps (p 1.0e-4)",
        ),
        (
            dose(0.91),
            "the symptom follows the traffic on cart@2 (r 0.91 over 20 steps)",
        ),
        (
            dose(-0.2),
            "the symptom does not follow the traffic on cart@2 (r -0.20 over 20 steps)",
        ),
        (
            distance(None),
            "no fault can come from service/cart to service/web",
        ),
        (distance(Some(0)), "service/web itself is where it is felt"),
        (distance(Some(1)), "service/cart is 1 hop from service/web"),
        (distance(Some(3)), "service/cart is 3 hops from service/web"),
        (
            Evidence::Load {
                node: web.clone(),
                ratio: 2.9,
            },
            "service/web gets 2.9 times its healthy requests",
        ),
        (
            Evidence::Explained { share: 0.123 },
            "the best cause explains 12 % of the symptom's rise",
        ),
    ];
    for (evidence, sentence) in sentences {
        assert_eq!(evidence.to_string(), sentence);
    }
}

#[test]
fn what_else_it_may_be_and_what_stays_broken_is_told() {
    let load = vec![Evidence::Load {
        node: service("web"),
        ratio: 3.0,
    }];
    let mut told = Diagnosis::abstain(Abstention::Load);
    told.alternatives = vec![
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
    told.changes = vec![blamed];
    assert_eq!(
        told.to_string(),
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
    let mut told = Explanation::new(vec![cart, hop("shop", Some(1.234), None), web]);
    told.counterfactual = Some(Counterfactual::new(
        service("cart"),
        (metric(), Unit::Milliseconds),
        181.26,
        (38.04, 41.5, 46.96),
        60,
    ));
    told.fallbacks = vec![Evidence::Fallback {
        wanted: "a".into(),
        used: "b".into(),
        reason: "c".into(),
    }];
    assert_eq!(
        told.to_string(),
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
    let json = serde_json::to_string(&told).unwrap();
    assert_eq!(serde_json::from_str::<Explanation>(&json).unwrap(), told);
}
