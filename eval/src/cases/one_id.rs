//! One id of a pipeline for a release of cart and one of pay, of which that of pay is bad.

use astern_graph_core::Record;

use super::world::{World, serving};
use super::{CaseOutcome, Played, Situation};

const FOUND: &str = "found by attacking the guard";
/// The step of both releases.
const RELEASED: u32 = 24;

/// Plays both releases: the id of pay's, what it is reported to come from, and by how many seconds
/// later than that of cart it is reported.
fn play(id: &str, from: Option<&str>, later: i64) -> Played<CaseOutcome> {
    let mut world = World::of_two(5)?;
    world.play(0..80, |step, traffic, platform| {
        let bad = platform.runs("pay", "pay-2");
        let cart = if platform.runs("cart", "cart-2") {
            "cart-2"
        } else {
            "cart-1"
        };
        let mut instances = serving("cart", cart, false);
        instances.extend(serving("pay", if bad { "pay-2" } else { "pay-1" }, bad));
        let mut records = traffic.calls(step, &instances);
        if step == RELEASED {
            platform.set("cart", "cart-2");
            platform.set("pay", "pay-2");
            let of_cart =
                traffic.completed(step, ("release-42", "cart"), (Some("cart-1"), "cart-2"));
            let mut of_pay = traffic.completed(step, (id, "pay"), (from, "pay-2"));
            let apart = std::time::Duration::from_secs(later.unsigned_abs());
            of_pay.at = if later < 0 {
                of_pay.at.minus(apart)
            } else {
                of_pay.at.plus(apart)
            };
            records.extend([Record::from(of_cart), of_pay.into()]);
        }
        records
    })?;
    let platform = &world.platform;
    let right = platform.runs("pay", "pay-1") && platform.runs("cart", "cart-2");
    Ok(CaseOutcome::new(
        right,
        format!("done: {}", platform.acts().join("; ")),
    ))
}

pub(super) const OWN_IDS: Situation = Situation {
    name: "two-releases-with-ids-of-their-own",
    ids: &["c17b"],
    expected: "only pay goes back",
    source: FOUND,
    play: || play("release-43", Some("pay-1"), 0),
};

pub(super) const ONE_ID: Situation = Situation {
    name: "two-releases-with-one-id",
    ids: &["c17b"],
    expected: "only pay goes back, as with ids of their own",
    source: FOUND,
    play: || play("release-42", Some("pay-1"), 0),
};

pub(super) const BAD_FIRST: Situation = Situation {
    name: "two-releases-with-one-id-bad-one-first",
    ids: &["c17"],
    expected: "only pay goes back, to what its instances ran before",
    source: FOUND,
    play: || play("release-42", None, -1),
};

pub(super) const BAD_LAST: Situation = Situation {
    name: "two-releases-with-one-id-bad-one-last",
    ids: &["c17"],
    expected: "only pay goes back, to what its instances ran before",
    source: FOUND,
    play: || play("release-42", None, 1),
};
