//! Whom a fault drags down.

use astern_graph_core::{GraphError, NodeKey};
use astern_rollback_policy::{Impact, InfluenceWeights};
use proptest::prelude::*;

use crate::world::{diamond, graph, last_minute, service};

fn impact(calls: &[(&str, &str, u32)], name: &str, influence: &InfluenceWeights) -> Impact {
    Impact::of(&graph(calls), &service(name), last_minute(), influence).unwrap()
}

#[test]
fn callers_count_with_their_traffic() {
    let impact = Impact::of(
        &diamond(),
        &service("base"),
        last_minute(),
        &InfluenceWeights::full(),
    )
    .unwrap();
    assert!((impact.calls_per_second - 11.0).abs() < 1e-9);
    // Nothing calls edge: it counts with the calls that it makes.
    let affected = [
        (service("edge"), 11.0),
        (service("right"), 10.0),
        (service("left"), 1.0),
    ];
    assert_eq!(impact.affected.len(), 3);
    for ((key, calls), (expected, rate)) in impact.affected.iter().zip(&affected) {
        assert_eq!(key, expected);
        assert!((calls - rate).abs() < 1e-9);
    }
    assert!((impact.score - 33.0).abs() < 1e-9);
}

#[test]
fn influence_takes_the_strongest_path() {
    let weak = |from: &str, to: &str, weight| (service(from), service(to), weight);
    let mut influence = InfluenceWeights::full();
    for (from, to, weight) in [
        weak("base", "left", 0.5),
        weak("left", "edge", 0.5),
        weak("base", "right", 0.1),
    ] {
        influence = influence.with(from, to, weight).unwrap();
    }
    let impact = Impact::of(&diamond(), &service("base"), last_minute(), &influence).unwrap();
    let of = |name: &str| {
        let key = service(name);
        impact
            .affected
            .iter()
            .find(|(k, _)| *k == key)
            .map(|(_, calls)| *calls)
            .unwrap()
    };
    assert!((of("edge") - 0.25 * 11.0).abs() < 1e-9);
    assert!((of("right") - 0.1 * 10.0).abs() < 1e-9);
}

#[test]
fn ranks_by_what_is_at_stake() {
    let services = ["left", "base", "right", "left"].map(service);
    let ranked = Impact::rank(
        &diamond(),
        &services,
        last_minute(),
        &InfluenceWeights::full(),
    )
    .unwrap();
    let names: Vec<NodeKey> = ranked.into_iter().map(|impact| impact.service).collect();
    assert_eq!(names, ["base", "right", "left"].map(service));
}

#[test]
fn unknown_services_are_refused() {
    let ghost = service("ghost");
    let refused = Impact::of(&diamond(), &ghost, last_minute(), &InfluenceWeights::full());
    assert_eq!(refused, Err(GraphError::UnknownNode { key: ghost.clone() }));
    let known = service("left");
    let keys = [&known, &ghost];
    assert!(Impact::rank(&diamond(), keys, last_minute(), &InfluenceWeights::full()).is_err());
}

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn more_traffic_never_means_less_impact(
        calls in prop::collection::vec((0..5usize, 0..5usize, 0..30u32), 1..12),
        more in prop::collection::vec((0..12usize, 1..30u32), 1..4),
        weights in prop::collection::vec((0..5usize, 0..5usize, 0.0..=1.0f64), 0..6),
    ) {
        let named = |calls: &[(usize, usize, u32)]| -> Vec<_> {
            calls.iter().map(|(u, v, n)| (NAMES[*u], NAMES[*v], *n)).collect()
        };
        let mut grown = calls.clone();
        for (index, extra) in more {
            let index = index % grown.len();
            grown[index].2 += extra;
        }
        let influence = weights.iter().fold(InfluenceWeights::full(), |influence, (from, to, weight)| {
            influence.with(service(NAMES[*from]), service(NAMES[*to]), *weight).unwrap()
        });
        let start = NAMES[calls[0].1];
        let before = impact(&named(&calls), start, &influence);
        let after = impact(&named(&grown), start, &influence);
        prop_assert!(after.score >= before.score - 1e-9);
        let sum: f64 = after.affected.iter().map(|(_, calls)| calls).sum();
        prop_assert!((after.score - after.calls_per_second - sum).abs() < 1e-9);
    }
}
