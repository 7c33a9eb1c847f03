//! One weight from transfer entropy, correlation and topology.

use serde::{Deserialize, Serialize};

use astern_stats::ParamError;
use astern_stats::param::{in_range, positive};

/// How transfer entropy and two priors become one weight per edge.
///
/// `w(i → j) = softmax_i((λ TE + ρ |r| + κ topology) / (λ + ρ + κ) / temperature)` over all sources i of a
/// target j, with TE the significant share of variance explained (0 to 1), |r| the correlation of the
/// differenced series in the same step, and topology 1 where faults travel from i to j over an edge of
/// the graph, else 0. A part that could not be estimated is left out of both sums.
///
/// Edge weights of transfer entropy and a second modality, normalised over each target's sources, are
/// those of `MTDGraph` (Liu et al. 2025), whose second one is similarity of text; here it is what a
/// service graph has. The paper gives no temperature: shares between 0 and 1 are nearly level under a plain
/// softmax.
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `transfer_entropy` (λ) | .5 | 0 to 1 |
/// | `correlation` (ρ) | .25 | 0 to 1 |
/// | `topology` (κ) | .25 | 0 to 1; the three are not all 0 |
/// | `temperature` | .25 | positive; towards 0 the greatest takes all |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlendParams {
    transfer_entropy: f64,
    correlation: f64,
    topology: f64,
    temperature: f64,
}

impl Default for BlendParams {
    fn default() -> Self {
        Self {
            transfer_entropy: 0.5,
            correlation: 0.25,
            topology: 0.25,
            temperature: 0.25,
        }
    }
}

/// What is known of one pair.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tie {
    pub(super) target: usize,
    pub(super) transfer_entropy: Option<f64>,
    pub(super) correlation: Option<f64>,
    pub(super) carries_faults: bool,
}

astern_stats::setters!(BlendParams {
    /// Sets the weight of transfer entropy.
    transfer_entropy: f64,
    /// Sets the weight of correlation.
    correlation: f64,
    /// Sets the weight of topology.
    topology: f64,
    /// Sets the temperature.
    temperature: f64,
});

impl BlendParams {
    pub(super) fn check(&self) -> Result<(), ParamError> {
        let parts = [
            ("transfer_entropy", self.transfer_entropy),
            ("correlation", self.correlation),
            ("topology", self.topology),
        ];
        for (name, part) in parts {
            in_range(name, part, 0.0, 1.0)?;
        }
        positive("sum of parts", parts.iter().map(|(_, part)| part).sum())?;
        positive("temperature", self.temperature).map(|_| ())
    }

    /// The weight of each tie; those of one target sum to 1.
    pub(super) fn weights(&self, ties: &[Tie]) -> Vec<f64> {
        let strengths: Vec<f64> = ties.iter().map(|tie| self.strength(tie)).collect();
        let targets = ties.iter().map(|tie| tie.target + 1).max().unwrap_or(0);
        let mut greatest = vec![f64::NEG_INFINITY; targets];
        for (tie, strength) in ties.iter().zip(&strengths) {
            greatest[tie.target] = greatest[tie.target].max(*strength);
        }
        let mut sums = vec![0.0; targets];
        let mut weights = Vec::with_capacity(ties.len());
        for (tie, strength) in ties.iter().zip(strengths) {
            // The difference first: over a small temperature alone the greatest would be infinite.
            let weight = ((strength - greatest[tie.target]) / self.temperature).exp();
            sums[tie.target] += weight;
            weights.push(weight);
        }
        let normalised = ties
            .iter()
            .zip(weights)
            .map(|(tie, weight)| weight / sums[tie.target]);
        normalised.collect()
    }

    fn strength(&self, tie: &Tie) -> f64 {
        let topology = if tie.carries_faults { 1.0 } else { 0.0 };
        let parts = [
            (self.transfer_entropy, tie.transfer_entropy),
            (self.correlation, tie.correlation),
            (self.topology, Some(topology)),
        ];
        let known = parts
            .into_iter()
            .filter_map(|(part, value)| value.map(|value| (part, value)));
        let (parts, sum) = known.fold((0.0, 0.0), |(parts, sum), (part, value)| {
            (parts + part, sum + part * value)
        });
        if parts > 0.0 { sum / parts } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tie(target: usize, te: Option<f64>, correlation: Option<f64>, carries_faults: bool) -> Tie {
        Tie {
            target,
            transfer_entropy: te,
            correlation,
            carries_faults,
        }
    }

    #[test]
    fn weights_are_the_softmax_over_the_sources_of_each_target() {
        let ties = [
            tie(0, Some(0.8), Some(0.4), true),
            tie(1, Some(0.0), Some(0.1), false),
            tie(0, None, Some(0.5), true),
            tie(0, Some(0.0), None, false),
        ];
        let weights = BlendParams::default().weights(&ties);
        // .5 · .8 + .25 · .4 + .25 = .75; (.125 + .25) / .5 = .75; 0.
        let all = 2.0 * 3.0_f64.exp() + 1.0;
        for (found, expected) in
            weights
                .iter()
                .zip([3.0_f64.exp() / all, 1.0, 3.0_f64.exp() / all, 1.0 / all])
        {
            assert!((found - expected).abs() < 1e-12, "{weights:?}");
        }
        assert!(BlendParams::default().weights(&[]).is_empty());
    }

    #[test]
    fn the_greatest_takes_all_at_the_least_temperature() {
        let ties = [
            tie(0, Some(0.8), Some(0.4), true),
            tie(0, Some(0.7), Some(0.4), true),
        ];
        for temperature in [1e-3, 1e-300, 5e-324] {
            let weights = BlendParams::default()
                .temperature(temperature)
                .weights(&ties);
            assert!(
                (weights[0] - 1.0).abs() < 1e-12 && weights[1] < 1e-12,
                "{weights:?}"
            );
        }
    }

    #[test]
    fn each_rule_refuses() {
        let with = BlendParams::default;
        for bad in [
            with().transfer_entropy(1.1),
            with().correlation(-0.1),
            with().topology(f64::NAN),
            with().transfer_entropy(0.0).correlation(0.0).topology(0.0),
            with().temperature(0.0),
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
