//! What a graph answers, and what it refuses to answer.
#![allow(clippy::float_cmp, reason = "a test knows its numbers")]

use std::time::Duration;

use astern_graph_core::{
    CallStatus, ChangeEvent, EdgeKind, GraphBuilder, GraphError, GraphParams, NodeKind, Sample,
    TimeRange, Timestamp,
};

use crate::support::{call, calls, range, secs, service, ten_second_steps};

#[test]
fn an_empty_graph_answers_with_typed_errors() {
    let graph = GraphBuilder::new(GraphParams::default()).unwrap().build();
    assert_eq!(graph.extent(), None);
    assert_eq!(graph.id(&service("a")), None);
    assert!(graph.callers_first().is_empty());
    assert!(matches!(
        graph.window(NodeKind::Service, range(0, 60)),
        Err(GraphError::NoNodes {
            kind: NodeKind::Service
        })
    ));
}

#[test]
fn a_window_that_would_not_fit_is_refused() {
    let mut builder =
        GraphBuilder::new(GraphParams::default().step(Duration::from_millis(1))).unwrap();
    builder.extend([call(0, "a", "b", 1).into()]);
    let all = TimeRange::new(Timestamp::MIN, Timestamp::MAX).unwrap();
    let refused = builder.build().window(NodeKind::Service, all);
    assert!(matches!(refused, Err(GraphError::TooLong { .. })));
}

#[test]
fn steps_without_calls_have_rate_zero_and_missing_latency() {
    let mut builder = GraphBuilder::new(ten_second_steps()).unwrap();
    builder.extend([
        call(5, "a", "b", 40).into(),
        call(15, "a", "c", 40).into(),
        call(25, "a", "b", 60).into(),
    ]);
    let window = builder
        .build()
        .window(NodeKind::Service, range(0, 40))
        .unwrap();
    let b = window.row(&service("b")).unwrap();
    let column = |name: &str| window.column(&name.into()).unwrap();
    let rate = window.series(b, column("request_rate")).unwrap().to_vec();
    assert_eq!(rate[..3], [0.1, 0.0, 0.1]);
    // In the last step nothing at all was seen: perhaps the telemetry is silent, not the callers.
    assert!(rate[3].is_nan());
    let p50 = window.series(b, column("latency_ms_p50")).unwrap();
    assert!((p50[0] - 40.0).abs() < 0.4 && p50[1].is_nan());
    // Nobody called `a`, so it has no rate at all rather than a rate of zero.
    let a = window.row(&service("a")).unwrap();
    assert!(
        window
            .series(a, column("request_rate"))
            .unwrap()
            .iter()
            .all(|x| x.is_nan())
    );
}

#[test]
fn the_first_step_of_a_change_is_its_earliest() {
    let event = |at| ChangeEvent::new("c1", secs(at), service("a"), None, "v2".into());
    let mut builder = GraphBuilder::new(ten_second_steps()).unwrap();
    builder.extend([event(50).into(), event(20).into(), event(30).into()]);
    let other = ChangeEvent::new("c0", secs(10), service("a"), None, "v1".into());
    builder.extend([other.into()]);
    let graph = builder.build();
    assert_eq!(graph.first_step(&"c1".into()), Some(&event(20)));
    assert_eq!(graph.change_steps(&"c1".into()).count(), 3);
    assert_eq!(graph.first_step(&"c9".into()), None);
    assert_eq!(graph.step_end(secs(59)), secs(50));
    assert_eq!(graph.step_end(secs(60)), secs(60));
}

#[test]
fn a_range_made_backwards_by_hand_is_empty() {
    let mut builder = GraphBuilder::new(ten_second_steps()).unwrap();
    let event = |at| ChangeEvent::new("c1", secs(at), service("a"), None, "v2".into());
    builder.extend([call(5, "a", "b", 1).into(), call(95, "a", "b", 1).into()]);
    builder.extend([event(5).into(), event(95).into()]);
    let graph = builder.build();
    let (a, b) = (service("a"), service("b"));
    for (start, end) in [(99, 0), (5, 5)] {
        let range = TimeRange {
            start: secs(start),
            end: secs(end),
        };
        assert!(graph.changes(range).is_empty());
        assert_eq!(graph.calls_received(&b, range).unwrap().calls, 0);
        assert_eq!(graph.calls_between(&a, &b, range).unwrap().calls, 0);
        let empty = GraphError::EmptyRange { range };
        let rate = "request_rate".into();
        let window = graph.window(NodeKind::Service, range);
        assert_eq!(window.unwrap_err(), empty);
        assert_eq!(graph.series(&b, &rate, range).unwrap_err(), empty);
        let over_edge = graph.edge_series(&a, &b, EdgeKind::Calls, &rate, range);
        assert_eq!(over_edge.unwrap_err(), empty);
    }
    assert_eq!(graph.calls_received(&b, range(0, 100)).unwrap().calls, 2);
}

#[test]
fn an_edge_has_the_series_of_its_calls_and_samples() {
    let mut builder = GraphBuilder::new(ten_second_steps()).unwrap();
    builder.extend([
        call(5, "a", "b", 40).into(),
        call(25, "a", "b", 60).ended(CallStatus::Error).into(),
        call(15, "c", "b", 90).into(),
        Sample::new(secs(15), calls("a", "b"), "retries", 2.0).into(),
        Sample::new(secs(16), calls("a", "b"), "retries", 4.0).into(),
        Sample::new(secs(5), service("b"), "cpu", 0.5).into(),
    ]);
    let graph = builder.build();
    let (a, b) = (service("a"), service("b"));
    let series = |metric: &str| {
        let found = graph.edge_series(&a, &b, EdgeKind::Calls, &metric.into(), range(0, 30));
        found.unwrap()
    };
    assert_eq!(series("request_rate"), [0.1, 0.0, 0.1]);
    let errors = series("error_rate");
    assert!(errors[0] == 0.0 && errors[1].is_nan() && errors[2] == 1.0);
    // The client saw 2 ms more than the server.
    let p50 = series("latency_ms_p50");
    assert!((p50[0] - 42.0).abs() < 0.43 && p50[1].is_nan());
    let retries = series("retries");
    assert!(retries[0].is_nan() && retries[1] == 3.0 && retries[2].is_nan());
    assert!(series("cpu").iter().all(|x| x.is_nan()));
    let rate = "request_rate".into();
    for (from, to, kind) in [(&b, &a, EdgeKind::Calls), (&a, &b, EdgeKind::Reads)] {
        let refused = graph.edge_series(from, to, kind, &rate, range(0, 30));
        let expected = GraphError::UnknownEdge {
            from: from.clone(),
            to: to.clone(),
            kind,
        };
        assert_eq!(refused.unwrap_err(), expected);
    }
    let all = TimeRange::new(Timestamp::MIN, Timestamp::MAX).unwrap();
    let refused = graph.edge_series(&a, &b, EdgeKind::Calls, &rate, all);
    assert!(matches!(refused, Err(GraphError::TooLong { .. })));
}

#[test]
fn a_window_of_too_many_values_is_refused() {
    let mut builder =
        GraphBuilder::new(GraphParams::default().step(Duration::from_secs(1))).unwrap();
    for i in 0..101 {
        let at = secs(0);
        builder.extend([Sample::new(at, service(&format!("s{i}")), "cpu", 1.0).into()]);
    }
    let long = range(0, 1_000_000);
    let refused = builder.build().window(NodeKind::Service, long).unwrap_err();
    let expected = GraphError::TooLarge {
        kind: NodeKind::Service.to_string(),
        range: long,
        values: 101_000_000,
        limit: 100_000_000,
    };
    assert_eq!(refused, expected);
    assert!(
        refused
            .to_string()
            .contains("101000000 values; a window has at most 100000000")
    );
}

#[test]
fn all_windows_of_one_graph_have_the_same_axes() {
    let mut builder = GraphBuilder::new(ten_second_steps()).unwrap();
    builder.extend([
        Sample::new(secs(5), service("a"), "cpu", 1.0).into(),
        call(95, "a", "b", 1).into(),
    ]);
    let graph = builder.build();
    let [early, late] =
        [range(0, 10), range(90, 100)].map(|range| graph.window(NodeKind::Service, range).unwrap());
    assert_eq!((&early.rows, &early.schema), (&late.rows, &late.schema));
    assert_eq!(early.schema.len(), 5);
}
