//! Traversal of anomalous callees.

use std::collections::{BTreeMap, BTreeSet};

use astern_graph_core::signal::{Diagnosis, Evidence, RankedCause};
use astern_graph_core::{NodeId, NodeKey, TemporalGraph};
use astern_stats::robust::{MAD_TO_SIGMA, mean, median};

use crate::candidates::{Candidate, candidate, symptom};
use crate::error::RankError;
use crate::incident::Incident;
use crate::rank::{Ranker, ranked};

/// Blames the anomalous nodes that have no anomalous callee and an anomalous path to the symptom,
/// scored by the greatest sum of anomaly scores along such a path.
///
/// The traversal baseline of the `PetShop` benchmark (Hardt et al. 2024), in the family of
/// `CauseInfer` (Chen et al. 2014). A node's score is `|x - median| / (1.4826 MAD)` at one step: the third
/// abnormal step or, if the symptom is not anomalous there, the first later one where it is. A
/// score above 5 is anomalous. A MAD of 0 makes any deviation infinitely anomalous, and a constant
/// healthy series makes any deviation anomalous, as there; such ties are broken by key, and an
/// evaluation must give tied causes the worst rank. Without an anomalous symptom there is no answer.
///
/// # Complexity
/// `O(N · T log T)`, and the number of simple anomalous paths, of which at most 100,000 are walked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TraversalRanker;

/// Abnormal step at which a search for an anomalous symptom begins.
const FIRST_STEP: usize = 2;
const THRESHOLD: f64 = 5.0;
const HEALTHY_MIN: usize = 10;
const PATHS_MAX: usize = 100_000;

impl Ranker for TraversalRanker {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Diagnosis, RankError> {
        let target = symptom(graph, incident)?;
        let steps = FIRST_STEP..target.abnormal.len();
        let Some(step) = steps
            .into_iter()
            .find(|step| score(&target, *step).is_some())
        else {
            return Ok(ranked(Vec::new()));
        };
        let mut anomalous = BTreeMap::new();
        for id in graph.ids() {
            let node = candidate(graph, incident, id, &incident.symptom.metric)?;
            if let Some(score) = node.and_then(|node| score(&node, step)) {
                anomalous.insert(id, score);
            }
        }
        let mut walk = Walk {
            graph,
            anomalous: &anomalous,
            best: BTreeMap::new(),
            paths: 0,
        };
        walk.visit(target.id, &mut vec![target.id], anomalous[&target.id]);
        let causes = walk.best.into_values().map(|(sum, path)| {
            let keys: Vec<NodeKey> = path
                .iter()
                .rev()
                .filter_map(|id| graph.key(*id))
                .cloned()
                .collect();
            let origin = Evidence::OriginOfFault {
                anomalous_dependencies: 0,
            };
            RankedCause::new(keys[0].clone(), sum)
                .along(keys)
                .because([origin])
        });
        Ok(ranked(causes.collect()))
    }
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

struct Walk<'a> {
    graph: &'a TemporalGraph,
    anomalous: &'a BTreeMap<NodeId, f64>,
    best: BTreeMap<NodeId, (f64, Vec<NodeId>)>,
    paths: usize,
}

impl Walk<'_> {
    fn visit(&mut self, id: NodeId, path: &mut Vec<NodeId>, sum: f64) {
        let callees: BTreeSet<NodeId> = self
            .graph
            .callees(id)
            .filter(|callee| self.anomalous.contains_key(callee))
            .collect();
        // The symptom itself is never its own cause here, as in the reference.
        if callees.is_empty() && path.len() > 1 {
            self.paths += 1;
            let better = self.best.get(&id).is_none_or(|(best, _)| sum > *best);
            if better {
                self.best.insert(id, (sum, path.clone()));
            }
        }
        for callee in callees {
            if self.paths < PATHS_MAX && !path.contains(&callee) {
                path.push(callee);
                self.visit(callee, path, sum + self.anomalous[&callee]);
                path.pop();
            }
        }
    }
}
