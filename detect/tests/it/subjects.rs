//! Scores of whole subjects and of edges: which metric an anomaly names, and what is a regression.

use astern_detect::pipeline::PipelineParams;
use astern_detect::score::{RobustZ, RobustZParams};
use astern_detect::{Detector, FitError, FittedDetector, ScoreError, Scores};
use astern_graph_core::signal::{Assessment, Evidence, Verdict};
use astern_graph_core::{
    EdgeKind, GraphBuilder, Link, NodeKey, NodeKind, Sample, Subject, TemporalGraph, TimeRange,
};
use ndarray::{Array2, Array3};
use serde::{Deserialize, Serialize};

use crate::fixtures::{
    AsIs, FittedAsIs, HEALTHY, declared, healthy, minute, minutes, pipeline, ripple, service,
    telemetry,
};

/// A service whose score as a whole is far out in the last ten minutes, and whose metrics are moved then by as many
/// units; one unit is about a healthy standard deviation.
fn whole(moved: &[(&'static str, f64)]) -> Assessment {
    let graph = telemetry(HEALTHY + 10, |node, at| {
        let seed = node as f64;
        let shift = |metric| {
            let moved = moved.iter().find(|(name, _)| *name == metric);
            let is_it = node == 1 && at >= HEALTHY;
            moved.filter(|_| is_it).map_or(0.0, |(_, units)| *units)
        };
        let far = node == 1 && at >= HEALTHY;
        vec![
            ("score", if far { 9.0 } else { ripple(seed, at) / 3.0 }),
            (
                "latency_ms",
                50.0 + ripple(seed + 0.1, at) + shift("latency_ms"),
            ),
            (
                "error_rate",
                0.5 + 0.01 * (ripple(seed + 0.2, at) + shift("error_rate")),
            ),
            (
                "request_rate",
                50.0 + ripple(seed + 0.3, at) + shift("request_rate"),
            ),
            (
                "cpu_utilisation",
                0.5 + 0.01 * (ripple(seed + 0.4, at) + shift("cpu_utilisation")),
            ),
        ]
    });
    // The metric `score` itself is one of those that may be named; nothing moves it by so much.
    let pipeline = pipeline();
    let fitted = pipeline.fit(&Whole, &graph, healthy()).unwrap();
    let newest = minutes(HEALTHY, HEALTHY + 10);
    pipeline.assess(&fitted, &graph, newest).unwrap()
}

/// [`AsIs`] of whole services, whose levels are those of the other metrics.
struct Whole;

#[derive(Serialize, Deserialize)]
struct FittedWhole {
    scores: FittedAsIs,
    levels: RobustZ,
}

impl Detector for Whole {
    type Fitted = FittedWhole;

    fn fit(&self, graph: &TemporalGraph, healthy: TimeRange) -> Result<FittedWhole, FitError> {
        let metrics = [
            "latency_ms",
            "error_rate",
            "request_rate",
            "cpu_utilisation",
        ];
        let metrics = metrics.map(Into::into);
        let kind = NodeKind::Service;
        let window = graph.window_of(kind, &metrics, healthy)?;
        Ok(FittedWhole {
            scores: AsIs { whole: true }.fit(graph, healthy)?,
            levels: RobustZ::of_window(&window)?,
        })
    }
}

impl FittedDetector for FittedWhole {
    fn score(&self, graph: &TemporalGraph, range: TimeRange) -> Result<Scores, ScoreError> {
        let row = 1;
        let influence = Evidence::OriginOfFault {
            anomalous_dependencies: 0,
        };
        Ok(self.scores.score(graph, range)?.because(row, influence))
    }

    fn levels(&self) -> &RobustZ {
        &self.levels
    }
}

/// The metric that the one anomaly names, and the verdict.
fn named(moved: &[(&'static str, f64)]) -> (String, Verdict) {
    let found = whole(moved);
    assert_eq!(found.anomalies.len(), 1, "{found}");
    let anomaly = &found.anomalies[0];
    assert_eq!(anomaly.subject, service(1).into());
    let metric = anomaly.metric.as_ref().unwrap();
    let Evidence::Shift {
        metric: shifted, ..
    } = &anomaly.evidence[0]
    else {
        panic!("{:?}", anomaly.evidence);
    };
    assert_eq!(shifted, metric);
    (metric.to_string(), found.verdict)
}

#[test]
fn an_anomaly_of_a_whole_service_names_the_metric_that_deviates_most() {
    let cases = [
        (
            &[("latency_ms", 20.0), ("error_rate", 10.0)][..],
            "latency_ms",
            Verdict::Regressed,
        ),
        (
            &[("latency_ms", 10.0), ("error_rate", 20.0)],
            "error_rate",
            Verdict::Regressed,
        ),
        // What users feel comes first where it is bad by itself.
        (
            &[("request_rate", 40.0), ("latency_ms", 10.0)],
            "latency_ms",
            Verdict::Regressed,
        ),
        (
            &[("cpu_utilisation", 40.0), ("error_rate", 10.0)],
            "error_rate",
            Verdict::Regressed,
        ),
        // Load and a busy processor alone are no regression, nor is what became better.
        (&[("request_rate", 40.0)], "request_rate", Verdict::Healthy),
        (
            &[("cpu_utilisation", 40.0)],
            "cpu_utilisation",
            Verdict::Healthy,
        ),
        (&[("latency_ms", -40.0)], "latency_ms", Verdict::Healthy),
        // Better here and worse there is worse.
        (
            &[("latency_ms", -40.0), ("error_rate", 10.0)],
            "error_rate",
            Verdict::Regressed,
        ),
    ];
    for (moved, metric, verdict) in cases {
        assert_eq!(named(moved), (metric.to_owned(), verdict), "{moved:?}");
    }
}

#[test]
fn an_anomaly_of_a_whole_service_has_its_own_score_and_the_detectors_evidence() {
    let found = whole(&[("latency_ms", 20.0)]);
    let anomaly = &found.anomalies[0];
    // The average of ten equal scores over its standard deviation.
    assert!(anomaly.score > 9.0 && anomaly.threshold == Some(3.0));
    assert_eq!(anomaly.since, minute(HEALTHY));
    assert_eq!(anomaly.evidence.len(), 2);
    assert!(matches!(
        anomaly.evidence[1],
        Evidence::OriginOfFault { .. }
    ));
    let Evidence::Shift { z, .. } = anomaly.evidence[0] else {
        panic!("{:?}", anomaly.evidence);
    };
    assert!(z > 20.0 && z.to_bits() != anomaly.score.to_bits());
}

#[test]
fn a_silent_metric_is_not_named() {
    let graph = telemetry(HEALTHY + 10, |node, at| {
        let far = node == 1 && at >= HEALTHY;
        let mut metrics = vec![(
            "score",
            if far {
                9.0
            } else {
                ripple(node as f64, at) / 3.0
            },
        )];
        if !far || at < HEALTHY + 7 {
            let slow = if far { 30.0 } else { 0.0 };
            metrics.push(("latency_ms", 50.0 + ripple(node as f64, at) + slow));
        }
        metrics
    });
    let judge = |silent_steps_max: u32| {
        let params = PipelineParams::default().silent_steps_max(silent_steps_max);
        let pipeline = params.check().unwrap();
        let fitted = pipeline
            .fit(&AsIs { whole: true }, &graph, healthy())
            .unwrap();
        let newest = minutes(HEALTHY, HEALTHY + 10);
        let found = pipeline.assess(&fitted, &graph, newest).unwrap();
        found.anomalies[0].metric.clone()
    };
    assert_eq!(judge(4), Some("latency_ms".into()));
    assert_eq!(judge(3), Some("score".into()));
}

#[test]
fn edges_are_scored_as_nodes_are() {
    let (from, to) = (NodeKey::service("web"), NodeKey::service("cart"));
    let kind = EdgeKind::Calls;
    let links = [
        Link::new(from.clone(), to.clone(), kind),
        Link::new(from, NodeKey::service("ads"), kind),
    ];
    let mut builder = GraphBuilder::new(declared()).unwrap();
    for at in 0..HEALTHY + 10 {
        for (n, link) in links.iter().enumerate() {
            let slow = if n == 0 && at >= HEALTHY + 4 {
                30.0
            } else {
                0.0
            };
            let value = 5.0 + ripple(n as f64, at) + slow;
            let subject = Subject::from(link.clone());
            builder.extend([Sample::new(minute(at), subject, "gap_ms", value).into()]);
        }
    }
    let graph = builder.build();
    let detector = RobustZParams::default().subjects(kind);
    let fitted = pipeline().fit(&detector, &graph, healthy()).unwrap();
    let newest = minutes(HEALTHY, HEALTHY + 10);
    let found = pipeline().assess(&fitted, &graph, newest).unwrap();
    assert_eq!(found.verdict, Verdict::Regressed);
    assert_eq!(found.anomalies.len(), 1);
    let anomaly = &found.anomalies[0];
    assert_eq!(anomaly.subject, links[0].clone().into());
    assert_eq!(
        (anomaly.metric.clone(), anomaly.since),
        (Some("gap_ms".into()), minute(HEALTHY + 4))
    );
    let last = 35.0 + ripple(0.0, HEALTHY + 9);
    assert!(
        matches!(anomaly.evidence[0], Evidence::Shift { observed, .. } if (observed - last).abs() < 1e-9)
    );
}

#[test]
fn scores_whose_axes_do_not_fit_are_refused() {
    let subjects = || vec![Subject::from(service(0))];
    let times = || vec![minute(0), minute(1)];
    assert!(Scores::of_subjects(times(), subjects(), Array2::zeros((2, 1))).is_ok());
    for shape in [(1, 1), (2, 2)] {
        let refused = Scores::of_subjects(times(), subjects(), Array2::zeros(shape));
        let (t, n) = shape;
        assert!(
            matches!(refused, Err(ScoreError::Shape { values, axes }) if values == [t, n, 1] && axes == [2, 1, 1])
        );
    }
    let values = Array3::zeros((2, 1, 1));
    let refused = Scores::of_metrics(times(), subjects(), Vec::new(), values);
    assert!(matches!(
        refused,
        Err(ScoreError::Shape {
            axes: [2, 1, 0],
            ..
        })
    ));
}
