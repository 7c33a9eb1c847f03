//! From causes to changes: which release, flag or configuration change did it?

mod aftermath;
mod between;
mod depth;
mod dose;
mod facts;
mod influence;
mod judged;
mod params;
mod timing;
mod weight;

use astern_graph_core::TemporalGraph;
use astern_graph_core::signal::{BlamedChange, Evidence};
use astern_stats::order;

use crate::contrast::{ChangeContrasts, Compared};
use crate::incident::Incident;
use crate::ranker::Ranking;

use facts::Facts;
use weight::Weight;

pub use params::BlameParams;

/// Gives each active change a probability of being the cause.
///
/// Each piece of evidence adds to the log-odds of a change against "no change is to blame":
///
/// | evidence | log-odds |
/// |---|---|
/// | lead of its service over the best other cause | a fifth of the difference of scores, limited; nothing where [scores are no log-odds](crate::ranker::ScoreScale) |
/// | new against old instances | logarithm of the Bayes factor of difference in differences, twice where it speaks against, limited; see below |
/// | dose | the correlation of the symptom with the share of the traffic on what is new |
/// | time | decays by half-life from the change to the onset; a veto where the fault is older, whatever else speaks for the change |
/// | depth | the hops from its service to the symptom, `4 / (2 + hops) - 1`; nothing where no edge of either is known |
/// | influence | the p-value p of the transfer entropy along the weakest step to the symptom, `1 - 2 p` |
/// | between | speaks against it where callers wait longer for its service than it works, and nothing else is wrong with it |
///
/// The probabilities of all changes and of "no change" sum to 1. Time, veto and depth are those of
/// Gandalf (Li et al. 2020) and `ChangeRCA` (Yu et al. 2024), and so is the difference
/// `δ = (new after - new before) - (old after - old before)`; what differs: it is tested so that it
/// may be looked at after every step of every batch ([`astern_stats::sequential`]), where they test each
/// instance again at each look. Failed calls are compared by the side on which they fall, so that a
/// share of 0 before is no special case. A new instance without a past of its own has that of the
/// service.
///
/// Where instances cannot be distinguished, revisions can; where neither can, the service stands against
/// its own past with a small weight, beside what a detector reported of the change; each says so by
/// [`Evidence::Fallback`]. Where both sides are seen at the same time, what a detector reported of them
/// does not count again.
///
/// A change is active when a step of its last [attempt](astern_graph_core::view::Attempt) lies in the incident's time and that is
/// not rolled back at the end. The attempt starts with its first step, however long before the incident that was, and
/// what earlier attempts under the same id did is on neither side.
///
/// A change that the judge of releases compared and did not find worse is less likely than "no change", whatever else speaks
/// for it: its calls are counted there exactly, at a stated level and without start-ups, and a drift of the whole
/// service, which comes right after a change by chance, is on both sides.
///
/// Of several assessments of one change only the last in the incident counts (the newest is
/// last): they look at mostly the same data, and adding them up would count it twice.
///
/// The onset is the earliest of the system's anomalies in an application metric, or over all
/// metrics, of nodes that a fault of the change's service can reach. More load, or trouble
/// elsewhere, says nothing of when this change's fault began. Without such an anomaly, time is no
/// evidence. An instance counts as its service.
///
/// Collateral are the nodes on the way from the service to the symptom, and anomalous ones that a
/// fault of it can reach. What is anomalous and out of its reach would stay broken, and so would what
/// works on data that it changed for good.
///
/// # Complexity
/// `O(S log S + N log N + C · ((V + E) log V + A log V + I · T))` for S steps of changes held, N
/// causes, C active changes, A anomalies, a graph of V nodes and E edges, and the T steps of the I
/// instances of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeBlame {
    params: BlameParams,
}

impl ChangeBlame {
    /// The active changes, each with its probability.
    pub(crate) fn weigh_all(
        &self,
        graph: &TemporalGraph,
        incident: &Incident,
        contrasts: &ChangeContrasts,
        ranking: &Ranking,
    ) -> Blamed {
        let facts = Facts::of(graph, incident, ranking);
        let weigh = |change| self.weigh(&facts, change);
        let mut weighed: Vec<(f64, BlamedChange)> = contrasts.changes().iter().map(weigh).collect();
        weighed
            .sort_by(|a, b| order::descending(a.0, b.0).then_with(|| a.1.change.cmp(&b.1.change)));
        let log_odds: Vec<f64> = weighed.iter().map(|(log_odds, _)| *log_odds).collect();
        let (each, none) = probabilities(&log_odds);
        let changes = weighed.into_iter().zip(each);
        Blamed {
            changes: changes
                .map(|((_, mut blamed), probability)| {
                    blamed.probability = Some(probability);
                    blamed
                })
                .collect(),
            none,
            best: log_odds.first().copied(),
        }
    }

    fn weigh(&self, facts: &Facts<'_>, change: &Compared) -> (f64, BlamedChange) {
        let p = &self.params;
        let start = &change.start;
        let mut log_odds = p.prior + facts.as_cause(&start.service, p.cause_limit);
        let reached = facts.reached(&start.service);
        let mut weights = self.of_instances(facts, change);
        weights.push(timing::weigh(p, facts, start, &reached));
        weights.push(depth::weigh(p, facts, start));
        weights.push(influence::weigh(p, facts, start));
        weights.push(between::weigh(p, facts, start));
        let mut evidence = Vec::new();
        for weight in weights {
            log_odds += weight.log_odds;
            evidence.extend(weight.evidence);
        }
        if evidence.iter().any(timing::vetoes) {
            log_odds = log_odds.min(p.veto);
        }
        if let Some(not_worse) = judged::not_found_worse(facts, start) {
            log_odds = log_odds.min(p.not_worse);
            evidence.push(not_worse);
        }
        let service = start.service.clone();
        let blamed = BlamedChange::new(start.id.clone(), service, None)
            .hurting(aftermath::collateral(facts, &start.service, &reached))
            .leaving(aftermath::stays_broken(facts, start, &reached))
            .because(evidence);
        (log_odds, blamed)
    }

    /// Old against new instances, by their calls; by the last assessment where these do not tell.
    fn of_instances(&self, facts: &Facts<'_>, change: &Compared) -> Vec<Weight> {
        let p = &self.params;
        let start = &change.start;
        let mut weights = Vec::new();
        match &change.contrast {
            Ok(found) if found.controlled => weights.push(Weight {
                log_odds: of_bayes_factor(found.ln_e).clamp(p.healthy, p.contrast_limit),
                evidence: found.evidence.clone(),
            }),
            Ok(found) => {
                let limit = p.uncontrolled_limit;
                weights.push(Weight {
                    log_odds: found.ln_e.clamp(-limit, limit),
                    evidence: found.evidence.clone(),
                });
                weights.push(judged::weigh(p, facts, start));
            }
            Err(reason) => {
                weights.push(judged::weigh(p, facts, start));
                weights.push(Weight::new(
                    0.0,
                    Evidence::Fallback {
                        wanted: "old against new instances".into(),
                        used: "rank, time and the last assessment of the change".into(),
                        reason: (*reason).into(),
                    },
                ));
            }
        }
        let units = change.units.iter();
        weights.extend(units.map(|units| dose::weigh(p, facts, start, units)));
        weights
    }
}

/// The changes, best first, and the probability that none of them is to blame.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Blamed {
    pub(crate) changes: Vec<BlamedChange>,
    none: f64,
    /// Log-odds of the first change.
    best: Option<f64>,
}

impl Blamed {
    fn each(&self) -> impl Iterator<Item = f64> + '_ {
        self.changes.iter().filter_map(|change| change.probability)
    }

    /// Probability of the changes that are likelier than none. Many changes of which each is unlikely are
    /// together no reason to blame a node.
    pub(crate) fn likely(&self) -> f64 {
        self.each().filter(|p| *p > self.none).sum()
    }

    /// Whether one change is likelier than all else.
    pub(crate) fn is_certain(&self) -> bool {
        self.each().next().is_some_and(|best| best > 0.5)
    }

    /// Whether there are changes, and each is less likely than none.
    pub(crate) fn explains_nothing(&self) -> bool {
        self.best.is_some_and(|best| best < 0.0)
    }
}

/// Log-odds of a Bayes factor. That for "worse" spreads its stake over rises of every size and over
/// three metrics, so it falls slowly where nothing is worse: what speaks against counts twice.
fn of_bayes_factor(ln_e: f64) -> f64 {
    if ln_e < 0.0 { 2.0 * ln_e } else { ln_e }
}

/// Probabilities of each change and of "no change", whose log-odds are 0. Relative to the greatest
/// of them, so that no exponential overflows.
fn probabilities(log_odds: &[f64]) -> (Vec<f64>, f64) {
    let greatest = log_odds.iter().copied().fold(0.0, f64::max);
    let relative: Vec<f64> = log_odds.iter().map(|x| (x - greatest).exp()).collect();
    let none = (-greatest).exp();
    let total = none + relative.iter().sum::<f64>();
    let each = relative.into_iter().map(|x| x / total).collect();
    (each, none / total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn probabilities_are_shares_of_one(
            log_odds in prop::collection::vec(-1e6..1e6f64, 0..50),
        ) {
            let (each, none) = probabilities(&log_odds);
            for p in each.iter().chain([&none]) {
                prop_assert!((0.0..=1.0).contains(p));
            }
            prop_assert!((each.iter().sum::<f64>() + none - 1.0).abs() < 1e-9);
        }
    }
}
