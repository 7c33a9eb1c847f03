//! Parameters of the pipeline.

use astern_stats::ParamError;
use astern_stats::ema::Ema;
use astern_stats::param::{in_open_unit, in_range};
use serde::{Deserialize, Serialize};

use super::Pipeline;

/// Parameters of a [`Pipeline`].
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `ema_weight` | .3 | weight of the newest score, (0, 1]; 1 does not smooth |
/// | `false_discovery_rate` | .001 | per step over all series of the detector, (0, 1) |
/// | `score_min` | 3 | least smoothed score of an anomaly, 0 to 1,000; severity counts from it |
/// | `steps_min` | 30 | fewest healthy steps, 6 to 1,000,000 |
/// | `silent_steps_max` | 3 | missing steps after which a source counts as silent, 1 to 1,000 |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct PipelineParams {
    pub(super) ema_weight: f64,
    pub(super) false_discovery_rate: f64,
    pub(super) score_min: f64,
    pub(super) steps_min: u32,
    pub(super) silent_steps_max: u32,
}

impl Default for PipelineParams {
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

astern_stats::setters!(PipelineParams {
    /// Sets the weight of the newest score.
    ema_weight: f64,
    /// Sets the false discovery rate per step.
    false_discovery_rate: f64,
    /// Sets the least score of an anomaly.
    score_min: f64,
    /// Sets the fewest healthy steps to learn from.
    steps_min: u32,
    /// Sets the number of missing steps after which a source counts as silent.
    silent_steps_max: u32,
});

impl PipelineParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`ParamError`] for a parameter outside its rule.
    pub fn check(self) -> Result<Pipeline, ParamError> {
        in_range("ema_weight", self.ema_weight, f64::MIN_POSITIVE, 1.0)?;
        in_open_unit("false_discovery_rate", self.false_discovery_rate)?;
        in_range("score_min", self.score_min, 0.0, 1e3)?;
        in_range("steps_min", f64::from(self.steps_min), 6.0, 1e6)?;
        let silent = f64::from(self.silent_steps_max);
        in_range("silent_steps_max", silent, 1.0, 1e3)?;
        Ok(Pipeline {
            empty: Ema::new(self.ema_weight)?,
            params: self,
        })
    }
}
