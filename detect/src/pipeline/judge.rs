//! From the scores of a range to the verdict at its end.

use astern_graph_core::schema::FeatureClass;
use astern_graph_core::signal::{Anomaly, Assessment, SourceFault, Verdict};
use astern_graph_core::{TemporalGraph, TimeRange};
use astern_stats::multiplicity::benjamini_hochberg;
use ndarray::Array2;

use super::deviation::{Deviation, Deviations};
use super::smooth::smooth;
use super::{Calibrated, Pipeline};
use crate::{FittedDetector, ScoreError, Scores};

/// One series at the last step of a range.
struct Latest {
    row: usize,
    column: usize,
    score: f64,
    p_value: f64,
    /// Score that counts as anomalous by itself, were there no other series.
    threshold: f64,
}

impl Pipeline {
    /// Judges the last step of a range, with the steps before it as the memory of the smoothing.
    ///
    /// Verdict: [`Verdict::NoData`] when no series that the detector knows has a recent score,
    /// [`Verdict::Inconclusive`] when more than half of them are silent, else
    /// [`Verdict::Regressed`] with an application anomaly or [`Verdict::Healthy`] without one.
    ///
    /// # Errors
    /// Those of the detector.
    ///
    /// # Complexity
    /// That of the detector; `O(S)` for S scores, `O(L log L)` for the adjustment of L series, and `O(T · F)` for
    /// each anomaly.
    pub fn assess<F: FittedDetector>(
        &self,
        fitted: &Calibrated<F>,
        graph: &TemporalGraph,
        range: TimeRange,
    ) -> Result<Assessment, ScoreError> {
        let mut scores = fitted.detector.score(graph, range)?;
        let seen = scores.last_seen();
        smooth(&mut scores.values, self.empty);
        let (series, silent) = self.latest(fitted, &scores, &seen);
        let deviations = Deviations {
            graph,
            range,
            levels: fitted.detector.levels(),
            empty: self.empty,
            silent_steps_max: self.params.silent_steps_max as usize,
        };
        let p_values: Vec<f64> = series.iter().map(|s| s.p_value).collect();
        let adjusted = benjamini_hochberg(&p_values);
        let mut anomalies = Vec::new();
        let mut regressed = false;
        for (latest, q) in series.iter().zip(adjusted) {
            let significant = q <= self.params.false_discovery_rate;
            if significant && latest.score >= self.params.score_min {
                let (anomaly, is_regression) = self.anomaly(&scores, &deviations, latest, q)?;
                regressed |= is_regression;
                anomalies.push(anomaly);
            }
        }
        let verdict = match (regressed, series.len(), silent.len()) {
            (true, ..) => Verdict::Regressed,
            (false, 0, _) => Verdict::NoData,
            (false, seen, unseen) if unseen > seen => Verdict::Inconclusive,
            _ => Verdict::Healthy,
        };
        let mut assessment = Assessment::new(verdict).with_anomalies(anomalies);
        assessment.source_faults = silent;
        Ok(assessment)
    }

    /// Known series with a recent score, and those that have fallen silent.
    fn latest<F>(
        &self,
        fitted: &Calibrated<F>,
        scores: &Scores,
        seen: &Array2<Option<usize>>,
    ) -> (Vec<Latest>, Vec<SourceFault>) {
        let (mut series, mut silent) = (Vec::new(), Vec::new());
        let Some(last) = scores.times().len().checked_sub(1) else {
            return (series, silent);
        };
        let columns: Vec<_> = (0..scores.columns())
            .filter_map(|column| {
                let metric = scores.metric(column);
                let alone = self.threshold(fitted, metric)?;
                Some((column, fitted.tail(metric)?, alone))
            })
            .collect();
        for (row, subject) in scores.subjects().iter().enumerate() {
            for &(column, tail, threshold) in &columns {
                if !scores.is_known(row, column) {
                    continue;
                }
                let seen = seen[[row, column]];
                let quiet = last - seen.unwrap_or(0);
                if seen.is_none() || quiet >= self.params.silent_steps_max as usize {
                    let since = scores.times()[(seen.map_or(0, |t| t + 1)).min(last)];
                    let metric = scores.metric(column).cloned();
                    silent.push(SourceFault::new(subject.clone(), metric, since));
                    continue;
                }
                let score = scores.values()[[last, row, column]];
                series.push(Latest {
                    row,
                    column,
                    score,
                    p_value: tail.p_value(score),
                    threshold,
                });
            }
        }
        (series, silent)
    }

    /// The anomaly of a series, and whether it is a regression.
    fn anomaly(
        &self,
        scores: &Scores,
        deviations: &Deviations<'_>,
        latest: &Latest,
        adjusted: f64,
    ) -> Result<(Anomaly, bool), ScoreError> {
        let Latest { row, column, .. } = *latest;
        let score_at = |t: usize| scores.values()[[t, row, column]];
        let times = scores.times();
        let normal = (0..times.len())
            .rev()
            // A step without a score ends the run of anomalous ones too.
            .find(|t| score_at(*t).is_nan() || score_at(*t) < latest.threshold);
        let since = times[normal.map_or(0, |t| t + 1).min(times.len() - 1)];
        let subject = &scores.subjects()[row];
        let feature = scores.feature(column);
        let deviation = match feature {
            Some(feature) => deviations.of(subject, feature),
            None => deviations.most(subject),
        }?;
        let is_regression = match (feature, &deviation) {
            (Some(feature), _) => feature.class == FeatureClass::Application,
            (None, Some(most)) => most.is_application() && most.is_worse(),
            (None, None) => false,
        };
        let is_over = deviation.as_ref().is_some_and(Deviation::is_over);
        let metric = deviation.as_ref().map(|d| &d.feature.name);
        let mut anomaly =
            Anomaly::new(subject.clone(), latest.score, since).above(self.params.score_min);
        anomaly.metric = metric.or(scores.metric(column)).cloned();
        anomaly.p_value = Some(adjusted);
        anomaly.evidence.extend(deviation.map(|d| d.evidence()));
        anomaly.evidence.extend_from_slice(scores.evidence(row));
        Ok((anomaly, is_regression && !is_over))
    }
}
