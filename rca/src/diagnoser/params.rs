//! Parameters of a diagnoser: those of its parts.

use serde::{Deserialize, Serialize};

use astern_stats::ParamError;

use super::Diagnoser;
use crate::abstain::AbstentionParams;
use crate::blame::BlameParams;
use crate::explain::ExplainParams;
use crate::ranker::RankerParams;

/// Parameters of a [`Diagnoser`], checked by [`check`](Self::check).
///
/// | parameter | default |
/// |---|---|
/// | `ranker` | the fused one, see [`RankerParams`] |
/// | `blame` | see [`BlameParams`] |
/// | `alternatives` | see [`AbstentionParams`] |
/// | `explain` | see [`ExplainParams`] |
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct DiagnoserParams {
    ranker: RankerParams,
    blame: BlameParams,
    alternatives: AbstentionParams,
    explain: ExplainParams,
}

astern_stats::setters!(DiagnoserParams {
    /// Sets the ranker, one of the [`catalogue`](crate::ranker::catalogue) or its parameters.
    ranker: impl Into<RankerParams>,
    /// Sets the parameters of change blame.
    blame: BlameParams,
    /// Sets when an alternative is what the diagnosis says.
    alternatives: AbstentionParams,
    /// Sets which causes are explained.
    explain: ExplainParams,
});

impl DiagnoserParams {
    /// Checks the parameters and makes the diagnoser.
    ///
    /// # Errors
    /// [`ParamError`] for a parameter outside its rule.
    pub fn check(self) -> Result<Diagnoser, ParamError> {
        Ok(Diagnoser {
            ranker: self.ranker.check()?,
            blame: self.blame.check()?,
            alternatives: self.alternatives.check()?,
            explain: self.explain.check()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranker::FusedParams;

    #[test]
    fn each_part_is_checked() {
        let with = DiagnoserParams::default;
        assert!(with().check().is_ok());
        for (name, bad) in [
            (
                "shift_half",
                with().ranker(FusedParams::default().shift_half(0.0)),
            ),
            (
                "blame.prior",
                with().blame(BlameParams::default().prior(99.0)),
            ),
            (
                "abstention.likely",
                with().alternatives(AbstentionParams::default().likely(0.0)),
            ),
            (
                "explain.causes",
                with().explain(ExplainParams::default().causes(99)),
            ),
        ] {
            let refused = bad.check().unwrap_err().to_string();
            assert!(refused.contains(&format!("`{name}`")), "{refused}");
        }
    }

    #[test]
    fn parameters_are_read_in_part() {
        let text = r#"{"ranker": "micro_rca", "blame": {"recent_half_life": "5m"}}"#;
        let read: DiagnoserParams = serde_json::from_str(text).unwrap();
        let blame = BlameParams::default().recent_half_life(std::time::Duration::from_secs(300));
        let expected = DiagnoserParams::default()
            .ranker(RankerParams::MicroRca)
            .blame(blame);
        assert_eq!(read, expected);
        let written = serde_json::to_string(&read).unwrap();
        assert_eq!(
            serde_json::from_str::<DiagnoserParams>(&written).unwrap(),
            read
        );
        assert!(serde_json::from_str::<DiagnoserParams>(r#"{"blames": {}}"#).is_err());
    }
}
