//! Is this release bad? Judges of releases on requests that real systems answered, split at random into old and new,
//! with faults laid over the durations and outcomes of the new side.

mod oracle;
mod play;
mod real;
mod situation;

use std::ops::RangeInclusive;
use std::path::Path;

use astern::detect::release::{AnyReleaseJudge, ReleaseJudgeParams};
use astern_graph_core::signal::Verdict;
use astern_sim::Feed;

use crate::EvalError;
use crate::table::{markdown, share, short};
use play::{Played, Run};
use real::{SOURCES, Source};
use situation::{ALIKE, LAYOUTS, Layout, MINUTES, OTHERS, Situation};

/// The level of the oracle; that of the default judge.
const ALPHA: f64 = 5e-3;

/// What `--only` may name.
pub const PARTS: [&str; 3] = ["alike", "faults", "feeds"];

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
    let judges = ReleaseJudgeParams::all();
    let names: Vec<&str> = judges.iter().map(ReleaseJudgeParams::name).collect();
    let judges = judges.into_iter().map(ReleaseJudgeParams::check);
    let judges = judges.collect::<Result<Vec<AnyReleaseJudge>, _>>()?;
    let mut sections = vec![format!(
        "An hour before a change and {MINUTES} minutes after it, a look after each minute; each request goes to one side at \
         random and stays there. `oracle`: tests for one look at all raw calls since the change, each at a quarter of \
         {ALPHA}.\n"
    )];
    let count = seeds.end() - seeds.start() + 1;
    let fault_seeds = *seeds.start()..=seeds.start() + count.div_ceil(FAULT_RUNS_PER) - 1;
    for source in SOURCES {
        let source = Source::read(root, source)?;
        let play = |layout, situation, feed| {
            let run = Run {
                source: &source,
                layout,
                situation,
                feed,
                judges: &judges,
                alpha: ALPHA,
            };
            let seeds = if situation == ALIKE {
                &seeds
            } else {
                &fault_seeds
            };
            let played = play_all(&run, seeds.clone())?;
            Ok::<_, EvalError>(row(layout, situation, feed, &played, judges.len()))
        };
        let mut rows = Vec::new();
        for (layout, situation, feed) in played(only) {
            rows.push(play(layout, situation, feed)?);
        }
        let mut header = vec!["layout", "situation", "feed", "runs", "right", "oracle"];
        let columns: Vec<[String; 3]> = names
            .iter()
            .map(|name| {
                [
                    format!("{name}: regressed"),
                    "behind the oracle, minutes".to_owned(),
                    "at the end healthy / inconclusive / no data".to_owned(),
                ]
            })
            .collect();
        header.extend(columns.iter().flatten().map(String::as_str));
        sections.push(format!(
            "## {}\n\n{}\n",
            source.name,
            markdown(&header, &rows)
        ));
    }
    Ok(sections.join("\n"))
}

/// Plays all seeds, half of them beside the other half; in the order of the seeds.
fn play_all(run: &Run<'_>, seeds: RangeInclusive<u64>) -> Result<Vec<Played>, EvalError> {
    let middle = u64::midpoint(*seeds.start(), *seeds.end());
    let play = |seeds: RangeInclusive<u64>| seeds.map(|seed| run.play(seed)).collect::<Vec<_>>();
    let halves = std::thread::scope(|scope| {
        let second = scope.spawn(|| play(middle + 1..=*seeds.end()));
        let first = play(*seeds.start()..=middle);
        second.join().map(|second| (first, second))
    });
    match halves {
        Ok((first, second)) => first.into_iter().chain(second).collect(),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// What is played: each situation in each layout by calls, and some by the other feeds.
fn played(only: Option<&str>) -> Vec<(Layout, Situation, Feed)> {
    let is_played = |part: &str| only.is_none_or(|only| only == part);
    // Without an old side what hits both cannot be told from what the change does.
    let can_tell = |(layout, situation, _): &(Layout, Situation, Feed)| {
        layout.percent < 100 || !situation.hits_old
    };
    let mut played = Vec::new();
    for layout in LAYOUTS {
        if is_played("alike") {
            played.push((layout, ALIKE, Feed::Calls));
        }
        if is_played("faults") {
            played.extend(OTHERS.map(|situation| (layout, situation, Feed::Calls)));
        }
    }
    if is_played("feeds") {
        for feed in Feed::ALL.into_iter().filter(|feed| *feed != Feed::Calls) {
            for layout in LAYOUTS {
                let others = OTHERS
                    .into_iter()
                    .filter(|situation| situation.is_in_every_feed);
                let situations = [ALIKE].into_iter().chain(others);
                played.extend(situations.map(|situation| (layout, situation, feed)));
            }
        }
    }
    played.retain(can_tell);
    played
}

fn row(
    layout: Layout,
    situation: Situation,
    feed: Feed,
    played: &[Played],
    judges: usize,
) -> Vec<String> {
    let runs = played.len();
    let of_runs = |n: usize| short(n as f64 / runs as f64);
    let oracle = played.iter().filter(|run| run.oracle_at_end).count();
    let right = if situation.is_bad { "regressed" } else { "not" };
    let mut row = vec![
        layout.name.to_owned(),
        situation.name.to_owned(),
        feed.name().to_owned(),
        runs.to_string(),
        right.to_owned(),
        of_runs(oracle),
    ];
    for judge in 0..judges {
        let found: Vec<_> = played
            .iter()
            .filter(|run| run.regressed(judge).is_some())
            .collect();
        let mut behind: Vec<usize> = found
            .iter()
            .filter_map(|run| Some(run.regressed(judge)?.saturating_sub(run.oracle?)))
            .collect();
        behind.sort_unstable();
        let quantile = |percent: usize| behind.get(behind.len() * percent / 100);
        let delay = quantile(50).zip(quantile(95));
        let last = |verdict| {
            let at_end = |run: &&Played| run.verdicts[judge].last() == Some(&verdict);
            of_runs(played.iter().filter(at_end).count())
        };
        let ends = [Verdict::Healthy, Verdict::Inconclusive, Verdict::NoData].map(last);
        row.push(share(found.len(), runs));
        row.push(delay.map_or("-".to_owned(), |(half, most)| {
            format!("{half}, 95 % {most}")
        }));
        row.push(ends.join(" / "));
    }
    row
}
