//! Robust z-score of each metric of each subject.

use astern_graph_core::schema::Feature;
use astern_graph_core::{MetricName, Row, Subject, TemporalGraph, TimeRange, Window};
use astern_stats::robust;
use ndarray::{Array2, Array3};
use serde::{Deserialize, Serialize};

use crate::{Detector, FitError, FittedDetector, ScoreError, Scores, Subjects};

/// Parameters of [`RobustZ`]. The noise floor belongs to a feature's unit and is no parameter.
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `subjects` | services | nodes or edges of one kind |
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RobustZParams {
    subjects: Subjects,
}

astern_stats::setters!(RobustZParams {
    /// Sets which nodes or edges are scored.
    subjects: impl Into<Subjects>,
});

impl Detector for RobustZParams {
    type Fitted = RobustZ;

    /// # Errors
    /// [`FitError::NoSeries`] when no series has 8 values, [`FitError::Graph`] without such subjects.
    ///
    /// # Complexity
    /// `O(N · F · T log T)`.
    fn fit(&self, graph: &TemporalGraph, healthy: TimeRange) -> Result<RobustZ, FitError> {
        match self.subjects {
            Subjects::Nodes(kind) => RobustZ::of_window(&graph.window(kind, healthy)?),
            Subjects::Edges(kind) => RobustZ::of_window(&graph.edge_window(kind, healthy)?),
        }
    }
}

/// Deviation from the healthy median in healthy standard deviations, signed so that positive is
/// worse.
///
/// `z = worse((x - median) / max(spread, floor))`, where `spread` is
/// [`robust::spread`](astern_stats::robust::spread), `floor` is
/// [`Feature::noise_floor`](astern_graph_core::schema::Feature::noise_floor) and `worse` is
/// [`Worse::badness`](astern_graph_core::schema::Worse::badness). The median and the median absolute
/// deviation as a pair are from Hampel (1974); the second scale estimate and the floor, which keep
/// a series of zero variance from scoring infinitely, are deviations from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RobustZ {
    subjects: Subjects,
    rows: Vec<Subject>,
    schema: Vec<Feature>,
    /// `[N, F]`, row-major; `NaN` where there were too few values.
    centre: Vec<f64>,
    spread: Vec<f64>,
}

/// What is normal for one metric of one subject.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Level {
    /// Healthy median.
    pub median: f64,
    /// Healthy standard deviation, robust and at least the noise floor.
    pub spread: f64,
}

impl Level {
    /// How far a value is from the median, in standard deviations; positive is worse.
    pub fn z(&self, value: f64, feature: &Feature) -> f64 {
        feature.worse.badness((value - self.median) / self.spread)
    }
}

impl RobustZ {
    /// Fewest healthy values of a series for which centre and spread are estimated.
    pub(crate) const VALUES_MIN: u32 = 8;

    /// Learns centre and spread of every series of a healthy window.
    ///
    /// # Errors
    /// [`FitError::NoSeries`] when no series has 8 values.
    ///
    /// # Complexity
    /// `O(N · F · T log T)`.
    pub fn of_window<R>(healthy: &Window<R>) -> Result<Self, FitError>
    where
        R: Row<Kind: Into<Subjects>> + Into<Subject>,
    {
        let (_, n, f) = healthy.values.dim();
        let mut centre = Array2::from_elem((n, f), f64::NAN);
        let mut spread = Array2::from_elem((n, f), f64::NAN);
        for row in 0..n {
            for column in 0..f {
                let series: Vec<f64> = healthy
                    .series(row, column)
                    .map(|s| s.to_vec())
                    .unwrap_or_default();
                if series.iter().filter(|x| x.is_finite()).count() < Self::VALUES_MIN as usize {
                    continue;
                }
                let estimates = robust::median(&series).zip(robust::spread(&series));
                if let Some((median, scale)) = estimates {
                    let floor = healthy.schema[column].noise_floor(median);
                    centre[[row, column]] = median;
                    spread[[row, column]] = scale.max(floor);
                }
            }
        }
        if centre.iter().all(|x| x.is_nan()) {
            return Err(FitError::NoSeries {
                series: n * f,
                need: Self::VALUES_MIN as usize,
            });
        }
        Ok(Self {
            subjects: healthy.kind.into(),
            rows: subjects(&healthy.rows),
            schema: healthy.schema.clone(),
            centre: centre.into_raw_vec_and_offset().0,
            spread: spread.into_raw_vec_and_offset().0,
        })
    }

    /// Scores `[T, N, F]` of a window, in its own row and column order; `NaN` where a value is
    /// missing or the series was not seen while healthy. `O(T · N · F)`.
    ///
    /// # Errors
    /// [`ScoreError::OtherKind`] for a window of other subjects.
    pub fn score_window<R>(&self, window: &Window<R>) -> Result<Array3<f64>, ScoreError>
    where
        R: Row<Kind: Into<Subjects>> + Into<Subject>,
    {
        let (fitted, given) = (self.subjects, window.kind.into());
        if fitted != given {
            return Err(ScoreError::OtherKind { fitted, given });
        }
        let mut scores = Array3::from_elem(window.values.dim(), f64::NAN);
        for (row, subject) in subjects(&window.rows).iter().enumerate() {
            for (column, feature) in window.schema.iter().enumerate() {
                let Some(level) = self.level(subject, &feature.name) else {
                    continue;
                };
                for t in 0..window.len() {
                    let value = window.values[[t, row, column]];
                    scores[[t, row, column]] = level.z(value, feature);
                }
            }
        }
        Ok(scores)
    }

    fn scores_of<R>(&self, window: Window<R>) -> Result<Scores, ScoreError>
    where
        R: Row<Kind: Into<Subjects>> + Into<Subject>,
    {
        let values = self.score_window(&window)?;
        let rows = subjects(&window.rows);
        let scores = Scores::of_metrics(window.times, rows, window.schema, values)?;
        let level = |subject: &Subject, metric: &MetricName| self.level(subject, metric);
        let is_known = |subject: &Subject, metric: Option<&MetricName>| {
            metric.and_then(|metric| level(subject, metric)).is_some()
        };
        Ok(scores.known(is_known))
    }

    /// What is normal for one metric of one subject; `None` where it was not seen often enough.
    pub fn level(&self, subject: &Subject, metric: &MetricName) -> Option<Level> {
        let row = self.rows.binary_search(subject).ok()?;
        let column = self.schema.iter().position(|f| f.name == *metric)?;
        let index = row * self.schema.len() + column;
        let (median, spread) = (*self.centre.get(index)?, *self.spread.get(index)?);
        median.is_finite().then_some(Level { median, spread })
    }

    /// The metrics that were there while healthy.
    pub fn features(&self) -> &[Feature] {
        &self.schema
    }
}

impl FittedDetector for RobustZ {
    fn score(&self, graph: &TemporalGraph, range: TimeRange) -> Result<Scores, ScoreError> {
        match self.subjects {
            Subjects::Nodes(kind) => self.scores_of(graph.window(kind, range)?),
            Subjects::Edges(kind) => self.scores_of(graph.edge_window(kind, range)?),
        }
    }

    fn levels(&self) -> &RobustZ {
        self
    }
}

fn subjects<R: Row + Into<Subject>>(rows: &[R]) -> Vec<Subject> {
    rows.iter().cloned().map(Into::into).collect()
}
