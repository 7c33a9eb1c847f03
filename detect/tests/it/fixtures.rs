//! Telemetry and detectors that several tests share.

use astern_detect::pipeline::{Calibrated, Pipeline, PipelineParams};
use astern_detect::score::{RobustZ, RobustZParams};
use astern_detect::{Detector, FitError, FittedDetector, ScoreError, Scores};
use astern_graph_core::schema::{Feature, FeatureCatalogue, FeatureClass, Unit, Worse};
use astern_graph_core::signal::Assessment;
use astern_graph_core::{
    GraphBuilder, GraphParams, NodeKey, NodeKind, Sample, TemporalGraph, TimeRange, Timestamp,
};
use serde::{Deserialize, Serialize};

/// Minutes in which all is well.
pub(crate) const HEALTHY: i64 = 120;

pub(crate) fn minute(minute: i64) -> Timestamp {
    Timestamp::from_secs(60 * minute)
}

pub(crate) fn minutes(from: i64, to: i64) -> TimeRange {
    TimeRange::new(minute(from), minute(to)).unwrap()
}

pub(crate) fn healthy() -> TimeRange {
    minutes(0, HEALTHY)
}

pub(crate) fn service(node: usize) -> NodeKey {
    NodeKey::service(format!("s{node}"))
}

/// What looks like noise, is bounded by 1.5 and the same in every run.
pub(crate) fn ripple(seed: f64, minute: i64) -> f64 {
    let x = minute as f64;
    (x * (0.7 + 0.31 * seed)).sin() + 0.5 * (x * x * (0.013 + 0.007 * seed)).sin()
}

/// Parameters that declare the metrics of these tests, of users and worse in either direction.
pub(crate) fn declared() -> GraphParams {
    let declare = |known: FeatureCatalogue, name| {
        known.with(Feature::new(
            name,
            Unit::Other,
            FeatureClass::Application,
            Worse::Both,
        ))
    };
    let names = ["score", "gap_ms"].into_iter();
    GraphParams::default().catalogue(names.fold(FeatureCatalogue::default(), declare))
}

/// Metrics of four services, minute by minute up to `end`.
pub(crate) fn telemetry(
    end: i64,
    values: impl Fn(usize, i64) -> Vec<(&'static str, f64)>,
) -> TemporalGraph {
    let mut builder = GraphBuilder::new(declared()).unwrap();
    for at in 0..end {
        for node in 0..4 {
            let samples = values(node, at).into_iter();
            builder.extend(samples.map(|(metric, value)| {
                Sample::new(minute(at), service(node), metric, value).into()
            }));
        }
    }
    builder.build()
}

/// One metric of four services over 130 minutes: `value` of (node, minute), or nothing.
pub(crate) fn graph(
    metric: &'static str,
    value: impl Fn(usize, i64) -> Option<f64>,
) -> TemporalGraph {
    telemetry(HEALTHY + 10, |node, at| {
        Vec::from_iter(value(node, at).map(|value| (metric, value)))
    })
}

/// Latencies of four services over 130 minutes; those of the third are higher by `slow` ms from minute `since` on.
pub(crate) fn latency(slow: f64, since: i64) -> TemporalGraph {
    graph("latency_ms", |node, at| {
        let more = if node == 2 && at >= since { slow } else { 0.0 };
        Some(50.0 + ripple(node as f64, at) + more)
    })
}

pub(crate) fn pipeline() -> Pipeline {
    PipelineParams::default().check().unwrap()
}

/// The default detector.
pub(crate) fn fit(graph: &TemporalGraph) -> Result<Calibrated<RobustZ>, FitError> {
    pipeline().fit(&RobustZParams::default(), graph, healthy())
}

/// What the default detector says of the ten minutes after the healthy ones.
pub(crate) fn assess(graph: &TemporalGraph) -> Assessment {
    let newest = minutes(HEALTHY, HEALTHY + 10);
    let fitted = fit(graph).unwrap();
    pipeline().assess(&fitted, graph, newest).unwrap()
}

/// A detector whose scores are the values of the metric `score`, so that a test sets them: of the metric, or of
/// whole services.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AsIs {
    pub(crate) whole: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FittedAsIs {
    whole: bool,
    levels: RobustZ,
}

impl Detector for AsIs {
    type Fitted = FittedAsIs;

    fn fit(&self, graph: &TemporalGraph, healthy: TimeRange) -> Result<FittedAsIs, FitError> {
        let levels = RobustZParams::default().fit(graph, healthy)?;
        Ok(FittedAsIs {
            whole: self.whole,
            levels,
        })
    }
}

impl FittedDetector for FittedAsIs {
    fn score(&self, graph: &TemporalGraph, range: TimeRange) -> Result<Scores, ScoreError> {
        let window = graph.window_of(NodeKind::Service, &["score".into()], range)?;
        let subjects = window.rows.into_iter().map(Into::into).collect();
        if self.whole {
            let values = window.values.index_axis_move(ndarray::Axis(2), 0);
            return Scores::of_subjects(window.times, subjects, values);
        }
        Scores::of_metrics(window.times, subjects, window.schema, window.values)
    }

    fn levels(&self) -> &RobustZ {
        &self.levels
    }
}
