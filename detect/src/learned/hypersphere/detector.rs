//! The hypersphere at the seam of detectors: fitted on healthy data, scored node by node.

use astern_graph_core::schema::{Feature, FeatureClass, Unit, Worse};
use astern_graph_core::signal::Evidence;
use astern_graph_core::{MetricName, Subject, TemporalGraph, TimeRange, Window};
use ndarray::{Array2, Array3, Axis};

use super::{Hypersphere, HypersphereModel};
use crate::learned::{ControlScores, LearnedError};
use crate::score::RobustZ;
use crate::{Detector, FitError, FittedDetector, ScoreError, Scores};

/// Name of the detector in its evidence.
const NAME: &str = "hypersphere";
/// Names of the networks' distances as metrics.
const DISTANCES: [&str; 3] = ["trained", "untrained", "mlp"];

impl Detector for HypersphereModel {
    type Fitted = Hypersphere;

    /// Learns the healthy level of each metric, which the networks' inputs are measured from, and of each network's
    /// distance. Trains nothing.
    ///
    /// # Errors
    /// [`FitError::Graph`] without nodes of the model's kind, [`FitError::NoSeries`] when nothing has enough values,
    /// [`FitError::Detector`] with a [`LearnedError`] for a graph that lacks a feature of the networks.
    fn fit(&self, graph: &TemporalGraph, healthy: TimeRange) -> Result<Hypersphere, FitError> {
        let window = graph.window(self.kind(), healthy)?;
        let levels = RobustZ::of_window(&window)?;
        let scores = Hypersphere::scores_of(self, &levels, graph, &window)?;
        let distances = RobustZ::of_window(&as_window(self, &window, &scores))?;
        Ok(Hypersphere {
            model: self.clone(),
            levels,
            distances,
        })
    }
}

impl FittedDetector for Hypersphere {
    /// The trained network's [deviation](Hypersphere::deviations) of each node. As evidence of a node the last score
    /// of the network, beside that of the same network untrained.
    fn score(&self, graph: &TemporalGraph, range: TimeRange) -> Result<Scores, ScoreError> {
        let window = graph.window(self.model.kind(), range)?;
        let raw = self.scores(graph, &window)?;
        let deviations = self.deviations_of(&window, &raw)?;
        let known = MetricName::from(DISTANCES[0]);
        let subjects: Vec<Subject> = window.rows.into_iter().map(Into::into).collect();
        let rows = subjects.len();
        let mut scores = Scores::of_subjects(window.times, subjects, deviations.trained)?
            .known(|subject, _| self.distances.level(subject, &known).is_some());
        for row in 0..rows {
            let of =
                |scores: &Array2<f64>| scores.column(row).iter().rfind(|x| x.is_finite()).copied();
            if let Some((score, untrained)) = of(&raw.trained).zip(of(&raw.untrained)) {
                let model = NAME.into();
                scores = scores.because(
                    row,
                    Evidence::Learned {
                        model,
                        score,
                        untrained,
                    },
                );
            }
        }
        Ok(scores)
    }

    fn levels(&self) -> &RobustZ {
        &self.levels
    }
}

impl Hypersphere {
    /// The networks' scores as deviations of their distances from each node's own level.
    pub(super) fn deviations_of(
        &self,
        window: &Window,
        scores: &ControlScores,
    ) -> Result<ControlScores, LearnedError> {
        let distances = as_window(&self.model, window, scores);
        let z = self.distances.score_window(&distances)?;
        let of = |network| z.index_axis(Axis(2), network).to_owned();
        Ok(ControlScores {
            trained: of(0),
            untrained: of(1),
            mlp: of(2),
            classic: scores.classic.clone(),
        })
    }
}

/// The networks' distances as a window of three metrics that are worse upwards.
///
/// The distance `sqrt(score + r²)` orders as the score does, and has a lighter tail: that of the
/// squares of metrics which are skewed themselves would outgrow any exponential.
fn as_window(model: &HypersphereModel, window: &Window, scores: &ControlScores) -> Window {
    let scores = [&scores.trained, &scores.untrained, &scores.mlp];
    let radii = model.radii();
    let feature = |name| Feature::new(name, Unit::Other, FeatureClass::Application, Worse::Up);
    let (steps, rows) = scores[0].dim();
    let mut distances = window.clone();
    distances.schema = DISTANCES.map(feature).to_vec();
    distances.values = Array3::from_shape_fn((steps, rows, DISTANCES.len()), |(t, n, k)| {
        let squared = scores[k][[t, n]] + radii[k] * radii[k];
        // `max` would turn a missing value into 0.
        if squared < 0.0 { 0.0 } else { squared.sqrt() }
    });
    distances
}
