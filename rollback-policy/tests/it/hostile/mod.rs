//! Runs in a hostile world, held against the truth of a platform: lost, late and doubled messages, restarts that lose
//! memory, two holders of a run, wrong clocks, a restore from any save, and a person who acts at any moment.
//!
//! `ASTERN_HOSTILE_RUNS=1000000 cargo test --release -p astern-rollback-policy --test it hostile` plays a million of them.

mod plans;
mod world;

use std::collections::BTreeMap;

use world::{Ending, World};

/// Plays worlds by their seeds, on two threads, and counts how they end.
fn play(seeds: std::ops::Range<u64>) -> BTreeMap<Ending, u64> {
    let middle = u64::midpoint(seeds.start, seeds.end);
    let of = |seeds: std::ops::Range<u64>| seeds.map(|seed| World::new(seed).play());
    let (first, second) = (seeds.start..middle, middle..seeds.end);
    let endings: Vec<Ending> = std::thread::scope(|scope| {
        let other = scope.spawn(|| of(second).collect::<Vec<_>>());
        let first = of(first).collect::<Vec<_>>();
        first.into_iter().chain(other.join().unwrap()).collect()
    });
    let mut counts = BTreeMap::new();
    for ending in endings {
        *counts.entry(ending).or_default() += 1;
    }
    counts
}

/// Every ending is met: otherwise the worlds are too kind, or too harsh, to show anything.
fn all_met(endings: &BTreeMap<Ending, u64>, runs: u64) {
    for ending in [Ending::Succeeded, Ending::Failed] {
        let times = endings.get(&ending).copied().unwrap_or_default();
        assert!(times > runs / 20, "{endings:?}");
    }
}

#[test]
fn hostile_runs_do_no_harm() {
    let runs = std::env::var("ASTERN_HOSTILE_RUNS").map_or(10_000, |runs| runs.parse().unwrap());
    all_met(&play(0..runs), runs);
}
