//! Situations of releases, each with the right verdict.

use astern_detect::release::{AnyReleaseJudge, ReleaseJudge as _};
use astern_graph_core::signal::{Assessment, Evidence, MissingEvidence, Verdict};
use astern_graph_core::{
    CallStatus, ChangeEvent, ChangeKind, ChangePhase, NodeKey, PlannedShare, Record, Schedule,
    TrafficShare,
};
use astern_stats::rng::ChaCha8Rng;
use proptest::prelude::*;

use super::{Drawn, RELEASED, World, batches, graph, judge, same, says, world};
use crate::fixtures::{minute, minutes};
use crate::traffic::{change, judged};

#[test]
fn ordinary_releases_have_the_right_verdict() {
    use Verdict::{Healthy, Inconclusive, NoData, Regressed};
    type New = Box<dyn Fn(i64, &mut ChaCha8Rng, Drawn) -> Option<Drawn>>;
    let slower = |by: f64| -> New { Box::new(move |_, _, (ms, status)| Some((by * ms, status))) };
    let ends = |share: f64, status| -> New {
        Box::new(move |_, rng, (ms, before)| {
            let hit = rng.random::<f64>() < share;
            Some((ms, if hit { status } else { before }))
        })
    };
    let from = |minute: i64, then: New| -> New {
        Box::new(move |since, rng, drawn| {
            if since < minute {
                Some(drawn)
            } else {
                then(since, rng, drawn)
            }
        })
    };
    let until = |minute: i64, then: New| -> New {
        Box::new(move |since, rng, drawn| {
            if since >= minute {
                Some(drawn)
            } else {
                then(since, rng, drawn)
            }
        })
    };
    let unseen = || -> New { Box::new(|_, _, _| None) };
    let alike = || -> New { Box::new(same) };
    for (name, of_new, after, expected) in [
        ("alike", alike(), 180, Healthy),
        ("alike, too early to say", alike(), 5, Inconclusive),
        ("3 % slower", slower(1.03), 180, Healthy),
        ("5 times slower", slower(5.0), 4, Regressed),
        (
            "every call fails",
            ends(1.0, CallStatus::Error),
            4,
            Regressed,
        ),
        (
            "every call is refused",
            ends(1.0, CallStatus::ClientError),
            4,
            Regressed,
        ),
        ("a fifth fails", ends(0.2, CallStatus::Error), 12, Regressed),
        ("a slow start", until(2, slower(5.0)), 20, Inconclusive),
        (
            "a failing start",
            until(2, ends(1.0, CallStatus::Error)),
            20,
            Inconclusive,
        ),
        (
            "an hour later",
            from(60, ends(0.2, CallStatus::Error)),
            72,
            Regressed,
        ),
        ("no call ever", unseen(), 5, NoData),
        ("telemetry stops", from(20, unseen()), 30, NoData),
    ] {
        let said = world(&of_new, after);
        assert_eq!(said.verdict, expected, "{name}: {said}");
        assert_eq!(
            said.missing.is_empty(),
            matches!(expected, Healthy | Regressed),
            "{name}"
        );
    }
}

#[test]
fn a_histogram_is_judged_at_its_bounds_and_says_so() {
    let bounds_ms = [
        5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 5_000.0, 10_000.0,
    ];
    let play = |since: i64, of_new: &dyn Fn(i64, &mut ChaCha8Rng, Drawn) -> Option<Drawn>| {
        let until = RELEASED + since;
        let world = World {
            old: 40,
            new: 10,
            until,
            of_new,
        };
        says(&graph(batches(world.records(1), &bounds_ms)), until)
    };
    let ends = |status| move |_: i64, _: &mut ChaCha8Rng, (ms, _): Drawn| Some((ms, status));
    let slower =
        |by: f64| move |_: i64, _: &mut ChaCha8Rng, (ms, status): Drawn| Some((by * ms, status));
    assert_eq!(play(180, &same).verdict, Verdict::Healthy);
    assert_eq!(play(5, &same).verdict, Verdict::Inconclusive);
    assert_eq!(play(5, &|_, _, _| None).verdict, Verdict::NoData);
    for status in [CallStatus::Error, CallStatus::ClientError] {
        assert_eq!(play(4, &ends(status)).verdict, Verdict::Regressed);
    }
    let slow = play(6, &slower(5.0));
    assert_eq!(slow.verdict, Verdict::Regressed, "{slow}");
    let is_stated = |e: &Evidence| matches!(e, Evidence::Fallback { used, .. } if used.contains("between bounds"));
    assert!(slow.anomalies[0].evidence.iter().any(is_stated), "{slow}");
    // A twentieth of the calls takes longer than the last bound: how much longer is not seen.
    let short = says(
        &graph(batches(
            World {
                old: 40,
                new: 10,
                until: RELEASED + 180,
                of_new: &same,
            }
            .records(1),
            &[25.0, 100.0],
        )),
        RELEASED + 180,
    );
    assert_eq!(short.verdict, Verdict::Inconclusive);
    let beyond = |missing: &MissingEvidence| matches!(missing, MissingEvidence::Bounds { .. });
    assert!(short.missing.iter().any(beyond), "{short}");
    // Next to no call crosses a bound.
    assert_eq!(play(180, &slower(1.03)).verdict, Verdict::Healthy);
}

#[test]
fn what_is_missing_is_named() {
    let early = world(&same, 5);
    let of_failures = early.missing.iter().find_map(|missing| match missing {
        MissingEvidence::Calls {
            metric,
            have,
            need,
            steps,
        } if metric.as_str() == "error_rate" => Some((*have, *need, *steps)),
        _ => None,
    });
    // 30 calls after two minutes of start-up; 1 % of failures is ruled out by 299 without one, ten a minute.
    let (have, need, steps) = of_failures.unwrap();
    assert!(
        have == 30 && need.is_some_and(|need| (299..400).contains(&need)),
        "{early}"
    );
    assert!(
        steps.is_some_and(|steps| (27..37).contains(&steps)),
        "{early}"
    );
    // Two minutes after the release nothing but the start-up has been seen.
    for minutes in [1, 2] {
        let starting = world(&same, minutes);
        assert!(
            matches!(starting.missing[..], [MissingEvidence::StartUp { .. }]),
            "{starting}"
        );
    }
    let never = world(&|_, _, _| None, 5);
    assert!(
        matches!(never.missing[..], [MissingEvidence::Traffic { expected, .. }] if expected > 30.0),
        "{never}"
    );
    let stopped = world(&|since, _, drawn| (since < 20).then_some(drawn), 30);
    let since = minute(RELEASED + 20);
    assert_eq!(stopped.missing, [MissingEvidence::Telemetry { since }]);
}

#[test]
fn an_announced_share_without_calls_is_no_data_and_none_announced_is_not() {
    let announced = |percent| {
        let share = TrafficShare::percent(percent).unwrap();
        without_calls(canary().carrying(share))
    };
    assert!(matches!(
        announced(20).missing[..],
        [MissingEvidence::Traffic { .. }]
    ));
    assert_eq!(announced(0).missing, [MissingEvidence::NewSide]);
    assert_eq!(announced(0).verdict, Verdict::NoData);
}

#[test]
fn a_share_that_is_scheduled_is_expected_from_its_time_on() {
    let scheduled = |after: i64| {
        let stage = |minute_: i64, percent| {
            let share = TrafficShare::percent(percent).unwrap();
            PlannedShare::new(minute(RELEASED + minute_), share)
        };
        let schedule = Schedule::new([stage(0, 0), stage(after, 20)]).unwrap();
        without_calls(canary().scheduled(schedule))
    };
    let since = minute(RELEASED + 5);
    assert!(
        matches!(
            scheduled(5).missing[..],
            [MissingEvidence::Traffic { since: from, .. }] if from <= since
        ),
        "{}",
        scheduled(5)
    );
    assert_eq!(scheduled(20).missing, [MissingEvidence::NewSide]);
}

fn canary() -> ChangeEvent {
    change(ChangePhase::Started, RELEASED, Vec::new()).by(ChangeKind::Canary)
}

/// What is judged of a canary ten minutes after it began, where it received nothing so far.
fn without_calls(canary: ChangeEvent) -> Assessment {
    let quiet = World {
        old: 40,
        new: 0,
        until: RELEASED + 10,
        of_new: &same,
    };
    let records = quiet.records(1).into_iter().skip(1);
    let graph = graph(records.chain([canary.into()]));
    judged(&judge(), &graph, RELEASED + 10, minutes(0, RELEASED))
}

#[test]
fn without_an_old_side_the_time_before_stands_in_and_says_so() {
    let replaced = |fails: bool, of_new: &dyn Fn(Drawn) -> Drawn| {
        let full = World {
            old: 40,
            new: 40,
            until: RELEASED + 15,
            of_new: &|_, _, drawn| Some(of_new(drawn)),
        };
        let is_kept = |record: &Record| match record {
            Record::Call(call) => {
                call.at < minute(RELEASED) || call.callee.revision == Some("v2".into())
            }
            _ => true,
        };
        let said = says(
            &graph(full.records(2).into_iter().filter(is_kept)),
            RELEASED + 15,
        );
        assert_eq!(said.verdict == Verdict::Regressed, fails, "{said}");
        said
    };
    replaced(false, &|drawn| drawn);
    let failing = replaced(true, &|(ms, _)| (ms, CallStatus::Error));
    let is_fallback = |evidence: &Evidence| matches!(evidence, Evidence::Fallback { .. });
    assert!(failing.anomalies[0].evidence.iter().any(is_fallback));
}

#[test]
fn an_instance_that_is_gone_before_it_has_started_counts() {
    // A crash loop: each new instance fails for a minute and is replaced by the next one.
    let crashing = World {
        old: 40,
        new: 10,
        until: RELEASED + 8,
        of_new: &|_, _, (ms, _)| Some((ms, CallStatus::Error)),
    };
    let renamed = crashing.records(3).into_iter().map(|record| match record {
        Record::Call(mut call) if call.callee.revision == Some("v2".into()) => {
            let name = format!("cart-new-{}", call.at.nanos() / 60_000_000_000);
            call.callee.instance = Some(NodeKey::instance(name));
            Record::Call(call)
        }
        other => other,
    });
    let said = says(&graph(renamed), RELEASED + 8);
    assert_eq!(said.verdict, Verdict::Regressed, "{said}");
}

#[test]
fn what_has_healed_is_not_regressed_for_ever() {
    let spell = |since: i64, _: &mut ChaCha8Rng, (ms, status)| {
        Some((
            ms,
            if (20..25).contains(&since) {
                CallStatus::Error
            } else {
                status
            },
        ))
    };
    assert_eq!(world(&spell, 25).verdict, Verdict::Regressed);
    assert_ne!(world(&spell, 80).verdict, Verdict::Regressed);
}

#[test]
fn one_failure_among_many_calls_does_not_keep_a_release_from_being_healthy() {
    let once = |since: i64, rng: &mut ChaCha8Rng, (ms, status)| {
        let fails = since == 50 && rng.random::<f64>() < 0.1;
        Some((ms, if fails { CallStatus::Error } else { status }))
    };
    assert_eq!(world(&once, 240).verdict, Verdict::Healthy);
}

#[test]
fn a_service_that_has_become_faster_since_the_baseline_is_compared_with_itself() {
    // Both sides take a tenth of what they took while healthy; the new one is five times slower than the old one.
    let faster = World {
        old: 40,
        new: 10,
        until: RELEASED + 12,
        of_new: &|_, _, (ms, status)| Some((5.0 * ms, status)),
    };
    let records = faster.records(6).into_iter().map(|record| match record {
        Record::Call(mut call) if call.at >= minute(RELEASED) => {
            call.server = call.server.map(|took| took / 10);
            Record::Call(call)
        }
        other => other,
    });
    let said = says(&graph(records), RELEASED + 12);
    assert_eq!(said.verdict, Verdict::Regressed, "{said}");
}

#[test]
fn a_later_release_is_no_measure_of_this_one() {
    // Both v1 and v2 fail 5 %; v3 mends that on the instances beside v2.
    let fails = |record: Record, i: usize| match record {
        Record::Call(call) if i.is_multiple_of(20) => call.ended(CallStatus::Error).into(),
        other => other,
    };
    let full = World {
        old: 40,
        new: 40,
        until: RELEASED + 30,
        of_new: &same,
    };
    let mended = RELEASED + 10;
    let records = full
        .records(7)
        .into_iter()
        .enumerate()
        .filter_map(|(i, record)| match record {
            Record::Call(mut call)
                if call.callee.revision == Some("v1".into()) && call.at >= minute(RELEASED) =>
            {
                // All of v1 is replaced at once, and a part of v2 by v3 later.
                (call.at >= minute(mended)).then(|| {
                    call.callee.revision = Some("v3".into());
                    call.callee.instance = Some(NodeKey::instance("cart-mended"));
                    Record::Call(call)
                })
            }
            other => Some(fails(other, i)),
        });
    let said = says(&graph(records), RELEASED + 30);
    assert_ne!(said.verdict, Verdict::Regressed, "{said}");
}

#[test]
fn what_a_later_release_has_replaced_is_not_missed() {
    let replaced = |by: Option<&'static str>| {
        let canary = World {
            old: 40,
            new: 10,
            until: RELEASED + 30,
            of_new: &same,
        };
        let records = canary
            .records(9)
            .into_iter()
            .filter_map(|record| match record {
                Record::Call(mut call)
                    if call.callee.revision == Some("v2".into())
                        && call.at >= minute(RELEASED + 20) =>
                {
                    // What takes the place fails every call, which is no fault of what it replaces.
                    call.callee.instance = Some(NodeKey::instance(by?));
                    call.callee.revision = Some("v3".into());
                    Some(Record::Call(call.ended(CallStatus::Error)))
                }
                other => Some(other),
            });
        says(&graph(records), RELEASED + 30).verdict
    };
    assert_eq!(replaced(None), Verdict::NoData);
    for instance in ["cart-new", "cart-newer"] {
        assert_eq!(
            replaced(Some(instance)),
            Verdict::Inconclusive,
            "{instance}"
        );
    }
}

#[test]
fn versions_are_compared_where_no_instance_is_known() {
    let failing = World {
        old: 40,
        new: 10,
        until: RELEASED + 6,
        of_new: &|_, _, (ms, _)| Some((ms, CallStatus::Error)),
    };
    let records = failing
        .records(8)
        .into_iter()
        .skip(1)
        .map(|record| match record {
            Record::Call(mut call) => {
                call.callee.instance = None;
                Record::Call(call)
            }
            other => other,
        });
    let canary = change(ChangePhase::Started, RELEASED, Vec::new());
    let said = says(&graph(records.chain([canary.into()])), RELEASED + 6);
    assert_eq!(said.verdict, Verdict::Regressed, "{said}");
}

#[test]
fn a_flag_reaches_the_service_as_a_whole() {
    let flagged = |failing: bool| {
        let all = World {
            old: 40,
            new: 0,
            until: RELEASED + 15,
            of_new: &same,
        };
        let flag = ChangeKind::FeatureFlag {
            flag: "new-price".into(),
        };
        let on: ChangeEvent = change(ChangePhase::Completed, RELEASED, Vec::new()).by(flag);
        let records = all
            .records(4)
            .into_iter()
            .skip(1)
            .map(|record| match record {
                Record::Call(call) if failing && call.at >= minute(RELEASED) => {
                    call.ended(CallStatus::Error).into()
                }
                other => other,
            });
        let graph = graph(records.chain([on.clone().into()]));
        let (range, healthy) = (minutes(RELEASED, RELEASED + 15), minutes(0, RELEASED));
        judge().judge(&graph, &on, range, healthy).unwrap().verdict
    };
    assert_eq!(flagged(true), Verdict::Regressed);
    assert_ne!(flagged(false), Verdict::Regressed);
}

#[test]
fn a_regression_keeps_that_the_new_side_has_fallen_silent() {
    let said = world(
        &|since, rng, (ms, _)| {
            let failed = rng.random::<f64>() < 0.5;
            let status = [CallStatus::Ok, CallStatus::Error][usize::from(failed)];
            (since < 20).then_some((ms, status))
        },
        60,
    );
    assert_eq!(said.verdict, Verdict::Regressed);
    let [MissingEvidence::Telemetry { since }] = said.missing[..] else {
        panic!("{said}")
    };
    assert_eq!(since, minute(RELEASED + 20));
}

/// How many of twenty releases are found worse at the end of the stages that they had, where these were stated beforehand and
/// where they were not, beside so many others that are healthy: `calls` a minute on each side, of which some fail, and all take so
/// many times as long.
fn found_worse(calls: i64, failing: f64, times: f64, others: usize) -> [usize; 2] {
    let stage = |after: i64, percent| {
        let share = TrafficShare::percent(percent).unwrap();
        PlannedShare::new(minute(RELEASED + after), share)
    };
    let stages = [stage(0, 50), stage(10, 50), stage(20, 50), stage(40, 100)];
    let schedule = Schedule::new(stages).unwrap();
    let is_worse = |seed: u64, is_stated: bool| {
        let world = World {
            old: calls,
            new: calls,
            until: RELEASED + 40,
            of_new: &|_, rng, (ms, status)| {
                let fails = rng.random::<f64>() < failing;
                let status = if fails { CallStatus::Error } else { status };
                Some((times * ms, status))
            },
        };
        let mut records = world.records(seed);
        if let (true, Some(Record::Change(change))) = (is_stated, records.first_mut()) {
            change.schedule = Some(schedule.clone());
        }
        let mut at_once = vec![says(&graph(records), world.until)];
        at_once.resize(1 + others, Assessment::new(Verdict::Healthy));
        AnyReleaseJudge::Sequential(judge()).adjust(&mut at_once);
        at_once[0].verdict == Verdict::Regressed
    };
    [true, false].map(|is_stated| (0..20).filter(|seed| is_worse(*seed, is_stated)).count())
}

#[test]
fn of_a_release_with_known_stages_smaller_differences_are_found() {
    assert_eq!(found_worse(10, 0.0, 1.0, 0), [0, 0]);
    let small = [(10, 0.03, 1.0), (10, 0.0, 1.15), (3, 0.1, 1.0)];
    for others in [0, 1] {
        let of = |(calls, failing, times)| found_worse(calls, failing, times, others);
        let found = small.map(of);
        let sum = |of: usize| found.iter().map(|found| found[of]).sum::<usize>();
        assert!(sum(0) > sum(1), "{others} {found:?}");
    }
}
