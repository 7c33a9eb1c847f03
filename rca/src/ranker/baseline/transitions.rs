//! Where a random walk in search of a cause goes next.

use std::collections::BTreeMap;

use astern_graph_core::signal::{Evidence, RankedCause};
use astern_graph_core::{NodeId, TemporalGraph};

use super::correlation::together;
use super::limit::Limit;
use crate::candidates::{Candidate, candidate, symptom};
use crate::error::RankError;
use crate::incident::Incident;
use crate::ranker::Ranking;

/// Weight of a step back, relative to one towards a cause.
const BACKWARD: f64 = 0.2;

/// The nodes that a walk from the symptom can reach, and the probabilities of its steps.
///
/// With `S(v) = |r|` of a node's and the symptom's series over the abnormal steps, the weight of a
/// step is `S(o)` forward from a node to an origin o of its faults, `.2 S(t)` backward to a node t
/// that it is an origin of, and `max(0, S(v) - max over origins S(o))` to itself. Where a step is
/// both forward and backward it is forward. Nodes without a series of the symptom's metric are left
/// out.
pub(super) struct Transitions {
    nodes: Vec<Candidate>,
    /// Correlation of each with the symptom.
    correlations: Vec<f64>,
    /// From each place: where to, with what probability. A place that the walk reaches always has
    /// a way on, because it was reached by its own positive score.
    pub(super) rows: Vec<Vec<(usize, f64)>>,
    /// Place of the symptom.
    pub(super) start: usize,
}

impl Transitions {
    /// `O(N · T + E log E)`.
    pub(super) fn of(graph: &TemporalGraph, incident: &Incident) -> Result<Self, RankError> {
        let target = symptom(graph, incident)?;
        let (mut nodes, mut places) = (Vec::new(), BTreeMap::new());
        for id in graph.fault_ancestry(target.id).into_keys() {
            if let Some(node) = candidate(graph, incident, id, &incident.symptom.metric)? {
                places.insert(id, nodes.len());
                nodes.push(node);
            }
        }
        let of = |node: &Candidate| {
            if node.id == target.id {
                1.0
            } else {
                together(node, &target)
            }
        };
        let correlations: Vec<f64> = nodes.iter().map(of).collect();
        let rows = nodes
            .iter()
            .map(|node| row(graph, &places, &correlations, node.id));
        Ok(Self {
            rows: rows.collect(),
            start: places.get(&target.id).copied().unwrap_or(0),
            nodes,
            correlations,
        })
    }

    /// The nodes by the share of time that the walk spends at each.
    pub(super) fn ranking(self, limit: &Limit, shares: &[f64]) -> Ranking {
        let nodes = self.nodes.into_iter().zip(self.correlations).zip(shares);
        let causes = nodes.map(|((node, r), share)| {
            let metric = node.feature.name;
            RankedCause::new(node.key, *share).because([Evidence::Correlation { metric, r }])
        });
        let mut ranking = Ranking::of(causes.collect());
        limit.note(&mut ranking);
        ranking
    }
}

fn row(
    graph: &TemporalGraph,
    places: &BTreeMap<NodeId, usize>,
    correlations: &[f64],
    id: NodeId,
) -> Vec<(usize, f64)> {
    let known = |other: NodeId| places.get(&other).copied().filter(|_| other != id);
    let mut weights: BTreeMap<usize, f64> = BTreeMap::new();
    for place in graph.fault_targets(id).filter_map(known) {
        weights.insert(place, BACKWARD * correlations[place].abs());
    }
    let mut greatest: f64 = 0.0;
    for place in graph.fault_origins(id).filter_map(known) {
        weights.insert(place, correlations[place].abs());
        greatest = greatest.max(correlations[place].abs());
    }
    if let Some(own) = places.get(&id) {
        weights.insert(*own, (correlations[*own].abs() - greatest).max(0.0));
    }
    let total: f64 = weights.values().sum();
    let positive = weights.into_iter().filter(|(_, weight)| *weight > 0.0);
    positive
        .map(|(place, weight)| (place, weight / total))
        .collect()
}
