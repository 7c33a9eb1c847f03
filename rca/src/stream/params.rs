//! Parameters of the baselines.

use serde::{Deserialize, Serialize};

use astern_stats::ParamError;
use astern_stats::param::in_range;

use super::Baselines;

/// Parameters of [`Baselines`], checked by [`check`](Self::check).
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `steps` | 60 | steps that a baseline looks back, 5 to 100,000 |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BaselineParams {
    pub(super) steps: u32,
}

impl Default for BaselineParams {
    fn default() -> Self {
        Self { steps: 60 }
    }
}

astern_stats::setters!(BaselineParams {
    /// Sets the number of steps that a baseline looks back.
    steps: u32,
});

impl BaselineParams {
    /// Checks the parameters and makes baselines that have seen nothing.
    ///
    /// # Errors
    /// [`ParamError`] for a parameter outside its rule.
    pub fn check(self) -> Result<Baselines, ParamError> {
        in_range("steps", f64::from(self.steps), 5.0, 1e5)?;
        Ok(Baselines::new(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_refuses() {
        assert!(BaselineParams::default().check().is_ok());
        for steps in [0, 4, 100_001] {
            let refused = BaselineParams::default().steps(steps).check().unwrap_err();
            assert!(refused.to_string().contains("`steps`"), "{refused}");
        }
    }
}
