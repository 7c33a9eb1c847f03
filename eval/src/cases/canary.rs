//! One new instance of `cart` beside four old ones, released in minute 65.

use astern::policy::Decision;
use astern_graph_core::signal::Verdict;
use astern_graph_core::{CallStatus, ChangeKind, ChangePhase, Record};

use super::world::{Instance, World, four};
use super::{CaseOutcome, Played, Situation};

/// The minute of the release.
const RELEASED: u32 = 65;

/// Plays so many minutes; `new` is the canary of a minute.
fn canary(
    seed: u64,
    minutes: u32,
    old: impl Fn(Instance) -> Instance,
    new: impl Fn(u32, Instance) -> Instance,
) -> Played<World> {
    let mut world = World::by_minutes(seed)?.running("cart", "v2");
    world.play(0..minutes, |minute, traffic, _| {
        let mut instances: Vec<Instance> = four("cart", 0, "v1").into_iter().map(&old).collect();
        let canary = new(minute, Instance::new("cart", "cart-new", "v2"));
        let mut records: Vec<Record> = Vec::new();
        if minute == RELEASED {
            let reached = (ChangePhase::Started, std::slice::from_ref(&canary));
            let change = traffic.change(minute, ("c2", "cart"), (Some("v1"), "v2"), reached);
            records.push(change.by(ChangeKind::Canary).into());
        }
        if minute >= RELEASED {
            instances.push(canary);
        }
        records.extend(traffic.calls(minute, &instances));
        records
    })?;
    Ok(world)
}

pub(super) const ALL_FAILED: Situation = Situation {
    name: "canary-18-of-18-failed",
    ids: &[],
    expected: "held or rolled back: Fisher's p is below 1e-12 after five failures",
    source: "argoproj/argo-rollouts#3850",
    play: || {
        // One call in three minutes, and every one fails.
        let world = canary(
            4,
            140,
            |old| old.calls(30),
            |minute, new| {
                let calls = u32::from(minute % 3 == 0 && minute < 120);
                new.calls(calls).failing(1.0)
            },
        )?;
        let since = world.seen.decisions.iter().filter(|(m, _)| *m >= RELEASED);
        let other = since
            .filter(|(_, reported)| *reported != Decision::Continue)
            .count();
        Ok(CaseOutcome::new(
            other > 0,
            format!("18 of 18 calls failed, {other} decisions are not `continue`"),
        ))
    },
};

pub(super) const CLIENT_ERRORS: Situation = Situation {
    name: "canary-answers-404",
    ids: &[],
    expected: "never healthy: none of the old answers is a 404, all of the new ones are",
    source: "fluxcd/flagger#8, linkerd/linkerd2#3528, jaegertracing/jaeger#4400",
    play: || {
        let world = canary(
            5,
            95,
            |old| old,
            |_, new| new.failing(1.0).by(CallStatus::ClientError),
        )?;
        let of_change = world
            .seen
            .verdicts
            .iter()
            .filter(|(_, change, _)| change.is_some());
        let healthy = of_change
            .filter(|(.., verdict)| *verdict == Verdict::Healthy)
            .count();
        let acted = !world.platform.acts().is_empty();
        Ok(CaseOutcome::new(
            healthy == 0 || acted,
            format!("the change is healthy in {healthy} minutes"),
        ))
    },
};

pub(super) const WITHOUT_CALLS: Situation = Situation {
    name: "canary-without-traffic",
    ids: &[],
    expected: "held: a canary that nobody calls is not seen at all",
    source: "fluxcd/flagger#1035, argoproj/argo-rollouts#1466",
    play: || {
        let world = canary(3, 95, |old| old.calls(30), |_, new| new.calls(0))?;
        let go_on = world.seen.decided(RELEASED + 2, Decision::Continue);
        Ok(CaseOutcome::new(
            go_on == 0,
            format!("{go_on} of 28 minutes say `continue`"),
        ))
    },
};

pub(super) const SLOW_FIRST_MINUTE: Situation = Situation {
    name: "slow-first-minute",
    ids: &[],
    expected: "nothing is done about one minute of a cold start",
    source: "spinnaker/spinnaker#6278",
    play: || {
        let world = canary(
            42,
            75,
            |old| old,
            |minute, new| new.ms(if minute == RELEASED { 60.0 } else { 20.0 }),
        )?;
        Ok(nothing_done(&world))
    },
};

pub(super) const TINY_LATENCY: Situation = Situation {
    name: "tiny-latency",
    ids: &[],
    expected: "nothing is done about 0.1 ms, which is below the detector's noise floor of 0.5 ms",
    source: "spinnaker/kayenta#674",
    play: || {
        Ok(nothing_done(&canary(
            6,
            95,
            |old| old.ms(0.2),
            |_, new| new.ms(0.3),
        )?))
    },
};

pub(super) const BASELINE_WITHOUT_CALLS: Situation = Situation {
    name: "baseline-without-traffic",
    ids: &["ok-baseline-without-traffic"],
    expected: "rolled back although no old instance gets calls any more",
    source: "spinnaker/kayenta#799",
    play: || {
        let mut world = World::by_minutes(45)?.running("cart", "v2");
        world.play(0..75, |minute, traffic, _| {
            if minute < RELEASED {
                let old: Vec<_> = four("cart", 0, "v1")
                    .into_iter()
                    .map(|i| i.calls(30))
                    .collect();
                return traffic.calls(minute, &old);
            }
            let new = [Instance::new("cart", "cart-new", "v2")
                .calls(120)
                .failing(0.05)];
            let mut records = traffic.calls(minute, &new);
            if minute == RELEASED {
                let started = (ChangePhase::Started, &new[..]);
                let change = traffic.change(minute, ("c2", "cart"), (Some("v1"), "v2"), started);
                records.push(change.by(ChangeKind::Canary).into());
            }
            records
        })?;
        let planned = world.seen.planned();
        let seen = format!("plans are made in minutes {planned:?}");
        Ok(CaseOutcome::new(!planned.is_empty(), seen))
    },
};

fn nothing_done(world: &World) -> CaseOutcome {
    let (acts, planned) = (world.platform.acts(), world.seen.planned());
    let seen = format!(
        "{} actions; plans are made in minutes {planned:?}",
        acts.len()
    );
    CaseOutcome::new(acts.is_empty(), seen)
}
