//! The whole guard on real requests: what it judges, decides and plans with default parameters, in dry run.

use std::time::Duration;

use astern::policy::Decision;
use astern::{Event, Guard, GuardParams};
use astern_graph_core::signal::Verdict;
use astern_graph_core::{Call, CallStatus, NodeKey, Party, Record};
use astern_sim::Feed;
use rand::RngExt as _;

use super::Seeds;
use super::layout::GUARDED_LAYOUTS;
use super::play::{BEFORE, Run, minute};
use super::real::{Request, Source};
use super::situation::{GUARDED, MINUTES};
use super::world::{World, pick};
use crate::EvalError;
use crate::parallel::play_all;
use crate::table::{markdown, share, short};

/// What a guard did in one run after the change: the first minute of each.
#[derive(Debug, Clone, Copy, Default)]
struct Guarded {
    planned: Option<usize>,
    /// A person would be called.
    called: Option<usize>,
    rolls_back: Option<usize>,
    /// It decided anything but to continue.
    acts: Option<usize>,
    change_regressed: Option<usize>,
    system_regressed: Option<usize>,
    /// A stage could not run.
    failed: Option<usize>,
}

/// The runs of one kind.
struct Row {
    source: &'static str,
    layout: &'static str,
    situation: &'static str,
    is_bad: bool,
    played: Vec<Guarded>,
}

/// Plays what concerns the guard, and reports it as a section.
pub(super) fn section(sources: &[Source], seeds: &Seeds) -> Result<String, EvalError> {
    let mut rows = Vec::new();
    for situation in GUARDED {
        // Without an old side what hits both cannot be told from what the change does.
        let layouts = GUARDED_LAYOUTS.into_iter();
        for layout in layouts.filter(|layout| layout.has_old_side() || !situation.hits_old) {
            for source in sources {
                let run = Run {
                    source,
                    layout,
                    situation,
                    feed: Feed::Calls,
                    judges: &[],
                };
                rows.push(Row {
                    source: source.name,
                    layout: layout.name,
                    situation: situation.name,
                    is_bad: situation.is_bad,
                    played: play_all(seeds.of(situation), |seed| play(&run, seed))?,
                });
            }
        }
    }
    let header = [
        "situation",
        "layout",
        "source",
        "runs",
        "minutes watched",
        "a plan is right",
        "planned",
        "minutes after the change",
        "a person called",
        "decided: roll back",
        "decided: not continue",
        "change regressed",
        "system regressed",
        "a stage failed",
    ];
    let of_kind = |row: &Row| (row.situation, row.layout);
    let kinds = rows.chunk_by(|a, b| of_kind(a) == of_kind(b));
    let all = kinds.clone().map(|rows| line("all", &rows[0], rows));
    let each = rows
        .iter()
        .map(|row| line(row.source, row, std::slice::from_ref(row)));
    let lines: Vec<_> = all.chain(each).collect();
    Ok(format!(
        "## The whole guard\n\nWhole requests with all of their calls, `GuardParams::default()`, dry run. What a change slows \
         down, its callers wait for.\n\n{}\n",
        markdown(&header, &lines)
    ))
}

fn line(source: &str, first: &Row, rows: &[Row]) -> Vec<String> {
    let played: Vec<&Guarded> = rows.iter().flat_map(|row| &row.played).collect();
    let runs = played.len();
    let minutes = |of: fn(&Guarded) -> Option<usize>| played.iter().filter_map(move |run| of(run));
    let part = |of| short(minutes(of).count() as f64 / runs as f64);
    let mut planned: Vec<usize> = minutes(|run| run.planned).collect();
    planned.sort_unstable();
    let median = planned.get(planned.len() / 2);
    vec![
        first.situation.to_owned(),
        first.layout.to_owned(),
        source.to_owned(),
        runs.to_string(),
        (runs * MINUTES).to_string(),
        if first.is_bad { "yes" } else { "no" }.to_owned(),
        share(planned.len(), runs),
        median.map_or("-".to_owned(), ToString::to_string),
        part(|run| run.called),
        part(|run| run.rolls_back),
        part(|run| run.acts),
        part(|run| run.change_regressed),
        part(|run| run.system_regressed),
        part(|run| run.failed),
    ]
}

fn play(run: &Run<'_>, seed: u64) -> Result<Guarded, EvalError> {
    let mut world = World::new(run.source, run.layout, seed);
    let blocks = run.blocks(&mut world.rng);
    let change = run.change(&world);
    let mut guard = Guard::new(GuardParams::default())?;
    let mut guarded = Guarded::default();
    for (place, block) in blocks.iter().enumerate() {
        let since = place.checked_sub(BEFORE);
        let mut records = records(run, &mut world, *block, place);
        if since == Some(0) {
            records.insert(0, change.clone().into());
        }
        let events = guard.observe(records, minute(place + 1));
        if let Some(since) = since {
            guarded.note(&events, since + 1);
        }
    }
    Ok(guarded)
}

impl Guarded {
    fn note(&mut self, events: &[Event], minute: usize) {
        for event in events {
            let happened = match event {
                Event::Assessed(assessment) if assessment.verdict == Verdict::Regressed => {
                    if assessment.change.is_some() {
                        &mut self.change_regressed
                    } else {
                        &mut self.system_regressed
                    }
                }
                Event::Decided { ruling, .. } if ruling.decision != Decision::Continue => {
                    if ruling.decision == Decision::RollBack {
                        self.rolls_back.get_or_insert(minute);
                    }
                    &mut self.acts
                }
                Event::Planned(plan) if plan.changes_services() => &mut self.planned,
                Event::Planned(_) => &mut self.called,
                Event::Failed(_) => &mut self.failed,
                _ => continue,
            };
            happened.get_or_insert(minute);
        }
    }
}

/// All calls of all requests of one minute.
fn records(run: &Run<'_>, world: &mut World, block: usize, place: usize) -> Vec<Record> {
    let serving = world.serving(place.checked_sub(BEFORE));
    let at = minute(place).plus(Duration::from_secs(30));
    let mut records = Vec::new();
    for request in &run.source.blocks[block] {
        let serving = pick(&mut world.rng, &serving);
        let outcomes = outcomes(run, world, request, (serving.is_new, place));
        let party = |service: usize| {
            if service == world.service {
                return world.party(serving);
            }
            Party::new(NodeKey::service(run.source.services[service].as_str()))
        };
        for (call, (took, status)) in request.iter().zip(outcomes) {
            let mut seen = Call::new(at, party(call.service));
            if let Some(parent) = call.parent {
                seen = seen.from(party(request[parent].service));
            }
            records.push(seen.took(None, Some(took)).ended(status).into());
        }
    }
    records
}

/// How long the calls of a request take and how they end, with what the change does to them; callers wait longer too.
fn outcomes(
    run: &Run<'_>,
    world: &mut World,
    request: &Request,
    (is_new, place): (bool, usize),
) -> Vec<(Duration, CallStatus)> {
    let since = place.checked_sub(BEFORE);
    let mut outcomes: Vec<(Duration, CallStatus)> = request
        .iter()
        .map(|call| (call.took, call.status))
        .collect();
    for (place, call) in request.iter().enumerate() {
        if call.service != world.service {
            continue;
        }
        let chance = world.rng.random::<f64>();
        let drawn = (call.took, call.status);
        let seen = run.situation.on(drawn, is_new, since, chance);
        let Some((took, status)) = seen else { continue };
        outcomes[place].1 = status;
        let longer = took.saturating_sub(call.took);
        let mut waits = Some(place);
        while let Some(caller) = waits {
            outcomes[caller].0 += longer;
            waits = request[caller].parent;
        }
    }
    outcomes
}

#[cfg(test)]
mod tests {
    use super::super::layout::LAYOUTS;
    use super::super::real::fixture::source;
    use super::super::situation::{ALIKE, ALL_FAIL, SLOWER};
    use super::*;

    #[test]
    fn callers_wait_for_what_the_change_slows_down() {
        let source = source(20);
        let run = Run {
            source: &source,
            layout: LAYOUTS[2],
            situation: SLOWER,
            feed: Feed::Calls,
            judges: &[],
        };
        // The seed chooses which of the two services is changed.
        let seeds = (0..20).map(|seed| World::new(run.source, run.layout, seed));
        let mut world = seeds.into_iter().find(|world| world.service == 1).unwrap();
        let request = &source.blocks[0][0];
        let mut took = |is_new, place| {
            let outcomes = outcomes(&run, &mut world, request, (is_new, place));
            outcomes
                .iter()
                .map(|(took, _)| took.as_millis())
                .collect::<Vec<_>>()
        };
        assert_eq!(took(true, BEFORE), [90, 50]);
        assert_eq!(took(false, BEFORE), [50, 10]);
        assert_eq!(took(true, BEFORE - 1), [50, 10]);
    }

    #[test]
    fn a_guard_plans_for_what_fails_and_not_for_what_is_alike() {
        let source = source(20);
        let guarded = |situation| {
            let run = Run {
                source: &source,
                layout: LAYOUTS[2],
                situation,
                feed: Feed::Calls,
                judges: &[],
            };
            play(&run, 5).unwrap()
        };
        let bad = guarded(ALL_FAIL);
        assert!(
            bad.planned.is_some() && bad.rolls_back.is_some() && bad.change_regressed.is_some()
        );
        let alike = guarded(ALIKE);
        assert!(
            alike
                .planned
                .or(alike.change_regressed)
                .or(alike.failed)
                .is_none()
        );
    }
}
