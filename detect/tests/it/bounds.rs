//! Where the bounds of the pipeline lie, to the last step and the last bit: with a detector whose scores are set.

use astern_detect::pipeline::PipelineParams;
use astern_graph_core::TemporalGraph;
use astern_graph_core::signal::{Assessment, Verdict};
use astern_stats::tail::UpperTail;

use crate::fixtures::{AsIs, HEALTHY, healthy, minute, minutes, ripple, service, telemetry};

/// Scores of four services while healthy, in [0, 1].
fn normal(node: usize, at: i64) -> f64 {
    0.5 + ripple(node as f64, at) / 3.0
}

/// Ten steps after the healthy ones, with the scores that `newest` gives (node, step), or none.
fn scored(newest: impl Fn(usize, usize) -> Option<f64>) -> TemporalGraph {
    telemetry(HEALTHY + 10, |node, at| {
        let step = usize::try_from(at - HEALTHY);
        let score = step.map_or_else(|_| Some(normal(node, at)), |step| newest(node, step));
        Vec::from_iter(score.map(|score| ("score", score)))
    })
}

/// The scores as they are.
fn unsmoothed() -> PipelineParams {
    PipelineParams::default().ema_weight(1.0)
}

fn judge(params: PipelineParams, graph: &TemporalGraph) -> Assessment {
    let pipeline = params.check().unwrap();
    let fitted = pipeline
        .fit(&AsIs { whole: false }, graph, healthy())
        .unwrap();
    let newest = minutes(HEALTHY, HEALTHY + 10);
    pipeline.assess(&fitted, graph, newest).unwrap()
}

/// The tail that calibration must have found: of the last third of the healthy steps.
fn tail() -> UpperTail {
    let steps = (80..HEALTHY).flat_map(|at| (0..4).map(move |node| normal(node, at)));
    UpperTail::fit(&steps.collect::<Vec<_>>()).unwrap()
}

/// `score` of the first service at the last step; all else is normal.
fn one(score: f64) -> TemporalGraph {
    scored(move |node, step| Some(if (node, step) == (0, 9) { score } else { 0.5 }))
}

#[test]
fn the_least_score_is_an_anomaly_and_a_bit_less_is_none() {
    let found = |score| judge(unsmoothed(), &one(score)).anomalies.len();
    assert_eq!(found(3.0), 1);
    assert_eq!(found(3.0_f64.next_down()), 0);
    let found = |score| {
        judge(unsmoothed().score_min(4.5), &one(score))
            .anomalies
            .len()
    };
    assert_eq!((found(4.5), found(4.5_f64.next_down())), (1, 0));
}

#[test]
fn a_score_is_significant_at_the_false_discovery_rate_and_not_below() {
    let score = 1.2;
    // Four series, one of which stands out: its p-value counts four times.
    let adjusted = 4.0 * tail().p_value(score);
    assert!(adjusted < 0.5, "{adjusted}");
    let at = |rate| unsmoothed().score_min(0.0).false_discovery_rate(rate);
    let found = judge(at(adjusted), &one(score));
    assert_eq!(found.anomalies.len(), 1);
    assert_eq!(found.anomalies[0].p_value, Some(adjusted));
    assert_eq!(found.anomalies[0].subject, service(0).into());
    assert_eq!(judge(at(adjusted.next_down()), &one(score)).anomalies, []);
}

#[test]
fn discoveries_are_controlled_over_all_series_of_a_step() {
    let score = 1.2;
    let alone = tail().p_value(score);
    let all = scored(|_, step| Some(if step == 9 { score } else { 0.5 }));
    let params = unsmoothed()
        .score_min(0.0)
        .false_discovery_rate(1.01 * alone);
    // Four such scores are each as significant as one test; one among four is not.
    assert_eq!(judge(params.clone(), &all).anomalies.len(), 4);
    assert_eq!(judge(params, &one(score)).anomalies, []);
}

#[test]
fn the_onset_is_the_first_step_of_the_run_that_reaches_the_threshold() {
    let since = |before: [f64; 3]| {
        let graph = scored(move |node, step| {
            let score = match step {
                0..6 => 0.5,
                9 => 8.0,
                step => before[step - 6],
            };
            Some(if node == 0 { score } else { 0.5 })
        });
        judge(unsmoothed(), &graph).anomalies[0].since
    };
    assert_eq!(since([3.0, 3.0, 3.0]), minute(HEALTHY + 6));
    assert_eq!(since([8.0, 3.0_f64.next_down(), 3.0]), minute(HEALTHY + 8));
    assert_eq!(since([8.0, 8.0, 0.5]), minute(HEALTHY + 9));
    let always = scored(|node, _| Some(if node == 0 { 8.0 } else { 0.5 }));
    assert_eq!(
        judge(unsmoothed(), &always).anomalies[0].since,
        minute(HEALTHY)
    );
}

#[test]
fn the_onset_goes_by_significance_where_that_asks_for_more_than_the_least_score() {
    let pipeline = unsmoothed().score_min(0.0).check().unwrap();
    let threshold = tail().threshold(1e-3);
    let since = |before: f64| {
        let graph = scored(move |node, step| {
            let score = if step == 8 { before } else { 8.0 };
            Some(if node == 0 && step >= 8 { score } else { 0.5 })
        });
        let fitted = pipeline
            .fit(&AsIs { whole: false }, &graph, healthy())
            .unwrap();
        assert_eq!(
            pipeline.threshold(&fitted, Some(&"score".into())),
            Some(threshold)
        );
        assert_eq!(pipeline.threshold(&fitted, None), None);
        let newest = minutes(HEALTHY, HEALTHY + 10);
        pipeline.assess(&fitted, &graph, newest).unwrap().anomalies[0].since
    };
    assert_eq!(since(threshold), minute(HEALTHY + 8));
    assert_eq!(since(threshold.next_down()), minute(HEALTHY + 9));
}

#[test]
fn a_series_is_judged_until_it_misses_as_many_steps_as_may_be() {
    // Its last score, which is anomalous, is followed by `missing` steps without one.
    let with = |missing: usize, most: u32| {
        let graph = scored(move |node, step| match (node, step) {
            (0, step) if step + missing > 9 => None,
            (0, _) => Some(8.0),
            _ => Some(0.5),
        });
        judge(unsmoothed().silent_steps_max(most), &graph)
    };
    for most in [1, 3, 5] {
        let judged = with(most as usize - 1, most);
        assert_eq!((judged.anomalies.len(), judged.source_faults.len()), (1, 0));
        let silent = with(most as usize, most);
        assert_eq!((silent.anomalies.len(), silent.source_faults.len()), (0, 1));
        let fault = &silent.source_faults[0];
        assert_eq!(fault.subject, service(0).into());
        assert_eq!(fault.metric, Some("score".into()));
        assert_eq!(fault.since, minute(HEALTHY + 10 - i64::from(most)));
        assert_eq!(silent.verdict, Verdict::Healthy);
    }
    // Without any score in all of the range it is silent since its start.
    let never = scored(|node, _| (node > 0).then_some(0.5));
    let never = judge(unsmoothed().silent_steps_max(1_000u32), &never);
    assert_eq!(never.source_faults[0].since, minute(HEALTHY));
}

#[test]
fn half_of_the_series_may_be_silent_and_no_more() {
    let with = |silent: usize| {
        let graph = scored(move |node, _| (node >= silent).then_some(0.5));
        let judged = judge(unsmoothed(), &graph);
        assert_eq!(judged.source_faults.len(), silent);
        judged.verdict
    };
    assert_eq!(with(0), Verdict::Healthy);
    assert_eq!(with(2), Verdict::Healthy);
    assert_eq!(with(3), Verdict::Inconclusive);
    assert_eq!(with(4), Verdict::NoData);
    // What is seen to regress has regressed, whatever else is silent.
    let graph = scored(|node, _| (node == 0).then_some(8.0));
    assert_eq!(judge(unsmoothed(), &graph).verdict, Verdict::Regressed);
}

#[test]
fn a_metric_with_nine_calibrating_scores_is_not_judged_and_one_with_ten_is() {
    let with = |scores: i64| {
        let graph = telemetry(HEALTHY + 10, |node, at| {
            // A missing score repeats the average before it, so they must come last.
            let rare = node == 0 && (at < 80 || at >= HEALTHY - scores);
            let mut metrics = vec![("latency_ms", 50.0 + normal(node, at))];
            let value = if at >= HEALTHY {
                900.0
            } else {
                normal(node, at)
            };
            metrics.extend(rare.then_some(("queue_ms", value)));
            metrics
        });
        crate::fixtures::assess(&graph).anomalies.len()
    };
    assert_eq!((with(9), with(10)), (0, 1));
}

#[test]
fn the_last_third_calibrates_and_nothing_of_it_is_learnt_from() {
    // Latency is higher in the last third: had it been learnt from, the centre would lie between.
    let graph = telemetry(HEALTHY + 10, |node, at| {
        let high = if at >= 80 { 40.0 } else { 0.0 };
        vec![("latency_ms", 50.0 + high + ripple(node as f64, at))]
    });
    let fitted = crate::fixtures::fit(&graph).unwrap();
    let level = fitted
        .detector()
        .level(&service(0).into(), &"latency_ms".into());
    assert!((level.unwrap().median - 50.0).abs() < 1.0);
    // The tail knows the higher level, so it is no anomaly now.
    assert_eq!(crate::fixtures::assess(&graph).anomalies, []);
}
