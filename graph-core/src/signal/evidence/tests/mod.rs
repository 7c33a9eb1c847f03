//! What each variant says, and where it points in each role.

mod changes;

use std::collections::BTreeSet;

use super::Stance::{self, Against, For, Neutral};
use super::{Evidence, Role};
use crate::key::NodeKey;

/// Evidence, its sentence, and its stance as the origin, as a passage and as a change.
type Row = (Evidence, &'static str, [Stance; 3]);

const ROLES: [Role; 3] = [Role::Origin, Role::Passage, Role::Change];

/// What a node does by itself, and what it does not.
const BY_ITSELF: [Stance; 3] = [For, Against, For];
const AS_ALWAYS: [Stance; 3] = [Against, Neutral, Against];

fn service(name: &str) -> NodeKey {
    NodeKey::service(name)
}

fn of_metrics() -> Vec<Row> {
    let shift = |z| Evidence::Shift {
        metric: "latency_ms_p95".into(),
        healthy: 20.0,
        observed: 80.0,
        z,
    };
    let correlation = |r| Evidence::Correlation {
        metric: "cpu".into(),
        r,
    };
    let counterfactual = Evidence::Counterfactual {
        metric: "latency_ms".into(),
        observed: 120.0,
        expected: 41.5,
        low: 38.0,
        high: 45.0,
    };
    let load = Evidence::Load {
        node: service("web"),
        ratio: 2.9,
    };
    vec![
        (
            shift(2.0),
            "latency_ms_p95 is 80.000, healthy 20.000 (z 2.0)",
            [For; 3],
        ),
        (
            shift(1.9),
            "latency_ms_p95 is 80.000, healthy 20.000 (z 1.9)",
            [Against; 3],
        ),
        (
            shift(f64::NAN),
            "latency_ms_p95 is 80.000, healthy 20.000 (z NaN)",
            [Neutral; 3],
        ),
        (
            correlation(0.876),
            "cpu moves with the symptom (r 0.88)",
            [For; 3],
        ),
        (
            correlation(0.0),
            "cpu moves with the symptom (r 0.00)",
            [Against; 3],
        ),
        (
            counterfactual,
            "latency_ms of the symptom would be 41.500 (38.000 to 45.000) without it, is 120.000",
            [Neutral; 3],
        ),
        (
            load,
            "service/web gets 2.9 times its healthy requests",
            [Neutral; 3],
        ),
        (
            Evidence::Explained { share: 0.123 },
            "the best cause explains 12 % of the symptom's rise",
            [Neutral; 3],
        ),
    ]
}

fn of_calls() -> Vec<Row> {
    let gap = |z| Evidence::Gap {
        from: service("web"),
        to: service("cart"),
        healthy_ms: 2.0,
        observed_ms: 201.25,
        z,
    };
    let own_time = |z| Evidence::OwnTime {
        healthy_ms: 8.0,
        observed_ms: 16.0,
        z,
    };
    let own_failures = Evidence::OwnFailures {
        healthy: 0.01,
        observed: 0.25,
        z: 6.0,
    };
    let last = Evidence::LastBeforeFailure {
        caller: service("web"),
        healthy: 0.0,
        observed: 0.5,
        z: 3.0,
    };
    let fewer = Evidence::FewerCalls {
        to: service("stock"),
        healthy: 1.5,
        observed: 0.25,
        z: 3.5,
    };
    let tenants = Evidence::Tenants {
        slower: 5,
        tenants: 6,
        z: 12.0,
    };
    vec![
        (
            gap(40.0),
            "service/web waits 201.2 ms longer than service/cart works, healthy 2.0 (z 40.0)",
            [For, Against, Against],
        ),
        (
            gap(0.5),
            "service/web waits 201.2 ms longer than service/cart works, healthy 2.0 (z 0.5)",
            [Against, Neutral, Neutral],
        ),
        (
            own_time(4.5),
            "its self time is 16.0 ms, healthy 8.0 (z 4.5)",
            BY_ITSELF,
        ),
        (
            own_time(0.1),
            "its self time is 16.0 ms, healthy 8.0 (z 0.1)",
            AS_ALWAYS,
        ),
        (
            own_failures,
            "25.0 % of its calls fail though none of its own did, healthy 1.0 (z 6.0)",
            BY_ITSELF,
        ),
        (
            last,
            "50.0 % of the calls of service/web fail right after its answer, healthy 0.0 (z 3.0)",
            BY_ITSELF,
        ),
        (
            fewer,
            "it calls service/stock 0.25 times a call, healthy 1.50 (z 3.5)",
            BY_ITSELF,
        ),
        (
            tenants,
            "5 of 6 services on it have a longer self time (z 12.0)",
            BY_ITSELF,
        ),
    ]
}

fn of_single_requests() -> Vec<Row> {
    let spectrum = |operation: Option<&str>, abnormal_through, normal_through, normal| {
        let operation = operation.map(Into::into);
        Evidence::Spectrum {
            operation,
            abnormal_through,
            abnormal: 9,
            normal_through,
            normal,
        }
    };
    vec![
        (
            spectrum(Some("add"), 8, 1, 40),
            "8 of 9 requests that went wrong went through add, 1 of 40 others",
            BY_ITSELF,
        ),
        (
            spectrum(None, 3, 38, 40),
            "3 of 9 requests that went wrong went through it, 38 of 40 others",
            AS_ALWAYS,
        ),
        (
            spectrum(None, 3, 0, 0),
            "3 of 9 requests that went wrong went through it, 0 of 0 others",
            [Neutral; 3],
        ),
    ]
}

fn of_the_graph() -> Vec<Row> {
    let (a, b) = (service("a"), service("b"));
    let distance = |hops| Evidence::Distance {
        from: a.clone(),
        to: b.clone(),
        hops,
    };
    let influence = |te_nats, p_value| Evidence::Influence {
        from: a.clone(),
        to: b.clone(),
        te_nats,
        p_value,
    };
    let origin = |anomalous_dependencies| Evidence::OriginOfFault {
        anomalous_dependencies,
    };
    let radius = |nodes, calls_per_second| Evidence::BlastRadius {
        nodes,
        calls_per_second,
    };
    vec![
        (
            Evidence::UnknownDistance {
                from: NodeKey::service("cart"),
                to: NodeKey::service("web"),
                without_edges: NodeKey::service("web"),
            },
            "no edge of service/web is known, nor whether a fault can come from service/cart to service/web",
            [Neutral; 3],
        ),
        (
            distance(None),
            "no fault can come from service/a to service/b",
            [Against; 3],
        ),
        (
            distance(Some(0)),
            "service/b itself is where it is felt",
            [Neutral; 3],
        ),
        (
            distance(Some(1)),
            "service/a is 1 hop from service/b",
            [Neutral; 3],
        ),
        (
            distance(Some(3)),
            "service/a is 3 hops from service/b",
            [Neutral; 3],
        ),
        (
            influence(0.12, 0.001),
            "service/a drives service/b (0.120 nats, p 0.001)",
            [For; 3],
        ),
        (
            influence(0.01, 0.2),
            "service/a is not seen to drive service/b (0.010 nats, p 0.200)",
            [Against, Against, Neutral],
        ),
        (
            influence(0.0, 0.6),
            "service/a is not seen to drive service/b (0.000 nats, p 0.600)",
            [Against; 3],
        ),
        (
            origin(0),
            "nothing that it depends on is anomalous",
            [For, Neutral, For],
        ),
        (
            origin(2),
            "2 of its dependencies are anomalous too",
            [Against, Neutral, Against],
        ),
        (radius(0, 0.0), "nothing depends on it", [Neutral; 3]),
        (
            radius(1, 2.0),
            "1 node depends on it, 2.0 calls/s at risk there",
            [Neutral; 3],
        ),
        (
            radius(3, 2.0),
            "3 nodes depend on it, 2.0 calls/s at risk there",
            [Neutral; 3],
        ),
    ]
}

fn of_methods() -> Vec<Row> {
    let learned = |score, untrained| Evidence::Learned {
        model: "hypersphere".into(),
        score,
        untrained,
    };
    let fallback = Evidence::Fallback {
        wanted: "transfer entropy".into(),
        used: "equal weights".into(),
        reason: "too few samples".into(),
    };
    vec![
        (
            learned(1.4, -0.2),
            "hypersphere scores 1.40 (untrained -0.20)",
            [For; 3],
        ),
        (
            learned(1.4, 1.5),
            "hypersphere scores 1.40 (untrained 1.50)",
            [Against; 3],
        ),
        (
            learned(-0.1, -0.2),
            "hypersphere scores -0.10 (untrained -0.20)",
            [Against; 3],
        ),
        (
            fallback,
            "equal weights in place of transfer entropy: too few samples",
            [Neutral; 3],
        ),
    ]
}

fn rows() -> Vec<Row> {
    [
        of_metrics(),
        of_calls(),
        of_single_requests(),
        changes::rows(),
        of_the_graph(),
        of_methods(),
    ]
    .concat()
}

/// Place of a variant among all; one that is new does not compile until it is counted here.
fn place(evidence: &Evidence) -> usize {
    match evidence {
        Evidence::Shift { .. } => 0,
        Evidence::NewAgainstOld { .. } => 1,
        Evidence::Contrast { .. } => 2,
        Evidence::Dose { .. } => 3,
        Evidence::Load { .. } => 4,
        Evidence::Explained { .. } => 5,
        Evidence::Distance { .. } => 6,
        Evidence::Correlation { .. } => 7,
        Evidence::Influence { .. } => 8,
        Evidence::OriginOfFault { .. } => 9,
        Evidence::Gap { .. } => 10,
        Evidence::OwnTime { .. } => 11,
        Evidence::OwnFailures { .. } => 12,
        Evidence::LastBeforeFailure { .. } => 13,
        Evidence::FewerCalls { .. } => 14,
        Evidence::Tenants { .. } => 15,
        Evidence::ChangedBefore { .. } => 16,
        Evidence::OlderThanChange { .. } => 17,
        Evidence::Learned { .. } => 18,
        Evidence::BlastRadius { .. } => 19,
        Evidence::Spectrum { .. } => 20,
        Evidence::Counterfactual { .. } => 21,
        Evidence::Fallback { .. } => 22,
        Evidence::BeyondLimit { .. } => 23,
        Evidence::UnknownDistance { .. } => 24,
        Evidence::NotFoundWorse { .. } => 25,
    }
}

#[test]
fn every_variant_has_a_sentence_and_a_stance() {
    for (evidence, sentence, stances) in rows() {
        assert_eq!(evidence.to_string(), sentence);
        assert_eq!(
            ROLES.map(|role| evidence.stance(role)),
            stances,
            "{sentence}"
        );
    }
    let seen: BTreeSet<usize> = rows()
        .iter()
        .map(|(evidence, ..)| place(evidence))
        .collect();
    assert_eq!(seen, (0..26).collect());
}

#[test]
fn what_is_missing_points_nowhere() {
    let nan = f64::NAN;
    let missing = [
        Evidence::OwnTime {
            healthy_ms: nan,
            observed_ms: nan,
            z: nan,
        },
        Evidence::Gap {
            from: service("a"),
            to: service("b"),
            healthy_ms: nan,
            observed_ms: nan,
            z: nan,
        },
        Evidence::Dose {
            change: "c".into(),
            r: nan,
            steps: 0,
        },
        Evidence::NewAgainstOld {
            metric: "m".into(),
            old: nan,
            new: nan,
            p_value: nan,
        },
        Evidence::Learned {
            model: "m".into(),
            score: nan,
            untrained: 0.0,
        },
    ];
    for evidence in missing {
        assert_eq!(
            ROLES.map(|role| evidence.stance(role)),
            [Neutral; 3],
            "{evidence}"
        );
    }
}
