//! What becomes of a rollback whose replies are ignored or refused.

use astern::policy::{Decision, RunState};
use astern_graph_core::Record;

use super::world::{World, serving};
use super::{CaseOutcome, Played, Situation};

const FOUND: &str = "found by attacking the guard";
/// The step of the releases.
const RELEASED: u32 = 24;

/// Plays bad releases of these services; each is mended once it runs its first revision.
fn bad_releases(world: &mut World, steps: u32, released: &[&str]) -> Played<()> {
    world.play(0..steps, |step, traffic, platform| {
        let mut records: Vec<Record> = Vec::new();
        for service in ["cart", "pay"] {
            let (old, new) = (format!("{service}-1"), format!("{service}-2"));
            if step == RELEASED && released.contains(&service) {
                platform.set(service, &new);
                let id = format!("release-of-{service}");
                let change = traffic.completed(step, (&id, service), (Some(&old), &new));
                records.push(change.into());
            }
            let bad = platform.runs(service, &new);
            let revision = if bad { &new } else { &old };
            records.extend(traffic.calls(step, &serving(service, revision, bad)));
        }
        records
    })
}

fn both_undone(handles_replies: bool) -> Played<CaseOutcome> {
    let mut world = World::of_two(6)?;
    world.handles_replies = handles_replies;
    bad_releases(&mut world, 120, &["cart", "pay"])?;
    let platform = &world.platform;
    let right = platform.runs("cart", "cart-1") && platform.runs("pay", "pay-1");
    Ok(CaseOutcome::new(
        right,
        format!("done: {}", platform.acts().join("; ")),
    ))
}

pub(super) const HANDLED: Situation = Situation {
    name: "two-bad-releases-replies-handled",
    ids: &["c19"],
    expected: "both are undone",
    source: FOUND,
    play: || both_undone(true),
};

pub(super) const DROPPED: Situation = Situation {
    name: "two-bad-releases-replies-dropped",
    ids: &["c19"],
    expected: "both are undone, although the caller drops the events that `report` returns",
    source: FOUND,
    play: || both_undone(false),
};

pub(super) const REFUSED: Situation = Situation {
    name: "rollback-forbidden",
    ids: &["c20"],
    expected: "once the platform has refused, nothing is decided without a plan or a person",
    source: FOUND,
    play: || {
        let mut world = World::of_two(6)?;
        world.platform.forbids = true;
        bad_releases(&mut world, 200, &["cart"])?;
        let seen = &world.seen;
        let failed = seen
            .ends
            .iter()
            .find(|(_, state)| *state == RunState::Failed);
        let Some((failed, _)) = failed.copied() else {
            return Ok(CaseOutcome::new(false, "no run failed"));
        };
        let decided = seen.decided(failed + 1, Decision::RollBack);
        let plans = seen
            .planned()
            .into_iter()
            .filter(|step| *step > failed)
            .count();
        let text =
            format!("`roll back` is decided {decided} times afterwards, {plans} plans are made");
        Ok(CaseOutcome::new(decided == plans, text))
    },
};
