//! Instances that run the same at speeds of their own.

use std::time::Duration;

use astern_graph_core::signal::Verdict;
use astern_graph_core::{Call, ChangePhase, NodeKey, Party, Record};
use astern_stats::rng::seeded;
use rand::RngExt as _;

use super::{RELEASED, graph, says};
use crate::fixtures::minute;
use crate::traffic::{cart, change};

/// Calls a minute to each instance.
const CALLS: usize = 40;

const OLD: usize = 4;

/// An hour on old instances and half an hour beside two new ones, which are so many times slower; each instance has a speed of its
/// own, up to `unequal_by` faster or slower than usual.
fn records(seed: u64, unequal_by: f64, times: f64) -> Vec<Record> {
    let mut rng = seeded(seed, 0);
    let names: Vec<NodeKey> = (0..OLD + 2)
        .map(|i| NodeKey::instance(format!("cart-{i}")))
        .collect();
    let speeds: Vec<f64> = names
        .iter()
        .map(|_| 1.0 + unequal_by * (2.0 * rng.random::<f64>() - 1.0))
        .collect();
    let started = change(ChangePhase::Started, RELEASED, names[OLD..].to_vec());
    let mut records = vec![started.into()];
    for at in 0..RELEASED + 30 {
        let serving = if at < RELEASED { OLD } else { OLD + 2 };
        for (i, name) in names.iter().enumerate().take(serving) {
            let is_new = i >= OLD;
            let slowness = speeds[i] * if is_new { times } else { 1.0 };
            let revision = if is_new { "v2" } else { "v1" };
            for _ in 0..CALLS {
                let ms = slowness * (60.0 + 80.0 * rng.random::<f64>());
                let party = Party::new(cart()).on(name.clone(), revision.into());
                let call = Call::new(minute(at).plus(Duration::from_secs(1)), party);
                let took = Duration::from_secs_f64(1e-3 * ms);
                records.push(call.took(None, Some(took)).into());
            }
        }
    }
    records
}

/// How many of so many releases are ever found worse, at a look every three minutes.
fn regressed(seeds: u64, unequal_by: f64, times: f64) -> usize {
    let is_ever = |seed: &u64| {
        let graph = graph(records(*seed, unequal_by, times));
        let mut looks = (1..=10).map(|look| says(&graph, RELEASED + 3 * look).verdict);
        looks.any(|verdict| verdict == Verdict::Regressed)
    };
    (0..seeds).filter(is_ever).count()
}

#[test]
fn new_instances_that_are_slower_as_old_ones_are_keep_the_level() {
    let regressed = regressed(60, 0.2, 1.0);
    assert!(regressed <= 1, "{regressed} of 60");
}

#[test]
fn a_release_that_is_slower_than_instances_are_is_found_beside_them() {
    let regressed = regressed(15, 0.2, 2.0);
    assert_eq!(regressed, 15);
}

#[test]
fn a_rise_that_matters_is_found_beside_alike_instances_and_keeps_the_release_from_being_healthy_beside_others()
 {
    assert_eq!(regressed(15, 0.0, 1.3), 15);
    for seed in 0..15 {
        let said = says(&graph(records(seed, 0.2, 1.3)), RELEASED + 30);
        assert_ne!(said.verdict, Verdict::Healthy, "{seed}");
    }
}
