//! Astern's own ranker: evidence of several kinds, added as log-odds.

mod channels;
mod influences;
mod params;
mod reach;

use std::collections::BTreeMap;

use astern_graph_core::signal::{Diagnosis, Evidence, RankedCause};
use astern_graph_core::{NodeId, TemporalGraph};

use crate::blame::ChangeBlame;
use crate::candidates::{Candidate, Shift, best_candidate, symptom};
use crate::error::RankError;
use crate::incident::Incident;
use crate::influence::influence;
use crate::rank::{Ranker, first, keys, ranked};

use channels::Channels;
use influences::Influences;
use reach::Reach;

pub use params::{FusedParams, FusedWeights};

/// Ranks the nodes from which a fault can have come to the symptom by the sum of the log-odds of
/// several kinds of evidence, and the changes by the causes that they touch.
///
/// For each candidate, each channel gives a probability that is clipped to 2..98 % and turned into
/// log-odds; the score is their weighted sum.
///
/// | channel | probability |
/// |---|---|
/// | shift | `z / (z + 3)` for the deviation z in healthy standard deviations |
/// | correlation | `r²` with the symptom over the abnormal steps where the two worsen together, else 0; the symptom itself has 1/2 |
/// | origin | share of the excess (in the metric's unit) that no dependency explains: `1 - max_d excess(d) / excess` |
/// | reach | the widest path from the symptom: the least shift probability of the nodes between, at least 1/10 |
/// | influence | `(1 + w) / 2` for the least transfer-entropy weight w along that path; 1/2 without one |
/// | prior | log-odds by kind of node: an external one can seldom be the cause that is looked for |
///
/// The origin channel compares amounts, not significance: a callee whose latency rose by 2 ms does
/// not explain a caller that rose by 200 ms, however significant the 2 ms are.
///
/// Without enough samples for transfer entropy the diagnosis says so by
/// [`Evidence::Fallback`] and goes on without.
///
/// All causes say how far they shifted, how they correlate and whether the fault may have begun
/// there. Only the first 20 carry their path to the symptom, with what transfer entropy says of its
/// weakest step: the paths of all would take quadratic memory.
///
/// # Complexity
/// `O(N · M · T log T + (N + E) log N)` in time, `O(N · T + E)` in memory, for the N nodes from
/// which a fault can have come, E edges among them, T steps and the M application metrics of a
/// node that lacks the symptom's (1 otherwise); then that of [`ChangeBlame`].
#[derive(Debug, Clone, PartialEq)]
pub struct FusedRanker {
    params: FusedParams,
    blame: ChangeBlame,
}

impl FusedRanker {
    pub(super) fn new(params: FusedParams) -> Self {
        let blame = ChangeBlame::new(params.blame.clone());
        Self { params, blame }
    }
}

/// Everything that the channels of one incident share.
struct Scene<'a> {
    graph: &'a TemporalGraph,
    symptom: Candidate,
    nodes: BTreeMap<NodeId, (Candidate, Shift)>,
    reach: Reach,
    influences: Influences,
}

impl Ranker for FusedRanker {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Diagnosis, RankError> {
        let scene = self.scene(graph, incident)?;
        let causes: Vec<RankedCause> = scene
            .nodes
            .keys()
            .map(|id| self.cause(&scene, *id))
            .collect();
        let mut diagnosis = ranked(causes);
        for cause in first(&mut diagnosis) {
            if let Some(id) = graph.id(cause.subject.node()) {
                cause.path = keys(graph, &scene.reach.path(id));
                cause.evidence.extend(scene.influences.weakest(id).cloned());
            }
        }
        self.blame.blame(graph, incident, &mut diagnosis);
        Ok(diagnosis)
    }
}

impl FusedRanker {
    fn scene<'a>(
        &self,
        graph: &'a TemporalGraph,
        incident: &Incident,
    ) -> Result<Scene<'a>, RankError> {
        let symptom = symptom(graph, incident)?;
        let mut nodes = BTreeMap::new();
        for id in graph.fault_ancestry(symptom.id).into_keys() {
            let node = best_candidate(graph, incident, id, self.params.upper_quantile)?;
            let Some(node) = node else { continue };
            if let Some(shift) = node.shift(self.params.upper_quantile) {
                nodes.insert(id, (node, shift));
            }
        }
        let anomaly = |id: &NodeId| {
            nodes
                .get(id)
                .map_or(0.0, |(_, shift)| self.shifted(shift.z))
        };
        let reach = Reach::from(graph, symptom.id, anomaly);
        let influences = if self.params.weights.influence > 0.0 {
            let metric = &incident.symptom.metric;
            Influences::of(&reach, |cause, effect| {
                let (from, to) = graph.key(cause).zip(graph.key(effect))?;
                Some(influence(graph, from, to, metric, incident.healthy))
            })
        } else {
            Influences::default()
        };
        Ok(Scene {
            graph,
            symptom,
            nodes,
            reach,
            influences,
        })
    }

    /// Probability that a deviation of z healthy standard deviations is anomalous.
    fn shifted(&self, z: f64) -> f64 {
        z / (z + self.params.shift_half)
    }

    fn cause(&self, scene: &Scene<'_>, id: NodeId) -> RankedCause {
        let (node, shift) = &scene.nodes[&id];
        let channels = Channels::of(scene, node, shift, self.shifted(shift.z));
        let score = channels.score(&self.params.weights, self.params.prior(node.key.kind));
        let evidence = [
            Evidence::Shift {
                metric: node.feature.name.clone(),
                healthy: shift.median,
                observed: shift.observed,
                z: shift.z,
            },
            Evidence::Correlation {
                metric: node.feature.name.clone(),
                r: channels.r,
            },
            Evidence::OriginOfFault {
                anomalous_dependencies: channels.anomalous_dependencies,
            },
        ];
        RankedCause::new(node.key.clone(), score).because(evidence)
    }
}
