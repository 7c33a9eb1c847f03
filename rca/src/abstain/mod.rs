//! When to blame nothing: calibrated probabilities that no node of the graph is at fault.

mod features;
mod fitted;
mod which;

use astern_graph_core::TemporalGraph;
use astern_graph_core::signal::{Abstention, Alternative, Diagnosis, Evidence};
use astern_stats::order;

use crate::incident::Incident;

pub use features::DoubtFeatures;
pub use fitted::{DoubtCoefficients, ELSEWHERE, FITTED, SHARPNESS};
pub use which::shares;

/// Probability from which on an alternative is what the diagnosis says.
const BELIEVED: f64 = 0.5;

/// Probabilities of what may be the matter; they sum to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct DoubtProbabilities {
    /// A node of the graph is at fault.
    pub node_at_fault: f64,
    /// The symptom is in its healthy range.
    pub no_regression: f64,
    /// More requests came, and everything is busier in proportion.
    pub load: f64,
    /// The cause is external or not seen.
    pub outside_graph: f64,
}

impl DoubtProbabilities {
    /// With at least this probability that a node is at fault; the alternatives keep their proportions.
    ///
    /// ```
    /// use astern_rca::abstain::{DoubtFeatures, FITTED};
    /// let calm = DoubtFeatures { symptom: 0.0, load: 0.0, unexplained: 0.0, best: -0.4 };
    /// let doubted = FITTED.probabilities(&calm);
    /// let found = doubted.at_least(0.9);
    /// assert!((found.node_at_fault - 0.9).abs() < 1e-12);
    /// assert!(found.no_regression > found.outside_graph);
    /// assert_eq!(doubted.at_least(0.0), doubted);
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

impl DoubtCoefficients {
    /// Multinomial logistic model: log-odds of each alternative against "a node is at fault", linear
    /// in the features.
    ///
    /// ```
    /// use astern_rca::abstain::{DoubtFeatures, FITTED};
    /// let calm = DoubtFeatures { symptom: 0.0, load: 0.0, unexplained: 0.0, best: -0.4 };
    /// assert!(FITTED.probabilities(&calm).no_regression > 0.5);
    /// let surge = DoubtFeatures { symptom: 2.0, load: 1.1, unexplained: 0.0, best: 0.0 };
    /// assert!(FITTED.probabilities(&surge).load > 0.5);
    /// ```
    pub fn probabilities(&self, features: &DoubtFeatures) -> DoubtProbabilities {
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
        DoubtProbabilities {
            node_at_fault,
            no_regression,
            load,
            outside_graph,
        }
    }
}

/// What is known of the changes, and whether the fitted numbers are of this ranker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// Probability of the changes that are more likely to blame than none.
    pub(crate) change_to_blame: f64,
    /// Whether one change is more likely than all else.
    pub(crate) is_blamed: bool,
    /// Whether the scores are those that the numbers were fitted to.
    pub(crate) is_fitted: bool,
}

/// Adds to a diagnosis what it may be instead of a node at fault, with calibrated probabilities, and the
/// probability of each cause; abstains where an alternative is likelier than all the rest, or where one is
/// the likeliest and none likely enough; not where a change is blamed.
///
/// A change to blame is a node at fault, so the alternatives leave those their probability that are likelier than
/// "no change". Without a value of the
/// symptom there is nothing to say. Scores of other parameters than those that the numbers were fitted
/// to give no probability of causes, and the alternatives say so.
pub(crate) fn add_alternatives(
    graph: &TemporalGraph,
    incident: &Incident,
    diagnosis: &mut Diagnosis,
    known: Known,
) {
    let Some((features, evidence)) = DoubtFeatures::of(graph, incident, diagnosis) else {
        return;
    };
    let p = FITTED.probabilities(&features);
    let p = p.at_least(known.change_to_blame);
    let [of_symptom, of_load, of_rest] = evidence;
    let mut alternatives = vec![
        Alternative::new(Abstention::NoRegression, p.no_regression, of_symptom),
        Alternative::new(Abstention::Load, p.load, of_load),
        Alternative::new(Abstention::OutsideGraph, p.outside_graph, of_rest),
    ];
    if known.is_fitted {
        which::share_out(diagnosis, p.node_at_fault);
    } else {
        for alternative in &mut alternatives {
            alternative.evidence.push(not_fitted());
        }
    }
    alternatives.sort_by(|a, b| order::descending(a.probability, b.probability));
    let first = &alternatives[0];
    if known.is_blamed {
        // Old against new instances say more than what the system looks like.
    } else if first.probability > BELIEVED {
        diagnosis.abstained.get_or_insert(first.reason.clone());
    } else if p.node_at_fault < first.probability {
        diagnosis.abstained.get_or_insert(Abstention::CannotTell);
    }
    diagnosis.alternatives = alternatives;
}

fn not_fitted() -> Evidence {
    Evidence::Fallback {
        wanted: "probabilities that fit these parameters of the ranker".into(),
        used: "those that fit the default ones".into(),
        reason: "scores of other parameters are of another size".into(),
    }
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
            let p = FITTED.probabilities(&DoubtFeatures { symptom, load, unexplained, best });
            let all = [p.node_at_fault, p.no_regression, p.load, p.outside_graph];
            prop_assert!(all.iter().all(|p| (0.0..=1.0).contains(p)));
            prop_assert!((all.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }
}
