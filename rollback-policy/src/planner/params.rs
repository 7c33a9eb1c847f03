//! Parameters of a planner.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_stats::ParamError;
use astern_stats::param::{duration, in_range, positive};

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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct PlannerParams {
    pub(crate) min_confidence: f64,
    pub(crate) max_steps: u32,
    pub(crate) max_calls_per_second: Option<f64>,
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(crate) traffic_window: Duration,
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(crate) settle_within: Duration,
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
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

astern_stats::setters!(PlannerParams {
    /// Sets the probability from which a change counts as blamed.
    min_confidence: f64,
    /// Sets the limit on the steps that change what serves.
    max_steps: u32,
    /// Sets the limit on the calls per second at risk over all services acted on.
    max_calls_per_second: f64,
    /// Sets the span over which traffic is measured.
    traffic_window: Duration,
    /// Sets the time for the platform to reach a target.
    settle_within: Duration,
    /// Sets the time for a metric to be good again.
    recover_within: Duration,
    /// Sets the share of its deviation that a recovered metric may keep.
    deviation_left: f64,
});

impl PlannerParams {
    pub(crate) fn check(&self) -> Result<(), ParamError> {
        let day = 86_400.0;
        in_range("min_confidence", self.min_confidence, 0.0, 1.0)?;
        in_range("max_steps", f64::from(self.max_steps), 1.0, 1e3)?;
        if let Some(calls) = self.max_calls_per_second {
            positive("max_calls_per_second", calls)?;
        }
        for (name, span, most) in [
            ("traffic_window in seconds", self.traffic_window, 30.0 * day),
            ("settle_within in seconds", self.settle_within, day),
            ("recover_within in seconds", self.recover_within, day),
        ] {
            in_range(name, span.as_secs_f64(), 1.0, most)?;
        }
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
        let (none, day) = (Duration::ZERO, Duration::from_secs(86_400));
        for (what, bad) in [
            ("min_confidence", params().min_confidence(1.1)),
            ("min_confidence", params().min_confidence(f64::NAN)),
            ("max_steps", params().max_steps(0)),
            ("max_calls_per_second", params().max_calls_per_second(0.0)),
            ("traffic_window", params().traffic_window(none)),
            ("settle_within", params().settle_within(none)),
            ("recover_within", params().recover_within(day * 2)),
            ("deviation_left", params().deviation_left(-0.1)),
        ] {
            let text = bad.check().unwrap_err().to_string();
            assert!(text.contains(what), "{text}");
        }
        assert!(params().check().is_ok());
    }

    #[test]
    fn a_file_names_only_what_differs() {
        let read = |json| serde_json::from_str::<PlannerParams>(json);
        assert_eq!(read("{}").unwrap(), PlannerParams::default());
        let params = PlannerParams::default()
            .settle_within(Duration::from_secs(90))
            .max_calls_per_second(50.0);
        let json = r#"{"settle_within": "1m 30s", "max_calls_per_second": 50}"#;
        assert_eq!(read(json).unwrap(), params);
        let whole = serde_json::to_string(&params).unwrap();
        assert_eq!(read(&whole).unwrap(), params);
        let text = read(r#"{"settle": "1m"}"#).unwrap_err().to_string();
        assert!(text.contains("unknown field `settle`"), "{text}");
        assert!(read(r#"{"max_steps": 0}"#).unwrap().check().is_err());
    }
}
