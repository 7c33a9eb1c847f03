//! Astern's own ranker: evidence of several kinds, added as log-odds.

mod local;
mod params;

use std::collections::{BTreeMap, BTreeSet};

use astern_graph_core::schema::FeatureClass;
use astern_graph_core::signal::{Evidence, RankedCause};
use astern_graph_core::{NodeId, TemporalGraph};

use crate::candidates::{Candidate, Shift, best_candidate, symptom};
use crate::channel::influences::Influences;
use crate::channel::origin::Origin;
use crate::channel::reach::Reach;
use crate::channel::{Scope, correlation, log_odds, onset, origin};
use crate::contrast::ChangeContrasts;
use crate::error::RankError;
use crate::incident::Incident;
use crate::influence::influence;
use crate::ranker::ranking::keys;
use crate::ranker::{Ranker, Ranking};

use local::Local;

pub use params::{FusedParams, FusedWeights};

/// Least probability of the reach channel: a gap in the telemetry must not hide a cause.
const REACH_MIN: f64 = 0.1;

/// Ranks the nodes from which a fault can have come to the symptom by the sum of the log-odds of
/// several kinds of evidence.
///
/// For each candidate, each channel gives a probability that is clipped to 2..98 % and turned into
/// log-odds; the score is their weighted sum.
///
/// | channel | probability |
/// |---|---|
/// | local | `z / (z + 2)` of the local channel that speaks loudest, at least 27 % (log-odds of -1); see below |
/// | shift | `z / (z + 3)` for the deviation z of the symptom's metric, or of another that users feel, where that is more than the local one |
/// | origin | share of the excess (in the metric's unit) that no dependency explains: `1 - max_d excess(d) / excess` |
/// | correlation | `r²` with the symptom over the n abnormal steps where the two worsen together, else 0; the symptom itself has 1/2 |
/// | reach | the widest path from the symptom: the least shift probability of the nodes between, at least 1/10 |
/// | influence | `(1 + w) / 2` for the least transfer-entropy weight w along that path; 1/2 without one |
/// | prior | log-odds by kind of node: an external one can seldom be the cause that is looked for |
///
/// **Local** channels look at the calls and resources of the node itself, over the steps in which the
/// symptom shows (the run of steps that is best separated from health), so that the time of the
/// incident may be off by minutes:
///
/// | local channel | z grows with |
/// |---|---|
/// | gap | what is waited on an edge beyond the callee's work, charged to the end that more edges agree on |
/// | self time | what calls take beside the waits for callees, in the median and in the tail, beyond what longer waits explain (blocked workers), and the slowdown of all else on the same machines |
/// | co-located | self time of most of what runs on a machine, beyond that of all services where it has fewer than half |
/// | failure | calls that fail although no callee did; with traces, also the callee that answered last before |
/// | structure | calls that are no longer made for a call |
/// | resource | infrastructure metrics, beyond what the same metric of the other candidates shows |
/// | spectrum | (off by default) operations that slow traces went through more often than others |
/// | change | new instances of a changed node that are worse than its old ones |
///
/// Where series are compared, it is their 90 % quantile of badness over these steps with what that of as
/// many healthy steps is: a fault may show in one step of three, and a series that has bursts when
/// all is well is not suspect because of one.
///
/// Only the loudest counts, since a fault shows in one or the other: with weights w and clipped log-odds
/// `l ≥ -1` of the channels that know a node, it has `max w (l + 1) - max w`. So a heavy channel without
/// deviation speaks against a node whatever a light one says of it, and one more such channel never speaks for
/// it. A node that lacks the telemetry of all of them has no local log-odds, and each channel that speaks
/// says so in the evidence.
///
/// The origin channel compares amounts, not significance: a callee whose latency rose by 2 ms does
/// not explain a caller that rose by 200 ms, however significant the 2 ms are.
///
/// Origin, correlation, reach and influence go by the symptom's metric, so they count by `min(z / 6, 1)`
/// for the symptom's own deviation; origin by the same for the node's besides, since where nothing
/// shifted nothing has an origin, and correlation by `(n - 2) / n`, since two points always correlate.
///
/// Without enough samples for transfer entropy the evidence says so by
/// [`Evidence::Fallback`] and goes on without.
///
/// A node of which no series is seen, but that a local channel knows, is ranked by that and by its way to the
/// symptom. All others say how far they shifted, how they correlate and whether the fault may have begun
/// there. Only the first 20 carry their path to the symptom, with what transfer entropy says of its
/// weakest step: the paths of all would take quadratic memory.
///
/// # Complexity
/// `O(N · M · T log T + (N + E) (T + log N))` in time, `O(N · T + E)` in memory, for the N nodes from
/// which a fault can have come, E edges among them, T steps and M metrics of a node; with traces of n
/// calls `O(n)` more; that of [`ChangeContrasts`] where they are not given.
#[derive(Debug, Clone, PartialEq)]
pub struct FusedRanker {
    params: FusedParams,
}

/// Everything that the channels of one incident share.
struct Scene<'a> {
    graph: &'a TemporalGraph,
    symptom: Candidate,
    /// How far evidence counts that goes by the symptom.
    anomalous: f64,
    nodes: BTreeMap<NodeId, (Candidate, Shift)>,
    local: BTreeMap<NodeId, Local>,
    reach: Reach,
    influences: Influences,
}

impl Ranker for FusedRanker {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        self.rank_with(graph, incident, &ChangeContrasts::of(graph, incident))
    }

    fn rank_with(
        &self,
        graph: &TemporalGraph,
        incident: &Incident,
        contrasts: &ChangeContrasts,
    ) -> Result<Ranking, RankError> {
        let scene = self.scene(graph, incident, contrasts)?;
        let known: BTreeSet<NodeId> = scene
            .nodes
            .keys()
            .chain(scene.local.keys())
            .copied()
            .collect();
        let causes = known.into_iter().filter_map(|id| self.cause(&scene, id));
        let mut ranking = Ranking::of(causes.collect()).scaled(self.params.scale());
        for cause in ranking.with_path() {
            if let Some(id) = graph.id(cause.subject.node()) {
                cause.path = keys(graph, &scene.reach.path(id));
                cause.evidence.extend(scene.influences.weakest(id).cloned());
            }
        }
        Ok(ranking)
    }
}

impl FusedRanker {
    fn scene<'a>(
        &self,
        graph: &'a TemporalGraph,
        incident: &Incident,
        contrasts: &ChangeContrasts,
    ) -> Result<Scene<'a>, RankError> {
        let symptom = symptom(graph, incident)?;
        let steps = onset::shown(&symptom);
        let upper = self.params.upper_quantile;
        let ids: Vec<NodeId> = graph.fault_ancestry(symptom.id).into_keys().collect();
        let mut nodes = BTreeMap::new();
        for id in &ids {
            let node = best_candidate(graph, incident, *id, upper, &steps)?;
            let Some(node) = node else { continue };
            if let Some(shift) = node.shift(upper, &steps) {
                nodes.insert(*id, (node, shift));
            }
        }
        let shown = onset::range_of(graph, incident.abnormal, &steps);
        let scope = Scope::new(graph, incident.healthy, shown, &ids, upper);
        let local = local::of(&scope, incident, contrasts, &self.params.weights);
        let shifted = |id: &NodeId| {
            let own = nodes.get(id).map_or(0.0, |(_, shift)| shift.z);
            self.shifted(own.max(local.get(id).map_or(0.0, |local| local.z)))
        };
        let reach = Reach::from(graph, symptom.id, shifted);
        let influences = if self.params.weights.influence > 0.0 {
            let metric = &incident.symptom.metric;
            Influences::of(&reach, |cause, effect| {
                let (from, to) = graph.key(cause).zip(graph.key(effect))?;
                Some(influence(graph, from, to, metric, incident.healthy))
            })
        } else {
            Influences::default()
        };
        let own = nodes.get(&symptom.id);
        Ok(Scene {
            graph,
            anomalous: own.map_or(1.0, |(_, shift)| self.counts(shift.z)),
            symptom,
            nodes,
            local,
            reach,
            influences,
        })
    }

    /// Probability that a deviation of z healthy standard deviations is anomalous.
    fn shifted(&self, z: f64) -> f64 {
        z / (z + self.params.shift_half)
    }

    /// How far evidence counts that is only about what shifted: fully from twice the
    /// deviation on that is as likely an anomaly as not.
    fn counts(&self, z: f64) -> f64 {
        (z / (2.0 * self.params.shift_half)).clamp(0.0, 1.0)
    }

    fn cause(&self, scene: &Scene<'_>, id: NodeId) -> Option<RankedCause> {
        let key = scene.graph.key(id)?;
        let local = scene.local.get(&id);
        let known = scene.nodes.get(&id);
        let of_series = known.map(|(node, shift)| OfSeries {
            node,
            shift,
            r: correlation::worsening_together(&scene.symptom, node),
            origin: origin::read(scene.graph, &scene.nodes, node, shift),
        });
        let shift_z = of_series.as_ref().filter(|of_series| of_series.is_felt());
        let shift_z = shift_z.map_or(0.0, |of_series| of_series.shift.z);
        let shown = self.shifted(shift_z.max(local.map_or(0.0, |local| local.z)));
        let score = self.params.prior(key.kind)
            + self.params.weights.shift * log_odds(shown)
            + local.map_or(0.0, Local::log_odds)
            + scene.anomalous * self.by_symptom(scene, id, of_series.as_ref());
        let mut evidence = of_series.as_ref().map_or_else(Vec::new, OfSeries::evidence);
        evidence.extend(local.into_iter().flat_map(|local| local.evidence.clone()));
        Some(RankedCause::new(key.clone(), score).because(evidence))
    }

    /// The log-odds of what goes by the symptom's metric; of a node without a series only what goes by the
    /// way to the symptom.
    fn by_symptom(&self, scene: &Scene<'_>, id: NodeId, of_series: Option<&OfSeries<'_>>) -> f64 {
        let weights = &self.params.weights;
        let influence = f64::midpoint(1.0, scene.influences.least(id).unwrap_or(0.0));
        let by_way = weights.reach * log_odds(scene.reach.width(id).max(REACH_MIN))
            + weights.influence * log_odds(influence);
        let Some(of_series) = of_series else {
            return by_way;
        };
        let together = if id == scene.symptom.id {
            0.5
        } else {
            of_series.r.max(0.0).powi(2)
        };
        let seen = scene.symptom.abnormal.iter().filter(|x| x.is_finite());
        let few = 2.0 / (seen.count() as f64).max(2.0);
        let origin = if of_series.is_felt() {
            self.counts(of_series.shift.z) * log_odds(of_series.origin.unexplained)
        } else {
            0.0
        };
        by_way + weights.correlation * (1.0 - few) * log_odds(together) + weights.origin * origin
    }
}

/// What a node's series shows.
struct OfSeries<'a> {
    node: &'a Candidate,
    shift: &'a Shift,
    /// Correlation with the symptom where the two worsen together.
    r: f64,
    origin: Origin,
}

impl OfSeries<'_> {
    /// Whether the series is of what users feel. Of resources the local channel says how far they are off, less
    /// what those of all others are; and no dependency could explain them.
    fn is_felt(&self) -> bool {
        self.node.feature.class == FeatureClass::Application
    }

    fn evidence(&self) -> Vec<Evidence> {
        let metric = self.node.feature.name.clone();
        vec![
            Evidence::Shift {
                metric: metric.clone(),
                healthy: self.shift.median,
                observed: self.shift.observed,
                z: self.shift.z,
            },
            Evidence::Correlation { metric, r: self.r },
            Evidence::OriginOfFault {
                anomalous_dependencies: self.origin.anomalous,
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    use astern_graph_core::{NodeKey, NodeKind};

    use super::FusedParams;
    use crate::fixture::Fixture;

    const HEALTHY: usize = 30;

    fn waves(level: f64, phase: f64) -> Vec<f64> {
        let wave = |i: usize| level + (i as f64 * (0.9 + phase)).sin();
        (0..HEALTHY + 5).map(wave).collect()
    }

    /// Three services of which two run on the machine that is busy from minute 30 on.
    fn noisy_machine() -> Fixture {
        let mut fixture = Fixture::new(HEALTHY, 5);
        fixture.calls("web", "a");
        fixture.calls("web", "b");
        let machine = |name: &str| NodeKey::new(NodeKind::Host, name.to_owned());
        for (service, host) in [("a", "busy"), ("b", "calm"), ("web", "calm")] {
            fixture.runs_on(service, machine(host));
        }
        let load = |on: f64, level, phase| {
            let mut series = waves(level, phase);
            series[HEALTHY..].iter_mut().for_each(|x| *x += on);
            series
        };
        fixture.samples(machine("busy"), "cpu_utilisation", &load(60.0, 30.0, 0.0));
        fixture.samples(machine("calm"), "cpu_utilisation", &load(0.0, 30.0, 0.2));
        fixture.series("a", "latency_ms", &load(20.0, 20.0, 0.4));
        fixture.series("b", "latency_ms", &load(0.0, 20.0, 0.6));
        fixture.series("web", "latency_ms", &load(20.0, 50.0, 0.8));
        fixture
    }

    #[test]
    fn a_node_that_has_resources_only_can_be_the_cause() {
        let ranker = FusedParams::default().check().unwrap();
        let scores = noisy_machine().scores(&ranker, "web");
        let names: Vec<&str> = scores.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names.len(), 5, "{scores:?}");
        // Whether its one service keeps the machine busy or suffers from it is unknown.
        assert!(names[..2].contains(&"busy"), "{scores:?}");
        assert_eq!(names[4], "calm", "{scores:?}");
    }
}
