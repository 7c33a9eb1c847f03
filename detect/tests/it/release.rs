//! Verdicts over releases, and where their bounds lie.

use astern_detect::release::{ReleaseComparison, ReleaseJudgeParams, ReleaseParams};
use astern_graph_core::signal::{Assessment, Evidence, Verdict};
use astern_graph_core::{ChangeEvent, ChangePhase, NodeKey};

use crate::fixtures::{minute, minutes};
use crate::traffic::{Minute, cart, change, graph_of, judged, new, old, release};

fn comparison(params: ReleaseParams) -> ReleaseComparison {
    params.check().unwrap()
}

/// What the comparison says of a release at minute 60 two hours later; an hour before it is the healthy one.
fn judge(params: ReleaseParams, traffic: Vec<Minute>, steps: Vec<ChangeEvent>) -> Assessment {
    let graph = graph_of(traffic, steps);
    judged(&comparison(params), &graph, 180, minutes(0, 60))
}

fn verdict(params: ReleaseParams, traffic: Vec<Minute>) -> Verdict {
    judge(params, traffic, Vec::new()).verdict
}

#[test]
fn every_judge_finds_a_regression_and_those_that_compare_sides_want_enough_calls() {
    for params in ReleaseJudgeParams::all() {
        let compares_sides = params.compares_sides();
        let judge = params.check().unwrap();
        let verdict = |graph| judged(&judge, &graph, 120, minutes(0, 60)).verdict;
        assert_eq!(verdict(release(20, 0, 0)), Verdict::NoData, "{judge:?}");
        for calls in [1, 4] {
            let few = verdict(release(90, 1, calls));
            let decides = few != Verdict::Inconclusive;
            assert_eq!(decides, !compares_sides, "{judge:?}");
        }
        let alike = verdict(release(20, 0, 3_000));
        assert_eq!(alike, Verdict::Healthy, "{judge:?}");
        // Three times as slow is within a fixed limit, a hundred times is not.
        for (ms, is_seen) in [(60, compares_sides), (2_000, true)] {
            let slow = judged(&judge, &release(ms, 0, 3_000), 120, minutes(0, 60));
            assert_eq!(slow.verdict == Verdict::Regressed, is_seen, "{judge:?}");
            assert_eq!(slow.anomalies.is_empty(), !is_seen);
            assert_eq!(slow.change, Some("cart@v2".into()));
            for anomaly in &slow.anomalies {
                assert!(
                    anomaly
                        .threshold
                        .is_some_and(|least| anomaly.score >= least)
                );
            }
        }
    }
}

#[test]
fn new_instances_that_are_slower_or_fail_more_regress() {
    let by = |new_ms, new_fails| {
        let graph = release(new_ms, new_fails, 3_000);
        judged(
            &comparison(ReleaseParams::default()),
            &graph,
            120,
            minutes(0, 60),
        )
    };
    assert_eq!(by(20, 0).verdict, Verdict::Healthy);
    assert_eq!(by(30, 0).verdict, Verdict::Regressed);
    let failing = by(20, 10);
    assert_eq!(failing.verdict, Verdict::Regressed);
    assert!(matches!(
        failing.anomalies[0].evidence[0],
        Evidence::NewAgainstOld { .. }
    ));
}

#[test]
fn few_or_no_calls_give_no_verdict() {
    let by = |calls| {
        let graph = release(90, 1, calls);
        judged(
            &comparison(ReleaseParams::default()),
            &graph,
            120,
            minutes(0, 60),
        )
        .verdict
    };
    assert_eq!(by(30), Verdict::Inconclusive);
    assert_eq!(by(1), Verdict::Inconclusive);
    assert_eq!(by(0), Verdict::NoData);
}

#[test]
fn a_huge_rise_in_the_first_step_is_not_called_healthy() {
    // Many calls in one step: two latencies are too few to test.
    let traffic = vec![old(61, 60, 0, Some(20)), new(61, 60, 0, Some(200))];
    let graph = graph_of(traffic, Vec::new());
    let first = judged(
        &comparison(ReleaseParams::default()),
        &graph,
        62,
        minutes(0, 60),
    );
    assert_eq!(first.verdict, Verdict::Inconclusive);
}

#[test]
fn an_instance_that_switches_in_place_counts_on_both_sides() {
    let pod = || NodeKey::instance("cart-0");
    let traffic = (0..60).map(|at| {
        let (revision, ms) = if at < 30 { ("v1", 20) } else { ("v2", 40) };
        let took = Some(ms + u64::try_from(at % 5).unwrap());
        Minute {
            revision,
            ..old(60 + at, 4, 0, took)
        }
    });
    let steps = vec![
        change(ChangePhase::Started, 60, Vec::new()),
        change(ChangePhase::Completed, 90, vec![pod()]),
    ];
    let graph = graph_of(traffic.collect(), steps);
    let assessment = judged(
        &comparison(ReleaseParams::default()),
        &graph,
        120,
        minutes(0, 60),
    );
    assert_eq!(assessment.verdict, Verdict::Regressed, "{assessment}");
}

#[test]
fn parameters_of_the_comparison_are_checked() {
    let default = ReleaseParams::default;
    for bad in [
        default().alpha(0.0),
        default().alpha(1.0),
        default().calls_min(0u32),
        default().error_rate_rise_min(-0.1),
        default().error_rate_rise_min(1.1),
        default().latency_rise_min(f64::NAN),
        default().latency_rise_min(100.1),
    ] {
        assert!(bad.clone().check().is_err(), "{bad:?}");
    }
    for good in [
        default().calls_min(1u32),
        default().error_rate_rise_min(0.0),
        default().latency_rise_min(0.0),
    ] {
        assert!(good.clone().check().is_ok(), "{good:?}");
    }
}

#[test]
fn as_many_calls_as_asked_for_are_judged_and_one_fewer_is_inconclusive() {
    let with = |old_calls, new_calls| {
        let traffic = vec![old(70, old_calls, 0, None), new(70, new_calls, 0, None)];
        verdict(ReleaseParams::default(), traffic)
    };
    assert_eq!(with(20, 20), Verdict::Healthy);
    assert_eq!(with(20, 19), Verdict::Inconclusive);
    assert_eq!(with(19, 20), Verdict::Inconclusive);
    assert_eq!(with(20, 0), Verdict::NoData);
    let five = ReleaseParams::default().calls_min(5u32);
    let few = vec![old(70, 5, 0, None), new(70, 5, 0, None)];
    assert_eq!(verdict(five, few), Verdict::Healthy);
}

#[test]
fn an_effect_counts_from_the_least_that_matters() {
    // 1 % of the old calls and 3 % of the new ones fail, of 20,000 each.
    let failing = || vec![old(70, 20_000, 200, None), new(70, 20_000, 600, None)];
    let rise = 600.0 / 20_000.0 - 200.0 / 20_000.0;
    let least = |rise| ReleaseParams::default().error_rate_rise_min(rise);
    let found = judge(least(rise), failing(), Vec::new());
    assert_eq!(found.verdict, Verdict::Regressed);
    assert_eq!(found.anomalies.len(), 1);
    let anomaly = &found.anomalies[0];
    assert!((anomaly.score - 1.0).abs() < 1e-12);
    assert_eq!(anomaly.threshold, Some(1.0));
    assert_eq!(anomaly.metric, Some("error_rate".into()));
    assert_eq!(
        (anomaly.subject.node(), anomaly.since),
        (&cart(), minute(60))
    );
    let Evidence::NewAgainstOld {
        old, new, p_value, ..
    } = anomaly.evidence[0]
    else {
        panic!("{:?}", anomaly.evidence);
    };
    assert!((old - 0.01).abs() < 1e-12 && (new - 0.03).abs() < 1e-12);
    assert_eq!(anomaly.p_value, Some(p_value));
    assert_eq!(anomaly.evidence.len(), 1);
    assert_eq!(verdict(least(rise.next_up()), failing()), Verdict::Healthy);
    let half = judge(least(rise / 2.0), failing(), Vec::new());
    assert!((half.anomalies[0].score - 2.0).abs() < 1e-12);
}

#[test]
fn a_rise_of_latency_counts_from_the_least_that_matters() {
    let slower = |ms| {
        let minutes = 70..110;
        minutes
            .flat_map(move |at| [old(at, 2, 0, Some(100)), new(at, 2, 0, Some(ms))])
            .collect()
    };
    let found = judge(ReleaseParams::default(), slower(130), Vec::new());
    let metrics: Vec<_> = found
        .anomalies
        .iter()
        .map(|a| a.metric.clone().unwrap())
        .collect();
    assert_eq!(metrics, ["latency_ms_p50".into(), "latency_ms_p95".into()]);
    // The sketch knows a latency to one per cent.
    let rise = 0.15 * found.anomalies[0].score;
    assert!((rise - 0.3).abs() < 0.03, "{rise}");
    let least = |rise| ReleaseParams::default().latency_rise_min(rise);
    assert_eq!(verdict(least(rise - 1e-9), slower(130)), Verdict::Regressed);
    assert_eq!(verdict(least(rise + 1e-9), slower(130)), Verdict::Healthy);
    // Faster is no regression, however small the least rise is.
    assert_eq!(verdict(least(0.0), slower(70)), Verdict::Healthy);
}

#[test]
fn each_of_the_three_tests_has_a_third_of_the_level() {
    let traffic = || vec![old(70, 100, 2, None), new(70, 100, 14, None)];
    let p_value = astern_stats::two_sample::fisher_greater(14, 100, 2, 100);
    assert!(p_value > 1e-3 && p_value < 5e-3, "{p_value}");
    let at = |alpha| verdict(ReleaseParams::default().alpha(alpha), traffic());
    assert_eq!(at(3.0 * p_value * (1.0 + 1e-9)), Verdict::Regressed);
    assert_eq!(at(3.0 * p_value * (1.0 - 1e-9)), Verdict::Healthy);
}

#[test]
fn three_latencies_a_side_can_be_compared_and_two_cannot() {
    let with = |old_minutes: i64, new_minutes: i64| {
        let of_old = (0..old_minutes).map(|at| old(70 + at, 10, 0, Some(20)));
        let of_new = (0..new_minutes).map(|at| new(70 + at, 10, 0, Some(20)));
        verdict(ReleaseParams::default(), of_old.chain(of_new).collect())
    };
    assert_eq!(with(3, 3), Verdict::Healthy);
    assert_eq!(with(2, 3), Verdict::Inconclusive);
    assert_eq!(with(3, 2), Verdict::Inconclusive);
    // Latency of one side alone cannot be compared either; of neither, failures alone are.
    let one = vec![old(70, 30, 0, None), new(70, 30, 0, Some(20))];
    assert_eq!(
        verdict(ReleaseParams::default(), one),
        Verdict::Inconclusive
    );
}

#[test]
fn instances_before_the_change_stand_in_where_old_ones_have_too_few_calls() {
    let with = |old_since: i64| {
        let traffic = vec![
            old(30, 1_000, 10, None),
            old(70, old_since, 0, None),
            new(70, 1_000, 100, None),
        ];
        judge(ReleaseParams::default(), traffic, Vec::new())
    };
    let fell_back = |found: &Assessment| {
        let evidence = &found.anomalies[0].evidence;
        evidence
            .iter()
            .any(|e| matches!(e, Evidence::Fallback { .. }))
    };
    let few = with(19);
    assert_eq!(few.verdict, Verdict::Regressed);
    assert!(fell_back(&few));
    let Evidence::NewAgainstOld { old, .. } = few.anomalies[0].evidence[0] else {
        panic!("{few}");
    };
    assert!((old - 10.0 / 1_019.0).abs() < 1e-12, "{old}");
    // Twenty are enough by themselves, and too few to be sure.
    assert_eq!(with(20).verdict, Verdict::Healthy);
    let enough = with(200);
    assert!(enough.verdict == Verdict::Regressed && !fell_back(&enough));
}

#[test]
fn the_healthy_range_does_not_reach_into_the_change() {
    // All fails since the change, on old instances too: taken as healthy, it would hide that.
    let traffic = vec![old(30, 100, 0, None), new(62, 1_000, 900, None)];
    let graph = graph_of(traffic, Vec::new());
    let found = judged(
        &comparison(ReleaseParams::default()),
        &graph,
        180,
        minutes(0, 70),
    );
    assert_eq!(found.verdict, Verdict::Regressed);
    let Evidence::NewAgainstOld { old, .. } = found.anomalies[0].evidence[0] else {
        panic!("{found}");
    };
    assert!(old.abs() < 1e-12);
}

#[test]
fn the_step_of_a_switch_belongs_to_neither_side() {
    // One pod switches within minute 90 and back within minute 120. Calls fail in those minutes only.
    let pod = || NodeKey::instance("cart-0");
    let steps = || {
        vec![
            change(ChangePhase::Completed, 90, vec![pod()]),
            change(ChangePhase::RolledBack, 120, vec![pod()]),
        ]
    };
    let with = |failing: &[i64]| {
        let failed = |at: i64| if failing.contains(&at) { 100 } else { 0 };
        let traffic = [89, 90, 91, 119, 120, 121].map(|at| old(at, 100, failed(at), None));
        let found = judge(ReleaseParams::default(), traffic.into(), steps());
        found.anomalies.first().map(|anomaly| {
            let Evidence::NewAgainstOld { old, new, .. } = anomaly.evidence[0] else {
                panic!("{:?}", anomaly.evidence);
            };
            (old, new)
        })
    };
    assert_eq!(with(&[90, 120, 121]), None);
    assert_eq!(with(&[89]), None);
    for new_side in [91, 119] {
        let (old, new) = with(&[new_side]).unwrap();
        assert!(
            old.abs() < 1e-12 && (new - 0.5).abs() < 1e-12,
            "{new_side}: {old} {new}"
        );
    }
}
