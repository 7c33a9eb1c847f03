//! Releases of the simulator: every preset, in which a release is bad or something else happens.

use std::ops::RangeInclusive;

use astern::detect::release::AnyReleaseJudge;
use astern_graph_core::{ChangeEvent, ChangePhase, GraphBuilder, GraphParams, Record, TimeRange};
use astern_sim::{Feed, Preset, Scenario, run};

use super::looks::{Looks, Played};
use super::sides::Sides;
use super::tally::{Right, Row};
use crate::EvalError;
use crate::parallel::play_all;

/// Spans, histograms, and what is left of them as samples by revision.
const FEEDS: [Feed; 3] = [Feed::Calls, Feed::Buckets, Feed::Rates];

/// The presets in the summary.
const ALL: &str = "presets of the simulator";

/// One release in one run.
struct Released {
    feed: Feed,
    /// Whether it is the one that is bad.
    is_bad: bool,
    played: Played,
}

/// All presets.
pub(super) fn rows(
    seeds: &RangeInclusive<u64>,
    judges: &[AnyReleaseJudge],
) -> Result<Vec<Row>, EvalError> {
    let mut rows = Vec::new();
    for preset in Preset::ALL {
        let played = play_all(seeds.clone(), |seed| play(preset, seed, judges))?;
        let mut released: Vec<Released> = played.into_iter().flatten().collect();
        for feed in FEEDS {
            for is_bad in [true, false] {
                let of_row = |one: &mut Released| one.feed == feed && one.is_bad == is_bad;
                let played = released.extract_if(.., of_row).map(|one| one.played);
                let played: Vec<Played> = played.collect();
                if !played.is_empty() {
                    rows.push(row(preset, feed, is_bad, played));
                }
            }
        }
    }
    Ok(rows)
}

fn row(preset: Preset, feed: Feed, is_bad: bool, played: Vec<Played>) -> Row {
    let setting = match (is_bad, preset.is_benign()) {
        (true, _) => "the release at fault",
        (false, true) => "nothing is at fault",
        (false, false) => "beside a fault elsewhere",
    };
    let (right, kind) = match (is_bad, preset) {
        (true, Preset::NotReady) => (Right::NoData, preset.name()),
        (true, _) => (Right::Regressed, ALL),
        (false, _) => (Right::Not, ALL),
    };
    Row {
        source: "simulator",
        layout: setting,
        setting,
        situation: preset.name(),
        kind,
        feed,
        right,
        step: Scenario::preset(preset, 0).step,
        played,
    }
}

/// A release that is judged.
struct Watched<'a> {
    change: ChangeEvent,
    looks: Looks<'a>,
    sides: Sides,
}

/// Every release of a run.
fn play(preset: Preset, seed: u64, judges: &[AnyReleaseJudge]) -> Result<Vec<Released>, EvalError> {
    let scenario = Scenario::preset(preset, seed);
    let simulation = run(&scenario)?;
    let healthy = TimeRange::new(simulation.start, simulation.healthy_until)?;
    let starts = simulation.records.iter().filter_map(|record| match record {
        Record::Change(change) if change.phase == ChangePhase::Started => Some(change.clone()),
        _ => None,
    });
    let starts: Vec<ChangeEvent> = starts.collect();
    let mut released = Vec::new();
    for feed in FEEDS {
        let watched = starts.iter().cloned();
        let mut watched: Vec<Watched<'_>> = watched
            .map(|change| Watched {
                change,
                looks: Looks::new(judges),
                sides: Sides::default(),
            })
            .collect();
        let params = GraphParams::default().step(scenario.step);
        let mut builder = GraphBuilder::new(params)?;
        let mut left = simulation.records.as_slice();
        let mut now = simulation.start;
        while now < simulation.end {
            now = now.plus(scenario.step);
            let (records, later) = left.split_at(left.partition_point(|r| r.at() < now));
            left = later;
            builder.advance(now);
            builder.extend(feed.of(records.iter().cloned(), scenario.step));
            let graph = builder.build();
            for one in &mut watched {
                one.sides.take(&one.change, records);
                if one.change.at >= now {
                    continue;
                }
                let range = TimeRange::new(one.change.at, now)?;
                let oracle = one.sides.oracle();
                one.looks
                    .look(&graph, &one.change, range, healthy, oracle)?;
            }
        }
        released.extend(watched.into_iter().map(|one| Released {
            feed,
            is_bad: simulation.truth.culprit.as_ref() == Some(&one.change.id),
            played: one.looks.end(one.sides.oracle()),
        }));
    }
    Ok(released)
}

#[cfg(test)]
mod tests {
    use super::super::looks::judges;
    use super::*;

    #[test]
    fn the_release_at_fault_is_found_by_every_feed() {
        let judges = judges().unwrap();
        let released = play(Preset::Canary, 2, &judges[..1]).unwrap();
        for feed in FEEDS {
            let of_feed = || released.iter().filter(|one| one.feed == feed);
            assert_eq!(of_feed().count(), 3);
            let bad: Vec<_> = of_feed().filter(|one| one.is_bad).collect();
            assert_eq!(bad.len(), 1, "{feed:?}");
            assert!(bad[0].played.judged[0].regressed.is_some(), "{feed:?}");
            assert!(bad[0].played.oracle.is_some() && bad[0].played.looks > 20);
        }
    }
}
