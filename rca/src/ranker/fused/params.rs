//! Parameters of the fused ranker.

use serde::{Deserialize, Serialize};

use astern_graph_core::NodeKind;
use astern_stats::ParamError;
use astern_stats::param::{in_range, positive};

use super::FusedRanker;
use crate::candidates::UPPER_QUANTILE;
use crate::ranker::ScoreScale;

/// Weights of the channels; 0 switches one off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct FusedWeights {
    /// Deviation from healthy.
    pub shift: f64,
    /// Movement with the symptom.
    pub correlation: f64,
    /// Excess that no dependency explains.
    pub origin: f64,
    /// Anomalous path to the symptom.
    pub reach: f64,
    /// Transfer entropy along the path.
    pub influence: f64,
    /// Wait of callers beyond the work of callees.
    pub gap: f64,
    /// Self time: what calls take beside the waits for callees.
    pub self_time: f64,
    /// Failures that no callee explains.
    pub failure: f64,
    /// Calls that are no longer made.
    pub structure: f64,
    /// Infrastructure metrics.
    pub resource: f64,
    /// Self time of the services that share a machine.
    pub co_located: f64,
    /// Operations that slow traces went through.
    pub spectrum: f64,
    /// New instances of a changed node that are worse than its old ones.
    pub change: f64,
}

impl Default for FusedWeights {
    /// 1 for what goes by the symptom's metric, but 1/2 for influence, which is seldom estimable and
    /// never decisive alone. 3 for what calls show of the node itself, since that is where the fault
    /// lies; 2 for its resources, which load moves too; 1 for call structure, which other mixes of
    /// requests change, and for changes, which [`ChangeBlame`](crate::blame::ChangeBlame) looks at again. 0 for the
    /// spectrum of traces: on the calibration cases it cost right answers and brought none.
    fn default() -> Self {
        Self {
            shift: 1.0,
            correlation: 1.0,
            origin: 1.0,
            reach: 1.0,
            influence: 0.5,
            gap: 3.0,
            self_time: 3.0,
            failure: 3.0,
            structure: 1.0,
            resource: 2.0,
            co_located: 3.0,
            spectrum: 0.0,
            change: 1.0,
        }
    }
}

/// Parameters of a [`FusedRanker`], checked by [`check`](Self::check).
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `weights` | see [`FusedWeights`] | 0 to 100 each |
/// | `shift_half` | 3 | deviation that is as likely an anomaly as not, positive |
/// | `upper_quantile` | .9 | of the badness over the steps in which the symptom shows, against the same of as many healthy steps; .5 to 1 |
/// | `external_prior` | -4 | log-odds of an external node, -20 to 20 |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct FusedParams {
    pub(super) weights: FusedWeights,
    pub(super) shift_half: f64,
    pub(super) upper_quantile: f64,
    pub(super) external_prior: f64,
}

impl Default for FusedParams {
    fn default() -> Self {
        Self {
            weights: FusedWeights::default(),
            shift_half: 3.0,
            upper_quantile: UPPER_QUANTILE,
            external_prior: -4.0,
        }
    }
}

astern_stats::setters!(FusedParams {
    /// Sets the weights of the channels.
    weights: FusedWeights,
    /// Sets the deviation, in healthy standard deviations, that is as likely an anomaly as not.
    shift_half: f64,
    /// Sets the quantile of the badness over the steps in which the symptom shows: high where a fault may
    /// show in a few of them only.
    upper_quantile: f64,
    /// Sets the log-odds of external nodes.
    external_prior: f64,
});

impl FusedParams {
    /// Checks the parameters and makes the ranker.
    ///
    /// # Errors
    /// [`ParamError`] for a parameter outside its rule.
    pub fn check(self) -> Result<FusedRanker, ParamError> {
        let w = &self.weights;
        for (name, weight) in [
            ("weights.shift", w.shift),
            ("weights.correlation", w.correlation),
            ("weights.origin", w.origin),
            ("weights.reach", w.reach),
            ("weights.influence", w.influence),
            ("weights.gap", w.gap),
            ("weights.self_time", w.self_time),
            ("weights.failure", w.failure),
            ("weights.structure", w.structure),
            ("weights.resource", w.resource),
            ("weights.co_located", w.co_located),
            ("weights.spectrum", w.spectrum),
            ("weights.change", w.change),
        ] {
            in_range(name, weight, 0.0, 100.0)?;
        }
        positive("shift_half", self.shift_half)?;
        in_range("upper_quantile", self.upper_quantile, 0.5, 1.0)?;
        in_range("external_prior", self.external_prior, -20.0, 20.0)?;
        Ok(FusedRanker { params: self })
    }

    /// The probabilities of causes were fitted to the scores that the defaults give.
    pub(super) fn scale(&self) -> ScoreScale {
        if *self == Self::default() {
            ScoreScale::FittedLogOdds
        } else {
            ScoreScale::LogOdds
        }
    }

    pub(super) fn prior(&self, kind: NodeKind) -> f64 {
        if kind == NodeKind::External {
            self.external_prior
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Weight = fn(&mut FusedWeights) -> &mut f64;

    #[test]
    fn each_rule_refuses() {
        let with = FusedParams::default;
        assert!(with().check().is_ok());
        let mut bad = vec![
            ("shift_half", with().shift_half(0.0)),
            ("shift_half", with().shift_half(f64::INFINITY)),
            ("upper_quantile", with().upper_quantile(0.4)),
            ("upper_quantile", with().upper_quantile(1.1)),
            ("external_prior", with().external_prior(f64::NAN)),
            ("external_prior", with().external_prior(20.1)),
        ];
        let weights: [(&str, Weight); 13] = [
            ("weights.shift", |w| &mut w.shift),
            ("weights.correlation", |w| &mut w.correlation),
            ("weights.origin", |w| &mut w.origin),
            ("weights.reach", |w| &mut w.reach),
            ("weights.influence", |w| &mut w.influence),
            ("weights.gap", |w| &mut w.gap),
            ("weights.self_time", |w| &mut w.self_time),
            ("weights.failure", |w| &mut w.failure),
            ("weights.structure", |w| &mut w.structure),
            ("weights.resource", |w| &mut w.resource),
            ("weights.co_located", |w| &mut w.co_located),
            ("weights.spectrum", |w| &mut w.spectrum),
            ("weights.change", |w| &mut w.change),
        ];
        for (name, weight) in weights {
            for value in [-0.1, 100.1, f64::NAN] {
                let mut weights = FusedWeights::default();
                *weight(&mut weights) = value;
                bad.push((name, with().weights(weights)));
            }
        }
        for (name, params) in bad {
            let refused = params.check().unwrap_err().to_string();
            assert!(refused.contains(&format!("`{name}`")), "{refused}");
        }
    }
}
