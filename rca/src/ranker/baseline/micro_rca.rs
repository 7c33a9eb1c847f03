//! `MicroRCA`: personalised `PageRank` over what is anomalous, weighted by correlation.

use std::collections::{BTreeMap, BTreeSet};

use astern_graph_core::schema::FeatureClass;
use astern_graph_core::signal::{Abstention, RankedCause};
use astern_graph_core::{EdgeKind, NodeId, TemporalGraph};

use super::correlation::together;
use super::n_sigma::Deviation;
use super::page_rank::page_rank;
use crate::candidates::{Candidate, candidate, symptom};
use crate::error::RankError;
use crate::incident::Incident;
use crate::ranker::{Ranker, Ranking};

/// Deviation in standard deviations from which an edge is anomalous.
const ANOMALOUS_Z: f64 = 3.0;

/// Weight of an anomalous edge.
const ALPHA: f64 = 0.55;
/// Least factor for a node or host whose resources do not move with it.
const RESOURCE_MIN: f64 = 0.01;

/// Ranks what lies around anomalous edges by personalised `PageRank`, with weights that say how much
/// each edge and each resource moves with what is anomalous.
///
/// An edge is anomalous when the symptom's metric on it is 3 healthy standard deviations or more
/// worse; the node that it leads to is then anomalous, with the series of its most anomalous edge.
/// The graph is cut to the edges at anomalous nodes. With correlations over the abnormal steps,
///
/// | what | weight |
/// |---|---|
/// | anomalous edge | α = .55 |
/// | other edge | correlation of its series with that of its anomalous end (of both: the called one) |
/// | edge to the host | mean weight of the node's incoming calls · `max_m` abs. correlation with the host's metric m, at least .01 |
/// | preference of an anomalous node | mean weight of its calls · `max_m` abs. correlation with its own resource m, at least .01, over the number of its edges |
///
/// edges between services are turned round, those to hosts are not, and `PageRank` with damping .85
/// gives the score. A resource is a metric of the class
/// [`Infrastructure`](FeatureClass::Infrastructure).
///
/// `MicroRCA` (Wu, Tordsson, Elmroth and Kao, NOMS 2020). Deviations: they find anomalous edges by
/// clustering (BIRCH) of response times; their code turns edges to hosts round too, by a mistyped
/// condition; an edge without telemetry of its own is taken to be like the node that it leads to;
/// negative correlations of edges count as 0; a node without any resource metric has 1 as its
/// factor; a node without any metric is walked over and not ranked; the metric is the symptom's, a
/// response time or not. Where no edge is anomalous the ranker abstains.
///
/// # Errors
/// [`RankError`] when the graph does not hold the symptom.
///
/// # Complexity
/// `O(E · T log T + N · M · T + R E)` in time for R rounds of power iteration and M resources a
/// node, `O(E · T)` in memory.
///
/// # Example
/// ```
#[doc = include_str!("example.md")]
/// use astern_rca::Ranker;
/// use astern_rca::ranker::baseline::MicroRca;
///
/// let ranking = MicroRca.rank(&graph, &incident)?;
/// // Of `cart`, which is anomalous, 85 % goes on to its caller.
/// assert_eq!(ranking.causes[0].subject, cart.into());
/// assert!((ranking.causes[1].score / ranking.causes[0].score - 0.85).abs() < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MicroRca;

/// The symptom's metric on the edges between two nodes.
struct Wire {
    series: Candidate,
    deviation: Option<Deviation>,
}

impl Wire {
    fn z(&self) -> f64 {
        self.deviation.map_or(f64::NAN, |deviation| deviation.z)
    }

    fn is_anomalous(&self) -> bool {
        self.z() >= ANOMALOUS_Z
    }
}

type Wires = BTreeMap<(NodeId, NodeId), Wire>;

impl Ranker for MicroRca {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        symptom(graph, incident)?;
        let wires = wires(graph, incident)?;
        let anomalous = anomalous(&wires);
        if anomalous.is_empty() {
            return Ok(Ranking::abstain(Abstention::NoAnomaly));
        }
        let calls = call_weights(&wires, &anomalous);
        let hosts = host_weights(graph, incident, &calls, &anomalous)?;
        let edges: Vec<(NodeId, NodeId, f64)> = calls
            .iter()
            .map(|((from, to), weight)| (*from, *to, *weight))
            .chain(
                hosts
                    .iter()
                    .map(|((from, to), weight)| (*to, *from, *weight)),
            )
            .collect();
        let ends = edges.iter().flat_map(|(from, to, _)| [*from, *to]);
        let nodes: BTreeSet<NodeId> = ends.collect();
        let places: BTreeMap<NodeId, usize> = nodes.iter().copied().zip(0..).collect();
        let mut rows = vec![Vec::new(); places.len()];
        // Sum of the weights of calls at each node, their number, and that of all edges.
        let mut adjacent = vec![(0.0, 0_usize, 0_usize); places.len()];
        for (from, to, weight) in edges {
            // Turned round: from the callee to the caller, from the service to its host.
            rows[places[&to]].push((places[&from], weight));
            for end in [from, to] {
                let (sum, count, degree) = &mut adjacent[places[&end]];
                *degree += 1;
                if calls.contains_key(&(from, to)) {
                    (*sum, *count) = (*sum + weight, *count + 1);
                }
            }
        }
        let mut preferences = vec![0.0; places.len()];
        for (id, wire) in &anomalous {
            let (sum, count, degree) = adjacent[places[id]];
            let factor = resource(graph, incident, *id, &wire.series)?.unwrap_or(1.0);
            preferences[places[id]] = sum / (count * degree).max(1) as f64 * factor;
        }
        let limit = page_rank(&rows, &preferences);
        let causes = nodes.iter().zip(&limit.shares).filter_map(|(id, share)| {
            let wire = anomalous.get(id);
            let evidence = wire.and_then(|wire| {
                let metric = wire.series.feature.name.clone();
                wire.deviation.map(|deviation| deviation.evidence(metric))
            });
            let key = graph.key(*id)?;
            let is_seen = !graph.metrics(key).is_empty();
            is_seen.then(|| RankedCause::new(key.clone(), *share).because(evidence))
        });
        let mut ranking = Ranking::of(causes.collect());
        limit.note(&mut ranking);
        Ok(ranking)
    }
}

/// The edges with telemetry of their own or, for want of it, of the node that they lead to. Of
/// several kinds of edges between two nodes the worst.
fn wires(graph: &TemporalGraph, incident: &Incident) -> Result<Wires, RankError> {
    let mut wires = Wires::new();
    let metric = &incident.symptom.metric;
    for (from, to, kind) in graph.edges().filter(|(from, to, _)| from != to) {
        let (Some(source), Some(target)) = (graph.key(from), graph.key(to)) else {
            continue;
        };
        if kind == EdgeKind::RunsOn {
            continue;
        }
        let series = |range| graph.edge_series(source, target, kind, metric, range);
        let own = Candidate {
            id: to,
            key: target.clone(),
            feature: graph.feature(metric),
            healthy: series(incident.healthy)?,
            abnormal: series(incident.abnormal)?,
        };
        let is_seen = own.abnormal.iter().any(|x| x.is_finite());
        let seen = if is_seen {
            Some(own)
        } else {
            candidate(graph, incident, to, metric)?
        };
        let Some(series) = seen else { continue };
        let deviation = Deviation::of(&series);
        let wire = Wire { series, deviation };
        let known = wires.get(&(from, to)).map_or(f64::NAN, Wire::z);
        if !wires.contains_key(&(from, to)) || wire.z() > known {
            wires.insert((from, to), wire);
        }
    }
    Ok(wires)
}

/// The nodes that anomalous edges lead to, each with the most anomalous of them.
fn anomalous(wires: &Wires) -> BTreeMap<NodeId, &Wire> {
    let mut anomalous: BTreeMap<NodeId, &Wire> = BTreeMap::new();
    for ((_, to), wire) in wires.iter().filter(|(_, wire)| wire.is_anomalous()) {
        if anomalous.get(to).is_none_or(|known| wire.z() > known.z()) {
            anomalous.insert(*to, wire);
        }
    }
    anomalous
}

/// Weights of the edges at anomalous nodes.
fn call_weights(
    wires: &Wires,
    anomalous: &BTreeMap<NodeId, &Wire>,
) -> BTreeMap<(NodeId, NodeId), f64> {
    let weight = |((from, to), wire): (&(NodeId, NodeId), &Wire)| {
        let end = anomalous.get(to).or_else(|| anomalous.get(from))?;
        let weight = if wire.is_anomalous() {
            ALPHA
        } else {
            together(&end.series, &wire.series).max(0.0)
        };
        Some(((*from, *to), weight))
    };
    wires.iter().filter_map(weight).collect()
}

/// Weights of the edges from anomalous nodes to their hosts.
fn host_weights(
    graph: &TemporalGraph,
    incident: &Incident,
    calls: &BTreeMap<(NodeId, NodeId), f64>,
    anomalous: &BTreeMap<NodeId, &Wire>,
) -> Result<BTreeMap<(NodeId, NodeId), f64>, RankError> {
    let mut incoming: BTreeMap<NodeId, (f64, usize)> = BTreeMap::new();
    for ((_, to), weight) in calls {
        let (sum, count) = incoming.entry(*to).or_default();
        (*sum, *count) = (*sum + weight, *count + 1);
    }
    let mut weights = BTreeMap::new();
    for (id, wire) in anomalous {
        let (sum, count) = incoming.get(id).copied().unwrap_or_default();
        let mean = sum / count.max(1) as f64;
        let hosts = graph
            .key(*id)
            .map(|key| graph.hosts(key))
            .unwrap_or_default();
        for host in hosts.into_iter().filter_map(|key| graph.id(key)) {
            if let Some(moves) = resource(graph, incident, host, &wire.series)? {
                weights.insert((*id, host), mean * moves);
            }
        }
    }
    Ok(weights)
}

/// The greatest correlation of a node's resources with a series; `None` where it has none.
fn resource(
    graph: &TemporalGraph,
    incident: &Incident,
    id: NodeId,
    with: &Candidate,
) -> Result<Option<f64>, RankError> {
    let metrics = graph
        .key(id)
        .map(|key| graph.metrics(key))
        .unwrap_or_default();
    let mut greatest: Option<f64> = None;
    for metric in metrics {
        if graph.feature(&metric).class != FeatureClass::Infrastructure {
            continue;
        }
        if let Some(series) = candidate(graph, incident, id, &metric)? {
            let r = together(&series, with).abs();
            greatest = Some(greatest.map_or(r, |known| known.max(r)));
        }
    }
    Ok(greatest.map(|r| r.max(RESOURCE_MIN)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, assert_scores, service};
    use astern_graph_core::{NodeKey, NodeKind, Subject};

    const FLAT: [f64; 5] = [10.0; 5];
    const SWING: [f64; 4] = [101.0, 99.0, 101.0, 99.0];
    /// Correlates with the swing by .8.
    const ALIKE: [f64; 4] = [1.4, -0.2, 0.2, -1.4];

    #[test]
    fn weights_follow_correlations_with_resources() {
        let host = NodeKey::new(NodeKind::Host, "h");
        let mut fixture = Fixture::new(5, 4);
        fixture.calls("a", "b");
        fixture.calls("a", "d");
        fixture.runs_on("b", host.clone());
        fixture.latency("a", &FLAT, &FLAT[..4]);
        fixture.latency("b", &FLAT, &SWING);
        fixture.latency("d", &FLAT, &SWING);
        let resource = [&[0.0; 5][..], &ALIKE].concat();
        fixture.samples(host, "cpu_utilisation", &resource);
        fixture.series("b", "memory_bytes", &resource);
        // b goes on to a by .55 and to its host by .55 · .8; d to a alone. Preferences: b's call has .55,
        // times .8, over two edges: .22; d's .55.
        let (b, d) = (2.0 / 7.0 / 1.85, 5.0 / 7.0 / 1.85);
        let (a, h) = (0.85 * (b * 5.0 / 9.0 + d), 0.85 * b * 4.0 / 9.0);
        let ranked = fixture.scores(&MicroRca, "a");
        assert_scores(&ranked, &[("a", a), ("d", d), ("b", b), ("h", h)]);
    }

    #[test]
    fn an_edge_with_telemetry_of_its_own_speaks_for_itself() {
        let mut fixture = Fixture::new(5, 4);
        fixture.calls("a", "b");
        fixture.calls("b", "c");
        fixture.latency("a", &FLAT, &SWING);
        fixture.latency("b", &FLAT, &FLAT[..4]);
        let alike: Vec<f64> = ALIKE.iter().map(|x| 10.0 + 0.1 * x).collect();
        fixture.latency("c", &FLAT, &alike);
        let edge = Subject::Edge {
            from: service("a"),
            to: service("b"),
            kind: EdgeKind::Calls,
        };
        fixture.samples(edge, "latency_ms", &[&FLAT[..], &SWING].concat());
        // Only b is anomalous; c leads to b, and nobody to c.
        let ranked = fixture.scores(&MicroRca, "a");
        assert_scores(
            &ranked,
            &[("b", 1.0 / 1.85), ("a", 0.85 / 1.85), ("c", 0.0)],
        );
    }

    #[test]
    fn without_an_anomalous_edge_it_abstains() {
        let mut fixture = Fixture::new(5, 4);
        fixture.calls("a", "b");
        fixture.latency("a", &FLAT, &SWING);
        let ranking = MicroRca
            .rank(&fixture.graph(), &fixture.incident("a"))
            .unwrap();
        assert_eq!(ranking.abstained, Some(Abstention::NoAnomaly));
    }
}
