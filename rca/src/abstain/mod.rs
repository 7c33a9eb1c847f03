//! When to blame nothing: calibrated probabilities that no node of the graph is at fault.

mod features;
mod fitted;
mod params;
mod which;

use astern_graph_core::TemporalGraph;
use astern_graph_core::signal::{Abstention, Alternative, Evidence};
use astern_stats::order;

use crate::blame::Blamed;
use crate::incident::Incident;
use crate::ranker::{Ranking, ScoreScale};

pub use features::AbstentionFeatures;
pub use fitted::{AbstentionCoefficients, ELSEWHERE, FITTED, SHARPNESS};
pub use params::AbstentionParams;
pub use which::shares;

/// Probabilities of what may be the matter; they sum to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct AbstentionProbabilities {
    /// A node of the graph is at fault.
    pub node_at_fault: f64,
    /// The symptom is in its healthy range.
    pub no_regression: f64,
    /// More requests came, and everything is busier in proportion.
    pub load: f64,
    /// The cause is external or not seen.
    pub outside_graph: f64,
}

impl AbstentionProbabilities {
    /// With at least this probability that a node is at fault; the alternatives keep their proportions.
    ///
    /// ```
    /// use astern_rca::abstain::{AbstentionFeatures, FITTED};
    /// let normal = AbstentionFeatures { symptom: 0.0, load: 0.0, unexplained: 0.0, best: -0.4 };
    /// let before = FITTED.probabilities(&normal);
    /// let found = before.at_least(0.9);
    /// assert!((found.node_at_fault - 0.9).abs() < 1e-12);
    /// assert!(found.no_regression > found.outside_graph);
    /// assert_eq!(before.at_least(0.0), before);
    /// ```
    #[must_use]
    pub fn at_least(self, node_at_fault: f64) -> Self {
        let others = self.no_regression + self.load + self.outside_graph;
        if node_at_fault <= self.node_at_fault || others <= 0.0 {
            return self;
        }
        let node_at_fault = node_at_fault.min(1.0);
        let scale = (1.0 - node_at_fault) / others;
        Self {
            node_at_fault,
            no_regression: scale * self.no_regression,
            load: scale * self.load,
            outside_graph: scale * self.outside_graph,
        }
    }
}

impl AbstentionCoefficients {
    /// Multinomial logistic model: log-odds of each alternative against "a node is at fault", linear
    /// in the features.
    ///
    /// ```
    /// use astern_rca::abstain::{AbstentionFeatures, FITTED};
    /// let normal = AbstentionFeatures { symptom: 0.0, load: 0.0, unexplained: 0.0, best: -0.4 };
    /// assert!(FITTED.probabilities(&normal).no_regression > 0.5);
    /// let surge = AbstentionFeatures { symptom: 2.0, load: 1.1, unexplained: 0.0, best: 0.0 };
    /// assert!(FITTED.probabilities(&surge).load > 0.5);
    /// ```
    pub fn probabilities(&self, features: &AbstentionFeatures) -> AbstentionProbabilities {
        let x = features.row();
        let log_odds = |w: &[f64; 5]| -> f64 { w.iter().zip(x).map(|(w, x)| w * x).sum() };
        let scores = [
            0.0,
            log_odds(&self.no_regression),
            log_odds(&self.load),
            log_odds(&self.outside_graph),
        ];
        let greatest = scores.iter().copied().fold(0.0, f64::max);
        let relative = scores.map(|score| (score - greatest).exp());
        let total: f64 = relative.iter().sum();
        let [node_at_fault, no_regression, load, outside_graph] = relative.map(|p| p / total);
        AbstentionProbabilities {
            node_at_fault,
            no_regression,
            load,
            outside_graph,
        }
    }
}

/// Says what it may be instead of a node at fault, with calibrated probabilities, and the probability of
/// each cause; made by [`AbstentionParams::check`].
///
/// It abstains where an alternative is likelier than all the rest, or where one is the likeliest and none
/// likely enough; not where a change is blamed. A change to blame is a node at fault, so the alternatives leave
/// those their probability that are likelier than "no change". Without a value of the symptom there is nothing
/// to say. Scores of another [scale](ScoreScale) than the one that the numbers were fitted to give no
/// probability of causes, and the alternatives say so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Abstainer {
    params: AbstentionParams,
}

/// What it may be, and how likely the causes are.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Weighed {
    /// The most likely first.
    pub(crate) alternatives: Vec<Alternative>,
    /// Why not to blame a cause.
    pub(crate) abstained: Option<Abstention>,
    /// Probability of each cause, in their order; `None` where there is none.
    pub(crate) causes: Option<Vec<f64>>,
}

impl Abstainer {
    pub(crate) fn weigh(
        self,
        graph: &TemporalGraph,
        incident: &Incident,
        ranking: &Ranking,
        blamed: &Blamed,
    ) -> Weighed {
        let best = ranking.causes.first();
        let features =
            best.and_then(|best| AbstentionFeatures::of(graph, incident, best, ranking.scale));
        let Some((features, [of_symptom, of_load, of_rest])) = features else {
            return Weighed::default();
        };
        let p = FITTED.probabilities(&features).at_least(blamed.likely());
        let mut alternatives = vec![
            Alternative::new(Abstention::NoRegression, p.no_regression, of_symptom),
            Alternative::new(Abstention::Load, p.load, of_load),
            Alternative::new(Abstention::OutsideGraph, p.outside_graph, of_rest),
        ];
        for alternative in &mut alternatives {
            alternative.evidence.extend(not_fitted(ranking.scale));
        }
        alternatives.sort_by(|a, b| order::descending(a.probability, b.probability));
        let fitted = ranking.scale.is_fitted();
        Weighed {
            abstained: self.abstained(&alternatives[0], p.node_at_fault, blamed),
            alternatives,
            causes: fitted.then(|| which::probabilities(&ranking.causes, p.node_at_fault)),
        }
    }

    fn abstained(
        self,
        first: &Alternative,
        node_at_fault: f64,
        blamed: &Blamed,
    ) -> Option<Abstention> {
        if blamed.is_certain() {
            // Old against new instances say more than what the system looks like.
            None
        } else if first.probability > self.params.likely {
            Some(first.reason.clone())
        } else {
            (node_at_fault < first.probability).then_some(Abstention::CannotTell)
        }
    }
}

/// The evidence for probabilities that were not fitted to such scores.
fn not_fitted(scale: ScoreScale) -> Option<Evidence> {
    let (wanted, used, reason) = match scale {
        ScoreScale::FittedLogOdds => return None,
        ScoreScale::LogOdds => (
            "probabilities that fit these parameters of the ranker",
            "those that fit the default ones",
            "scores of other parameters are of another size",
        ),
        ScoreScale::Relative => (
            "probabilities that fit this ranker",
            "those that fit the default one, without its scores",
            "its scores are no log-odds",
        ),
    };
    Some(Evidence::Fallback {
        wanted: wanted.into(),
        used: used.into(),
        reason: reason.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn probabilities_sum_to_one(
            symptom in 0.0..1e3f64, load in 0.0..1e3f64, unexplained in 0.0..=1.0f64,
            best in -1.0..=2.0f64,
        ) {
            let p = FITTED.probabilities(&AbstentionFeatures { symptom, load, unexplained, best });
            let all = [p.node_at_fault, p.no_regression, p.load, p.outside_graph];
            prop_assert!(all.iter().all(|p| (0.0..=1.0).contains(p)));
            prop_assert!((all.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }
}
