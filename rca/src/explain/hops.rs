//! The nodes on the way of a fault, with what speaks for and against each.

use astern_graph_core::signal::{Diagnosis, Evidence, Hop, RankedCause};
use astern_graph_core::{NodeKey, TemporalGraph};

use crate::incident::Incident;

/// Deviation in healthy standard deviations from which a node counts as hit.
const HIT_Z: f64 = 3.0;
/// Level above which an influence is what chance gives.
const CHANCE: f64 = 0.05;

/// One hop for each node on the path of a cause, or for the cause alone where it has no path.
pub(super) fn of(
    graph: &TemporalGraph,
    incident: &Incident,
    diagnosis: &Diagnosis,
    cause: &RankedCause,
) -> Vec<Hop> {
    let alone = [cause.subject.node().clone()];
    let path = if cause.path.is_empty() {
        &alone[..]
    } else {
        &cause.path
    };
    let hop = |(place, node): (usize, &NodeKey)| {
        let mut known = diagnosis.causes.iter();
        let known = known.find(|c| c.subject.node() == node);
        hop(graph, incident, node, known, place == 0)
    };
    path.iter().enumerate().map(hop).collect()
}

fn hop(
    graph: &TemporalGraph,
    incident: &Incident,
    node: &NodeKey,
    known: Option<&RankedCause>,
    is_first: bool,
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
        match supports(e, is_first) {
            Some(true) => hop.supporting.push(e.clone()),
            Some(false) => hop.opposing.push(e.clone()),
            None => {}
        }
    }
    hop
}

/// Whether evidence about a node speaks for the fault having begun there, or, further on, having
/// come that way; `None` where it says nothing of it.
fn supports(evidence: &Evidence, is_first: bool) -> Option<bool> {
    match evidence {
        Evidence::Shift { z, .. } => Some(*z >= HIT_Z),
        Evidence::Correlation { r, .. } => Some(*r > 0.0),
        Evidence::Influence { p_value, .. } => Some(*p_value <= CHANCE),
        Evidence::OriginOfFault {
            anomalous_dependencies,
        } if is_first => Some(*anomalous_dependencies == 0),
        _ => None,
    }
}
