//! The graph of influences on telemetry whose influences are known.

use astern_graph_core::signal::Evidence;
use astern_graph_core::{
    EdgeKind, GraphBuilder, GraphParams, NodeKey, Sample, TemporalGraph, TimeRange, Timestamp,
};
use astern_rca::te::Surrogates;
use rand::RngExt;

use astern_rca::influence::{
    InfluenceEdge, InfluenceGraph, InfluenceMethod, InfluenceParams, InfluenceScope,
};

const NAMES: [&str; 4] = ["a-web", "b-cart", "c-db", "d-other"];

fn key(i: usize) -> NodeKey {
    NodeKey::service(NAMES[i])
}

/// web calls cart calls db; each is slow a step after what it calls. Another service has noise alone, and all
/// of them rise together in the middle.
fn telemetry(minutes: i64) -> TemporalGraph {
    with_gaps(minutes, |_| false)
}

/// The same; of web, those minutes are missing.
fn with_gaps(minutes: i64, missing: impl Fn(i64) -> bool) -> TemporalGraph {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    builder.declare_edge(key(0), key(1), EdgeKind::Calls);
    builder.declare_edge(key(1), key(2), EdgeKind::Calls);
    builder.declare_edge(key(0), key(3), EdgeKind::Calls);
    let mut rng = astern_stats::rng::seeded(1, 0);
    let mut last = [0.0; 4];
    for minute in 0..minutes {
        let level = if minute < minutes / 2 { 0.0 } else { 20.0 };
        let noise: [f64; 4] = std::array::from_fn(|_| 4.0 * rng.random::<f64>());
        let now = [
            noise[0] + 0.9 * last[1],
            noise[1] + 0.9 * last[2],
            noise[2],
            noise[3],
        ];
        last = now;
        for (i, value) in now.into_iter().enumerate() {
            if i == 0 && missing(minute) {
                continue;
            }
            let at = Timestamp::from_secs(60 * minute);
            builder.extend([Sample::new(at, key(i), "latency_ms", 10.0 + level + value).into()]);
        }
    }
    builder.build()
}

fn estimated(minutes: i64, params: InfluenceParams) -> InfluenceGraph {
    estimated_from(&telemetry(minutes), minutes, params)
}

fn estimated_from(graph: &TemporalGraph, minutes: i64, params: InfluenceParams) -> InfluenceGraph {
    let (start, end) = (Timestamp::from_secs(0), Timestamp::from_secs(60 * minutes));
    let range = TimeRange::new(start, end).unwrap();
    InfluenceGraph::estimate(graph, &"latency_ms".into(), range, &params).unwrap()
}

#[test]
fn influence_goes_from_callee_to_caller() {
    let found = estimated(300, InfluenceParams::default().delay_max(3));
    // Three edges, both ways.
    assert_eq!(found.edges.len(), 6);
    for (from, to, drives) in [(1, 0, true), (2, 1, true), (3, 0, false), (0, 3, false)] {
        let edge = found.between(&key(from), &key(to)).unwrap();
        assert_eq!(edge.weight > Some(0.1), drives, "{edge:?}");
        assert_eq!(edge.q_value < Some(0.01), drives, "{edge:?}");
        if drives {
            assert_eq!(edge.delay_steps, Some(1));
            let back = found.between(&key(to), &key(from)).unwrap();
            assert!(edge.weight > back.weight && edge.blended > 0.5);
        }
    }
    assert_eq!(found.between(&key(2), &key(0)), None);
    // Those into the front end.
    let into_web = found.edges.iter().filter(|edge| edge.to == key(0));
    assert!((into_web.map(|edge| edge.blended).sum::<f64>() - 1.0).abs() < 1e-12);
}

#[test]
fn all_pairs_need_no_edges_and_threads_change_nothing() {
    let all = InfluenceParams::default().scope(InfluenceScope::AllPairs);
    let found = estimated(300, all);
    assert_eq!(found.edges.len(), 12);
    assert!(found.between(&key(2), &key(1)).unwrap().weight > Some(0.1));
    assert_eq!(estimated(300, all.threads(3)), found);
    let surrogates = Surrogates::circular(19).offset_min(5).stop_after(3);
    let ksg = InfluenceParams::default().method(InfluenceMethod::Ksg(surrogates));
    let found = estimated(120, ksg);
    assert_eq!(estimated(120, ksg.threads(2)), found);
    assert_eq!(
        found
            .between(&key(2), &key(1))
            .unwrap()
            .estimate
            .as_ref()
            .unwrap()
            .p_value,
        Some(0.05)
    );
}

#[test]
fn a_long_delay_max_leaves_no_pair_without_an_estimate() {
    let all = InfluenceParams::default().scope(InfluenceScope::AllPairs);
    let surrogates = Surrogates::circular(2).offset_min(2);
    let ksg = InfluenceParams::default().method(InfluenceMethod::Ksg(surrogates));
    let gappy = with_gaps(100, |minute| minute % 30 == 20);
    for params in [all, ksg] {
        for graph in [&telemetry(100), &gappy] {
            let found = estimated_from(graph, 100, params.delay_max(60));
            for edge in &found.edges {
                let estimate = edge.estimate.as_ref().unwrap();
                assert!(estimate.samples >= 50, "{edge:?}");
            }
        }
    }
    // 99 differences less the 49 steps of the longest delay that leaves 50.
    let found = estimated(100, all.delay_max(60));
    let samples = |edge: &InfluenceEdge| edge.estimate.as_ref().unwrap().samples;
    assert!(found.edges.iter().all(|edge| samples(edge) == 50));
    assert_eq!(found, estimated(100, all.delay_max(49)));
}

#[test]
fn too_few_samples_are_reported() {
    let found = estimated(40, InfluenceParams::default());
    for edge in &found.edges {
        assert_eq!(
            (edge.weight, edge.delay_steps, edge.q_value),
            (None, None, None)
        );
        let Evidence::Fallback { reason, .. } = &edge.evidence else {
            panic!("{}", edge.evidence);
        };
        assert_eq!(&**reason, "36 complete samples; at least 50 are needed");
        assert!(edge.blended > 0.0);
    }
}

#[test]
fn parameters_have_rules() {
    let start = Timestamp::from_secs(0);
    let range = TimeRange::new(start, Timestamp::from_secs(600)).unwrap();
    let graph = telemetry(10);
    for bad in [
        InfluenceParams::default().history(0),
        InfluenceParams::default().delay_max(0),
        InfluenceParams::default().alpha(1.5),
        InfluenceParams::default().samples_min(3),
        InfluenceParams::default().method(InfluenceMethod::Ksg(Surrogates::circular(0))),
    ] {
        assert!(InfluenceGraph::estimate(&graph, &"latency_ms".into(), range, &bad).is_err());
    }
}
