//! The analysis of Argo Rollouts, with what it sees and what it is known not to see.

use std::time::Duration;

use astern_detect::release::ArgoRolloutsParams;
use astern_graph_core::signal::{Assessment, Evidence, MissingEvidence, Verdict};

use crate::fixtures::{minute, minutes};
use crate::traffic::{Minute, graph_of, judged, new, old};

fn judge_until(
    end: i64,
    params: ArgoRolloutsParams,
    traffic: impl IntoIterator<Item = Minute>,
) -> Assessment {
    let graph = graph_of(traffic.into_iter().collect(), Vec::new());
    judged(&params.check().unwrap(), &graph, end, minutes(0, 60))
}

fn judge(params: ArgoRolloutsParams, traffic: impl IntoIterator<Item = Minute>) -> Assessment {
    judge_until(120, params, traffic)
}

/// A hundred calls a minute from minute `since` on, of which in each minute as many fail as the place says.
fn failing(since: i64, failed: impl IntoIterator<Item = i64>) -> Vec<Minute> {
    let minutes = (since..).zip(failed);
    minutes
        .map(|(at, failed)| new(at, 100, failed, Some(20)))
        .collect()
}

#[test]
fn a_measurement_fails_beyond_its_limits_and_not_on_them() {
    let verdict = |failed| judge(ArgoRolloutsParams::default(), failing(60, [failed; 60])).verdict;
    assert_eq!(verdict(5), Verdict::Healthy);
    assert_eq!(verdict(6), Verdict::Regressed);
    let slow = |ms| {
        let traffic = (60..120).map(|at| new(at, 100, 0, Some(ms)));
        judge(ArgoRolloutsParams::default(), traffic)
    };
    assert_eq!(slow(980).verdict, Verdict::Healthy);
    let found = slow(1_020);
    assert_eq!(found.verdict, Verdict::Regressed);
    let [anomaly] = &found.anomalies[..] else {
        panic!("{found}");
    };
    assert_eq!(anomaly.metric, Some("latency_ms_p99".into()));
    // By default the first failure ends the run.
    let Evidence::BeyondLimit { checks, failed, .. } = anomaly.evidence[0] else {
        panic!("{:?}", anomaly.evidence);
    };
    assert_eq!((checks, failed), (1, 1));
}

#[test]
fn as_many_failures_as_the_limit_are_allowed_whatever_succeeds_between_them() {
    let verdict = |failed: [i64; 5]| {
        let params = ArgoRolloutsParams::default().failure_limit(2u32);
        judge(params, failing(60, failed))
    };
    assert_eq!(verdict([9, 0, 9, 0, 0]).verdict, Verdict::Healthy);
    let third = verdict([9, 0, 9, 0, 9]);
    assert_eq!(third.verdict, Verdict::Regressed);
    assert_eq!(third.anomalies[0].since, minute(60));
    // The first failures are enough: the run does not wait for its last measurement.
    assert_eq!(verdict([9, 9, 9, 0, 0]).verdict, Verdict::Regressed);
}

#[test]
fn a_run_succeeds_after_its_count_and_looks_at_nothing_afterwards() {
    let until = |end| {
        let late = (0..60).map(|i| if i < 5 { 0 } else { 100 });
        judge_until(end, ArgoRolloutsParams::default(), failing(60, late)).verdict
    };
    assert_eq!(until(64), Verdict::Inconclusive);
    assert_eq!(until(65), Verdict::Healthy);
    assert_eq!(until(120), Verdict::Healthy);
}

#[test]
fn between_both_conditions_a_measurement_is_inconclusive() {
    let params = || ArgoRolloutsParams::default().error_rate_failure(0.2);
    let verdict = |params, failed: [i64; 5]| judge(params, failing(60, failed)).verdict;
    assert_eq!(verdict(params(), [5; 5]), Verdict::Healthy);
    assert_eq!(verdict(params(), [0, 6, 0, 0, 0]), Verdict::Inconclusive);
    assert_eq!(verdict(params(), [0, 20, 0, 0, 0]), Verdict::Inconclusive);
    assert_eq!(verdict(params(), [0, 21, 0, 0, 0]), Verdict::Regressed);
    // The paused run is over: what fails later is not measured.
    assert_eq!(verdict(params(), [0, 6, 90, 0, 0]), Verdict::Inconclusive);
    let allowed = || params().inconclusive_limit(1u32);
    assert_eq!(verdict(allowed(), [0, 6, 0, 0, 0]), Verdict::Healthy);
    assert_eq!(verdict(allowed(), [6, 0, 0, 6, 0]), Verdict::Inconclusive);
    let slow = (60..65).map(|at| new(at, 100, 0, Some(1_100)));
    let slow = judge(params().latency_ms_p99_failure(1_200.0), slow);
    assert_eq!(slow.verdict, Verdict::Inconclusive);
}

#[test]
fn before_the_first_call_a_measurement_is_an_error_and_the_fifth_in_a_row_aborts() {
    let beside = || (60..120).map(|at| old(at, 100, 0, Some(20)));
    let until = |end| judge_until(end, ArgoRolloutsParams::default(), beside());
    assert_eq!(until(64).verdict, Verdict::NoData);
    let found = until(65);
    assert_eq!(found.verdict, Verdict::Regressed);
    assert_eq!(found.missing, [MissingEvidence::NewSide]);
    for anomaly in &found.anomalies {
        let Evidence::BeyondLimit { without_value, .. } = anomaly.evidence[0] else {
            panic!("{:?}", anomaly.evidence);
        };
        assert_eq!(without_value, 5);
    }
    let silent = (0..60).map(|at| old(at, 100, 0, Some(20)));
    let silent = judge(ArgoRolloutsParams::default(), silent);
    assert_eq!(silent.verdict, Verdict::NoData);
    // Four errors are allowed, and are no measurements: five more follow.
    let late = |end| judge_until(end, ArgoRolloutsParams::default(), failing(64, [0; 50]));
    assert_eq!(late(68).verdict, Verdict::Inconclusive);
    assert_eq!(late(69).verdict, Verdict::Healthy);
    let none = ArgoRolloutsParams::default().consecutive_error_limit(0u32);
    assert_eq!(
        judge(none, failing(61, [0; 50])).verdict,
        Verdict::Regressed
    );
}

#[test]
fn after_the_first_call_an_interval_without_calls_is_no_number_and_no_condition_holds() {
    let pausing = || failing(60, [0, 0]);
    let verdict = |params| judge(params, pausing()).verdict;
    let default = ArgoRolloutsParams::default;
    assert_eq!(verdict(default()), Verdict::Regressed);
    assert_eq!(
        verdict(default().failure_limit(3u32)),
        Verdict::Healthy,
        "three of five"
    );
    let both = default()
        .error_rate_failure(0.5)
        .latency_ms_p99_failure(2_000.0);
    assert_eq!(verdict(both), Verdict::Inconclusive);
}

#[test]
fn the_initial_delay_sets_a_start_aside() {
    let starting = || failing(60, [100, 100, 0, 0, 0, 0, 0]);
    let by = |secs| ArgoRolloutsParams::default().initial_delay(Duration::from_secs(secs));
    assert_eq!(judge(by(60), starting()).verdict, Verdict::Regressed);
    assert_eq!(judge(by(120), starting()).verdict, Verdict::Healthy);
}

#[test]
fn the_old_side_and_refusals_are_not_looked_at_and_few_calls_are_enough() {
    let beside = |of_old: i64, of_new: i64| {
        let both = (60..120).flat_map(move |at| {
            [
                old(at, 1_000, of_old, Some(20)),
                new(at, 1_000, of_new, Some(20)),
            ]
        });
        judge(ArgoRolloutsParams::default(), both).verdict
    };
    // The release that mends most of what always failed is aborted, the one that fails fifty times as often is not.
    assert_eq!(beside(200, 60), Verdict::Regressed);
    assert_eq!(beside(1, 50), Verdict::Healthy);
    let refused = (60..120).map(|at| Minute {
        refused: 100,
        ..new(at, 100, 0, Some(20))
    });
    let refused = judge(ArgoRolloutsParams::default(), refused);
    assert_eq!(refused.verdict, Verdict::Healthy);
    // One failed call of ten in one minute.
    let few = (60..120).map(|at| new(at, 10, i64::from(at == 62), Some(20)));
    let few = judge(ArgoRolloutsParams::default(), few);
    assert_eq!(few.verdict, Verdict::Regressed);
}

#[test]
fn parameters_are_checked() {
    let default = ArgoRolloutsParams::default;
    for bad in [
        default().interval(Duration::from_millis(999)),
        default().initial_delay(Duration::from_secs(86_401)),
        default().count(0u32),
        default().error_rate_max(1.1),
        default().error_rate_failure(-0.1),
        default().latency_ms_p99_max(f64::NAN),
        default().latency_ms_p99_failure(f64::INFINITY),
    ] {
        assert!(bad.clone().check().is_err(), "{bad:?}");
    }
}
