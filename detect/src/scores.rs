//! What a detector gives to the pipeline.

use std::collections::BTreeMap;

use astern_graph_core::schema::Feature;
use astern_graph_core::signal::Evidence;
use astern_graph_core::{MetricName, Subject, Timestamp};
use ndarray::{Array2, Array3, ArrayView1, Axis};

use crate::ScoreError;

/// Scores over consecutive steps: of each metric of each subject, or of each subject as a whole.
///
/// Positive is worse, `NaN` is unknown. [`known`](Self::known) states which series the detector has learnt: one that
/// it has and that has no recent score is a source that fell silent, one that it has not is not judged.
/// Without it all are known.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    times: Vec<Timestamp>,
    subjects: Vec<Subject>,
    metrics: Option<Vec<Feature>>,
    pub(crate) values: Array3<f64>,
    known: Array2<bool>,
    evidence: BTreeMap<usize, Vec<Evidence>>,
}

impl Scores {
    /// Scores `[T, N, F]` of each metric of each subject.
    ///
    /// # Errors
    /// [`ScoreError::Shape`] unless the axes have the lengths of the values.
    pub fn of_metrics(
        times: Vec<Timestamp>,
        subjects: Vec<Subject>,
        metrics: Vec<Feature>,
        values: Array3<f64>,
    ) -> Result<Self, ScoreError> {
        Self::new(times, subjects, Some(metrics), values)
    }

    /// Scores `[T, N]` of each subject as a whole.
    ///
    /// # Errors
    /// [`ScoreError::Shape`] unless the axes have the lengths of the values.
    pub fn of_subjects(
        times: Vec<Timestamp>,
        subjects: Vec<Subject>,
        values: Array2<f64>,
    ) -> Result<Self, ScoreError> {
        Self::new(times, subjects, None, values.insert_axis(Axis(2)))
    }

    fn new(
        times: Vec<Timestamp>,
        subjects: Vec<Subject>,
        metrics: Option<Vec<Feature>>,
        values: Array3<f64>,
    ) -> Result<Self, ScoreError> {
        let columns = metrics.as_ref().map_or(1, Vec::len);
        let axes = [times.len(), subjects.len(), columns];
        let shape = values.dim().into();
        if axes != shape {
            return Err(ScoreError::Shape {
                values: shape,
                axes,
            });
        }
        Ok(Self {
            known: Array2::from_elem((subjects.len(), columns), true),
            times,
            subjects,
            metrics,
            values,
            evidence: BTreeMap::new(),
        })
    }

    /// With what the detector has learnt: which metrics (`None`: the whole) of which subjects.
    #[must_use]
    pub fn known(mut self, known: impl Fn(&Subject, Option<&MetricName>) -> bool) -> Self {
        let shape = self.known.dim();
        self.known = Array2::from_shape_fn(shape, |(row, column)| {
            known(&self.subjects[row], self.metric(column))
        });
        self
    }

    /// With evidence about the subject of a row at the last step, beside the shift of its metric.
    #[must_use]
    pub fn because(mut self, row: usize, evidence: Evidence) -> Self {
        self.evidence.entry(row).or_default().push(evidence);
        self
    }

    /// Start of each step, `[T]`.
    pub fn times(&self) -> &[Timestamp] {
        &self.times
    }

    /// Subjects, `[N]`.
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// Metrics, `[F]`; `None` where subjects are scored as a whole.
    pub fn metrics(&self) -> Option<&[Feature]> {
        self.metrics.as_deref()
    }

    /// Scores `[T, N, F]`; F is 1 where subjects are scored as a whole.
    pub fn values(&self) -> &Array3<f64> {
        &self.values
    }

    /// Scores `[T]` of a metric of a subject, or with `None` of the whole subject; `None` where there is no such
    /// series.
    pub fn series(
        &self,
        subject: &Subject,
        metric: Option<&MetricName>,
    ) -> Option<ArrayView1<'_, f64>> {
        let row = self.subjects.iter().position(|s| s == subject)?;
        let column = (0..self.columns()).find(|column| self.metric(*column) == metric)?;
        let plane = self.values.index_axis(Axis(2), column);
        Some(plane.index_axis_move(Axis(1), row))
    }

    /// Number of columns.
    pub(crate) fn columns(&self) -> usize {
        self.metrics.as_ref().map_or(1, Vec::len)
    }

    /// The metric of a column.
    pub(crate) fn feature(&self, column: usize) -> Option<&Feature> {
        self.metrics.as_ref()?.get(column)
    }

    /// Name of the metric of a column.
    pub(crate) fn metric(&self, column: usize) -> Option<&MetricName> {
        self.feature(column).map(|feature| &feature.name)
    }

    pub(crate) fn is_known(&self, row: usize, column: usize) -> bool {
        self.known.get((row, column)).copied().unwrap_or(false)
    }

    /// Evidence about the subject of a row.
    pub(crate) fn evidence(&self, row: usize) -> &[Evidence] {
        self.evidence.get(&row).map_or(&[], Vec::as_slice)
    }

    /// Index `[N, F]` of the last step with a score.
    pub(crate) fn last_seen(&self) -> Array2<Option<usize>> {
        self.values
            .map_axis(Axis(0), |series| series.iter().rposition(|x| x.is_finite()))
    }
}
