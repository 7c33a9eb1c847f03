//! Is this release bad? Judges of releases on requests that real systems answered, split at random into old and new,
//! with faults laid over the durations and outcomes of the new side.

mod batches;
mod layout;
mod looks;
mod oracle;
mod play;
mod real;
mod situation;
mod tally;

use std::ops::RangeInclusive;
use std::path::Path;

use astern::detect::release::AnyReleaseJudge;
use astern_sim::Feed;

use crate::EvalError;
use layout::{FURTHER_LAYOUTS, LAYOUTS, Layout, RATES, Traffic};
use looks::judges;
use oracle::ALPHA;
use play::{BEFORE, Run};
use real::{SOURCES, Source};
use situation::{ALIKE, Extent, MINUTES, OTHERS, Situation};
use tally::{Right, Row};

/// What `--only` may name.
pub const PARTS: [&str; 4] = ["alike", "faults", "rates", "feeds"];

/// Runs where nothing differs for each one in which something happens: a rate of one in a hundred takes more of them.
const FAULT_RUNS_PER: u64 = 10;

/// Judges every situation in every layout on each source under `root/real-traffic`; as many runs where nothing differs
/// as there are seeds, and a tenth of them elsewhere.
///
/// # Errors
/// What cannot be read, or what the graph or a judge refuses.
pub fn evaluate(
    root: &Path,
    seeds: RangeInclusive<u64>,
    only: Option<&str>,
) -> Result<String, EvalError> {
    let judges = judges()?;
    let count = seeds.end() - seeds.start() + 1;
    let fault_seeds = *seeds.start()..=seeds.start() + count.div_ceil(FAULT_RUNS_PER) - 1;
    let rows = of_sources(root, (&seeds, &fault_seeds), only, &judges)?;
    Ok(format!(
        "{BEFORE} minutes before a change and {MINUTES} minutes after it, a look after each minute; each request goes to one \
         side at random and stays there. `oracle`: tests for one look at all raw calls since the change, each at a quarter \
         of {ALPHA}; it does not know of instances. Controls: the share of their runs that they ever call regressed.\n\n\
         ## All sources\n\n{}\n\n{}",
        tally::summary(&rows),
        tally::details(&rows)
    ))
}

/// What is played on real requests.
fn of_sources(
    root: &Path,
    (seeds, fault_seeds): (&RangeInclusive<u64>, &RangeInclusive<u64>),
    only: Option<&str>,
    judges: &[AnyReleaseJudge],
) -> Result<Vec<Row>, EvalError> {
    let mut rows = Vec::new();
    for source in SOURCES {
        let source = Source::read(root, source)?;
        for (layout, situation, feed) in played(only) {
            let run = Run {
                source: &source,
                layout,
                situation,
                feed,
                judges,
            };
            let is_alike = situation == ALIKE;
            let seeds = if is_alike { seeds } else { fault_seeds };
            rows.push(Row {
                source: source.name,
                layout: layout.name,
                setting: layout.setting(),
                situation: situation.name.to_owned(),
                feed,
                right: if situation.is_bad {
                    Right::Regressed
                } else {
                    Right::Not
                },
                step: play::STEP,
                played: play_all(seeds.clone(), |seed| run.play(seed))?,
            });
        }
    }
    Ok(rows)
}

/// Plays all seeds, half of them beside the other half; in the order of the seeds.
fn play_all<T: Send>(
    seeds: RangeInclusive<u64>,
    play: impl Fn(u64) -> Result<T, EvalError> + Sync,
) -> Result<Vec<T>, EvalError> {
    let middle = u64::midpoint(*seeds.start(), *seeds.end());
    let half = |seeds: RangeInclusive<u64>| seeds.map(&play).collect::<Vec<_>>();
    let halves = std::thread::scope(|scope| {
        let second = scope.spawn(|| half(middle + 1..=*seeds.end()));
        let first = half(*seeds.start()..=middle);
        second.join().map(|second| (first, second))
    });
    match halves {
        Ok((first, second)) => first.into_iter().chain(second).collect(),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// What is played: each situation in each layout by calls, and some at other rates or by other feeds.
fn played(only: Option<&str>) -> Vec<(Layout, Situation, Feed)> {
    let is_played = |part: &str| only.is_none_or(|only| only == part);
    // Without an old side what hits both cannot be told from what the change does.
    let can_tell = |(layout, situation, _): &(Layout, Situation, Feed)| {
        layout.has_old_side() || !situation.hits_old
    };
    let in_part = |extent: Extent| {
        let others = OTHERS.into_iter();
        let others = others.filter(move |situation| situation.extent >= extent);
        [ALIKE].into_iter().chain(others)
    };
    let mut played = Vec::new();
    let by_calls = || LAYOUTS.into_iter().chain(FURTHER_LAYOUTS);
    if is_played("alike") {
        played.extend(by_calls().map(|layout| (layout, ALIKE, Feed::Calls)));
    }
    if is_played("faults") {
        for situation in OTHERS {
            played.extend(by_calls().map(|layout| (layout, situation, Feed::Calls)));
        }
    }
    if is_played("rates") {
        for situation in in_part(Extent::Rates) {
            let feed = |layout: Layout| match layout.traffic {
                Traffic::PerSecond(_) => Feed::Buckets,
                Traffic::AsRecorded | Traffic::PerMinute(_) => Feed::Calls,
            };
            played.extend(RATES.map(|layout| (layout, situation, feed(layout))));
        }
    }
    if is_played("feeds") {
        for feed in Feed::ALL.into_iter().filter(|feed| *feed != Feed::Calls) {
            for situation in in_part(Extent::Feeds) {
                played.extend(LAYOUTS.map(|layout| (layout, situation, feed)));
            }
        }
    }
    played.retain(can_tell);
    played
}
