//! The seam at which detectors are added.

use astern_graph_core::{TemporalGraph, TimeRange};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::score::RobustZ;
use crate::{FitError, ScoreError, Scores};

/// Learns what is normal from a range in which the system was healthy.
///
/// A detector gives scores and nothing else; the [`Pipeline`](crate::pipeline::Pipeline) smooths them, gives
/// them thresholds from healthy data and makes anomalies of them, for all detectors alike.
///
/// # Example
/// A detector of one's own: how far latencies are above a ceiling, for each service.
/// ```
/// use astern_detect::pipeline::PipelineParams;
/// use astern_detect::score::{RobustZ, RobustZParams};
/// use astern_detect::{Detector, FitError, FittedDetector, ScoreError, Scores};
/// use astern_graph_core::signal::Verdict;
/// # use astern_graph_core::{GraphBuilder, GraphParams, NodeKey, Sample, Timestamp};
/// use astern_graph_core::{NodeKind, TemporalGraph, TimeRange};
/// use serde::{Deserialize, Serialize};
///
/// struct Ceiling {
///     latency_ms: f64,
/// }
///
/// #[derive(Serialize, Deserialize)]
/// struct FittedCeiling {
///     latency_ms: f64,
///     levels: RobustZ,
/// }
///
/// impl Detector for Ceiling {
///     type Fitted = FittedCeiling;
///
///     fn fit(&self, graph: &TemporalGraph, healthy: TimeRange) -> Result<FittedCeiling, FitError> {
///         let levels = RobustZParams::default().fit(graph, healthy)?;
///         Ok(FittedCeiling { latency_ms: self.latency_ms, levels })
///     }
/// }
///
/// impl FittedDetector for FittedCeiling {
///     fn score(&self, graph: &TemporalGraph, range: TimeRange) -> Result<Scores, ScoreError> {
///         let metrics = ["latency_ms".into()];
///         let window = graph.window_of(NodeKind::Service, &metrics, range)?;
///         let above = window.values.mapv(|ms| (ms - self.latency_ms) / self.latency_ms);
///         let subjects = window.rows.into_iter().map(Into::into);
///         Scores::of_metrics(window.times, subjects.collect(), window.schema, above)
///     }
///
///     fn levels(&self) -> &RobustZ {
///         &self.levels
///     }
/// }
///
/// # let mut builder = GraphBuilder::new(GraphParams::default())?;
/// # for minute in 0..130_i64 {
/// #     let wobble = (minute % 7) as f64;
/// #     let latency_ms = if minute < 120 { 20.0 + wobble } else { 160.0 + wobble };
/// #     let at = Timestamp::from_secs(60 * minute);
/// #     builder.extend([Sample::new(at, NodeKey::service("cart"), "latency_ms", latency_ms).into()]);
/// # }
/// # let graph = builder.build();
/// # let minutes = |from: i64, to: i64| TimeRange::new(Timestamp::from_secs(60 * from), Timestamp::from_secs(60 * to));
/// # let (healthy, newest) = (minutes(0, 120)?, minutes(120, 130)?);
/// let pipeline = PipelineParams::default().score_min(0.5).check()?;
/// let fitted = pipeline.fit(&Ceiling { latency_ms: 50.0 }, &graph, healthy)?;
/// let assessment = pipeline.assess(&fitted, &graph, newest)?;
/// assert_eq!(assessment.verdict, Verdict::Regressed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Detector {
    /// What it is after fitting: can be stored, and scores the same when it was read again.
    type Fitted: FittedDetector + Serialize + DeserializeOwned;

    /// Learns from a healthy range, and from nothing else in the graph.
    ///
    /// # Errors
    /// [`FitError`] for parameters outside their rules and for too little telemetry.
    fn fit(&self, graph: &TemporalGraph, healthy: TimeRange) -> Result<Self::Fitted, FitError>;
}

/// Scores telemetry by what was learnt while healthy.
pub trait FittedDetector {
    /// Scores of all steps that a range touches, in the unit of the detector: positive is worse, `NaN` is
    /// unknown. Steps before the range may be looked at, later ones not.
    ///
    /// # Errors
    /// [`ScoreError`] when the graph has no such window or the detector cannot read it.
    fn score(&self, graph: &TemporalGraph, range: TimeRange) -> Result<Scores, ScoreError>;

    /// Healthy level and spread of each metric of the scored subjects. By these an anomaly states how far
    /// its metric has moved, and one of a whole subject names the metric that deviates most.
    fn levels(&self) -> &RobustZ;
}
