//! A bad release of cart that the guard has rolled back, and what comes after it.

use astern::policy::{Decision, Fact};
use astern_graph_core::{ChangeKind, ChangePhase, NodeKey, Record};

use super::world::{Platform, Traffic, World, serving};
use super::{CaseOutcome, Played, Situation};

const FOUND: &str = "found by attacking the guard";
/// The step of the bad release, and the one of what comes after it.
const RELEASED: u32 = 24;
const LATER: u32 = 60;

/// The calls of a step: second revisions are bad, and so is cart where the caller asks for it.
fn calls(step: u32, traffic: &mut Traffic, platform: &Platform, cart_is_bad: bool) -> Vec<Record> {
    let mut instances = Vec::new();
    for service in ["cart", "pay"] {
        let second = format!("{service}-2");
        let bad = platform.runs(service, &second);
        let revision = if bad { second } else { format!("{service}-1") };
        let bad = bad || (service == "cart" && cart_is_bad);
        instances.extend(serving(service, &revision, bad));
    }
    traffic.calls(step, &instances)
}

/// Releases the second revision of a service.
fn release(step: u32, service: &str, traffic: &Traffic, platform: &Platform) -> Record {
    let (old, new) = (format!("{service}-1"), format!("{service}-2"));
    platform.set(service, &new);
    let id = format!("release-of-{service}");
    let change = traffic.completed(step, (&id, service), (Some(&old), &new));
    change.into()
}

/// Whether cart is left at what an operator set it to without a report, and what was done.
fn left_alone(world: &World) -> CaseOutcome {
    let acts = world.platform.acts();
    let right = world.platform.runs("cart", "cart-2");
    CaseOutcome::new(right, format!("done: {}", acts.join("; ")))
}

pub(super) const WITH_A_CONFIG: Situation = Situation {
    name: "set-again-beside-a-bad-config",
    ids: &["c16"],
    expected: "cart stays where an operator set it again, whatever is done about the config of web",
    source: FOUND,
    play: || {
        let mut world = World::of_two(6)?;
        let config = |revision: &str| Fact::Config {
            service: NodeKey::service("web"),
            revision: revision.into(),
        };
        world.platform.hold(config("k1"));
        world.play(0..140, |step, traffic, platform| {
            let bad = platform.holds(&config("k2"));
            let mut records = calls(step, traffic, platform, bad);
            if step == RELEASED {
                records.push(release(step, "cart", traffic, platform));
            }
            if step == LATER {
                platform.set("cart", "cart-2");
                platform.hold(config("k2"));
                let change = traffic.completed(step, ("config", "web"), (Some("k1"), "k2"));
                records.push(change.by(ChangeKind::Config).into());
            }
            records
        })?;
        Ok(left_alone(&world))
    },
};

pub(super) const WITH_A_RELEASE: Situation = Situation {
    name: "set-again-beside-a-bad-release",
    ids: &["c18"],
    expected: "cart stays where an operator set it again, and the bad release of pay is undone",
    source: FOUND,
    play: || {
        let mut world = World::of_two(6)?;
        world.play(0..120, |step, traffic, platform| {
            let mut records = calls(step, traffic, platform, false);
            match step {
                RELEASED => records.push(release(step, "cart", traffic, platform)),
                LATER => {
                    platform.set("cart", "cart-2");
                    records.push(release(step, "pay", traffic, platform));
                }
                _ => {}
            }
            records
        })?;
        let mut outcome = left_alone(&world);
        outcome.right &= world.platform.runs("pay", "pay-1");
        Ok(outcome)
    },
};

/// Decisions to roll back once the guard's own rollback of cart has succeeded.
fn decided_afterwards(reported: bool) -> Played<CaseOutcome> {
    let mut world = World::of_two(7)?;
    let mut announced = false;
    world.play(0..500, |step, traffic, platform| {
        let mut records = calls(step, traffic, platform, false);
        if step == RELEASED {
            records.push(release(step, "cart", traffic, platform));
        }
        if reported && !announced && !platform.acts().is_empty() {
            announced = true;
            let of = ("release-of-cart", "cart");
            let mut change = traffic.completed(step, of, (Some("cart-1"), "cart-2"));
            change.phase = ChangePhase::RolledBack;
            records.push(change.into());
        }
        records
    })?;
    let (undone, late) = (world.platform.runs("cart", "cart-1"), RELEASED + 20);
    let again = world.seen.decided(late, Decision::RollBack);
    let seen = format!("`roll back` is decided in {again} steps after it was");
    Ok(CaseOutcome::new(undone && again == 0, seen))
}

pub(super) const SILENT_PLATFORM: Situation = Situation {
    name: "own-rollback-not-reported-back",
    ids: &["c23"],
    expected: "a change is not to be rolled back any more once the guard has done so itself",
    source: FOUND,
    play: || decided_afterwards(false),
};

pub(super) const REPORTED_BACK: Situation = Situation {
    name: "own-rollback-reported-back",
    ids: &["c23"],
    expected: "a change is not to be rolled back any more once the platform says that it was",
    source: FOUND,
    play: || decided_afterwards(true),
};
