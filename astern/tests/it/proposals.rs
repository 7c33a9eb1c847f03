//! Plans that wait for a person's word.

use std::time::Duration;

use astern::graph::NodeKey;
use astern::policy::{BrakesParams, Freeze, Mode, PolicyParams, RunParams};
use astern::{Error, Guard, GuardParams, Withdrawal};

use crate::released::{RELEASED, World, at, params, runs};

const CART: &[(u32, &str)] = &[(RELEASED, "cart")];

fn asks() -> GuardParams {
    params().mode(Mode::Ask)
}

/// Until a plan waits for a person's word.
fn proposed() -> (World, u32) {
    let mut world = World::new();
    world.guard = Guard::new(asks()).unwrap();
    let step = (0..60).find(|step| {
        world.step(*step, CART);
        world.guard.proposals().next().is_some()
    });
    (world, step.unwrap())
}

#[test]
fn nothing_is_done_before_a_person_agrees_and_it_is_done_then() {
    let (mut world, step) = proposed();
    let plan = world.proposed[0].id;
    let page = format!(
        "call a person about service/cart: approve or decline plan {plan}: set service/cart to revision cart-1"
    );
    world.play(step + 1..step + 20, CART);
    assert_eq!(world.changes(), 0, "{:?}", world.asked);
    assert_eq!(
        (world.pages(), world.proposed.len()),
        (vec![page.clone()], 1)
    );
    let waits = format!("plan {} waits for a person's word", world.proposed[0].id);
    assert!(
        world
            .reasons
            .iter()
            .any(|reason| reason.starts_with(&waits))
    );
    // The one who agrees may be another process than the one that asked.
    let bytes = world.guard.to_bytes().unwrap();
    world.guard = Guard::from_bytes(&bytes, asks(), 2).unwrap();
    let now = at(step + 20);
    let events = world.guard.approve(plan, now).unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    world.under_way.0 += 1;
    assert_eq!(world.guard.deadline(), Some(now));
    world.play(step + 20..step + 60, CART);
    assert!(world.platform.holds(&runs("cart", 1)));
    assert_eq!(world.changes(), 1);
    assert_eq!((world.pages(), world.proposed.len()), (vec![page], 1));
    let again = world.guard.approve(plan, at(step + 60)).unwrap_err();
    assert!(matches!(again, Error::NotProposed { plan: of } if of == plan));
}

#[test]
fn what_a_person_declines_is_left_alone() {
    let (mut world, step) = proposed();
    let plan = world.proposed[0].id;
    let events = world.guard.decline(plan, at(step + 1)).unwrap();
    assert!(
        events[0]
            .to_string()
            .ends_with("is withdrawn: a person has declined")
    );
    let bytes = world.guard.to_bytes().unwrap();
    world.guard = Guard::from_bytes(&bytes, asks(), 2).unwrap();
    world.play(step + 1..step + 80, CART);
    assert_eq!(world.changes(), 0);
    assert_eq!((world.pages().len(), world.proposed.len()), (1, 1));
    let declined = "a person has declined to roll back what is to blame";
    assert!(world.reasons.contains(declined));
}

#[test]
fn what_nobody_answers_is_withdrawn_and_a_person_is_called_once_more() {
    let mut world = World::new();
    let policy = PolicyParams::default().answer_within(Duration::from_secs(120));
    world.guard = Guard::new(asks().policy(policy)).unwrap();
    world.play(0..80, CART);
    assert_eq!(world.withdrawn, [Withdrawal::Unanswered]);
    assert_eq!(world.changes(), 0);
    let pages = world.pages();
    assert_eq!(pages.len(), 2, "{pages:?}");
    assert!(pages[1].contains("nobody has said in time whether to roll back what is to blame"));
    assert_eq!(world.proposed.len(), 1);
}

#[test]
fn a_plan_is_withdrawn_once_nothing_is_wrong_any_more() {
    let (mut world, step) = proposed();
    // Somebody has rolled back by hand.
    world.platform.set(runs("cart", 1));
    world.play(step + 1..step + 80, CART);
    assert_eq!(world.withdrawn, [Withdrawal::Recovered]);
    assert_eq!(world.guard.proposals().count(), 0);
    assert_eq!(world.changes(), 0);
}

#[test]
fn a_run_asks_nobody() {
    let (world, _) = proposed();
    let (plan, params) = (world.proposed[0].clone(), RunParams::default());
    let refused = astern::policy::Run::new(plan, Mode::Ask, 1, params, at(0)).unwrap_err();
    assert!(refused.to_string().starts_with("a run in mode ask is none"));
}

#[test]
fn what_was_declined_is_no_part_of_a_later_plan() {
    let both: &[(u32, &str)] = &[(RELEASED, "cart"), (RELEASED + 20, "pay")];
    let mut world = World::new();
    world.guard = Guard::new(asks()).unwrap();
    for step in 0..120 {
        world.step(step, both);
        let waiting: Vec<_> = world
            .guard
            .proposals()
            .map(|(plan, _)| plan.clone())
            .collect();
        for plan in waiting {
            let now = at(step + 1);
            let of_cart = plan
                .steps
                .iter()
                .any(|s| *s.action.node() == NodeKey::service("cart"));
            if of_cart {
                world.guard.decline(plan.id, now).unwrap();
            } else {
                world.under_way.0 += world.guard.approve(plan.id, now).unwrap().len();
            }
        }
    }
    assert!(world.platform.holds(&runs("cart", 2)), "{:?}", world.asked);
    assert!(world.platform.holds(&runs("pay", 1)), "{:?}", world.asked);
    assert_eq!(world.proposed.len(), 2, "{:?}", world.proposed);
}

#[test]
fn a_plan_is_withdrawn_once_the_release_was_undone_or_begun_again() {
    let (mut world, step) = proposed();
    let plan = world.proposed[0].id;
    world.announce_rollback(step, "cart");
    world.play(step + 1..step + 2, CART);
    assert_eq!(world.withdrawn, [Withdrawal::Overtaken]);
    assert!(world.guard.approve(plan, at(step + 2)).is_err());
}

#[test]
fn an_answer_that_comes_too_late_does_nothing() {
    let (world, _) = proposed();
    let (plan, until) = world
        .guard
        .proposals()
        .map(|(plan, until)| (plan.id, until))
        .next()
        .unwrap();
    let bytes = world.guard.to_bytes().unwrap();
    // Nobody was there meanwhile.
    let mut restored = Guard::from_bytes(&bytes, asks(), 2).unwrap();
    assert!(matches!(
        restored.approve(plan, until),
        Err(Error::NotProposed { .. })
    ));
}

#[test]
fn a_guard_that_goes_on_in_another_mode_asks_nobody_and_is_not_bound_by_silence() {
    let (mut world, step) = proposed();
    let plan = world.proposed[0].id;
    let bytes = world.guard.to_bytes().unwrap();
    let mut dry = Guard::from_bytes(&bytes, params().mode(Mode::DryRun), 2).unwrap();
    assert!(dry.approve(plan, at(step + 1)).is_err());
    world.guard = Guard::from_bytes(&bytes, params(), 2).unwrap();
    world.play(step + 1..step + 40, CART);
    assert_eq!(world.withdrawn, [Withdrawal::NotAsked]);
    assert!(world.platform.holds(&runs("cart", 1)), "{:?}", world.asked);
}

#[test]
fn in_a_freeze_a_person_is_asked_all_the_same() {
    let freeze = Freeze::new(at(0), at(500), "sale");
    let brakes = BrakesParams::default().freezes(vec![freeze]);
    let mut world = World::new();
    let policy = PolicyParams::default().brakes(brakes);
    world.guard = Guard::new(asks().policy(policy)).unwrap();
    world.play(0..60, CART);
    assert_eq!(world.proposed.len(), 1);
    assert!(
        world
            .reasons
            .iter()
            .any(|reason| reason.ends_with(": sale"))
    );
    assert_eq!(world.pages().len(), 1);
}
