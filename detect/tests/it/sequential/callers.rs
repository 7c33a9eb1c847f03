//! Calls that fail for their callers and that nobody answered.

use astern_graph_core::schema::{ERROR_RATE, REQUEST_RATE};
use astern_graph_core::signal::{Assessment, Evidence, Verdict};
use astern_graph_core::{
    Call, CallStatus, ChangePhase, EdgeKind, Link, NodeKey, Party, Record, Sample,
};
use astern_stats::rng::{ChaCha8Rng, seeded};
use rand::RngExt as _;

use super::{RELEASED, graph, says};
use crate::fixtures::minute;
use crate::traffic::{cart, change};

/// What becomes of a call of the shop to the cart: what runs the instance that answers it, and how it ends for the shop.
/// Nobody answers it where there is no revision.
type Answer = (Option<&'static str>, CallStatus);

const LOST: Answer = (None, CallStatus::Error);

fn by(revision: &'static str) -> Answer {
    (Some(revision), CallStatus::Ok)
}

/// Forty calls a minute, each answered as `answer` says by the minutes since the release and which of the forty it is.
fn calls(after: i64, answer: &dyn Fn(i64, u32, &mut ChaCha8Rng) -> Answer) -> Vec<Record> {
    let mut rng = seeded(11, 0);
    let mut records = Vec::new();
    for at in 0..RELEASED + after {
        for i in 0..40 {
            let (revision, status) = answer(at - RELEASED, i, &mut rng);
            let callee = Party::new(cart());
            let callee = match revision {
                Some(revision) => {
                    let instance = NodeKey::instance(format!("cart-{revision}-{}", i % 2));
                    callee.on(instance, revision.into())
                }
                None => callee,
            };
            let call = Call::new(minute(at), callee).from(Party::new(NodeKey::service("shop")));
            records.push(call.ended(status).into());
        }
    }
    records
}

/// A release of all of the cart at once, or a canary of one instance in four.
fn release(is_complete: bool) -> Vec<Record> {
    let new = |i| NodeKey::instance(format!("cart-v2-{i}"));
    let step = |phase, instances| change(phase, RELEASED, instances).into();
    if is_complete {
        let of_all = step(ChangePhase::Started, vec![new(0), new(1)]);
        vec![of_all, step(ChangePhase::Completed, Vec::new())]
    } else {
        vec![step(ChangePhase::Started, vec![new(0)])]
    }
}

fn said(
    is_complete: bool,
    after: i64,
    answer: &dyn Fn(i64, u32, &mut ChaCha8Rng) -> Answer,
) -> Assessment {
    let records = calls(after, answer).into_iter().chain(release(is_complete));
    says(&graph(records), RELEASED + after)
}

/// Whether it is found by what the callers saw.
fn is_by_callers(said: &Assessment) -> bool {
    let of_callers = |evidence: &Evidence| matches!(evidence, Evidence::Fallback { used, .. } if used.contains("callers"));
    let mut anomalies = said.anomalies.iter();
    anomalies.any(|anomaly| anomaly.evidence.iter().any(of_callers))
}

#[test]
fn a_complete_release_that_does_not_answer_is_worse_by_what_its_callers_saw() {
    // It never answers, or no longer after twenty minutes.
    for from in [0, 20] {
        let after = from + 6;
        let said = said(true, after, &|since, _, _| match since {
            ..0 => by("v1"),
            since if since < from => by("v2"),
            _ => LOST,
        });
        assert_eq!(said.verdict, Verdict::Regressed, "{from}: {said}");
        assert!(is_by_callers(&said), "{said}");
        assert!(
            said.anomalies[0].since <= minute(RELEASED + from + 2),
            "{said}"
        );
    }
}

#[test]
fn a_canary_that_does_not_answer_is_worse_by_the_calls_that_it_lost() {
    let said = said(false, 12, &|since, i, _| match (since >= 0, i % 4) {
        (true, 0) => LOST,
        _ => by("v1"),
    });
    assert_eq!(said.verdict, Verdict::Regressed, "{said}");
    assert!(is_by_callers(&said), "{said}");
}

#[test]
fn one_of_two_new_instances_that_loses_its_calls_is_evidence_against_the_change() {
    let said = said(true, 15, &|since, i, _| match (since >= 0, i % 2) {
        (true, 0) => LOST,
        (true, _) => by("v2"),
        (false, _) => by("v1"),
    });
    assert_eq!(said.verdict, Verdict::Regressed, "{said}");
}

#[test]
fn calls_that_nobody_answers_are_not_the_canarys_where_others_are_as_silent_or_it_answers() {
    // Nobody is reached, old or new.
    let cut_off = said(false, 40, &|since, i, _| match (since, i % 4) {
        (30.., _) => LOST,
        (0.., 0) => by("v2"),
        _ => by("v1"),
    });
    assert_eq!(cut_off.verdict, Verdict::NoData, "{cut_off}");
    // Old and new answer alike, and a tenth is lost on the way.
    let lossy = said(false, 120, &|since, i, rng| match (since, i % 4) {
        (0.., _) if rng.random::<f64>() < 0.1 => LOST,
        (0.., 0) => by("v2"),
        _ => by("v1"),
    });
    assert_eq!(lossy.verdict, Verdict::Inconclusive, "{lossy}");
    assert!(lossy.to_string().contains("looks worse"), "{lossy}");
}

#[test]
fn what_was_lost_before_the_change_too_or_heals_is_no_evidence() {
    let always = said(true, 40, &|since, _, rng| match since {
        _ if rng.random::<f64>() < 0.05 => LOST,
        0.. => by("v2"),
        _ => by("v1"),
    });
    assert_ne!(always.verdict, Verdict::Regressed, "{always}");
    let start = said(true, 40, &|since, _, _| match since {
        0..2 => LOST,
        2.. => by("v2"),
        _ => by("v1"),
    });
    assert_ne!(start.verdict, Verdict::Regressed, "{start}");
    // Telemetry stops, for the callers too.
    let records = calls(20, &|since, _, _| by(if since < 0 { "v1" } else { "v2" }));
    let records = records.into_iter().chain(release(true));
    let stopped = says(&graph(records), RELEASED + 30);
    assert_eq!(stopped.verdict, Verdict::NoData, "{stopped}");
}

#[test]
fn failures_that_new_instances_account_for_are_counted_once() {
    let failing = said(true, 15, &|since, _, _| match since {
        0.. => (Some("v2"), CallStatus::Error),
        _ => by("v1"),
    });
    assert_eq!(failing.verdict, Verdict::Regressed);
    assert!(!is_by_callers(&failing), "{failing}");
}

#[test]
fn rates_on_edges_are_the_callers_view_too() {
    let edge = Link::new(NodeKey::service("shop"), cart(), EdgeKind::Calls);
    let mut records = release(true);
    for at in 0..RELEASED + 8 {
        let (is_new, revision) = (at >= RELEASED, if at < RELEASED { "v1" } else { "v2" });
        let own = Party::new(cart()).running(revision.into());
        let lost = f64::from(u8::from(is_new));
        let of_edge = [(REQUEST_RATE, 2.0), (ERROR_RATE, lost)];
        for (metric, value) in of_edge {
            records.push(Sample::new(minute(at), edge.clone(), metric, value).into());
        }
        if !is_new {
            for (metric, value) in [(REQUEST_RATE, 2.0), (ERROR_RATE, 0.0)] {
                records.push(Sample::new(minute(at), own.clone(), metric, value).into());
            }
        }
    }
    let said = says(&graph(records), RELEASED + 8);
    assert_eq!(said.verdict, Verdict::Regressed, "{said}");
    assert!(is_by_callers(&said), "{said}");
}

/// Calls that are lost as before the release, at random, in groups; judged at each of 20 looks.
fn is_ever_regressed(seed: u64, lost: f64, together: u32) -> bool {
    let answer = |since: i64, i: u32, _: &mut ChaCha8Rng| {
        let group = u64::from(i / together);
        let mut rng = seeded(seed, 64 * u64::try_from(since + RELEASED).unwrap() + group);
        match since {
            _ if rng.random::<f64>() < lost => LOST,
            0.. => by("v2"),
            _ => by("v1"),
        }
    };
    let records = calls(40, &answer).into_iter().chain(release(true));
    let graph = graph(records);
    let mut looks = (1..=20).map(|look| says(&graph, RELEASED + 2 * look));
    looks.any(|said| said.verdict == Verdict::Regressed)
}

#[test]
fn calls_that_are_lost_as_before_are_at_no_look_evidence() {
    const RUNS: u64 = 40;
    let of_run = |run: u64| {
        let part = run as f64 / RUNS as f64;
        is_ever_regressed(run, 0.2 * part, 1 + u32::try_from(run % 19).unwrap())
    };
    let regressed: Vec<u64> = (0..RUNS).filter(|run| of_run(*run)).collect();
    assert!(regressed.is_empty(), "{regressed:?}");
}
