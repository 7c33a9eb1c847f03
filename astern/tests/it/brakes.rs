//! What keeps a plan from being carried out, however sure it is.

use std::time::Duration;

use astern::Guard;
use astern::policy::{BrakesParams, Decision, Freeze, PolicyParams};

use crate::released::{RELEASED, World, at, params, runs};

const CART: &[(u32, &str)] = &[(RELEASED, "cart")];

fn under(brakes: BrakesParams) -> World {
    let mut world = World::new();
    let policy = PolicyParams::default().brakes(brakes);
    world.guard = Guard::new(params().policy(policy)).unwrap();
    world
}

#[test]
fn in_a_freeze_a_person_is_called_and_after_it_the_release_is_rolled_back() {
    let freeze = Freeze::new(at(0), at(80), "sale");
    let mut world = under(BrakesParams::default().freezes(vec![freeze]));
    world.play(0..79, CART);
    assert_eq!(world.changes(), 0, "{:?}", world.asked);
    let [page] = world.pages().try_into().unwrap();
    let why = "nothing is rolled back without a person until";
    assert!(page.contains(why) && page.ends_with(": sale"), "{page}");
    assert!(!world.decided.iter().any(|(_, d)| *d == Decision::RollBack));
    world.play(79..120, CART);
    assert!(world.platform.holds(&runs("cart", 1)));
    assert_eq!(world.pages().len(), 1);
}

#[test]
fn a_service_is_left_alone_for_a_while_and_not_rolled_back_for_ever() {
    let brakes = BrakesParams::default()
        .cool_down(Duration::from_secs(300))
        .undos_max(2)
        .undos_within(Duration::from_secs(7_200));
    let mut world = under(brakes);
    let mut rolled_back = Vec::new();
    // Somebody releases it again and again, under the same id.
    let mut released = vec![(RELEASED, "cart")];
    for step in 0..400 {
        let before = world.changes();
        world.step(step, &released);
        if world.changes() > before {
            rolled_back.push(step);
            world.announce_rollback(step, "cart");
            released.push((step + 8, "cart"));
        }
    }
    let [first, second] = rolled_back.clone().try_into().unwrap();
    assert!(second - first >= 30, "{rolled_back:?}");
    let said = |begin: &str| world.reasons.iter().any(|reason| reason.contains(begin));
    assert!(said("was changed a short while ago"), "{:?}", world.reasons);
    assert!(said(
        "was changed 2 times within 7200 s: a person is needed"
    ));
    assert_eq!(world.pages().len(), 1, "{:?}", world.pages());
    assert!(world.platform.holds(&runs("cart", 2)));
}
