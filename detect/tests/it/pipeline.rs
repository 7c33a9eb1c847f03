//! Verdicts of the pipeline by the default detector, and its refusals.

use astern_detect::pipeline::PipelineParams;
use astern_detect::score::RobustZParams;
use astern_detect::{FitError, FittedDetector as _, ScoreError};
use astern_graph_core::signal::{Evidence, Verdict};
use astern_graph_core::{
    GraphBuilder, GraphError, GraphParams, NodeKey, NodeKind, TemporalGraph, TimeRange,
};

use crate::fixtures::{
    HEALTHY, assess, fit, graph, healthy, latency, minute, minutes, pipeline, ripple, service,
};

#[test]
fn a_steady_system_is_healthy() {
    let assessment = assess(&latency(0.0, HEALTHY));
    assert_eq!(assessment.verdict, Verdict::Healthy, "{assessment}");
    assert!(assessment.anomalies.is_empty());
}

#[test]
fn a_regression_is_found_where_and_since_when_it_is() {
    let assessment = assess(&latency(30.0, HEALTHY + 4));
    assert_eq!(assessment.verdict, Verdict::Regressed);
    assert_eq!(assessment.anomalies.len(), 1);
    let anomaly = &assessment.anomalies[0];
    assert_eq!(anomaly.subject, service(2).into());
    assert_eq!(anomaly.since, minute(HEALTHY + 4));
    assert!(matches!(anomaly.evidence[0], Evidence::Shift { .. }));
}

#[test]
fn one_bad_minute_is_a_regression_for_one_minute_and_an_anomaly_for_longer() {
    let last = HEALTHY + 9;
    for (bad, verdict) in [(last, Verdict::Regressed), (last - 1, Verdict::Healthy)] {
        let assessment = assess(&graph("latency_ms", |node, at| {
            let more = if node == 2 && at == bad { 60.0 } else { 0.0 };
            // Not a ripple in the minute after: its level there depends on nothing but the test.
            let ripple = if at == last {
                0.0
            } else {
                ripple(node as f64, at)
            };
            Some(50.0 + ripple + more)
        }));
        assert_eq!(assessment.verdict, verdict, "{assessment}");
        assert_eq!(assessment.anomalies.len(), 1, "{assessment}");
    }
}

#[test]
fn better_is_no_regression() {
    let fast = |minute| if minute >= HEALTHY { -30.0 } else { 0.0 };
    let graph = graph("latency_ms", |node, minute| {
        Some(50.0 + ripple(node as f64, minute) + fast(minute))
    });
    assert_eq!(assess(&graph).verdict, Verdict::Healthy);
}

#[test]
fn a_load_surge_is_an_anomaly_and_no_regression() {
    let surge = |minute| if minute >= HEALTHY { 500.0 } else { 0.0 };
    let graph = graph("request_rate", |node, minute| {
        Some(50.0 + ripple(node as f64, minute) + surge(minute))
    });
    let assessment = assess(&graph);
    assert_eq!(assessment.verdict, Verdict::Healthy);
    assert_eq!(assessment.anomalies.len(), 4);
}

#[test]
fn silence_is_neither_healthy_nor_a_regression() {
    let until =
        |last: i64| move |node, minute| (minute < last).then(|| 50.0 + ripple(node as f64, minute));
    let all_silent = assess(&graph("latency_ms", until(HEALTHY)));
    assert_eq!(all_silent.verdict, Verdict::NoData);
    assert_eq!(all_silent.source_faults.len(), 4);
    let three_silent = assess(&graph("latency_ms", |node, minute| {
        (node == 0 || minute < HEALTHY + 2).then(|| 50.0 + ripple(node as f64, minute))
    }));
    assert_eq!(three_silent.verdict, Verdict::Inconclusive);
    let since = three_silent.source_faults[0].since;
    assert_eq!(since, minute(HEALTHY + 2));
}

fn refused(params: PipelineParams, graph: &TemporalGraph, healthy: TimeRange) -> FitError {
    let pipeline = params.check().unwrap();
    let fit = pipeline.fit(&RobustZParams::default(), graph, healthy);
    fit.unwrap_err()
}

#[test]
fn each_parameter_has_its_rule() {
    let default = PipelineParams::default;
    for bad in [
        default().ema_weight(0.0),
        default().ema_weight(1.01),
        default().false_discovery_rate(0.0),
        default().false_discovery_rate(1.0),
        default().score_min(f64::NAN),
        default().score_min(-0.1),
        default().steps_min(5u32),
        default().silent_steps_max(0u32),
    ] {
        assert!(bad.clone().check().is_err(), "{bad:?}");
    }
    for good in [
        default().ema_weight(1.0),
        default().score_min(0.0),
        default().steps_min(6u32),
        default().silent_steps_max(1u32),
    ] {
        assert!(good.clone().check().is_ok(), "{good:?}");
    }
    assert_eq!(pipeline().least_steps(), 30);
}

#[test]
fn each_bad_fit_has_its_error() {
    let graph = graph("latency_ms", |node, minute| {
        Some(ripple(node as f64, minute))
    });
    let default = PipelineParams::default;
    for (have, range) in [
        (1, minutes(0, 1)),
        (29, minutes(0, 29)),
        (
            0,
            TimeRange {
                start: minute(5),
                end: minute(5),
            },
        ),
    ] {
        let short = refused(default(), &graph, range);
        let is_it = matches!(short, FitError::TooShort { have: h, need: 30 } if h == have);
        assert!(is_it, "{short:?}");
    }
    let thirty = pipeline().fit(&RobustZParams::default(), &graph, minutes(0, 30));
    assert!(thirty.is_ok());
    let nothing = refused(default(), &graph, minutes(-200, -1));
    assert!(matches!(nothing, FitError::NoSeries { series: 4, need: 8 }));
    let hosts = RobustZParams::default().subjects(NodeKind::Host);
    let refused = pipeline().fit(&hosts, &graph, healthy()).unwrap_err();
    let expected = GraphError::NoNodes {
        kind: NodeKind::Host,
    };
    assert!(
        matches!(&refused, FitError::Graph(error) if *error == expected),
        "{refused}"
    );
    assert_eq!(refused.to_string(), expected.to_string());
}

#[test]
fn a_window_of_another_kind_is_refused() {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    builder.declare_node(NodeKey::instance("i"));
    let instances = builder.build();
    let other = instances
        .window(NodeKind::Instance, minutes(0, 10))
        .unwrap();
    let graph = graph("latency_ms", |node, minute| {
        Some(ripple(node as f64, minute))
    });
    let fitted = fit(&graph).unwrap();
    let refused = fitted.detector().score_window(&other).unwrap_err();
    let (of_services, of_instances) = (NodeKind::Service.into(), NodeKind::Instance.into());
    assert!(matches!(
        refused,
        ScoreError::OtherKind { fitted, given } if fitted == of_services && given == of_instances
    ));
    let text =
        "the detector was fitted on nodes of kind service, the window has nodes of kind instance";
    assert_eq!(refused.to_string(), text);
    let missing = fitted.detector().score(&instances, minutes(0, 10));
    assert!(matches!(missing, Err(ScoreError::Graph(_))));
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
        (!silent).then(|| 50.0 + ripple(node as f64, minute) + slow)
    });
    let assessment = assess(&graph);
    assert_eq!(assessment.anomalies[0].since, minute(first));
}

#[test]
fn a_fit_that_could_judge_nothing_is_refused() {
    // Eight steps fit a centre, four of one node are too few for a tail.
    let graph = graph("latency_ms", |node, minute| {
        (node == 0).then(|| ripple(node as f64, minute))
    });
    let refused = refused(
        PipelineParams::default().steps_min(6u32),
        &graph,
        minutes(0, 12),
    );
    assert!(matches!(refused, FitError::NoSeries { need: 10, .. }));
}

#[test]
fn a_detector_that_was_written_and_read_judges_the_same() {
    let graph = latency(30.0, HEALTHY);
    let fitted = fit(&graph).unwrap();
    let json = serde_json::to_string(&fitted).unwrap();
    let read = serde_json::from_str(&json).unwrap();
    assert_eq!(fitted, read);
    let newest = minutes(HEALTHY, HEALTHY + 10);
    let judged = pipeline().assess(&read, &graph, newest).unwrap();
    assert_eq!(judged, assess(&graph));
}

#[test]
fn scores_are_smoothed_and_unknown_ones_missing() {
    let graph = graph("latency_ms", |node, at| {
        // The last service is new after the healthy time.
        (node < 3 || at >= HEALTHY).then(|| 50.0 + ripple(node as f64, at))
    });
    let fitted = fit(&graph).unwrap();
    let newest = minutes(HEALTHY, HEALTHY + 10);
    let scores = pipeline().scores(&fitted, &graph, newest).unwrap();
    assert_eq!(scores.values().dim(), (10, 4, 1));
    assert_eq!(scores.times()[9], minute(HEALTHY + 9));
    assert_eq!(scores.metrics().unwrap()[0].name.as_str(), "latency_ms");
    let latency = "latency_ms".into();
    let raw = fitted.detector().score(&graph, newest).unwrap();
    let series = |scores: &astern_detect::Scores, node| {
        let found = scores.series(&service(node).into(), Some(&latency));
        found.unwrap().to_vec()
    };
    let (raw, smoothed) = (series(&raw, 1), series(&scores, 1));
    let (weight, keep) = (0.3, 0.7);
    // The second average, over the standard deviation that it has: the first input starts it.
    let second = (weight * raw[1] + keep * raw[0]) / f64::sqrt(weight * weight + keep * keep);
    assert!((smoothed[0] - raw[0]).abs() < 1e-12);
    assert!((smoothed[1] - second).abs() < 1e-12);
    assert!(series(&scores, 3).iter().all(|score| score.is_nan()));
    assert!(scores.series(&service(1).into(), None).is_none());
    assert!(scores.series(&service(9).into(), Some(&latency)).is_none());
    // The new service is not judged: neither anomalous nor silent.
    assert_eq!(assess(&graph).verdict, Verdict::Healthy);
    assert_eq!(assess(&graph).source_faults, []);
}

#[test]
fn an_anomaly_says_how_far_from_where_and_from_what_score_it_counts() {
    let found = assess(&latency(30.0, HEALTHY));
    let anomaly = &found.anomalies[0];
    assert_eq!(anomaly.threshold, Some(3.0));
    assert_eq!(anomaly.metric, Some("latency_ms".into()));
    assert!(anomaly.p_value.is_some_and(|p| p <= 1e-3));
    let Evidence::Shift {
        metric,
        healthy,
        observed,
        z,
    } = &anomaly.evidence[0]
    else {
        panic!("{:?}", anomaly.evidence);
    };
    assert_eq!(anomaly.evidence.len(), 1);
    assert_eq!(metric.as_str(), "latency_ms");
    assert!((healthy - 50.0).abs() < 0.5, "{healthy}");
    let last = 80.0 + ripple(2.0, HEALTHY + 9);
    assert!((observed - last).abs() < 1e-9);
    assert_eq!(z.to_bits(), anomaly.score.to_bits());
}
