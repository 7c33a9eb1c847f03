//! Parameters of a planner.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_stats::ParamError;
use astern_stats::param::{in_range, positive};

use crate::seconds;

/// Parameters of a [`Planner`](crate::Planner), checked when it is made.
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `min_confidence` | 0.5 | probability from which a change counts as blamed; 0 to 1 |
/// | `max_steps` | 10 | steps that change what serves; 1 to 1,000 |
/// | `max_calls_per_second` | no limit | most calls per second at risk over all services acted on; positive |
/// | `traffic_window` | 10 min | span before now over which traffic is measured; 1 s to 30 days |
/// | `settle_within` | 10 min | time for the platform to reach a target; 1 s to 1 day |
/// | `recover_within` | 15 min | time for a metric to be good again; 1 s to 1 day |
/// | `deviation_left` | 0.25 | share of its deviation that a recovered metric may keep; 0 to 1 |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlannerParams {
    pub(crate) min_confidence: f64,
    pub(crate) max_steps: u32,
    pub(crate) max_calls_per_second: Option<f64>,
    #[serde(rename = "traffic_window_seconds", with = "seconds")]
    pub(crate) traffic_window: Duration,
    #[serde(rename = "settle_within_seconds", with = "seconds")]
    pub(crate) settle_within: Duration,
    #[serde(rename = "recover_within_seconds", with = "seconds")]
    pub(crate) recover_within: Duration,
    pub(crate) deviation_left: f64,
}

impl Default for PlannerParams {
    fn default() -> Self {
        Self {
            min_confidence: 0.5,
            max_steps: 10,
            max_calls_per_second: None,
            traffic_window: Duration::from_secs(600),
            settle_within: Duration::from_secs(600),
            recover_within: Duration::from_secs(900),
            deviation_left: 0.25,
        }
    }
}

impl PlannerParams {
    /// With another probability from which a change counts as blamed.
    #[must_use]
    pub fn min_confidence(mut self, probability: f64) -> Self {
        self.min_confidence = probability;
        self
    }

    /// With another limit on the steps that change what serves.
    #[must_use]
    pub fn max_steps(mut self, steps: u32) -> Self {
        self.max_steps = steps;
        self
    }

    /// With a limit on the calls per second at risk over all services acted on.
    #[must_use]
    pub fn max_calls_per_second(mut self, calls: f64) -> Self {
        self.max_calls_per_second = Some(calls);
        self
    }

    /// With another span over which traffic is measured.
    #[must_use]
    pub fn traffic_window(mut self, span: Duration) -> Self {
        self.traffic_window = span;
        self
    }

    /// With other times for targets to be reached, and for metrics to be good again.
    #[must_use]
    pub fn verify_within(mut self, settle: Duration, recover: Duration) -> Self {
        self.settle_within = settle;
        self.recover_within = recover;
        self
    }

    /// With another share of its deviation that a recovered metric may keep.
    #[must_use]
    pub fn deviation_left(mut self, share: f64) -> Self {
        self.deviation_left = share;
        self
    }

    pub(crate) fn check(&self) -> Result<(), ParamError> {
        let day = 86_400.0;
        in_range("min_confidence", self.min_confidence, 0.0, 1.0)?;
        in_range("max_steps", f64::from(self.max_steps), 1.0, 1e3)?;
        if let Some(calls) = self.max_calls_per_second {
            positive("max_calls_per_second", calls)?;
        }
        let window = self.traffic_window.as_secs_f64();
        in_range("traffic_window_seconds", window, 1.0, 30.0 * day)?;
        in_range(
            "settle_within_seconds",
            self.settle_within.as_secs_f64(),
            1.0,
            day,
        )?;
        in_range(
            "recover_within_seconds",
            self.recover_within.as_secs_f64(),
            1.0,
            day,
        )?;
        in_range("deviation_left", self.deviation_left, 0.0, 1.0)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_refuses() {
        let params = PlannerParams::default;
        let (none, hour) = (Duration::ZERO, Duration::from_secs(3600));
        for (what, bad) in [
            ("min_confidence", params().min_confidence(1.1)),
            ("min_confidence", params().min_confidence(f64::NAN)),
            ("max_steps", params().max_steps(0)),
            ("max_calls_per_second", params().max_calls_per_second(0.0)),
            ("traffic_window", params().traffic_window(none)),
            ("settle_within", params().verify_within(none, hour)),
            ("recover_within", params().verify_within(hour, hour * 25)),
            ("deviation_left", params().deviation_left(-0.1)),
        ] {
            let text = bad.check().unwrap_err().to_string();
            assert!(text.contains(what), "{text}");
        }
        assert!(params().check().is_ok());
    }

    #[test]
    fn a_file_names_only_what_differs() {
        let read: PlannerParams = serde_json::from_str(r#"{"settle_within_seconds": 60}"#).unwrap();
        let minute = Duration::from_secs(60);
        assert_eq!(
            read,
            PlannerParams::default().verify_within(minute, Duration::from_secs(900))
        );
    }
}
