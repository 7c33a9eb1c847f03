//! Parameters of a policy.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_stats::ParamError;
use astern_stats::param::{duration, in_range};

use crate::decision::brakes::BrakesParams;
use crate::decision::paging::PagingParams;
use crate::risk::RiskParams;

/// What to do at a high risk when no change is blamed with enough confidence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
/// | `paging` | see [`PagingParams`] | its own |
/// | `brakes` | see [`BrakesParams`] | its own |
/// | `min_confidence` | 0.5 | probability from which a change counts as blamed; 0 to 1. Give the planner the same |
/// | `when_unsure` | escalate | escalate or hold |
/// | `answer_within` | 15 min | how long a plan waits for a person's word in [`Mode::Ask`](crate::Mode::Ask); 1 s to 30 days |
/// | `remediate` | false | whether a cause that no change explains may be restarted or scaled |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct PolicyParams {
    pub(crate) risk: RiskParams,
    pub(crate) paging: PagingParams,
    pub(crate) brakes: BrakesParams,
    pub(crate) min_confidence: f64,
    pub(crate) when_unsure: WhenUnsure,
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(crate) answer_within: Duration,
    pub(crate) remediate: bool,
}

impl Default for PolicyParams {
    fn default() -> Self {
        let risk = RiskParams::default();
        let when_unsure = WhenUnsure::default();
        Self {
            risk,
            paging: PagingParams::default(),
            brakes: BrakesParams::default(),
            min_confidence: 0.5,
            when_unsure,
            answer_within: Duration::from_secs(900),
            remediate: false,
        }
    }
}

astern_stats::setters!(PolicyParams {
    /// Sets the parameters of the risk.
    risk: RiskParams,
    /// Sets when a person is called.
    paging: PagingParams,
    /// Sets what keeps a plan from being carried out.
    brakes: BrakesParams,
    /// Sets the probability from which a change counts as blamed.
    min_confidence: f64,
    /// Sets the answer to a high risk without a confident diagnosis.
    when_unsure: WhenUnsure,
    /// Sets how long a plan waits for a person's word.
    answer_within: Duration,
    /// Sets whether a cause that no change explains may be restarted or scaled.
    remediate: bool,
});

impl PolicyParams {
    pub(crate) fn check(&self) -> Result<(), ParamError> {
        self.risk.check()?;
        self.paging.check()?;
        self.brakes.check()?;
        in_range("min_confidence", self.min_confidence, 0.0, 1.0)?;
        let answer_within = self.answer_within.as_secs_f64();
        in_range(
            "answer_within in seconds",
            answer_within,
            1.0,
            30.0 * 86_400.0,
        )?;
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

    #[test]
    fn a_file_names_only_what_differs() {
        let read = |json| serde_json::from_str::<PolicyParams>(json);
        assert_eq!(read("{}").unwrap(), PolicyParams::default());
        let risk = RiskParams::default().ticks(3);
        let params = PolicyParams::default()
            .risk(risk)
            .when_unsure(WhenUnsure::Hold);
        let json = r#"{"risk": {"ticks": 3}, "when_unsure": "hold"}"#;
        assert_eq!(read(json).unwrap(), params);
        let whole = serde_json::to_string(&params).unwrap();
        assert_eq!(read(&whole).unwrap(), params);
        let text = read(r#"{"remedy": true}"#).unwrap_err().to_string();
        assert!(text.contains("unknown field `remedy`"), "{text}");
        assert!(read(r#"{"risk": {"ticks": 0}}"#).unwrap().check().is_err());
    }
}
