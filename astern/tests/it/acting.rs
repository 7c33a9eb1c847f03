//! What a guard does about bad releases on a platform that refuses, loses replies, or is right behind a wrong clock.

use std::time::Duration;

use astern::graph::{Record, TimeRange};
use astern::policy::conformance::MemoryPlatform;
use astern::policy::{Action, Decision, Mode, PolicyParams};
use astern::{Error, Event, Guard};

use crate::released::{RELEASED, SERVICES, World, at, params, runs};

#[test]
fn a_refused_rollback_calls_a_person_once_also_over_a_restart() {
    let mut world = World::new();
    world.forbids = true;
    world.play(0..60, &[(RELEASED, "cart")]);
    let page = "call a person about service/cart: cannot go on: set service/cart to revision cart-1: forbidden: locked";
    assert_eq!(world.pages(), [page]);
    let bytes = world.guard.to_bytes().unwrap();
    world.guard = Guard::from_bytes(&bytes, params(), 2).unwrap();
    world.play(60..120, &[(RELEASED, "cart")]);
    assert_eq!(world.pages(), [page]);
    let rolled_back = |(_, decision): &&(u32, Decision)| *decision == Decision::RollBack;
    assert_eq!(world.decided.iter().filter(rolled_back).count(), 1);
    assert!(world.platform.holds(&runs("cart", 2)));
}

#[test]
fn a_person_who_is_not_reached_is_called_until_somebody_answers() {
    let mut world = World::new();
    world.forbids = true;
    world.nobody_answers = true;
    world.play(0..90, &[(RELEASED, "cart")]);
    assert_eq!(world.pages(), [""; 0]);
    // Also after a restart.
    let bytes = world.guard.to_bytes().unwrap();
    world.guard = Guard::from_bytes(&bytes, params(), 2).unwrap();
    world.nobody_answers = false;
    world.play(90..140, &[(RELEASED, "cart")]);
    assert_eq!(world.pages().len(), 1);
}

#[test]
fn a_rollback_that_nobody_can_see_calls_a_person_once_and_then_holds() {
    let mut world = World::new();
    world.is_blind = true;
    world.play(0..90, &[(RELEASED, "cart")]);
    let [page] = world.pages().try_into().unwrap();
    let begin = "call a person about service/cart: done, and nobody could see whether this holds: set service/cart to revision cart-1: ";
    assert!(page.starts_with(begin), "{page}");
    let decided = |wanted| {
        let all = world.decided.iter();
        all.filter(|(_, decision)| *decision == wanted).count()
    };
    assert_eq!(decided(Decision::RollBack), 1, "{:?}", world.decided);
    assert!(decided(Decision::Hold) > 10, "{:?}", world.decided);
}

#[test]
fn what_is_not_stored_is_not_sent_and_comes_again() {
    // A platform on which a lost reply could not be told from somebody's deed.
    let mut world = World::on(MemoryPlatform::unversioned());
    let mut stored = 0;
    for step in 0..60 {
        let mut records = world.calls(step);
        if step == RELEASED {
            records.insert(0, world.release(step, "cart"));
        }
        let now = at(step + 1);
        let mut events = world.guard.observe(records, now);
        while !events.is_empty() {
            let is_request = |event: &Event| matches!(event, Event::Execute(_));
            let requests = events.iter().filter(|event| is_request(event)).count();
            // The disk is full now and then: before the first look, and before the effect.
            let is_full = |stored: u32| [1, 2, 4, 5].contains(&stored);
            let store = |state: &[u8]| {
                assert!(requests > 0 && !state.is_empty());
                stored += 1;
                if is_full(stored) { Err("full") } else { Ok(()) }
            };
            events = world.guard.stored(events, store);
            if requests > 0 && is_full(stored) {
                assert!(!events.iter().any(is_request));
                let text = events.pop().unwrap().to_string();
                assert!(text.ends_with("could not be stored: full"), "{text}");
            }
            let mut next = Vec::new();
            for event in events {
                if let Event::Execute(request) = event {
                    let outcome = world.execute(&request);
                    next.extend(world.guard.report(&request.key, outcome, now).unwrap());
                }
            }
            events = next;
        }
    }
    assert!(stored > 5);
    assert!(world.platform.holds(&runs("cart", 1)), "{:?}", world.asked);
    assert_eq!(world.platform.writes().len(), 1);
}

#[test]
fn a_second_service_is_rolled_back_while_the_first_is_verified() {
    let mut world = World::new();
    world.play(0..120, &[(RELEASED, "cart"), (RELEASED + 4, "pay")]);
    let is_back = |service: &&str| world.platform.holds(&runs(service, 1));
    let all = SERVICES.iter().all(is_back);
    assert!(all, "{:?} {:?}", world.asked, world.decided);
    assert_eq!(world.platform.writes().len(), 2, "{:?}", world.asked);
    assert_eq!(world.under_way, (0, 2));
}

#[test]
fn a_time_that_cannot_be_right_changes_nothing_and_can_be_let_through() {
    let mut world = World::new();
    world.play(0..RELEASED, &[]);
    let before = world.guard.to_bytes().unwrap();
    let year = Duration::from_secs(365 * 86_400);
    let wrong = at(RELEASED).plus(year);
    let events = world.guard.observe(world.calls(RELEASED), wrong);
    let [Event::Failed(Error::Clock(error))] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!((error.now, error.newest), (wrong, at(RELEASED)));
    assert_eq!(world.guard.to_bytes().unwrap(), before);
    world.play(RELEASED..60, &[(RELEASED, "cart")]);
    assert!(world.platform.holds(&runs("cart", 1)));
    // A guard that nobody called for a year goes on where it is said to be right.
    let later = at(60).plus(year);
    world.guard.set_clock(later);
    let events = world.guard.observe([], later);
    assert!(
        !events
            .iter()
            .any(|e| matches!(e, Event::Failed(Error::Clock(_))))
    );
    // So does one that is restored.
    let mut restored = Guard::from_bytes(&before, params(), 2).unwrap();
    let events = restored.observe([], later);
    assert!(
        !events
            .iter()
            .any(|e| matches!(e, Event::Failed(Error::Clock(_))))
    );
}

#[test]
fn a_release_that_does_not_say_what_it_replaced_goes_back_to_what_served_before() {
    let mut world = World::new();
    world.play(0..RELEASED, &[]);
    let Record::Change(mut change) = world.release(RELEASED, "pay") else {
        panic!("not a change")
    };
    change.from = None;
    let events = world.guard.observe([Record::from(change)], at(RELEASED));
    assert!(!events.iter().any(|e| matches!(e, Event::Failed(_))));
    world.play(RELEASED..60, &[]);
    assert!(world.platform.holds(&runs("pay", 1)), "{:?}", world.asked);
}

#[test]
fn a_guard_that_has_just_started_judges_new_against_old_and_learns_from_no_incident() {
    // Released at once, in the midst of learning, and while the last steps to learn from are its start-up.
    for early in [1, 5, 12, 18] {
        let mut world = World::new();
        let watch = Duration::from_secs(300);
        world.guard = Guard::new(params().watch(watch)).unwrap();
        world.play(0..early + 20, &[(early, "cart")]);
        let is_back = world.platform.holds(&runs("cart", 1));
        assert!(is_back, "{early}: {:?} {:?}", world.asked, world.decided);
        world.play(early + 20..early + 80, &[]);
        let healthy = world.guard.healthy_range().unwrap();
        let bad = TimeRange::new(at(early), at(early + 2)).unwrap();
        assert!(healthy.start >= bad.end, "{early}: {healthy:?}");
        assert_eq!(
            world.platform.writes().len(),
            1,
            "{early}: {:?}",
            world.asked
        );
    }
}

#[test]
fn a_guard_says_how_far_it_has_learnt() {
    let mut world = World::new();
    let mut said = Vec::new();
    for step in 0..24 {
        for event in world.guard.observe(world.calls(step), at(step + 1)) {
            match event {
                Event::Learning { have, need } => said.push((have, need)),
                Event::Decided { .. } => assert!(step >= 19, "{step}"),
                _ => {}
            }
        }
    }
    let expected: Vec<(u32, u32)> = (1..20).map(|have| (have, 20)).collect();
    assert_eq!(said, expected);
}

/// A world in which `cart` fails half of its calls from some step on, though nothing was released.
fn failing(since: u32, until: u32) -> World {
    let mut world = World::new();
    world.fails = Some(since..until);
    world
}

#[test]
fn a_failure_that_no_change_explains_calls_a_person_once_an_incident() {
    let mut world = failing(RELEASED, 100);
    world.play(0..RELEASED + 12, &[]);
    assert_eq!(world.pages(), [""; 0], "{:?}", world.decided);
    world.play(RELEASED + 12..60, &[]);
    let [page] = world.pages().try_into().unwrap();
    let begin =
        "call a person about service/cart: a person must decide: the verdict is: regressed; risk ";
    assert!(page.starts_with(begin), "{page}");
    assert!(page.ends_with("no change is blamed"), "{page}");
    let bytes = world.guard.to_bytes().unwrap();
    world.guard = Guard::from_bytes(&bytes, params(), 2).unwrap();
    // Healthy for as long as an incident needs to be over, then again.
    world.play(60..300, &[]);
    assert_eq!(world.pages().len(), 1, "{:?}", world.pages());
    assert!(!world.asked.iter().any(Action::changes_service));
    world.fails = Some(300..400);
    world.play(300..360, &[]);
    assert_eq!(world.pages().len(), 2, "{:?}", world.pages());
}

#[test]
fn a_dry_run_asks_whether_a_person_could_be_called_and_calls_nobody() {
    let mut world = failing(RELEASED, 200);
    world.guard = Guard::new(params().mode(Mode::DryRun)).unwrap();
    world.play(0..90, &[]);
    assert_eq!(world.pages().len(), 0);
    assert_eq!(world.dry_pages, 1);
    // Whoever goes on and applies calls: nobody was called yet.
    let bytes = world.guard.to_bytes().unwrap();
    world.guard = Guard::from_bytes(&bytes, params(), 2).unwrap();
    world.play(90..120, &[]);
    assert_eq!(world.pages().len(), 1);
}

#[test]
fn a_person_is_called_once_nothing_was_seen_for_a_while() {
    let mut world = World::new();
    world.play(0..RELEASED, &[]);
    world.is_silent_from = RELEASED;
    world.play(RELEASED..RELEASED + 90, &[]);
    assert_eq!(world.pages(), [""; 0], "{:?}", world.decided);
    world.play(RELEASED + 90..RELEASED + 150, &[]);
    let [page] = world.pages().try_into().unwrap();
    assert!(
        page.contains("nothing can be seen: the verdict is: no data"),
        "{page}"
    );
}

#[test]
fn while_a_rollback_is_under_way_no_person_is_called_for_what_it_may_mend() {
    let mut world = World::new();
    world.play(0..RELEASED + 6, &[(RELEASED, "cart")]);
    world.play(RELEASED + 6..120, &[]);
    assert!(world.platform.holds(&runs("cart", 1)));
    assert_eq!(world.pages(), [""; 0], "{:?}", world.decided);
}

#[test]
fn a_guard_that_learns_is_not_blind_in_silence() {
    let mut world = World::new();
    world.is_silent_from = 8;
    world.play(0..90, &[]);
    assert_eq!(world.pages(), [""; 0], "{:?}", world.decided);
    world.play(90..200, &[]);
    let [page] = world.pages().try_into().unwrap();
    assert!(page.contains("nothing can be seen"), "{page}");
}

#[test]
fn what_comes_back_after_a_rollback_calls_a_person_once() {
    let mut world = World::new();
    world.fails = Some(RELEASED + 40..200);
    world.play(0..RELEASED + 40, &[(RELEASED, "cart")]);
    assert!(world.platform.holds(&runs("cart", 1)));
    assert_eq!(world.pages(), [""; 0], "{:?}", world.decided);
    world.play(RELEASED + 40..RELEASED + 120, &[]);
    assert_eq!(world.pages().len(), 1, "{:?}", world.decided);
    let changes = world.asked.iter().filter(|a| a.changes_service());
    assert_eq!(changes.count(), 1, "{:?}", world.asked);
}

#[test]
fn what_should_be_remedied_and_is_not_calls_a_person() {
    let mut world = failing(RELEASED, 200);
    let policy = PolicyParams::default().remediate(true);
    world.guard = Guard::new(params().policy(policy)).unwrap();
    world.play(0..80, &[]);
    let remedied = |(_, decision): &(u32, Decision)| *decision == Decision::Remediate;
    assert!(world.decided.iter().any(remedied), "{:?}", world.decided);
    assert_eq!(world.pages().len(), 1);
}
