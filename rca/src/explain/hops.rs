//! The nodes on the way of a fault, with what speaks for and against each.

use std::collections::BTreeMap;

use astern_graph_core::signal::{Diagnosis, Evidence, Hop, RankedCause, Role, Stance};
use astern_graph_core::{NodeKey, TemporalGraph};

use crate::incident::Incident;

/// The causes of a diagnosis by node; of several about one node the best.
pub(super) fn by_node(diagnosis: &Diagnosis) -> BTreeMap<&NodeKey, &RankedCause> {
    let mut causes = BTreeMap::new();
    for cause in &diagnosis.causes {
        causes.entry(cause.subject.node()).or_insert(cause);
    }
    causes
}

/// One hop for each node on the path of a cause, or for the cause alone where it has no path.
pub(super) fn of(
    graph: &TemporalGraph,
    incident: &Incident,
    causes: &BTreeMap<&NodeKey, &RankedCause>,
    cause: &RankedCause,
) -> Vec<Hop> {
    let alone = [cause.subject.node().clone()];
    let path = if cause.path.is_empty() {
        &alone[..]
    } else {
        &cause.path
    };
    let hop = |(place, node): (usize, &NodeKey)| {
        let known = causes.get(node).copied();
        let role = if place == 0 {
            Role::Origin
        } else {
            Role::Passage
        };
        hop(graph, incident, node, known, role)
    };
    path.iter().enumerate().map(hop).collect()
}

fn hop(
    graph: &TemporalGraph,
    incident: &Incident,
    node: &NodeKey,
    known: Option<&RankedCause>,
    role: Role,
) -> Hop {
    let evidence = known.map_or(&[][..], |cause| &cause.evidence);
    let shift = evidence.iter().find_map(|e| match e {
        Evidence::Shift {
            metric,
            healthy,
            observed,
            ..
        } => Some((metric, *healthy, *observed)),
        _ => None,
    });
    let metric = shift.map_or(&incident.symptom.metric, |(metric, ..)| metric);
    let unit = graph.feature(metric).unit;
    let (healthy, observed) = shift
        .map(|(_, healthy, observed)| (healthy, observed))
        .unzip();
    let mut hop = Hop::new(node.clone(), metric.clone(), unit, healthy, observed);
    for e in evidence {
        match e.stance(role) {
            Stance::For => hop.supporting.push(e.clone()),
            Stance::Against => hop.opposing.push(e.clone()),
            Stance::Neutral => {}
        }
    }
    hop
}
