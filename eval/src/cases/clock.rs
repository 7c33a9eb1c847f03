//! A clock that is wrong once.

use std::time::Duration;

use astern::{Event, Guard};
use astern_graph_core::{Call, NodeKey, Party, Timestamp};

use super::world::{World, serving, short};
use super::{CaseOutcome, Played, Situation};

const FOUND: &str = "found by attacking the guard";
/// The step of a bad release of cart.
const RELEASED: u32 = 24;
const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// Plays cart, whose second revision is bad.
fn play(world: &mut World, steps: std::ops::Range<u32>) -> Played<()> {
    world.play(steps, |step, traffic, platform| {
        let mut records = Vec::new();
        if step == RELEASED {
            platform.set("cart", "cart-2");
            let revisions = (Some("cart-1"), "cart-2");
            records.push(traffic.completed(step, ("c2", "cart"), revisions).into());
        }
        let bad = platform.runs("cart", "cart-2");
        let revision = if bad { "cart-2" } else { "cart-1" };
        records.extend(traffic.calls(step, &serving("cart", revision, bad)));
        records
    })
}

pub(super) const BEFORE_A_RELEASE: Situation = Situation {
    name: "clock-a-year-ahead-once",
    ids: &["c5"],
    expected: "one `now` a year ahead is refused; a bad release after it is rolled back",
    source: FOUND,
    play: || {
        let mut world = World::of_two(8)?;
        play(&mut world, 0..RELEASED)?;
        let ahead = world.traffic.at(RELEASED).plus(YEAR);
        world.observe(RELEASED, vec![], ahead)?;
        let judged = world.seen.verdicts.len();
        play(&mut world, RELEASED..120)?;
        let judged = world.seen.verdicts.len() - judged;
        let late = world.seen.ingest.late;
        let right = world.platform.runs("cart", "cart-1");
        Ok(CaseOutcome::new(
            right,
            format!("{judged} verdicts afterwards; {late} records are late"),
        ))
    },
};

pub(super) const DURING_A_RUN: Situation = Situation {
    name: "clock-a-year-ahead-during-a-run",
    ids: &["c5"],
    expected: "one `now` a year ahead is refused; a run whose reply is missing goes on within the hour",
    source: FOUND,
    play: || {
        let mut world = World::of_two(8)?;
        let mut step = 0;
        let mut requested = false;
        while !requested && step < 60 {
            // By hand: what is asked for is not answered.
            let mut records = Vec::new();
            let bad = step >= RELEASED;
            if step == RELEASED {
                let revisions = (Some("cart-1"), "cart-2");
                records.push(
                    world
                        .traffic
                        .completed(step, ("c2", "cart"), revisions)
                        .into(),
                );
            }
            let revision = if bad { "cart-2" } else { "cart-1" };
            records.extend(world.traffic.calls(step, &serving("cart", revision, bad)));
            step += 1;
            let now = world.traffic.at(step);
            requested = requests(&mut world.guard, records, now) > 0;
        }
        let ahead = world.traffic.at(step).plus(YEAR);
        requests(&mut world.guard, vec![], ahead);
        let later = (step..step + 360)
            .map(|step| world.traffic.at(step))
            .collect::<Vec<_>>();
        let sent: usize = later
            .into_iter()
            .map(|now| requests(&mut world.guard, vec![], now))
            .sum();
        Ok(CaseOutcome::new(
            requested && sent > 0,
            format!("{sent} requests in the next hour"),
        ))
    },
};

fn requests(guard: &mut Guard, records: Vec<astern_graph_core::Record>, now: Timestamp) -> usize {
    let events = guard.observe(records, now);
    events
        .iter()
        .filter(|event| matches!(event, Event::Execute(_)))
        .count()
}

pub(super) const FIRST_IN_WRONG_UNIT: Situation = Situation {
    name: "first-clock-in-the-wrong-unit",
    ids: &["c5"],
    expected: "a first `now` decades ago does not keep the guard from judging",
    source: FOUND,
    play: || {
        let mut world =
            World::with(short(), super::world::SHORT_STEP, 8)?.running("cart", "cart-1");
        let wrong = Timestamp::from_nanos(1_700_000_000_000);
        let call = Call::new(wrong, Party::new(NodeKey::service("cart")));
        world.observe(0, vec![call.into()], wrong)?;
        world.play(0..60, |step, traffic, _| {
            traffic.calls(step, &serving("cart", "cart-1", false))
        })?;
        let late = world
            .seen
            .verdicts
            .iter()
            .filter(|(step, ..)| *step >= 30)
            .count();
        Ok(CaseOutcome::new(
            late == 30,
            format!("{late} of the last 30 steps are judged"),
        ))
    },
};
