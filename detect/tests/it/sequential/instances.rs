//! Single new instances that receive no calls while others do.

use astern_graph_core::signal::{Assessment, MissingEvidence, Verdict};
use astern_graph_core::{
    Call, ChangeEvent, ChangeKind, ChangePhase, NodeKey, Party, Record, Sample, TemporalGraph,
};
use astern_stats::rng::{ChaCha8Rng, seeded};
use proptest::prelude::*;

use super::{RELEASED, graph, says};
use crate::fixtures::minute;
use crate::traffic::{cart, change};

/// An instance: its name, what it runs in a minute, and the weight by which it receives calls then.
struct Pod<'a> {
    name: &'a str,
    runs: &'a dyn Fn(i64) -> &'static str,
    weight: &'a dyn Fn(i64) -> f64,
}

const OLD: &dyn Fn(i64) -> &'static str = &|_| "v1";
const NEW: &dyn Fn(i64) -> &'static str = &|_| "v2";
const ALWAYS: &dyn Fn(i64) -> f64 = &|_| 1.0;
const RELEASE: &dyn Fn(i64) -> f64 = &|at| f64::from(u8::from(at >= RELEASED));
const NEVER: &dyn Fn(i64) -> f64 = &|_| 0.0;

fn pod<'a>(
    name: &'a str,
    runs: &'a dyn Fn(i64) -> &'static str,
    weight: &'a dyn Fn(i64) -> f64,
) -> Pod<'a> {
    Pod { name, runs, weight }
}

fn call(pod: &Pod<'_>, at: i64) -> Record {
    let instance = NodeKey::instance(pod.name);
    let party = Party::new(cart()).on(instance, (pod.runs)(at).into());
    Call::new(minute(at), party).into()
}

/// So many sessions a minute, each of some calls to one of the instances by their weights.
fn traffic(
    pods: &[Pod<'_>],
    (sessions, calls): (usize, usize),
    until: i64,
    rng: &mut ChaCha8Rng,
) -> Vec<Record> {
    let mut records = Vec::new();
    for at in 0..until {
        let all: f64 = pods.iter().map(|pod| (pod.weight)(at)).sum();
        for _ in 0..sessions {
            let mut left = rng.random::<f64>() * all;
            let chosen = pods.iter().find(|pod| {
                left -= (pod.weight)(at);
                left < 0.0
            });
            let Some(chosen) = chosen else { continue };
            records.extend((0..calls).map(|_| call(chosen, at)));
        }
    }
    records
}

fn started(new: &[&str]) -> ChangeEvent {
    let instances = new.iter().map(|name| NodeKey::instance(*name));
    change(ChangePhase::Started, RELEASED, instances.collect())
}

/// A graph of a release of instances that are announced, at so many calls a minute.
fn released(pods: &[Pod<'_>], announced: &[&str], calls: usize, after: i64) -> Vec<Record> {
    let mut records = traffic(pods, (calls, 1), RELEASED + after, &mut seeded(5, 0));
    records.push(started(announced).into());
    records
}

fn said(records: impl IntoIterator<Item = Record>, after: i64) -> Assessment {
    says(&graph(records), RELEASED + after)
}

/// The instances that are missed: those that never received calls, and those that no longer do.
fn missed(said: &Assessment) -> (Vec<String>, Vec<String>) {
    let (mut never, mut no_longer) = (Vec::new(), Vec::new());
    for missing in &said.missing {
        match missing {
            MissingEvidence::InstanceTraffic { instance, .. } => {
                never.push(instance.name.to_string());
            }
            MissingEvidence::InstanceTelemetry { instance, .. } => {
                no_longer.push(instance.name.to_string());
            }
            _ => {}
        }
    }
    (never, no_longer)
}

const NONE: (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());

#[test]
fn a_new_instance_that_never_serves_beside_others_keeps_the_change_from_being_healthy() {
    let with = |weight, after| {
        let pods = [
            pod("old", OLD, ALWAYS),
            pod("new-0", NEW, RELEASE),
            pod("new-1", NEW, weight),
        ];
        said(released(&pods, &["new-0", "new-1"], 60, after), after)
    };
    let serves = with(RELEASE, 90);
    assert_eq!((serves.verdict, missed(&serves)), (Verdict::Healthy, NONE));
    let silent = with(NEVER, 90);
    assert_eq!(silent.verdict, Verdict::Inconclusive);
    assert_eq!(missed(&silent), (vec!["new-1".to_owned()], Vec::new()));
    let [
        MissingEvidence::InstanceTraffic {
            expected, since, ..
        },
    ] = &silent.missing[..]
    else {
        panic!("{silent}")
    };
    // Its start-up does not count, and it is taken for one that receives a fourth of its neighbour's 30.
    assert_eq!(*since, minute(RELEASED + 2));
    assert!((600.0..720.0).contains(expected), "{silent}");
    assert!(silent.to_string().contains("new-1 receives no calls since"));
    // Nothing is missed while it starts, and it is within minutes.
    assert_eq!(missed(&with(NEVER, 2)), NONE);
    assert_ne!(missed(&with(NEVER, 8)), NONE);
}

#[test]
fn a_new_instance_that_no_longer_serves_is_named_with_the_time_since() {
    let until = |last: i64| move |at: i64| f64::from(u8::from((RELEASED..last).contains(&at)));
    let gone = until(RELEASED + 60);
    let pods = [
        pod("old", OLD, ALWAYS),
        pod("new-0", NEW, RELEASE),
        pod("new-1", NEW, &gone),
    ];
    let records = released(&pods, &["new-0", "new-1"], 60, 90);
    let said = said(records, 90);
    assert_eq!(said.verdict, Verdict::Inconclusive);
    assert_eq!(missed(&said), (Vec::new(), vec!["new-1".to_owned()]));
    let since = minute(RELEASED + 60);
    assert!(
        matches!(&said.missing[..], [MissingEvidence::InstanceTelemetry { since: at, expected, .. }]
            if *at == since && (800.0..1000.0).contains(expected)),
        "{said}"
    );
}

#[test]
fn an_instance_that_was_removed_or_replaced_is_not_missed() {
    let until = |last: i64| move |at: i64| f64::from(u8::from((RELEASED..last).contains(&at)));
    let since = |first: i64| move |at: i64| f64::from(u8::from(at >= first));
    let (gone, came) = (until(RELEASED + 30), since(RELEASED + 30));
    let play = |pods: &[Pod<'_>], more: Option<ChangeEvent>| {
        let records = released(pods, &["new-0", "new-1"], 60, 60);
        missed(&said(records.into_iter().chain(more.map(Into::into)), 60))
    };
    let two = || {
        vec![
            pod("old", OLD, ALWAYS),
            pod("new-0", NEW, RELEASE),
            pod("new-1", NEW, &gone),
        ]
    };
    assert_ne!(play(&two(), None), NONE);
    // It is rolled back.
    let back = change(
        ChangePhase::RolledBack,
        RELEASED + 30,
        vec![NodeKey::instance("new-1")],
    );
    assert_eq!(play(&two(), Some(back)), NONE);
    // Another one that nobody announced has come in its place.
    let mut replaced = two();
    replaced.push(pod("new-2", NEW, &came));
    assert_eq!(play(&replaced, None), NONE);
    // It was there until the other one had started, and not for long beside it.
    for (overlap, is_replaced) in [(2, true), (20, false)] {
        let came = since(RELEASED + 30 - overlap);
        let mut replaced = two();
        replaced.push(pod("new-2", NEW, &came));
        assert_eq!(play(&replaced, None) == NONE, is_replaced, "{overlap}");
    }
    // An announced one is a further one.
    let further = change(
        ChangePhase::Progressed,
        RELEASED + 30,
        vec![NodeKey::instance("new-2")],
    );
    assert_ne!(play(&replaced, Some(further)), NONE);
    // A later release of the service takes its place.
    let mut again = change(ChangePhase::Started, RELEASED + 29, Vec::new());
    (again.id, again.to) = ("cart@v3".into(), "v3".into());
    assert_eq!(play(&two(), Some(again.clone())), NONE);
    // A flag, or the same revision under another id, does not.
    let flag = ChangeKind::FeatureFlag {
        flag: "new-cart".into(),
    };
    assert_ne!(play(&two(), Some(again.clone().by(flag))), NONE);
    assert_ne!(
        play(&two(), Some(again.clone().by(ChangeKind::Config))),
        NONE
    );
    again.to = "v2".into();
    assert_ne!(play(&two(), Some(again)), NONE);
}

#[test]
fn what_stood_by_before_the_change_or_is_not_known_by_instance_is_not_missed() {
    let pods = [
        pod("a", &|at| if at < RELEASED { "v1" } else { "v2" }, ALWAYS),
        pod("b", &|at| if at < RELEASED { "v1" } else { "v2" }, ALWAYS),
    ];
    let standby = |at: i64| {
        let party = Party::new(cart()).on(NodeKey::instance("c"), "v1".into());
        Sample::new(minute(at), party, "cpu", 0.1).into()
    };
    let records = || released(&pods, &["a", "b", "c"], 60, 60);
    assert_eq!(missed(&said(records(), 60)).0, ["c"]);
    let with_standby = records().into_iter().chain((0..RELEASED + 60).map(standby));
    assert_eq!(missed(&said(with_standby, 60)), NONE);
    let without_instances = records().into_iter().map(|record| match record {
        Record::Call(mut call) => {
            call.callee.instance = None;
            Record::Call(call)
        }
        other => other,
    });
    assert_eq!(missed(&said(without_instances, 60)), NONE);
}

#[test]
fn an_instance_that_served_before_it_was_updated_in_place_is_missed_by_its_share() {
    let runs: &dyn Fn(i64) -> &'static str = &|at| if at < RELEASED { "v1" } else { "v2" };
    let last_before = |at: i64| if at < RELEASED { 0.1 } else { 0.0 };
    let pods = [pod("a", runs, ALWAYS), pod("b", runs, &last_before)];
    let records = released(&pods, &["a", "b"], 200, 30);
    let said = said(records, 30);
    assert_eq!(missed(&said).0, ["b"]);
    // A tenth of its neighbour's 200 over 28 minutes, not a fourth.
    assert!(
        matches!(&said.missing[..], [.., MissingEvidence::InstanceTraffic { expected, .. }]
            if (450.0..680.0).contains(expected)),
        "{said}"
    );
}

#[test]
fn few_calls_are_waited_for() {
    let pods = [
        pod("old-0", OLD, ALWAYS),
        pod("old-1", OLD, ALWAYS),
        pod("new-0", NEW, RELEASE),
        pod("new-1", NEW, NEVER),
    ];
    let at_five_a_minute =
        |after| missed(&said(released(&pods, &["new-0", "new-1"], 5, after), after));
    assert_eq!(at_five_a_minute(20), NONE);
    assert_ne!(at_five_a_minute(180), NONE);
}

/// Whether any instance is missed at any look over an hour.
fn is_ever_missed(graph: &TemporalGraph) -> bool {
    (1..=30).any(|look| missed(&says(graph, RELEASED + 2 * look)) != NONE)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn instances_of_unequal_weights_that_all_serve_are_never_missed(
        seed in 0..10_000u64,
        weights in prop::collection::vec(0.06..1.0f64, 4),
        calls in prop::sample::select(vec![(2, 1), (10, 1), (60, 1), (5, 8)]),
    ) {
        let weight = |i: usize, from: i64| {
            let weight = weights[i];
            move |at: i64| if at >= from { weight } else { 0.0 }
        };
        let of: Vec<_> = (0..4).map(|i| weight(i, if i < 2 { 0 } else { RELEASED })).collect();
        let pods = [
            pod("old-0", OLD, &of[0]),
            pod("old-1", OLD, &of[1]),
            pod("new-0", NEW, &of[2]),
            pod("new-1", NEW, &of[3]),
        ];
        let mut records = traffic(&pods, calls, RELEASED + 60, &mut seeded(seed, 0));
        records.push(started(&["new-0", "new-1"]).into());
        prop_assert!(!is_ever_missed(&graph(records)));
    }
}
