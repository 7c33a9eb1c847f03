//! What healthy is, and when to learn it again.

use std::collections::BTreeMap;
use std::sync::Arc;

use astern_detect::catalogue::AnyFitted;
use astern_detect::pipeline::{Calibrated, unite};
use astern_detect::{Detector, FittedDetector};
use astern_graph_core::signal::Assessment;
use astern_graph_core::{GraphBuilder, TemporalGraph, TimeRange, Timestamp};
use serde::{Deserialize, Serialize};

use super::detectors::Detection;
use super::params::GuardParams;
use crate::error::Error;

/// Fitted detectors by name, with the range that they were fitted on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Baseline<F> {
    pub(super) range: TimeRange,
    fitted: BTreeMap<Arc<str>, Fit<F>>,
}

/// A fitted detector, and the fingerprint of what it was fitted by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Fit<F> {
    fingerprint: u32,
    detector: Calibrated<AnyFitted<F>>,
}

impl<F: FittedDetector> Baseline<F> {
    /// Fits on the `healthy_steps` that end at `end`, once the telemetry since `since` is as long. Where no detector can be
    /// fitted on them it takes twice as many, and again, while the graph keeps them: how many values there are to
    /// learn from depends on the number of subjects too. A detector that cannot be fitted keeps its fit of before;
    /// returned is why it cannot.
    pub(super) fn learn<D: Detector<Fitted = F>>(
        baseline: &mut Option<Self>,
        detections: &[Detection<D>],
        params: &GuardParams,
        graph: &TemporalGraph,
        since: Timestamp,
        end: Timestamp,
    ) -> Vec<Error> {
        let mut errors = Vec::new();
        let Some(extent) = graph.extent() else {
            return errors;
        };
        let mut steps = params.healthy_steps;
        while steps <= params.graph.retained_steps() {
            let start = end.minus(graph.step().saturating_mul(steps));
            let Ok(range) = TimeRange::new(start, end) else {
                break;
            };
            if start < since.max(extent.start) {
                break;
            }
            errors.clear();
            let mut new = BTreeMap::new();
            for detection in detections {
                match Fit::of(detection, graph, range) {
                    Ok(fit) => drop(new.insert(detection.name.clone(), fit)),
                    Err(error) => errors.push(error),
                }
            }
            if !new.is_empty() {
                let mut fitted = baseline.take().map(|b| b.fitted).unwrap_or_default();
                fitted.extend(new);
                *baseline = Some(Self { range, fitted });
                break;
            }
            steps = steps.saturating_mul(2);
        }
        errors
    }

    /// The baseline under these detectors: what was fitted by the same is kept, the others are fitted again on the same
    /// steps. `None` where none can be; it is then learnt as by a new guard.
    pub(super) fn under<D: Detector<Fitted = F>>(
        mut self,
        detections: &[Detection<D>],
        builder: &GraphBuilder,
    ) -> Option<Self> {
        let mut fitted = BTreeMap::new();
        for detection in detections {
            let same = |fit: &Fit<F>| fit.fingerprint == detection.fingerprint;
            let kept = self.fitted.remove(&detection.name).filter(same);
            let fit = kept.or_else(|| Fit::of(detection, &builder.build(), self.range).ok());
            fitted.extend(fit.map(|fit| (detection.name.clone(), fit)));
        }
        let range = self.range;
        (!fitted.is_empty()).then_some(Self { range, fitted })
    }

    /// Whether half of the learning time has passed since: time to follow a drift.
    pub(super) fn is_stale(
        &self,
        params: &GuardParams,
        graph: &TemporalGraph,
        end: Timestamp,
    ) -> bool {
        end.since(self.range.end) >= graph.step().saturating_mul(params.healthy_steps / 2)
    }

    /// What all detectors together say of the system at the end of `recent`, and which of them failed.
    pub(super) fn assess<D: Detector<Fitted = F>>(
        &self,
        detections: &[Detection<D>],
        graph: &TemporalGraph,
        recent: TimeRange,
    ) -> (Option<Assessment>, Vec<Error>) {
        let (mut assessments, mut errors) = (Vec::new(), Vec::new());
        for detection in detections {
            let Some(fitted) = self.fitted.get(&detection.name) else {
                continue;
            };
            match detection.pipeline.assess(&fitted.detector, graph, recent) {
                Ok(assessment) => assessments.push(assessment),
                Err(error) => errors.push(error.into()),
            }
        }
        (unite(assessments), errors)
    }
}

impl<F: FittedDetector> Fit<F> {
    fn of<D: Detector<Fitted = F>>(
        detection: &Detection<D>,
        graph: &TemporalGraph,
        range: TimeRange,
    ) -> Result<Self, Error> {
        let Detection {
            pipeline, detector, ..
        } = detection;
        Ok(Self {
            fingerprint: detection.fingerprint,
            detector: pipeline.fit(detector, graph, range)?,
        })
    }
}
