//! Parameters of abstention.

use serde::{Deserialize, Serialize};

use astern_stats::ParamError;
use astern_stats::param::in_range;

use super::Abstainer;

/// Parameters of an [`Abstainer`], checked by [`check`](Self::check).
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `likely` | .5 | probability above which an alternative is what the diagnosis says, .5 to 1 |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct AbstentionParams {
    pub(super) likely: f64,
}

impl Default for AbstentionParams {
    fn default() -> Self {
        Self { likely: 0.5 }
    }
}

astern_stats::setters!(AbstentionParams {
    /// Sets the probability above which an alternative is what the diagnosis says.
    likely: f64,
});

impl AbstentionParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`ParamError`] for a parameter outside its rule.
    pub fn check(self) -> Result<Abstainer, ParamError> {
        in_range("abstention.likely", self.likely, 0.5, 1.0)?;
        Ok(Abstainer { params: self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_refuses() {
        let with = AbstentionParams::default;
        assert!(with().check().is_ok());
        for likely in [0.49, 1.01, f64::NAN] {
            let refused = with().likely(likely).check().unwrap_err().to_string();
            assert!(refused.contains("`abstention.likely`"), "{refused}");
        }
    }
}
