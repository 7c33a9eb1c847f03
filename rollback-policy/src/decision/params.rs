//! Parameters of a policy.

use serde::{Deserialize, Serialize};

use astern_stats::ParamError;
use astern_stats::param::in_range;

use crate::risk::RiskParams;

/// What to do at a high risk when no change is blamed with enough confidence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WhenUnsure {
    /// Call a person.
    #[default]
    Escalate,
    /// Hold rollouts and wait for a surer diagnosis.
    Hold,
}

/// Parameters of a [`Policy`](crate::Policy), checked when it is made.
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `risk` | see [`RiskParams`] | its own |
/// | `min_confidence` | 0.5 | probability from which a change counts as blamed; 0 to 1. Give the planner the same |
/// | `when_unsure` | escalate | escalate or hold |
/// | `remediate` | false | whether a cause that no change explains may be restarted or scaled |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyParams {
    pub(crate) risk: RiskParams,
    pub(crate) min_confidence: f64,
    pub(crate) when_unsure: WhenUnsure,
    pub(crate) remediate: bool,
}

impl Default for PolicyParams {
    fn default() -> Self {
        let risk = RiskParams::default();
        let when_unsure = WhenUnsure::default();
        Self {
            risk,
            min_confidence: 0.5,
            when_unsure,
            remediate: false,
        }
    }
}

impl PolicyParams {
    /// With other parameters of the risk.
    #[must_use]
    pub fn risk(mut self, risk: RiskParams) -> Self {
        self.risk = risk;
        self
    }

    /// With another probability from which a change counts as blamed.
    #[must_use]
    pub fn min_confidence(mut self, probability: f64) -> Self {
        self.min_confidence = probability;
        self
    }

    /// With another answer to a high risk without a confident diagnosis.
    #[must_use]
    pub fn when_unsure(mut self, answer: WhenUnsure) -> Self {
        self.when_unsure = answer;
        self
    }

    /// Whether a cause that no change explains may be restarted or scaled.
    #[must_use]
    pub fn remediate(mut self, allowed: bool) -> Self {
        self.remediate = allowed;
        self
    }

    pub(crate) fn check(&self) -> Result<(), ParamError> {
        self.risk.check()?;
        in_range("min_confidence", self.min_confidence, 0.0, 1.0)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_refuses() {
        let params = PolicyParams::default;
        assert!(
            params()
                .risk(RiskParams::default().ticks(0))
                .check()
                .is_err()
        );
        for bad in [-0.1, 1.1, f64::NAN] {
            assert!(params().min_confidence(bad).check().is_err());
        }
        assert!(params().check().is_ok());
    }
}
