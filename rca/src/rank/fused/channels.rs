//! The channels of evidence for one candidate.

use astern_graph_core::Worse;
use astern_stats::correlation::pearson;
use astern_stats::robust;

use super::Scene;
use super::params::FusedWeights;
use crate::candidates::{Candidate, Shift, filled};

/// Least probability of the reach channel: a gap in the telemetry must not hide a cause.
const REACH_MIN: f64 = 0.1;

/// Deviation in healthy standard deviations from which a dependency counts as anomalous.
const ANOMALOUS_Z: f64 = 3.0;

/// Probabilities of one candidate by channel, and what evidence says of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Channels {
    shift: f64,
    correlation: f64,
    origin: f64,
    reach: f64,
    influence: f64,
    pub(super) r: f64,
    pub(super) anomalous_dependencies: usize,
}

impl Channels {
    pub(super) fn of(scene: &Scene<'_>, node: &Candidate, shift: &Shift, shifted: f64) -> Self {
        let r = worsening_together(&scene.symptom, node);
        let is_symptom = node.id == scene.symptom.id;
        let dependencies = || {
            let known = scene
                .graph
                .fault_origins(node.id)
                .filter(|id| *id != node.id);
            known.filter_map(|id| scene.nodes.get(&id))
        };
        let explained = dependencies()
            .filter(|(other, _)| other.feature.name == node.feature.name)
            .map(|(_, other)| other.excess)
            .fold(0.0, f64::max);
        let origin = if shift.excess > 0.0 {
            1.0 - (explained / shift.excess).min(1.0)
        } else {
            0.5
        };
        Self {
            shift: shifted,
            correlation: if is_symptom { 0.5 } else { r.max(0.0).powi(2) },
            origin,
            reach: scene.reach.width(node.id).max(REACH_MIN),
            influence: f64::midpoint(1.0, scene.influences.least(node.id).unwrap_or(0.0)),
            r,
            anomalous_dependencies: dependencies().filter(|(_, s)| s.z >= ANOMALOUS_Z).count(),
        }
    }

    /// Weighted sum of log-odds.
    pub(super) fn score(&self, weights: &FusedWeights, prior: f64) -> f64 {
        prior
            + weights.shift * log_odds(self.shift)
            + weights.correlation * log_odds(self.correlation)
            + weights.origin * log_odds(self.origin)
            + weights.reach * log_odds(self.reach)
            + weights.influence * log_odds(self.influence)
    }
}

/// Log-odds of a probability clipped to 2..98 %, so that no channel alone can decide.
fn log_odds(p: f64) -> f64 {
    let p = if p.is_nan() { 0.5 } else { p.clamp(0.02, 0.98) };
    (p / (1.0 - p)).ln()
}

/// Correlation with the symptom, positive where the two worsen together. Missing values count as
/// the mean, so a series that is mostly missing correlates little.
fn worsening_together(symptom: &Candidate, node: &Candidate) -> f64 {
    pearson(&worsening(symptom), &worsening(node)).unwrap_or(0.0)
}

/// The abnormal series so that greater is worse: where either direction is, its distance from the
/// healthy median.
fn worsening(candidate: &Candidate) -> Vec<f64> {
    let abnormal = &candidate.abnormal;
    match candidate.feature.worse {
        Worse::Up => filled(abnormal),
        Worse::Down => filled(abnormal).iter().map(|x| -x).collect(),
        Worse::Both => match robust::median(&candidate.healthy) {
            Some(median) => {
                let distances: Vec<f64> = abnormal.iter().map(|x| (x - median).abs()).collect();
                filled(&distances)
            }
            None => filled(abnormal),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidates::tests::series;

    #[test]
    fn log_odds_are_bounded_and_neutral_for_the_unknown() {
        assert!(log_odds(f64::NAN).abs() < 1e-12);
        assert!((log_odds(1.0) + log_odds(0.0)).abs() < 1e-12);
        assert!(log_odds(1.0) < 4.0);
    }

    #[test]
    fn a_fall_worsens_where_either_direction_is_worse() {
        let rises = [100.0, 120.0, 150.0, 180.0];
        let falls = [100.0, 80.0, 50.0, 20.0];
        let r = |symptom: Worse, node: Worse, abnormal: &[f64]| {
            let healthy = [100.0; 5];
            let symptom = series(symptom, &healthy, &rises);
            worsening_together(&symptom, &series(node, &healthy, abnormal))
        };
        for (node, of_rises, of_falls) in [
            (Worse::Up, 1.0, -1.0),
            (Worse::Down, -1.0, 1.0),
            (Worse::Both, 1.0, 1.0),
        ] {
            assert!((r(Worse::Up, node, &rises) - of_rises).abs() < 1e-9);
            assert!((r(Worse::Both, node, &falls) - of_falls).abs() < 1e-9);
        }
    }

    #[test]
    fn without_a_healthy_median_the_values_themselves_are_compared() {
        let rises = series(Worse::Both, &[], &[1.0, f64::NAN, 3.0]);
        assert!((worsening_together(&rises, &rises) - 1.0).abs() < 1e-9);
    }
}
