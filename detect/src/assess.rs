//! Score, smooth, threshold: from a window to an assessment.

use astern_graph_core::signal::{Anomaly, Assessment, Evidence, SourceFault, Verdict};
use astern_graph_core::{Feature, FeatureClass, MetricName, NodeKey, Window};
use astern_stats::ParamError;
use astern_stats::multiplicity::benjamini_hochberg;
use astern_stats::param::in_range;
use astern_stats::tail::UpperTail;
use ndarray::{Array3, Axis};
use serde::{Deserialize, Serialize};

use crate::error::{FitError, ScoreError};
use crate::score::{RobustZ, RobustZParams};
use crate::smooth::smooth;

/// Parameters of an [`Assessor`].
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `ema_weight` | .3 | weight of the newest score, (0, 1] |
/// | `false_discovery_rate` | .001 | per tick over all series, (0, 1) |
/// | `score_min` | 3 | least smoothed score of an anomaly, 0 to 1,000 |
/// | `steps_min` | 30 | fewest healthy steps, 6 to 1,000,000 |
/// | `silent_steps_max` | 3 | missing steps after which a source counts as silent, 1 to 1,000 |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssessorParams {
    ema_weight: f64,
    false_discovery_rate: f64,
    score_min: f64,
    steps_min: u32,
    silent_steps_max: u32,
}

impl Default for AssessorParams {
    fn default() -> Self {
        Self {
            ema_weight: 0.3,
            false_discovery_rate: 1e-3,
            score_min: 3.0,
            steps_min: 30,
            silent_steps_max: 3,
        }
    }
}

impl AssessorParams {
    /// With another weight of the newest score: 1 does not smooth.
    #[must_use]
    pub fn ema_weight(mut self, weight: f64) -> Self {
        self.ema_weight = weight;
        self
    }

    /// With another false discovery rate per tick.
    #[must_use]
    pub fn false_discovery_rate(mut self, rate: f64) -> Self {
        self.false_discovery_rate = rate;
        self
    }

    /// With another least score of an anomaly.
    #[must_use]
    pub fn score_min(mut self, score: f64) -> Self {
        self.score_min = score;
        self
    }

    /// With another least number of healthy steps.
    #[must_use]
    pub fn steps_min(mut self, steps: u32) -> Self {
        self.steps_min = steps;
        self
    }

    /// With another number of missing steps after which a source counts as silent.
    #[must_use]
    pub fn silent_steps_max(mut self, steps: u32) -> Self {
        self.silent_steps_max = steps;
        self
    }

    /// Checks the parameters, as [`fit`](Self::fit) does.
    ///
    /// # Errors
    /// [`ParamError`] for a parameter outside its rule.
    pub fn check(&self) -> Result<(), ParamError> {
        in_range("ema_weight", self.ema_weight, f64::MIN_POSITIVE, 1.0)?;
        let rate = self.false_discovery_rate;
        in_range(
            "false_discovery_rate",
            rate,
            f64::MIN_POSITIVE,
            1.0 - f64::EPSILON,
        )?;
        in_range("score_min", self.score_min, 0.0, 1e3)?;
        in_range("steps_min", f64::from(self.steps_min), 6.0, 1e6)?;
        in_range(
            "silent_steps_max",
            f64::from(self.silent_steps_max),
            1.0,
            1e3,
        )?;
        Ok(())
    }

    /// The fewest healthy steps that it learns from.
    pub fn least_steps(&self) -> u32 {
        self.steps_min
    }

    /// Learns what healthy is from a window in which the system was healthy.
    ///
    /// Centre and spread come from the first two thirds of the steps, the tail of the scores from
    /// the last third (split conformal calibration, Papadopoulos et al. 2002), so that no score is
    /// calibrated on the values that centred it.
    ///
    /// # Errors
    /// [`FitError::Param`] for a parameter outside its rule, [`FitError::TooShort`] for fewer than
    /// `steps_min` steps, [`FitError::NoSeries`] when nothing can be fitted.
    ///
    /// # Complexity
    /// `O(N · F · T log T)`.
    pub fn fit(&self, healthy: &Window) -> Result<Assessor, FitError> {
        self.check()?;
        let (have, need) = (healthy.len(), self.steps_min as usize);
        let too_short = FitError::TooShort { have, need };
        if have < need {
            return Err(too_short);
        }
        let cut = healthy.times[have - have / 3];
        let (fit, calibrate) = healthy.split_at(cut).map_err(|_| too_short.clone())?;
        let scorer = RobustZParams::default().fit(&fit)?;
        // The scorer was fitted on this very window, so the kinds agree.
        let scores = scorer.score(&calibrate).map_err(|_| too_short)?;
        let smoothed = smooth(&scores, self.ema_weight)?;
        let tails = healthy.schema.iter().zip(smoothed.axis_iter(Axis(2)));
        let tails: Vec<(MetricName, UpperTail)> = tails
            .filter_map(|(feature, scores)| {
                let scores: Vec<f64> = scores.iter().copied().collect();
                UpperTail::fit(&scores).map(|tail| (feature.name.clone(), tail))
            })
            .collect();
        if tails.is_empty() {
            let series = healthy.rows.len() * healthy.schema.len();
            return Err(FitError::NoSeries {
                series,
                need: UpperTail::VALUES_MIN,
            });
        }
        Ok(Assessor {
            params: self.clone(),
            scorer,
            tails,
        })
    }
}

/// Judges windows by what was learnt while healthy.
///
/// The score of a series is its robust z-score ([`RobustZ`]), smoothed ([`smooth`]). Its p-value
/// comes from the upper tail of the healthy scores of the same feature over all nodes
/// ([`UpperTail`]), adjusted over all series of the tick by Benjamini and Hochberg. A series is
/// anomalous when the adjusted p-value is at most the false discovery rate and the score at least
/// `score_min`.
///
/// The verdict rests on features of class [`Application`](FeatureClass::Application) alone: a busy
/// processor or more requests are listed as anomalies, and are no regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assessor {
    params: AssessorParams,
    scorer: RobustZ,
    tails: Vec<(MetricName, UpperTail)>,
}

/// One series at the last step of a window.
struct Latest<'a> {
    key: &'a NodeKey,
    feature: &'a Feature,
    row: usize,
    column: usize,
    score: f64,
    p_value: f64,
    /// Score that counts as anomalous by itself, were there no other series.
    threshold: f64,
}

impl Assessor {
    /// Judges the last step of a window, with the steps before it as the memory of the smoothing.
    ///
    /// Verdict: [`Verdict::NoData`] when no series that was fitted has a recent value,
    /// [`Verdict::Inconclusive`] when more than half of them are silent, else
    /// [`Verdict::Regressed`] with an application anomaly or [`Verdict::Healthy`] without one.
    ///
    /// # Errors
    /// [`ScoreError::OtherKind`] for a window of another kind of node.
    ///
    /// # Complexity
    /// `O(T · N · F)`, and `O(N · F log(N · F))` for the adjustment.
    pub fn assess(&self, window: &Window) -> Result<Assessment, ScoreError> {
        let scores = self.scorer.score(window)?;
        let smoothed = self.smoothed(&scores);
        let (series, silent) = self.latest(window, &scores, &smoothed);
        let p_values: Vec<f64> = series.iter().map(|s| s.p_value).collect();
        let adjusted = benjamini_hochberg(&p_values);
        let mut anomalies = Vec::new();
        let mut regressed = false;
        for (latest, q) in series.iter().zip(adjusted) {
            let significant = q <= self.params.false_discovery_rate;
            if significant && latest.score >= self.params.score_min {
                regressed |= latest.feature.class == FeatureClass::Application;
                anomalies.push(self.anomaly(window, &smoothed, latest, q));
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

    /// Healthy median and spread of one feature of one node, where it was fitted.
    pub fn healthy(&self, key: &NodeKey, feature: &Feature) -> Option<(f64, f64)> {
        self.scorer.healthy(key, feature)
    }

    /// Smoothed scores `[T, N, F]` of a window; positive is worse, `NaN` where nothing is known.
    ///
    /// # Errors
    /// [`ScoreError::OtherKind`] for a window of another kind of node.
    pub fn scores(&self, window: &Window) -> Result<Array3<f64>, ScoreError> {
        self.scorer
            .score(window)
            .map(|scores| self.smoothed(&scores))
    }

    fn smoothed(&self, scores: &Array3<f64>) -> Array3<f64> {
        // The weight was checked when the assessor was fitted; unsmoothed is the safe reading of a
        // weight that a damaged file brought in.
        smooth(scores, self.params.ema_weight).unwrap_or_else(|_| scores.clone())
    }

    /// Fitted series with a recent value, and those that have fallen silent.
    fn latest<'a>(
        &self,
        window: &'a Window,
        scores: &Array3<f64>,
        smoothed: &Array3<f64>,
    ) -> (Vec<Latest<'a>>, Vec<SourceFault>) {
        let (mut series, mut silent) = (Vec::new(), Vec::new());
        let Some(last) = window.len().checked_sub(1) else {
            return (series, silent);
        };
        for (row, key) in window.rows.iter().enumerate() {
            for (column, feature) in window.schema.iter().enumerate() {
                let tail = self.tails.iter().find(|(name, _)| *name == feature.name);
                let (Some((_, tail)), Some(_)) = (tail, self.scorer.healthy(key, feature)) else {
                    continue;
                };
                let seen = (0..=last)
                    .rev()
                    .find(|t| scores[[*t, row, column]].is_finite());
                let quiet = last - seen.unwrap_or(0);
                if seen.is_none() || quiet >= self.params.silent_steps_max as usize {
                    let since = window.times[(seen.map_or(0, |t| t + 1)).min(last)];
                    let metric = Some(feature.name.clone());
                    silent.push(SourceFault::new(key.clone(), metric, since));
                    continue;
                }
                let score = smoothed[[last, row, column]];
                let p_value = tail.p_value(score);
                let alone = tail.threshold(self.params.false_discovery_rate);
                let threshold = alone.max(self.params.score_min);
                series.push(Latest {
                    key,
                    feature,
                    row,
                    column,
                    score,
                    p_value,
                    threshold,
                });
            }
        }
        (series, silent)
    }

    fn anomaly(
        &self,
        window: &Window,
        smoothed: &Array3<f64>,
        latest: &Latest<'_>,
        adjusted: f64,
    ) -> Anomaly {
        let score_at = |t: usize| smoothed[[t, latest.row, latest.column]];
        let calm = (0..window.len())
            .rev()
            // A step without a score ends the run of anomalous ones too.
            .find(|t| score_at(*t).is_nan() || score_at(*t) < latest.threshold);
        let since = window.times[calm.map_or(0, |t| t + 1).min(window.len() - 1)];
        let values = (0..window.len())
            .rev()
            .map(|t| window.values[[t, latest.row, latest.column]]);
        let observed = values
            .into_iter()
            .find(|x| x.is_finite())
            .unwrap_or(f64::NAN);
        let healthy = self
            .healthy(latest.key, latest.feature)
            .map_or(f64::NAN, |(m, _)| m);
        let metric = latest.feature.name.clone();
        Anomaly::new(latest.key.clone(), latest.score, since)
            .above(self.params.score_min)
            .in_metric(metric.clone(), adjusted)
            .because(Evidence::Shift {
                metric,
                healthy,
                observed,
                z: latest.score,
            })
    }
}
