//! What healthy is, and when to learn it again.

use std::collections::BTreeMap;
use std::sync::Arc;

use astern_detect::catalogue::AnyFitted;
use astern_detect::pipeline::{Calibrated, unite};
use astern_detect::{Detector, FittedDetector};
use astern_graph_core::signal::Assessment;
use astern_graph_core::{TemporalGraph, TimeRange, Timestamp};
use serde::{Deserialize, Serialize};

use super::detectors::Detection;
use super::params::GuardParams;
use crate::error::Error;

/// Fitted detectors by name, with the range that they were fitted on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Baseline<F> {
    pub(super) range: TimeRange,
    fitted: BTreeMap<Arc<str>, Calibrated<AnyFitted<F>>>,
}

impl<F: FittedDetector> Baseline<F> {
    /// Fits on the `healthy_steps` that end at `end`, once the telemetry is as long. A detector that cannot be
    /// fitted keeps its fit of before; returned is why it cannot.
    pub(super) fn learn<D: Detector<Fitted = F>>(
        baseline: &mut Option<Self>,
        detections: &[Detection<D>],
        params: &GuardParams,
        graph: &TemporalGraph,
        end: Timestamp,
    ) -> Vec<Error> {
        let span = graph.step().saturating_mul(params.healthy_steps);
        let start = end.minus(span);
        let covered = graph.extent().is_some_and(|extent| extent.start <= start);
        let (mut new, mut errors) = (BTreeMap::new(), Vec::new());
        let Ok(range) = TimeRange::new(start, end) else {
            return errors;
        };
        if !covered {
            return errors;
        }
        for detection in detections {
            match detection.pipeline.fit(&detection.detector, graph, range) {
                Ok(fitted) => {
                    new.insert(detection.name.clone(), fitted);
                }
                Err(error) => errors.push(error.into()),
            }
        }
        if !new.is_empty() {
            let mut fitted = baseline.take().map(|b| b.fitted).unwrap_or_default();
            fitted.extend(new);
            *baseline = Some(Self { range, fitted });
        }
        errors
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
            match detection.pipeline.assess(fitted, graph, recent) {
                Ok(assessment) => assessments.push(assessment),
                Err(error) => errors.push(error.into()),
            }
        }
        (unite(assessments), errors)
    }
}
