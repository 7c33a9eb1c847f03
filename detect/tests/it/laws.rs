//! Laws of the pipeline with the default detector.

use std::time::Duration;

use astern_detect::score::RobustZParams;
use astern_graph_core::signal::{Anomaly, Assessment, Evidence};
use astern_graph_core::{
    GraphBuilder, GraphParams, NodeKey, Sample, TemporalGraph, TimeRange, Timestamp,
};
use proptest::prelude::*;

use crate::fixtures::{HEALTHY, pipeline, ripple};

/// Four services, of which one moves by `shift` at the end; `at` and `name` say when and how they are called.
fn moved(
    shift: f64,
    scale: f64,
    at: impl Fn(i64) -> Timestamp,
    name: impl Fn(usize) -> String,
) -> TemporalGraph {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    for minute in 0..HEALTHY + 10 {
        for node in 0..4 {
            let slow = if node == 2 && minute >= HEALTHY {
                shift
            } else {
                0.0
            };
            let value = scale * (50.0 + ripple(node as f64, minute) + slow);
            let key = NodeKey::service(name(node));
            builder.extend([Sample::new(at(minute), key, "wait", value).into()]);
        }
    }
    builder.build()
}

fn judge(graph: &TemporalGraph, start: Timestamp) -> Assessment {
    let minutes = |n: u64| start.plus(Duration::from_secs(60 * n));
    let range = |from, to| TimeRange::new(minutes(from), minutes(to)).unwrap();
    let healthy = range(0, 120);
    let fitted = pipeline()
        .fit(&RobustZParams::default(), graph, healthy)
        .unwrap();
    pipeline().assess(&fitted, graph, range(120, 130)).unwrap()
}

fn plain(node: usize) -> String {
    format!("s{node}")
}

fn epoch(minute: i64) -> Timestamp {
    Timestamp::from_secs(60 * minute)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn more_is_never_less_anomalous(shift in 0.0..20.0f64, more in 0.0..20.0f64) {
        let score = |shift| {
            let found = judge(&moved(shift, 1.0, epoch, plain), epoch(0));
            found.anomalies.first().map(|anomaly| anomaly.score)
        };
        prop_assert!(score(shift + more) >= score(shift));
    }

    #[test]
    fn the_unit_of_a_metric_does_not_matter(shift in 0.0..20.0f64, exponent in -8..8i32) {
        // A power of two changes no rounding.
        let scale = 2f64.powi(exponent);
        let (one, other) = [1.0, scale].map(|s| judge(&moved(shift, s, epoch, plain), epoch(0))).into();
        prop_assert_eq!(one.verdict, other.verdict);
        prop_assert_eq!(one.anomalies.len(), other.anomalies.len());
        for (a, b) in one.anomalies.iter().zip(&other.anomalies) {
            prop_assert_eq!(a.score.to_bits(), b.score.to_bits());
            prop_assert_eq!(a.since, b.since);
        }
    }

    #[test]
    fn nor_do_the_day_and_the_names(shift in 0.0..20.0f64, day in 1..20_000i64) {
        let one = judge(&moved(shift, 1.0, epoch, plain), epoch(0));
        let later = |minute| epoch(minute + 1_440 * day);
        let named = |node: usize| format!("x{}", 9 - node);
        let other = judge(&moved(shift, 1.0, later, named), later(0));
        prop_assert_eq!(one.verdict, other.verdict);
        let scores = |found: &Assessment| -> Vec<(u64, Option<u64>)> {
            let bits = |anomaly: &Anomaly| {
                (anomaly.score.to_bits(), anomaly.p_value.map(f64::to_bits))
            };
            found.anomalies.iter().map(bits).collect()
        };
        prop_assert_eq!(scores(&one), scores(&other));
        for (a, b) in one.anomalies.iter().zip(&other.anomalies) {
            prop_assert_eq!(later(0).since(epoch(0)), b.since.since(a.since));
        }
    }

    #[test]
    fn nothing_that_is_reported_is_not_a_number(
        values in prop::collection::vec(prop::option::of(-1e300..1e300f64), 40),
    ) {
        let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
        for minute in 0..HEALTHY + 10 {
            let at = usize::try_from(minute).unwrap();
            if let Some(value) = values[at % values.len()] {
                let key = NodeKey::service("s");
                builder.extend([Sample::new(epoch(minute), key, "wait", value).into()]);
            }
        }
        builder.declare_node(NodeKey::service("t"));
        let graph = builder.build();
        let minutes = |from, to| TimeRange::new(epoch(from), epoch(to)).unwrap();
        let params = RobustZParams::default();
        let Ok(fitted) = pipeline().fit(&params, &graph, minutes(0, 120)) else {
            return Ok(());
        };
        let found = pipeline().assess(&fitted, &graph, minutes(120, 130)).unwrap();
        for anomaly in &found.anomalies {
            prop_assert!(anomaly.score.is_finite());
            prop_assert!(anomaly.p_value.is_some_and(|p| (0.0..=1.0).contains(&p)));
            for evidence in &anomaly.evidence {
                let Evidence::Shift { healthy, observed, z, .. } = evidence else {
                    panic!("{evidence:?}");
                };
                prop_assert!(healthy.is_finite() && observed.is_finite() && z.is_finite());
            }
        }
    }
}
