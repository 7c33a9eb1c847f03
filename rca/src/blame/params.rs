//! Parameters of change blame.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_stats::ParamError;
use astern_stats::param::{in_range, positive};

use super::ChangeBlame;

/// Parameters of change blame, in log-odds against "no change is to blame".
///
/// The defaults of `recent` and `dose` were chosen on seeds 1001 to 1150 of the simulator by the
/// likelihood of the right answer, and so were the two factors that [`ChangeBlame`](super::ChangeBlame)
/// names; the others are judgement and were left alone.
///
/// ```
/// use astern_rca::DiagnoserParams;
/// use astern_rca::blame::BlameParams;
///
/// let cautious = BlameParams::default().prior(-2.0);
/// let diagnoser = DiagnoserParams::default().blame(cautious).check()?;
/// # Ok::<(), astern_stats::ParamError>(())
/// ```
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `prior` | -1 | of any change, -20 to 20 |
/// | `cause_limit` | 2 | greatest effect of the service's place among the causes, 0 to 20 |
/// | `regressed` | 4 | new instances worse than old, 0 to 20 |
/// | `healthy` | -3 | new instances like old, -20 to 0 |
/// | `contrast_limit` | 5 | greatest effect of old against new instances, where both are seen side by side, 0 to 20; `healthy` is the least |
/// | `uncontrolled_limit` | 1 | the same limit either way where new stands against the past alone, 0 to 20 |
/// | `dose` | 0.5 | the symptom follows the share of traffic on what is new (times the correlation), 0 to 20 |
/// | `depth` | 0.5 | the service is near the symptom (times -1 to 1), 0 to 20 |
/// | `influence` | 0.3 | transfer entropy along the way to the symptom (times 1 - 2 p), 0 to 20 |
/// | `between` | -2 | only the wait of callers for its service grew, -20 to 0 |
/// | `recent` | 0.3 | a fault right after the change, falling to 0, 0 to 20 |
/// | `recent_half_life` | 10 minutes | of that effect, positive |
/// | `veto` | -4 | the most that a change can have where the fault is older, -20 to 0 |
/// | `not_worse` | -0.5 | the most that a change can have whose sides a judge compared and did not find different, -20 to 20 |
/// | `steps_slack` | 2 | steps by which an onset may precede a change without being older, 0 to 1,000 |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct BlameParams {
    pub(super) prior: f64,
    pub(super) cause_limit: f64,
    pub(super) regressed: f64,
    pub(super) healthy: f64,
    pub(super) contrast_limit: f64,
    pub(super) uncontrolled_limit: f64,
    pub(super) dose: f64,
    pub(super) depth: f64,
    pub(super) influence: f64,
    pub(super) between: f64,
    pub(super) recent: f64,
    #[serde(with = "astern_stats::param::duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(super) recent_half_life: Duration,
    pub(super) veto: f64,
    pub(super) not_worse: f64,
    pub(super) steps_slack: u32,
}

impl Default for BlameParams {
    fn default() -> Self {
        Self {
            prior: -1.0,
            cause_limit: 2.0,
            regressed: 4.0,
            healthy: -3.0,
            contrast_limit: 5.0,
            uncontrolled_limit: 1.0,
            dose: 0.5,
            depth: 0.5,
            influence: 0.3,
            between: -2.0,
            recent: 0.3,
            recent_half_life: Duration::from_secs(600),
            veto: -4.0,
            not_worse: -0.5,
            steps_slack: 2,
        }
    }
}

astern_stats::setters!(BlameParams {
    /// Sets the prior of any change.
    prior: f64,
    /// Sets the limit to the effect of the service's place among the causes.
    cause_limit: f64,
    /// Sets the effect of new instances that are worse than old ones.
    regressed: f64,
    /// Sets the effect of new instances that are like old ones.
    healthy: f64,
    /// Sets the greatest effect of old against new instances side by side.
    contrast_limit: f64,
    /// Sets the greatest effect of what is new against the past alone.
    uncontrolled_limit: f64,
    /// Sets the effect of a symptom that follows the share of traffic on what is new.
    dose: f64,
    /// Sets the effect of the distance to the symptom.
    depth: f64,
    /// Sets the effect of transfer entropy along the way to the symptom.
    influence: f64,
    /// Sets the effect of a fault that shows only between the service and its callers.
    between: f64,
    /// Sets the effect of a fault right after the change.
    recent: f64,
    /// Sets the time in which that effect halves.
    recent_half_life: Duration,
    /// Sets the greatest log-odds of a change where the fault is older.
    veto: f64,
    /// Sets the greatest log-odds of a change that was compared and not found worse.
    not_worse: f64,
    /// Sets the number of steps by which an onset may precede a change.
    steps_slack: u32,
});

impl BlameParams {
    /// Checks the parameters and makes what blames changes.
    ///
    /// # Errors
    /// [`ParamError`] for a parameter outside its rule.
    pub fn check(self) -> Result<ChangeBlame, ParamError> {
        in_range("blame.prior", self.prior, -20.0, 20.0)?;
        in_range("blame.cause_limit", self.cause_limit, 0.0, 20.0)?;
        in_range("blame.regressed", self.regressed, 0.0, 20.0)?;
        in_range("blame.healthy", self.healthy, -20.0, 0.0)?;
        in_range("blame.contrast_limit", self.contrast_limit, 0.0, 20.0)?;
        in_range(
            "blame.uncontrolled_limit",
            self.uncontrolled_limit,
            0.0,
            20.0,
        )?;
        in_range("blame.dose", self.dose, 0.0, 20.0)?;
        in_range("blame.depth", self.depth, 0.0, 20.0)?;
        in_range("blame.influence", self.influence, 0.0, 20.0)?;
        in_range("blame.between", self.between, -20.0, 0.0)?;
        in_range("blame.recent", self.recent, 0.0, 20.0)?;
        let half_life = self.recent_half_life.as_secs_f64();
        positive("blame.recent_half_life in seconds", half_life)?;
        in_range("blame.veto", self.veto, -20.0, 0.0)?;
        in_range("blame.not_worse", self.not_worse, -20.0, 20.0)?;
        in_range("blame.steps_slack", f64::from(self.steps_slack), 0.0, 1e3)?;
        Ok(ChangeBlame { params: self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_refuses() {
        let with = BlameParams::default;
        assert!(with().check().is_ok());
        for (name, bad) in [
            ("prior", with().prior(f64::NAN)),
            ("prior", with().prior(20.1)),
            ("cause_limit", with().cause_limit(-0.1)),
            ("cause_limit", with().cause_limit(20.1)),
            ("regressed", with().regressed(-0.1)),
            ("regressed", with().regressed(20.1)),
            ("healthy", with().healthy(0.1)),
            ("healthy", with().healthy(-20.1)),
            ("contrast_limit", with().contrast_limit(-0.1)),
            ("contrast_limit", with().contrast_limit(20.1)),
            ("uncontrolled_limit", with().uncontrolled_limit(f64::NAN)),
            ("uncontrolled_limit", with().uncontrolled_limit(20.1)),
            ("influence", with().influence(-0.1)),
            ("influence", with().influence(20.1)),
            ("between", with().between(0.1)),
            ("between", with().between(-20.1)),
            ("dose", with().dose(-0.1)),
            ("dose", with().dose(20.1)),
            ("depth", with().depth(-0.1)),
            ("depth", with().depth(20.1)),
            ("recent", with().recent(-0.1)),
            ("recent", with().recent(20.1)),
            (
                "recent_half_life in seconds",
                with().recent_half_life(Duration::ZERO),
            ),
            ("veto", with().veto(0.1)),
            ("veto", with().veto(-20.1)),
            ("not_worse", with().not_worse(f64::NAN)),
            ("not_worse", with().not_worse(20.1)),
            ("steps_slack", with().steps_slack(1_001)),
        ] {
            let refused = bad.check().unwrap_err().to_string();
            assert!(refused.contains(&format!("`blame.{name}`")), "{refused}");
        }
    }
}
