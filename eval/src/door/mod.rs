//! Is this release bad? Judges of releases on requests that real systems answered, split at random into old and new,
//! with faults laid over the durations and outcomes of the new side.

mod batches;
mod generated;
mod guarded;
mod layout;
mod looks;
mod oracle;
mod play;
mod real;
pub(crate) mod sides;
mod situation;
mod tally;
mod world;

use std::ops::RangeInclusive;
use std::path::Path;

use astern::detect::release::AnyReleaseJudge;
use astern_sim::Feed;

use crate::EvalError;
use crate::parallel::play_all;
use layout::{FURTHER_LAYOUTS, LAYOUTS, Layout, RATES, Traffic};
use looks::judges;
use play::Run;
use real::{SOURCES, Source};
use situation::{ALIKE, Extent, OTHERS, Situation};
use tally::{Right, Row};

/// What `--only` may name.
pub const PARTS: [&str; 6] = ["alike", "faults", "rates", "feeds", SIMULATED, GUARD];

/// The part that reads no data.
pub const SIMULATED: &str = "sim";

const GUARD: &str = "guard";

/// Runs where nothing is wrong for each one in which something is: a rate of one in a hundred takes more of them.
const FAULT_RUNS_PER: u64 = 10;

/// As many runs as there are seeds where nothing differs, and a tenth of them elsewhere.
struct Seeds {
    all: RangeInclusive<u64>,
    few: RangeInclusive<u64>,
}

impl Seeds {
    fn new(all: RangeInclusive<u64>) -> Self {
        let count = all.end() - all.start() + 1;
        let few = *all.start()..=all.start() + count.div_ceil(FAULT_RUNS_PER) - 1;
        Self { all, few }
    }

    fn of(&self, situation: Situation) -> RangeInclusive<u64> {
        let is_alike = situation == ALIKE;
        let seeds = if is_alike { &self.all } else { &self.few };
        seeds.clone()
    }
}

/// Judges every situation in every layout on each source under `root/real-traffic`, releases of the simulator, and what the
/// whole guard does; as many runs where nothing differs as there are seeds, and a tenth of them elsewhere.
///
/// # Errors
/// What cannot be read, or what the simulator, the graph, a judge or the guard refuses.
pub fn evaluate(
    root: &Path,
    seeds: RangeInclusive<u64>,
    only: Option<&str>,
) -> Result<String, EvalError> {
    let is_played = |part: &str| only.is_none_or(|only| only == part);
    let judges = judges()?;
    let seeds = Seeds::new(seeds);
    let sources = if only == Some(SIMULATED) {
        Vec::new()
    } else {
        let sources = SOURCES.into_iter().map(|source| Source::read(root, source));
        sources.collect::<Result<Vec<_>, _>>()?
    };
    let mut rows = of_sources(&sources, &seeds, only, &judges)?;
    if is_played(SIMULATED) {
        rows.extend(generated::rows(&seeds.few, &judges)?);
    }
    let mut sections = Vec::new();
    if !rows.is_empty() {
        let summary = tally::summary(&rows);
        sections.push(format!("## All sources\n\n{HOW}\n\n{summary}\n"));
    }
    if is_played(GUARD) {
        sections.push(guarded::section(&sources, &seeds)?);
    }
    sections.push(tally::details(&rows));
    Ok(sections.join("\n"))
}

const HOW: &str = "Real requests: an hour before a change and an hour after it, a look after each minute; each request goes to one \
side at random and stays there. 1,000 a second: each request of a quarter of an hour around the minute comes any number of \
times, as batches with buckets. Simulator: half an hour before the first change and a quarter of an hour from it on, a look \
after each half minute. `oracle`: tests for one look at all raw calls since the change, each at a quarter of .005; it does \
not know of requests, instances or least effects. Of controls the share of the runs that they ever call regressed.";

/// What is played on real requests.
fn of_sources(
    sources: &[Source],
    seeds: &Seeds,
    only: Option<&str>,
    judges: &[AnyReleaseJudge],
) -> Result<Vec<Row>, EvalError> {
    let mut rows = Vec::new();
    for source in sources {
        for (layout, situation, feed) in played(only) {
            let run = Run {
                source,
                layout,
                situation,
                feed,
                judges,
            };
            rows.push(Row {
                source: source.name,
                layout: layout.name,
                setting: layout.setting(),
                situation: situation.name,
                kind: situation.name,
                feed,
                right: if situation.is_bad {
                    Right::Regressed
                } else {
                    Right::Not
                },
                step: play::STEP,
                played: play_all(seeds.of(situation), |seed| run.play(seed))?,
            });
        }
    }
    Ok(rows)
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
