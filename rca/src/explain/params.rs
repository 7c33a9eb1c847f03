//! Parameters of explanations.

use serde::{Deserialize, Serialize};

use astern_stats::ParamError;
use astern_stats::param::in_range;

use super::CauseExplainer;

/// Parameters of a [`CauseExplainer`], checked by [`check`](Self::check).
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `causes` | 3 | causes that are explained, the best first, 0 to 20; each costs a regression |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ExplainParams {
    pub(super) causes: u8,
}

impl Default for ExplainParams {
    fn default() -> Self {
        Self { causes: 3 }
    }
}

astern_stats::setters!(ExplainParams {
    /// Sets how many causes are explained.
    causes: u8,
});

impl ExplainParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`ParamError`] for a parameter outside its rule.
    pub fn check(self) -> Result<CauseExplainer, ParamError> {
        in_range("explain.causes", f64::from(self.causes), 0.0, 20.0)?;
        Ok(CauseExplainer { params: self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_refuses() {
        assert!(ExplainParams::default().causes(20).check().is_ok());
        let refused = ExplainParams::default().causes(21).check().unwrap_err();
        assert!(
            refused.to_string().contains("`explain.causes`"),
            "{refused}"
        );
    }
}
