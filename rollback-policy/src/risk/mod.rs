//! How bad it is: severity, persistence, and whom it hits.

mod params;
mod persistence;

pub use params::RiskParams;
pub use persistence::Persistence;

use std::fmt;

use serde::{Deserialize, Serialize};

use astern_stats::ParamError;
use astern_stats::param::in_range;

/// How bad it is, with the parts that it is made of.
///
/// ```text
/// value = severity · persistence + segment_weight · correlation_weight
/// ```
///
/// Each factor lies in 0..=1, so the value lies in 0..=2. The second term counts only while an
/// anomaly is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Risk {
    /// The risk, 0..=2.
    #[serde(with = "astern_stats::real")]
    pub value: f64,
    /// How far the worst score is above its threshold, 0..=1.
    #[serde(with = "astern_stats::real")]
    pub severity: f64,
    /// Share of the last ticks that were anomalous, 0..=1.
    #[serde(with = "astern_stats::real")]
    pub persistence: f64,
    /// Weight of the users hit times the correlation with the change, 0..=1.
    #[serde(with = "astern_stats::real")]
    pub segment_term: f64,
}

impl Risk {
    /// The risk of an anomaly, without a segment.
    ///
    /// # Errors
    /// [`ParamError::OutOfRange`] for a factor outside 0..=1.
    pub fn new(severity: f64, persistence: f64) -> Result<Self, ParamError> {
        in_range("severity", severity, 0.0, 1.0)?;
        in_range("persistence", persistence, 0.0, 1.0)?;
        let value = severity * persistence;
        Ok(Self {
            value,
            severity,
            persistence,
            segment_term: 0.0,
        })
    }

    /// With the users that it hits: `segment_weight` says how much their segment matters,
    /// `correlation_weight` how strongly their trouble goes with the change. Call it only while an
    /// anomaly is confirmed; it replaces a segment given before.
    ///
    /// # Errors
    /// [`ParamError::OutOfRange`] for a weight outside 0..=1.
    pub fn in_segment(
        mut self,
        segment_weight: f64,
        correlation_weight: f64,
    ) -> Result<Self, ParamError> {
        in_range("segment_weight", segment_weight, 0.0, 1.0)?;
        in_range("correlation_weight", correlation_weight, 0.0, 1.0)?;
        self.segment_term = segment_weight * correlation_weight;
        self.value = self.severity * self.persistence + self.segment_term;
        Ok(self)
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            value,
            severity,
            persistence,
            segment_term,
        } = self;
        write!(
            f,
            "risk {value:.2} = severity {severity:.2} x persistence {persistence:.2} + segment {segment_term:.2}"
        )
    }
}

/// Where a risk lies between the two thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskLevel {
    /// Below `hold_threshold`: go on.
    Low,
    /// From `hold_threshold`: go no further, and look more often.
    Raised,
    /// From `rollback_threshold`: go back.
    High,
}

/// Makes risks of scores and levels of risks, by checked parameters.
///
/// # Example
/// ```
/// use astern_graph_core::signal::Verdict;
/// use astern_rollback_policy::{Risk, RiskLevel, RiskModel, RiskParams};
///
/// let model = RiskModel::new(RiskParams::default())?;
/// let mut persistence = model.persistence();
/// for verdict in [Verdict::Regressed, Verdict::NoData, Verdict::Regressed, Verdict::Regressed] {
///     persistence.record(verdict); // three of five ticks are anomalous, one says nothing
/// }
/// let risk = Risk::new(model.severity(7.5, 5.0), persistence.share())?.in_segment(0.5, 0.8)?;
/// assert_eq!(
///     risk.to_string(),
///     "risk 0.70 = severity 0.50 x persistence 0.60 + segment 0.40"
/// );
/// assert_eq!(model.level(&risk), RiskLevel::Raised);
/// # Ok::<(), astern_stats::ParamError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RiskModel {
    params: RiskParams,
}

impl RiskModel {
    /// A model with these parameters.
    ///
    /// # Errors
    /// [`ParamError`] for a parameter outside its rule.
    pub fn new(params: RiskParams) -> Result<Self, ParamError> {
        params.check()?;
        Ok(Self { params })
    }

    /// Severity of an anomaly score, 0..=1:
    ///
    /// ```text
    /// clamp((score / threshold − 1) / (severe_at − 1), 0, 1)
    /// ```
    ///
    /// 0 up to the threshold, 1 from `severe_at` times the threshold, linear between. A ramp and
    /// not `1 − exp(1 − score / threshold)`: that never reaches 1, so with the default thresholds
    /// an anomaly without a segment could never be rolled back, however bad. A `NaN` score and a
    /// threshold that is not positive have severity 0: what was not measured is not severe.
    pub fn severity(&self, score: f64, threshold: f64) -> f64 {
        let ramp = (score / threshold - 1.0) / (self.params.severe_at - 1.0);
        if threshold > 0.0 && ramp > 0.0 {
            ramp.min(1.0)
        } else {
            0.0
        }
    }

    /// An empty history of as many ticks as the parameters say.
    pub fn persistence(&self) -> Persistence {
        Persistence::of_ticks(self.params.ticks)
    }

    /// A history that was kept under other parameters, over as many ticks as these say: the newest of
    /// its ticks; those before it began count as not anomalous.
    pub fn restored(&self, history: &Persistence) -> Persistence {
        history.over(self.params.ticks)
    }

    /// Where a risk lies. A value at a threshold belongs to the level above it.
    pub fn level(&self, risk: &Risk) -> RiskLevel {
        if risk.value >= self.params.rollback_threshold {
            RiskLevel::High
        } else if risk.value >= self.params.hold_threshold {
            RiskLevel::Raised
        } else {
            RiskLevel::Low
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use astern_graph_core::signal::Verdict;
    use proptest::prelude::*;

    fn model() -> RiskModel {
        RiskModel::new(RiskParams::default()).unwrap()
    }

    #[test]
    fn factors_outside_their_range_are_refused() {
        for bad in [-0.1, 1.1, f64::NAN] {
            assert!(Risk::new(bad, 0.5).is_err() && Risk::new(0.5, bad).is_err());
            let risk = Risk::new(0.5, 0.5).unwrap();
            assert!(risk.in_segment(bad, 0.5).is_err() && risk.in_segment(0.5, bad).is_err());
        }
    }

    #[test]
    fn a_severe_and_lasting_anomaly_is_high_without_a_segment() {
        let model = model();
        let mut persistence = model.persistence();
        for _ in 0..5 {
            persistence.record(Verdict::Regressed);
        }
        let risk = Risk::new(model.severity(10.0, 5.0), persistence.share()).unwrap();
        assert_eq!(model.level(&risk), RiskLevel::High);
    }

    #[test]
    fn thresholds_belong_to_the_level_above() {
        let level = |value| model().level(&Risk::new(value, 1.0).unwrap());
        assert_eq!(level(0.49), RiskLevel::Low);
        assert_eq!(level(0.5), RiskLevel::Raised);
        assert_eq!(level(0.99), RiskLevel::Raised);
        assert_eq!(level(1.0), RiskLevel::High);
    }

    #[test]
    fn what_cannot_be_scored_is_not_severe() {
        for (score, threshold) in [(f64::NAN, 1.0), (5.0, 0.0), (-5.0, -1.0), (5.0, f64::NAN)] {
            assert!(model().severity(score, threshold) < f64::MIN_POSITIVE);
        }
        assert!((model().severity(f64::INFINITY, 1.0) - 1.0).abs() < f64::EPSILON);
    }

    proptest! {
        #[test]
        fn severity_is_monotone_and_in_range(a in 0.0..100.0f64, b in 0.0..100.0f64) {
            let (low, high) = (a.min(b), a.max(b));
            let severity = |score| model().severity(score, 3.0);
            prop_assert!(severity(low) <= severity(high));
            prop_assert!((0.0..=1.0).contains(&severity(a)));
        }

        #[test]
        fn risk_is_at_most_two(factors in prop::array::uniform4(0.0..=1.0f64)) {
            let [severity, persistence, segment, correlation] = factors;
            let risk = Risk::new(severity, persistence).unwrap();
            let more = risk.in_segment(segment, correlation).unwrap();
            prop_assert!(risk.value <= more.value && (0.0..=2.0).contains(&more.value));
        }
    }
}
