//! Plans that wait for a person's word.

use std::time::Duration;

use astern::policy::{Mode, PolicyParams, RunParams};
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
    let page = "call a person about service/cart: approve or decline a plan: set service/cart to revision cart-1";
    world.play(step + 1..step + 20, CART);
    assert_eq!(world.changes(), 0, "{:?}", world.asked);
    assert_eq!(
        (world.pages(), world.proposed.len()),
        (vec![page.to_owned()], 1)
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
    let (plan, now) = (world.proposed[0].id, at(step + 20));
    let events = world.guard.approve(plan, now).unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    world.under_way.0 += 1;
    assert_eq!(world.guard.deadline(), Some(now));
    world.play(step + 20..step + 60, CART);
    assert!(world.platform.holds(&runs("cart", 1)));
    assert_eq!(world.changes(), 1);
    assert_eq!(
        (world.pages(), world.proposed.len()),
        (vec![page.to_owned()], 1)
    );
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
    assert!(pages[1].ends_with("nobody has said in time whether to roll back what is to blame"));
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
