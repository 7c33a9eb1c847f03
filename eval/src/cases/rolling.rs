//! Rolling releases of `cart` in minute 65, all instances at once.

use astern::policy::RunState;
use astern_graph_core::{ChangeEvent, ChangeKind, ChangePhase, NodeKey, Record};

use super::world::{Instance, Platform, Traffic, World, four};
use super::{CaseOutcome, Situation};

/// The minute of the first release.
const RELEASED: u32 = 65;
/// Share of calls that a bad revision fails.
const BAD: f64 = 0.4;

fn failing(instances: Vec<Instance>, share: f64) -> Vec<Instance> {
    let each = instances.into_iter();
    each.map(|i| i.calls(30).failing(share)).collect()
}

fn rolling(
    traffic: &Traffic,
    minute: u32,
    id: &str,
    (from, to): (&str, &str),
    (phase, reached): (ChangePhase, &[Instance]),
) -> Record {
    let revisions = (Some(from), to);
    let change: ChangeEvent = traffic.change(minute, (id, "cart"), revisions, (phase, reached));
    change.by(ChangeKind::Rolling).into()
}

pub(super) const TWO_RELEASES: Situation = Situation {
    name: "two-releases-one-bad",
    ids: &["ok-two-releases-one-bad"],
    expected: "of two releases in one minute only the bad one is undone",
    source: "argoproj/argo-rollouts#1852",
    play: || {
        let mut world = World::by_minutes(43)?.running("cart", "v1");
        world.play(0..80, |minute, traffic, platform| {
            if minute == RELEASED {
                platform.set("cart", "v2");
                platform.set("web", "w2");
            }
            let instances = match (platform.runs("cart", "v2"), minute < RELEASED) {
                (true, _) => failing(four("cart", 1, "v2"), BAD),
                (false, true) => failing(four("cart", 0, "v1"), 0.0),
                (false, false) => failing(four("cart", 2, "v1"), 0.0),
            };
            let mut records = traffic.calls(minute, &instances);
            if minute == RELEASED {
                let all = (ChangePhase::Completed, &instances[..]);
                records.push(rolling(traffic, minute, "r2", ("v1", "v2"), all));
                let of_web = traffic.change(
                    minute,
                    ("w2", "web"),
                    (Some("w1"), "w2"),
                    (ChangePhase::Completed, &[]),
                );
                let web = vec![NodeKey::instance("web-1")];
                records.push(of_web.reached(ChangePhase::Completed, web).into());
            }
            records
        })?;
        let right = world.platform.runs("cart", "v1") && world.platform.runs("web", "w2");
        Ok(CaseOutcome::new(right, done(&world.platform)))
    },
};

pub(super) const TO_A_BAD_REVISION: Situation = Situation {
    name: "rolled-back-to-a-bad-revision",
    ids: &[],
    expected: "back to v1, or a person: the guard itself rolled v2 back 24 minutes before",
    source: "argoproj/argo-rollouts#1690, #1372",
    play: || {
        let mut world = World::by_minutes(32)?.running("cart", "v1");
        let mut reported = false;
        world.play(0..110, |minute, traffic, platform| {
            match minute {
                RELEASED => platform.set("cart", "v2"),
                90 => platform.set("cart", "v3"),
                _ => {}
            }
            let (runs_v1, runs_v2) = (platform.runs("cart", "v1"), platform.runs("cart", "v2"));
            let instances = match minute {
                0..RELEASED => failing(four("cart", 0, "v1"), 0.0),
                _ if runs_v1 => failing(four("cart", 2, "v1"), 0.0),
                _ if runs_v2 => failing(four("cart", 1 + 3 * u32::from(minute >= 90), "v2"), BAD),
                _ => failing(four("cart", 3, "v3"), BAD),
            };
            let mut records = traffic.calls(minute, &instances);
            let all = (ChangePhase::Completed, &instances[..]);
            if minute == RELEASED {
                records.push(rolling(traffic, minute, "r2", ("v1", "v2"), all));
            }
            if minute > RELEASED && runs_v1 && !reported {
                reported = true;
                let undone = (ChangePhase::RolledBack, &four("cart", 1, "v2")[..]);
                records.push(rolling(traffic, minute, "r2", ("v1", "v2"), undone));
            }
            if minute == 90 {
                // The pipeline names the revision that it shipped before, not the one that ran.
                records.push(rolling(traffic, minute, "r3", ("v2", "v3"), all));
            }
            records
        })?;
        let acts = world.platform.acts();
        let right = !acts.iter().any(|act| act.ends_with("to revision v2"));
        Ok(CaseOutcome::new(right, done(&world.platform)))
    },
};

pub(super) const OLD_TELEMETRY: Situation = Situation {
    name: "verified-by-old-telemetry",
    ids: &[],
    expected: "the rollback does not succeed: the error rate never comes back",
    source: "dtzp555-max/ocp#274, manavgup/wikimind#595",
    play: || {
        // A dependency breaks in the minute after the release; going back does not help.
        let mut world = World::by_minutes(31)?.running("cart", "v1");
        world.play(0..100, |minute, traffic, platform| {
            if minute == RELEASED {
                platform.set("cart", "v2");
            }
            let broken = if minute > RELEASED { BAD } else { 0.0 };
            let instances = match (minute < RELEASED, platform.runs("cart", "v2")) {
                (true, _) => four("cart", 0, "v1"),
                (false, true) => four("cart", 1, "v2"),
                (false, false) => four("cart", 2, "v1"),
            };
            let instances = failing(instances, broken);
            let mut records = traffic.calls(minute, &instances);
            if minute == RELEASED {
                let all = (ChangePhase::Completed, &instances[..]);
                records.push(rolling(traffic, minute, "r2", ("v1", "v2"), all));
            }
            records
        })?;
        let ends = &world.seen.ends;
        let succeeded = ends.iter().any(|(_, state)| *state == RunState::Succeeded);
        let states: Vec<_> = ends
            .iter()
            .map(|(m, state)| format!("{state} in minute {m}"))
            .collect();
        Ok(CaseOutcome::new(
            !succeeded,
            format!("runs: {}", states.join(", ")),
        ))
    },
};

pub(super) const RETRY: Situation = Situation {
    name: "retry-judged-by-first-try",
    ids: &[],
    expected: "a good retry is judged by its own calls, not by those of the bad first try",
    source: "argoproj/argo-rollouts#3120, #841",
    play: || {
        // Seeds in which a person aborts the first try before the guard acts on it.
        let mut wrong = Vec::new();
        for seed in [1, 3, 6] {
            let mut world = World::by_minutes(seed)?.running("cart", "v1");
            world.play(0..125, |minute, traffic, platform| {
                match minute {
                    RELEASED | 90 => platform.set("cart", "v2"),
                    69 => platform.set("cart", "v1"),
                    _ => {}
                }
                let first = (RELEASED..69).contains(&minute);
                let second = minute >= 90 && platform.runs("cart", "v2");
                let new =
                    Instance::new("cart", "cart-new", "v2").failing(if first { 0.04 } else { 0.0 });
                let mut instances = four("cart", 0, "v1");
                if first || second {
                    instances.push(new.clone());
                }
                let mut records = traffic.calls(minute, &instances);
                let phase = match minute {
                    RELEASED | 90 => Some(ChangePhase::Started),
                    69 => Some(ChangePhase::RolledBack),
                    _ => None,
                };
                if let Some(phase) = phase {
                    let of = (phase, std::slice::from_ref(&new));
                    let change = traffic.change(minute, ("c2", "cart"), (Some("v1"), "v2"), of);
                    records.push(change.by(ChangeKind::Canary).into());
                }
                records
            })?;
            let planned = world.seen.planned().into_iter();
            wrong.extend(planned.filter(|minute| *minute >= 90));
        }
        let seen = format!("the good retry is rolled back in minutes {wrong:?}");
        Ok(CaseOutcome::new(wrong.is_empty(), seen))
    },
};

fn done(platform: &Platform) -> String {
    format!("done: {}", platform.acts().join("; "))
}
