//! Verdicts of the assessor and of the release comparison, and their refusals.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::time::Duration;

use astern_detect::release::ReleaseParams;
use astern_detect::{Assessor, AssessorParams, FitError, ScoreError};
use astern_graph_core::signal::{Assessment, Evidence, Verdict};
use astern_graph_core::{
    Call, CallStatus, ChangeEvent, ChangePhase, GraphBuilder, GraphParams, NodeKey, NodeKind,
    Party, Sample, TemporalGraph, TimeRange, Timestamp,
};

const HEALTHY: i64 = 120;

fn minutes(from: i64, to: i64) -> TimeRange {
    TimeRange::new(
        Timestamp::from_secs(60 * from),
        Timestamp::from_secs(60 * to),
    )
    .unwrap()
}

fn ripple(node: usize, minute: i64) -> f64 {
    let x = minute as f64;
    (x * (0.7 + 0.31 * node as f64)).sin() + 0.5 * (x * x * (0.013 + 0.007 * node as f64)).sin()
}

/// Four services over 130 minutes; `value` of (node, minute) or nothing.
fn graph(metric: &str, value: impl Fn(usize, i64) -> Option<f64>) -> TemporalGraph {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    for minute in 0..HEALTHY + 10 {
        for node in 0..4 {
            if let Some(value) = value(node, minute) {
                let at = Timestamp::from_secs(60 * minute);
                let key = NodeKey::service(format!("s{node}"));
                builder.extend([Sample::new(at, key, metric, value).into()]);
            }
        }
    }
    builder.build()
}

fn fit(graph: &TemporalGraph) -> Result<Assessor, FitError> {
    AssessorParams::default().fit(
        &graph
            .window(NodeKind::Service, minutes(0, HEALTHY))
            .unwrap(),
    )
}

fn assess(graph: &TemporalGraph) -> Assessment {
    let window = graph
        .window(NodeKind::Service, minutes(HEALTHY, HEALTHY + 10))
        .unwrap();
    fit(graph).unwrap().assess(&window).unwrap()
}

#[test]
fn a_steady_system_is_healthy() {
    let graph = graph("latency_ms", |node, minute| {
        Some(50.0 + ripple(node, minute))
    });
    let assessment = assess(&graph);
    assert_eq!(assessment.verdict, Verdict::Healthy, "{assessment}");
    assert!(assessment.anomalies.is_empty());
}

#[test]
fn a_regression_is_found_where_and_since_when_it_is() {
    let slow = |node, minute| {
        if node == 2 && minute >= HEALTHY + 4 {
            30.0
        } else {
            0.0
        }
    };
    let graph = graph("latency_ms", |node, minute| {
        Some(50.0 + ripple(node, minute) + slow(node, minute))
    });
    let assessment = assess(&graph);
    assert_eq!(assessment.verdict, Verdict::Regressed);
    assert_eq!(assessment.anomalies.len(), 1);
    let anomaly = &assessment.anomalies[0];
    assert_eq!(anomaly.subject, NodeKey::service("s2").into());
    assert_eq!(anomaly.since, Timestamp::from_secs(60 * (HEALTHY + 4)));
    assert!(matches!(anomaly.evidence[0], Evidence::Shift { .. }));
}

#[test]
fn better_is_no_regression() {
    let fast = |minute| if minute >= HEALTHY { -30.0 } else { 0.0 };
    let graph = graph("latency_ms", |node, minute| {
        Some(50.0 + ripple(node, minute) + fast(minute))
    });
    assert_eq!(assess(&graph).verdict, Verdict::Healthy);
}

#[test]
fn a_load_surge_is_an_anomaly_and_no_regression() {
    let surge = |minute| if minute >= HEALTHY { 500.0 } else { 0.0 };
    let graph = graph("request_rate", |node, minute| {
        Some(50.0 + ripple(node, minute) + surge(minute))
    });
    let assessment = assess(&graph);
    assert_eq!(assessment.verdict, Verdict::Healthy);
    assert_eq!(assessment.anomalies.len(), 4);
}

#[test]
fn silence_is_neither_healthy_nor_a_regression() {
    let until =
        |last: i64| move |node, minute| (minute < last).then(|| 50.0 + ripple(node, minute));
    let all_silent = assess(&graph("latency_ms", until(HEALTHY)));
    assert_eq!(all_silent.verdict, Verdict::NoData);
    assert_eq!(all_silent.source_faults.len(), 4);
    let three_silent = assess(&graph("latency_ms", |node, minute| {
        (node == 0 || minute < HEALTHY + 2).then(|| 50.0 + ripple(node, minute))
    }));
    assert_eq!(three_silent.verdict, Verdict::Inconclusive);
    let since = three_silent.source_faults[0].since;
    assert_eq!(since, Timestamp::from_secs(60 * (HEALTHY + 2)));
}

#[test]
fn each_bad_fit_has_its_error() {
    let graph = graph("latency_ms", |node, minute| Some(ripple(node, minute)));
    let window = |to| graph.window(NodeKind::Service, minutes(0, to)).unwrap();
    let refused = |params: AssessorParams| params.fit(&window(HEALTHY)).unwrap_err();
    let default = AssessorParams::default;
    for bad in [
        default().ema_weight(0.0),
        default().false_discovery_rate(1.0),
        default().score_min(f64::NAN),
        default().steps_min(5),
        default().silent_steps_max(0),
    ] {
        assert!(matches!(refused(bad), FitError::Param(_)));
    }
    let short = default().fit(&window(1)).unwrap_err();
    assert_eq!(short, FitError::TooShort { have: 1, need: 30 });
    let nothing = graph.window(NodeKind::Service, minutes(-200, -1)).unwrap();
    assert!(matches!(
        default().fit(&nothing),
        Err(FitError::NoSeries { .. })
    ));
}

#[test]
fn a_window_of_another_kind_is_refused() {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    builder.declare_node(NodeKey::instance("i"));
    let other = builder
        .build()
        .window(NodeKind::Instance, minutes(0, 10))
        .unwrap();
    let graph = graph("latency_ms", |node, minute| Some(ripple(node, minute)));
    let refused = fit(&graph).unwrap().assess(&other).unwrap_err();
    let (fitted, given) = (NodeKind::Service, NodeKind::Instance);
    assert_eq!(refused, ScoreError::OtherKind { fitted, given });
}

#[test]
fn the_onset_is_not_before_the_first_value() {
    // Silent for most of the window, slow from its first call on.
    let first = HEALTHY + 6;
    let graph = graph("latency_ms", |node, minute| {
        let silent = node == 2 && (HEALTHY..first).contains(&minute);
        let slow = if node == 2 && minute >= first {
            60.0
        } else {
            0.0
        };
        (!silent).then(|| 50.0 + ripple(node, minute) + slow)
    });
    let assessment = assess(&graph);
    assert_eq!(
        assessment.anomalies[0].since,
        Timestamp::from_secs(60 * first)
    );
}

#[test]
fn a_fit_that_could_judge_nothing_is_refused() {
    // Eight steps fit a centre, four of one node are too few for a tail.
    let graph = graph("latency_ms", |node, minute| {
        (node == 0).then(|| ripple(node, minute))
    });
    let window = graph.window(NodeKind::Service, minutes(0, 12)).unwrap();
    let refused = AssessorParams::default().steps_min(6).fit(&window);
    assert!(matches!(refused, Err(FitError::NoSeries { need: 10, .. })));
}

/// A release of `cart` at minute 60 on one of three instances; its calls take `new_ms` and fail
/// every `new_fails`-th time. Old ones take 20 ms and never fail.
fn release(new_ms: u64, new_fails: i64, calls: i64) -> Assessment {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    let cart = NodeKey::service("cart");
    let start = Timestamp::from_secs(3_600);
    for i in 0..calls {
        let at = start.plus(Duration::from_secs(
            u64::try_from(i * 3_600 / calls).unwrap(),
        ));
        let new = i % 3 == 0;
        let revision = if new { "v2" } else { "v1" };
        let instance = NodeKey::instance(format!("cart-{}", i % 3));
        let ms = if new { new_ms } else { 20 } + u64::try_from(i % 5).unwrap();
        let failed = new && new_fails > 0 && (i / 3) % new_fails == 0;
        let call = Call::new(at, Party::new(cart.clone()).on(instance, revision.into()))
            .took(None, Some(Duration::from_millis(ms)))
            .ended(if failed {
                CallStatus::Error
            } else {
                CallStatus::Ok
            });
        builder.extend([call.into()]);
    }
    let change = ChangeEvent::new("cart@v2", start, cart, Some("v1".into()), "v2".into());
    let comparison = ReleaseParams::default().check().unwrap();
    comparison
        .assess(&builder.build(), &change, minutes(60, 120), minutes(0, 60))
        .unwrap()
}

#[test]
fn new_instances_that_are_slower_or_fail_more_regress() {
    assert_eq!(release(20, 0, 3_000).verdict, Verdict::Healthy);
    assert_eq!(release(30, 0, 3_000).verdict, Verdict::Regressed);
    let failing = release(20, 10, 3_000);
    assert_eq!(failing.verdict, Verdict::Regressed);
    assert!(matches!(
        failing.anomalies[0].evidence[0],
        Evidence::NewAgainstOld { .. }
    ));
}

#[test]
fn few_or_no_calls_give_no_verdict() {
    assert_eq!(release(90, 1, 30).verdict, Verdict::Inconclusive);
    assert_eq!(release(90, 1, 1).verdict, Verdict::Inconclusive);
    assert_eq!(release(90, 1, 0).verdict, Verdict::NoData);
}

#[test]
fn a_huge_rise_in_the_first_step_is_not_called_healthy() {
    // Many calls in one step: two latencies are too few to test.
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    let cart = NodeKey::service("cart");
    for (instance, revision, ms) in [("cart-0", "v1", 20), ("cart-1", "v2", 200)] {
        builder.extend((0..60_i64).map(|i| {
            let at = Timestamp::from_secs(3_660 + i);
            let party = Party::new(cart.clone()).on(NodeKey::instance(instance), revision.into());
            Call::new(at, party)
                .took(None, Some(Duration::from_millis(ms)))
                .into()
        }));
    }
    let start = Timestamp::from_secs(3_600);
    let change = ChangeEvent::new("cart@v2", start, cart, Some("v1".into()), "v2".into());
    let comparison = ReleaseParams::default().check().unwrap();
    let graph = builder.build();
    let verdict = comparison
        .assess(&graph, &change, minutes(60, 62), minutes(0, 60))
        .unwrap()
        .verdict;
    assert_eq!(verdict, Verdict::Inconclusive);
}

#[test]
fn an_instance_that_switches_in_place_counts_on_both_sides() {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    let cart = NodeKey::service("cart");
    let pod = NodeKey::instance("cart-0");
    let start = Timestamp::from_secs(3_600);
    for minute in 0..60_i64 {
        let (revision, ms) = if minute < 30 { ("v1", 20) } else { ("v2", 40) };
        builder.extend((0..4).map(|i| {
            let at = start.plus(Duration::from_secs(u64::try_from(minute * 60 + i).unwrap()));
            let party = Party::new(cart.clone()).on(pod.clone(), revision.into());
            let took = Duration::from_millis(ms + u64::try_from(minute % 5).unwrap());
            Call::new(at, party).took(None, Some(took)).into()
        }));
    }
    let step = |at: Timestamp, phase, instances| {
        ChangeEvent::new("cart@v2", at, cart.clone(), Some("v1".into()), "v2".into())
            .reached(phase, instances)
    };
    let first = step(start, ChangePhase::Started, vec![]);
    let switch = start.plus(Duration::from_secs(30 * 60));
    builder.extend([
        first.clone().into(),
        step(switch, ChangePhase::Completed, vec![pod.clone()]).into(),
    ]);
    let comparison = ReleaseParams::default().check().unwrap();
    let assessment = comparison
        .assess(&builder.build(), &first, minutes(60, 120), minutes(0, 60))
        .unwrap();
    assert_eq!(assessment.verdict, Verdict::Regressed, "{assessment}");
}

#[test]
fn parameters_of_the_comparison_are_checked() {
    for bad in [
        ReleaseParams::default().alpha(0.0),
        ReleaseParams::default().calls_min(0),
        ReleaseParams::default().effects_min(-0.1, 0.1),
        ReleaseParams::default().effects_min(0.1, f64::NAN),
    ] {
        assert!(bad.check().is_err());
    }
}
