//! Parameters of the risk.

use serde::{Deserialize, Serialize};

use astern_stats::ParamError;
use astern_stats::param::{in_range, positive};

use crate::risk::persistence::TICKS_MAX;

/// Parameters of a [`RiskModel`](crate::RiskModel), checked when the model is made.
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `hold_threshold` | 0.5 | positive, less than `rollback_threshold` |
/// | `rollback_threshold` | 1.0 | at most 2, the greatest risk |
/// | `severe_at` | 2.0 | how many times its threshold a score must be to be fully severe; above 1, at most 1,000 |
/// | `ticks` | 5 | ticks over which persistence is counted; 1 to 64 |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RiskParams {
    pub(crate) hold_threshold: f64,
    pub(crate) rollback_threshold: f64,
    pub(crate) severe_at: f64,
    pub(crate) ticks: u32,
}

impl Default for RiskParams {
    fn default() -> Self {
        Self {
            hold_threshold: 0.5,
            rollback_threshold: 1.0,
            severe_at: 2.0,
            ticks: 5,
        }
    }
}

astern_stats::setters!(RiskParams {
    /// Sets the risk from which rollouts are held.
    hold_threshold: f64,
    /// Sets the risk from which changes are rolled back.
    rollback_threshold: f64,
    /// Sets the multiple of its threshold at which a score is fully severe.
    severe_at: f64,
    /// Sets the number of ticks for persistence.
    ticks: u32,
});

impl RiskParams {
    pub(crate) fn check(&self) -> Result<(), ParamError> {
        positive("hold_threshold", self.hold_threshold)?;
        in_range("rollback_threshold", self.rollback_threshold, 0.0, 2.0)?;
        if self.hold_threshold >= self.rollback_threshold {
            return Err(ParamError::NotOrdered {
                small: "hold_threshold",
                small_value: self.hold_threshold,
                large: "rollback_threshold",
                large_value: self.rollback_threshold,
            });
        }
        in_range("severe_at", self.severe_at, 1.0 + f64::EPSILON, 1e3)?;
        in_range("ticks", f64::from(self.ticks), 1.0, f64::from(TICKS_MAX))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_refuses() {
        let params = RiskParams::default;
        for (what, bad) in [
            ("hold_threshold", params().hold_threshold(0.0)),
            ("hold_threshold", params().hold_threshold(f64::NAN)),
            ("rollback_threshold", params().rollback_threshold(2.1)),
            ("hold_threshold", params().hold_threshold(1.0)),
            ("severe_at", params().severe_at(1.0)),
            ("severe_at", params().severe_at(f64::NAN)),
            ("ticks", params().ticks(0)),
            ("ticks", params().ticks(65)),
        ] {
            let text = bad.check().unwrap_err().to_string();
            assert!(text.contains(what), "{text}");
        }
        assert!(params().check().is_ok());
    }

    #[test]
    fn a_misspelt_parameter_in_a_file_is_refused() {
        let misspelt = serde_json::from_str::<RiskParams>(r#"{"tick": 3}"#).unwrap_err();
        assert!(misspelt.to_string().contains("unknown field `tick`"));
        let read: RiskParams = serde_json::from_str(r#"{"ticks": 3}"#).unwrap();
        assert_eq!(read, RiskParams::default().ticks(3));
    }
}
