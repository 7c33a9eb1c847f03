//! Flagger's analysis, with what it sees and what it is known not to see.

use std::time::Duration;

use astern_detect::release::FlaggerParams;
use astern_graph_core::signal::{Assessment, Evidence, MissingEvidence, Verdict};
use astern_graph_core::{ChangePhase, TrafficShare};

use crate::fixtures::{minute, minutes};
use crate::traffic::{Minute, change, graph_of, judged, new, old};

fn judge_until(
    end: i64,
    params: FlaggerParams,
    traffic: impl IntoIterator<Item = Minute>,
) -> Assessment {
    let graph = graph_of(traffic.into_iter().collect(), Vec::new());
    judged(&params.check().unwrap(), &graph, end, minutes(0, 60))
}

fn judge(traffic: impl IntoIterator<Item = Minute>) -> Assessment {
    judge_until(120, FlaggerParams::default(), traffic)
}

/// So many calls a minute from the change on, of which in each minute as many fail as the place says.
fn failing(calls: i64, failed: impl IntoIterator<Item = i64>) -> Vec<Minute> {
    let minutes = (60..).zip(failed);
    minutes
        .map(|(at, failed)| new(at, calls, failed, Some(20)))
        .collect()
}

#[test]
fn a_check_fails_beyond_its_limits_and_not_on_them() {
    assert_eq!(judge(failing(100, [1; 60])).verdict, Verdict::Healthy);
    let found = judge(failing(100, [2; 60]));
    assert_eq!(found.verdict, Verdict::Regressed);
    let [anomaly] = &found.anomalies[..] else {
        panic!("{found}");
    };
    assert_eq!(anomaly.metric, Some("error_rate".into()));
    assert_eq!(anomaly.since, minute(60));
    // Twice the limit, so once the limit beyond it.
    assert!((anomaly.score - 2.0).abs() < 1e-12, "{anomaly}");
    let beyond = Evidence::BeyondLimit {
        metric: "error_rate".into(),
        limit: 0.01,
        worst: Some(0.02),
        checks: 5,
        failed: 5,
        without_value: 0,
    };
    assert_eq!(anomaly.evidence, [beyond]);
    let slow = |ms| judge((60..120).map(|at| new(at, 100, 0, Some(ms))));
    assert_eq!(slow(490).verdict, Verdict::Healthy);
    let found = slow(510);
    assert_eq!(found.verdict, Verdict::Regressed);
    assert_eq!(found.anomalies[0].metric, Some("latency_ms_p99".into()));
}

#[test]
fn failed_checks_add_up_whatever_passes_between_them_and_the_first_end_counts() {
    let patient = || FlaggerParams::default().iterations(10u32);
    let until = |end| judge_until(end, patient(), failing(100, (0..60).map(|i| 9 * (i % 2))));
    // Every second check fails, so the fifth does in the tenth minute; nine and ten are tried.
    assert_eq!(until(69).verdict, Verdict::Inconclusive);
    assert_eq!(until(70).verdict, Verdict::Regressed);
    let four = failing(100, [9, 0, 9, 0, 9, 0, 9, 0, 0, 0]);
    assert_eq!(judge(four).verdict, Verdict::Healthy);
    // After five passed checks nothing is looked at.
    let late = (0..60).map(|i| if i < 5 { 0 } else { 100 });
    assert_eq!(judge(failing(100, late)).verdict, Verdict::Healthy);
}

#[test]
fn it_is_open_until_the_last_check() {
    let until = |end| {
        let traffic = failing(100, [0; 60]);
        judge_until(end, FlaggerParams::default(), traffic).verdict
    };
    assert_eq!(until(64), Verdict::Inconclusive);
    assert_eq!(until(65), Verdict::Healthy);
}

#[test]
fn an_interval_is_of_whole_steps_and_is_checked_when_it_is_over() {
    let by = |secs| {
        FlaggerParams::default()
            .interval(Duration::from_secs(secs))
            .threshold(1u32)
    };
    // 3 of 300 calls fail, all of them in the second minute.
    let traffic = || failing(100, [0, 3, 0]);
    assert_eq!(
        judge_until(63, by(60), traffic()).verdict,
        Verdict::Regressed
    );
    for secs in [121, 180] {
        let verdict = |end| judge_until(end, by(secs), traffic()).verdict;
        assert_eq!(verdict(62), Verdict::Inconclusive);
        assert_eq!(verdict(63), Verdict::Inconclusive);
        let once = by(secs).iterations(1u32);
        assert_eq!(judge_until(63, once, traffic()).verdict, Verdict::Healthy);
    }
}

#[test]
fn a_new_side_without_calls_is_rolled_back_and_a_silent_service_is_not_judged() {
    let beside = || (60..120).map(|at| old(at, 100, 0, Some(20)));
    let found = judge(beside());
    assert_eq!(found.verdict, Verdict::Regressed);
    assert_eq!(found.missing, [MissingEvidence::NewSide]);
    for anomaly in &found.anomalies {
        assert!((anomaly.score - 1.0).abs() < 1e-12);
        let [
            Evidence::BeyondLimit {
                worst: None,
                failed: 5,
                without_value: 5,
                ..
            },
        ] = anomaly.evidence[..]
        else {
            panic!("{:?}", anomaly.evidence);
        };
    }
    let open = judge_until(64, FlaggerParams::default(), beside());
    assert_eq!(open.verdict, Verdict::NoData);
    let silent = judge((0..60).map(|at| old(at, 100, 0, Some(20))));
    assert_eq!(silent.verdict, Verdict::NoData);
    // Four healthy minutes, then nothing: five checks without a value.
    assert_eq!(judge(failing(100, [0; 4])).verdict, Verdict::Regressed);
}

#[test]
fn nothing_is_checked_while_no_traffic_is_announced() {
    let with = |percent| {
        let share = TrafficShare::percent(percent).unwrap();
        let begin = change(ChangePhase::Started, 60, Vec::new()).carrying(share);
        let graph = graph_of(
            (60..120).map(|at| old(at, 100, 0, Some(20))).collect(),
            vec![begin],
        );
        let judge = FlaggerParams::default().check().unwrap();
        judged(&judge, &graph, 120, minutes(0, 60)).verdict
    };
    assert_eq!(with(0), Verdict::NoData);
    assert_eq!(with(1), Verdict::Regressed);
}

#[test]
fn the_old_side_is_not_looked_at() {
    let beside = |of_old: i64, of_new: i64| {
        judge((60..120).flat_map(move |at| {
            [
                old(at, 1_000, of_old, Some(20)),
                new(at, 1_000, of_new, Some(20)),
            ]
        }))
    };
    // A service that always failed at 5 %: the release that mends most of it is rolled back.
    assert_eq!(beside(50, 20).verdict, Verdict::Regressed);
    // And one that fails ten times as often as before is promoted.
    assert_eq!(beside(1, 10).verdict, Verdict::Healthy);
}

#[test]
fn few_calls_are_enough_to_roll_back_and_refusals_are_a_success() {
    // One slow call in every second minute: of fewer than a hundred it is the 99 % quantile.
    let flapping = |calls: i64| {
        let minutes = (60..120).flat_map(move |at| {
            let ms = if at % 2 == 0 { 600 } else { 20 };
            [new(at, calls - 1, 0, Some(20)), new(at, 1, 0, Some(ms))]
        });
        let patient = FlaggerParams::default().iterations(10u32);
        judge_until(120, patient, minutes).verdict
    };
    assert_eq!(flapping(1), Verdict::Regressed);
    assert_eq!(flapping(5), Verdict::Regressed);
    assert_eq!(flapping(99), Verdict::Regressed);
    assert_eq!(flapping(100), Verdict::Healthy);
    let refused = (60..120).map(|at| Minute {
        refused: 100,
        ..new(at, 100, 0, Some(20))
    });
    assert_eq!(judge(refused).verdict, Verdict::Healthy);
}

#[test]
fn parameters_are_checked() {
    let default = FlaggerParams::default;
    for bad in [
        default().interval(Duration::from_millis(999)),
        default().interval(Duration::from_secs(86_401)),
        default().threshold(0u32),
        default().iterations(0u32),
        default().error_rate_max(-0.1),
        default().error_rate_max(1.1),
        default().latency_ms_p99_max(f64::NAN),
    ] {
        assert!(bad.clone().check().is_err(), "{bad:?}");
    }
}
