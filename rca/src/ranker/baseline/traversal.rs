//! Traversal of anomalous callees.

use std::collections::{BTreeMap, BTreeSet};

use astern_graph_core::signal::{Evidence, RankedCause};
use astern_graph_core::{NodeId, TemporalGraph};
use astern_stats::robust::{MAD_TO_SIGMA, mean, median};

use crate::candidates::{Candidate, candidate, symptom};
use crate::error::RankError;
use crate::incident::Incident;
use crate::ranker::ranking::keys;
use crate::ranker::{Ranker, Ranking};

/// Blames the anomalous nodes that have no anomalous callee and an anomalous path to the symptom,
/// scored by the greatest sum of anomaly scores along such a path.
///
/// The traversal baseline of the `PetShop` benchmark (Hardt et al. 2024), in the family of
/// `CauseInfer` (Chen et al. 2014). A node's score is `|x - median| / (1.4826 MAD)` at one step: the third
/// abnormal step or, if the symptom is not anomalous there, the first later one where it is. A
/// score above 5 is anomalous. A MAD of 0 makes any deviation infinitely anomalous, and a constant
/// healthy series makes any deviation anomalous, as there; such ties are broken by key, and an
/// evaluation must give tied causes the worst rank. Without an anomalous symptom there is no answer.
/// A node that calls itself is not its own callee.
///
/// The number of simple paths may grow exponentially, so the walk ends after 100,000 visits of
/// nodes. The first cause then says so by [`Evidence::Fallback`]; causes that were not visited are
/// absent, and with none visited the ranker abstains.
///
/// # Complexity
/// `O(N · T log T + E log N + P · D log N)` in time for P visits, at most 100,000, of nodes with at
/// most D anomalous callees; `O(N + E + P)` in memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TraversalRanker;

/// Abnormal step at which a search for an anomalous symptom begins.
const FIRST_STEP: usize = 2;
const THRESHOLD: f64 = 5.0;
const HEALTHY_MIN: usize = 10;
const VISITS_MAX: usize = 100_000;

impl Ranker for TraversalRanker {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        let target = symptom(graph, incident)?;
        let anomalous = anomalous(graph, incident, &target)?;
        if anomalous.is_empty() {
            return Ok(Ranking::of(Vec::new()));
        }
        let walk = Walk::from(graph, target.id, &anomalous);
        let causes = walk.best.iter().filter_map(|(id, (sum, _))| {
            let origin = Evidence::OriginOfFault {
                anomalous_dependencies: 0,
            };
            let key = graph.key(*id)?.clone();
            Some(RankedCause::new(key, *sum).because([origin]))
        });
        let mut ranking = Ranking::of(causes.collect());
        for cause in ranking.with_path() {
            let id = graph.id(cause.subject.node());
            let best = id.and_then(|id| walk.best.get(&id));
            cause.path = best.map_or_else(Vec::new, |(_, visit)| keys(graph, &walk.path(*visit)));
        }
        if let (true, Some(cause)) = (walk.cut, ranking.causes.first_mut()) {
            cause.evidence.push(Evidence::Fallback {
                wanted: "all simple anomalous paths".into(),
                used: "those found first".into(),
                reason: format!("more than {VISITS_MAX} visits of nodes").into(),
            });
        }
        Ok(ranking)
    }
}

/// The anomaly scores of the nodes that are anomalous at the step that is looked at; empty where the
/// symptom is not.
pub(super) fn anomalous(
    graph: &TemporalGraph,
    incident: &Incident,
    target: &Candidate,
) -> Result<BTreeMap<NodeId, f64>, RankError> {
    let mut anomalous = BTreeMap::new();
    let mut steps = FIRST_STEP..target.abnormal.len();
    let Some(step) = steps.find(|step| score(target, *step).is_some()) else {
        return Ok(anomalous);
    };
    for id in graph.ids() {
        let node = candidate(graph, incident, id, &incident.symptom.metric)?;
        if let Some(score) = node.and_then(|node| score(&node, step)) {
            anomalous.insert(id, score);
        }
    }
    Ok(anomalous)
}

/// The anomaly score at a step, `None` when it is not anomalous there.
fn score(node: &Candidate, step: usize) -> Option<f64> {
    let healthy: Vec<f64> = node
        .healthy
        .iter()
        .copied()
        .filter(|x| x.is_finite())
        .collect();
    let x = node.abnormal.get(step).copied().filter(|x| x.is_finite())?;
    if healthy.len() < HEALTHY_MIN {
        return None;
    }
    let constant = healthy
        .iter()
        .all(|v| (v - healthy[0]).abs() < f64::EPSILON);
    if constant {
        let deviation = (x - mean(&healthy)?).abs();
        return (deviation > 0.0).then_some(deviation);
    }
    let centre = median(&healthy)?;
    let deviations: Vec<f64> = healthy.iter().map(|v| (v - centre).abs()).collect();
    // Zero over zero is not anomalous; the comparison with NaN says so.
    let z = (x - centre).abs() / (MAD_TO_SIGMA * median(&deviations)?);
    (z > THRESHOLD).then_some(z)
}

/// Depth-first walk of all simple anomalous paths from the symptom.
#[derive(Debug, Default)]
struct Walk {
    /// Every visit in order: the node, and the visit that it was called from.
    visits: Vec<(NodeId, usize)>,
    /// Greatest sum of scores of each node without anomalous callees, and the visit that ended it.
    best: BTreeMap<NodeId, (f64, usize)>,
    /// Whether there was more to visit.
    cut: bool,
}

/// A visit whose callees are not all visited yet.
struct Open {
    visit: usize,
    sum: f64,
    next: usize,
}

impl Walk {
    fn from(graph: &TemporalGraph, symptom: NodeId, anomalous: &BTreeMap<NodeId, f64>) -> Self {
        let callees_of = |id: NodeId| {
            let callees = graph.callees(id).filter(move |callee| *callee != id);
            let scored = callees.filter_map(|id| anomalous.get(&id).map(|score| (id, *score)));
            scored.collect::<Vec<(NodeId, f64)>>()
        };
        let callees: BTreeMap<NodeId, Vec<(NodeId, f64)>> =
            anomalous.keys().map(|id| (*id, callees_of(*id))).collect();
        let mut walk = Self::default();
        let mut on_path = BTreeSet::from([symptom]);
        let sum = anomalous.get(&symptom).copied().unwrap_or(0.0);
        let mut open = vec![walk.visit(symptom, 0, sum)];
        while let Some(last) = open.last_mut() {
            let (visit, sum) = (last.visit, last.sum);
            let id = walk.visits[visit].0;
            let of_id = callees.get(&id).map_or(&[][..], Vec::as_slice);
            let Some((callee, score)) = of_id.get(last.next) else {
                // The symptom itself is never its own cause here, as in the reference.
                if of_id.is_empty() && id != symptom {
                    walk.end(id, sum, visit);
                }
                on_path.remove(&id);
                open.pop();
                continue;
            };
            last.next += 1;
            if on_path.contains(callee) {
                continue;
            }
            if walk.visits.len() >= VISITS_MAX {
                walk.cut = true;
                break;
            }
            on_path.insert(*callee);
            open.push(walk.visit(*callee, visit, sum + score));
        }
        walk
    }

    fn visit(&mut self, id: NodeId, from: usize, sum: f64) -> Open {
        let visit = self.visits.len();
        self.visits.push((id, from));
        Open {
            visit,
            sum,
            next: 0,
        }
    }

    fn end(&mut self, id: NodeId, sum: f64, visit: usize) {
        if self.best.get(&id).is_none_or(|(best, _)| sum > *best) {
            self.best.insert(id, (sum, visit));
        }
    }

    /// The path of a visit, from its node to the symptom, which was visited first.
    fn path(&self, visit: usize) -> Vec<NodeId> {
        let mut path = vec![self.visits[visit].0];
        let mut at = visit;
        while at > 0 {
            at = self.visits[at].1;
            path.push(self.visits[at].0);
        }
        path
    }
}
