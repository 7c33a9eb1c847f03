//! Pods that come and go, names and lists without end, and parameters at their bounds.

use astern::{Guard, GuardParams};
use astern_graph_core::signal::Verdict;
use astern_graph_core::{
    Call, ChangeEvent, ChangePhase, GraphBuilder, GraphParams, NodeKey, Party, Record,
};

use super::plans::MADE;
use super::world::{Instance, SHORT_STEP, World, four, learning_from, serving, short};
use super::{CaseOutcome, Played, Situation};

const FOUND: &str = "found by attacking the limits";

/// A world of short steps whose graph keeps `steps` of them and `nodes` nodes.
fn world(steps: u32, nodes: u32) -> Played<World> {
    let graph = GraphParams::default()
        .step(SHORT_STEP)
        .retention_steps(steps)
        .nodes_max(nodes)
        .metrics_max(256);
    World::with(short().graph(graph), SHORT_STEP, 11)
}

pub(super) const CHURN: Situation = Situation {
    name: "pods-renewed-for-hours",
    ids: &["c10"],
    expected: "calls of new pods count, although more pods have come and gone than nodes are kept",
    source: FOUND,
    play: || {
        // Two services of four pods, all new every minute: 400 pods in the steps that are kept.
        let mut world = world(300, 200)?;
        world.play(0..450, |step, traffic, _| {
            let pods = ["cart", "pay"].map(|service| four(service, step / 6, "v1"));
            let pods: Vec<Instance> = pods.into_iter().flatten().map(|pod| pod.calls(2)).collect();
            traffic.calls(step, &pods)
        })?;
        let report = &world.seen.ingest;
        let (dropped, all) = (report.over_limit, report.total());
        let seen = format!("{dropped} of {all} records are dropped over the limit");
        Ok(CaseOutcome::new(dropped == 0, seen))
    },
};

/// A bad release after more than an hour of pods that live for 40 s.
fn bad_release(nodes: u32) -> Played<CaseOutcome> {
    const RELEASED: u32 = 420;
    let mut world = world(2_000, nodes)?.running("cart", "v2");
    world.play(0..460, |step, traffic, _| {
        let bad = step >= RELEASED;
        let (revision, share) = if bad { ("v2", 0.5) } else { ("v1", 0.0) };
        let pods = four("cart", step / 4, revision).into_iter();
        let pods: Vec<Instance> = pods.map(|pod| pod.calls(20).failing(share)).collect();
        let mut records = traffic.calls(step, &pods);
        if step == RELEASED {
            let all = (ChangePhase::Completed, &pods[..]);
            let change = traffic.change(step, ("c2", "cart"), (Some("v1"), "v2"), all);
            records.push(change.into());
        }
        records
    })?;
    let verdicts = world
        .seen
        .verdicts
        .iter()
        .filter(|(step, ..)| *step >= RELEASED);
    let regressed = verdicts.filter(|(.., v)| *v == Verdict::Regressed).count();
    let planned = world.seen.plans.len();
    let seen = format!("{regressed} verdicts of a regression, {planned} plans");
    Ok(CaseOutcome::new(planned > 0, seen))
}

pub(super) const BAD_BELOW_LIMIT: Situation = Situation {
    name: "bad-release-on-new-pods",
    ids: &["c21"],
    expected: "rolled back",
    source: FOUND,
    play: || bad_release(100_000),
};

pub(super) const BAD_OVER_LIMIT: Situation = Situation {
    name: "bad-release-on-new-pods-over-the-limit",
    ids: &["c21"],
    expected: "rolled back, although more pods have come and gone than nodes are kept",
    source: FOUND,
    play: || bad_release(300),
};

/// Whether records of so many bytes in all are held to a tenth of it.
fn held(records: impl IntoIterator<Item = Record>, bytes: usize) -> Played<CaseOutcome> {
    let mut builder = GraphBuilder::new(GraphParams::default())?;
    let report = builder.extend(records);
    let held = builder.to_bytes()?.len();
    let (bytes, held, accepted) = (bytes / 1_000, held / 1_000, report.accepted);
    let seen = format!("{accepted} records of {bytes} kB are held in {held} kB");
    Ok(CaseOutcome::new(held < bytes / 10, seen))
}

pub(super) const LONG_NAMES: Situation = Situation {
    name: "names-of-a-megabyte",
    ids: &["c12"],
    expected: "a name has a greatest length: 20 names of 1 MB are not held whole",
    source: FOUND,
    play: || {
        let long = "x".repeat(1_000_000);
        let call = |i| Call::new(MADE, Party::new(NodeKey::service(format!("{i}{long}")))).into();
        held((0..20).map(call), 20_000_000)
    },
};

pub(super) const LONG_LISTS: Situation = Situation {
    name: "changes-of-ten-thousand-instances",
    ids: &["c12"],
    expected: "a change names so many instances at most: 100 lists of 10,000 are not held whole",
    source: FOUND,
    play: || {
        let instance = |i| NodeKey::instance(format!("cart-{i:05}"));
        let instances: Vec<NodeKey> = (0..10_000).map(instance).collect();
        let change = |i| {
            let (id, cart) = (format!("c{i}"), NodeKey::service("cart"));
            let change = ChangeEvent::new(id.as_str(), MADE, cart, None, "v2".into());
            change
                .reached(ChangePhase::Progressed, instances.clone())
                .into()
        };
        held((0..100).map(change), 100 * 10_000 * "cart-00000".len())
    },
};

pub(super) const FEW_HEALTHY_STEPS: Situation = Situation {
    name: "few-healthy-steps",
    ids: &["c15", "c15b"],
    expected: "a baseline is learnt with every `healthy_steps` that is accepted",
    source: FOUND,
    play: || {
        let mut never = Vec::new();
        for healthy in 6..=20 {
            let params = short()
                .healthy_steps(healthy)
                .memory_steps(3)
                .detectors([("robust_z", learning_from(6))]);
            if !learns(params)? {
                never.push(healthy);
            }
        }
        Ok(CaseOutcome::new(
            never.is_empty(),
            format!("never learnt with {never:?}"),
        ))
    },
};

/// Whether a baseline is learnt from complete telemetry; parameters may be refused instead.
fn learns(params: GuardParams) -> Played<bool> {
    if Guard::new(params.clone()).is_err() {
        return Ok(true);
    }
    let mut world = World::with(params, SHORT_STEP, 1)?;
    world.play(0..60, |step, traffic, _| {
        traffic.calls(step, &serving("cart", "v1", false))
    })?;
    Ok(world.guard.healthy_range().is_some())
}
