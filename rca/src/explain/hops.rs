//! The nodes on the way of a fault, with what speaks for and against each.

use std::collections::BTreeMap;

use astern_graph_core::signal::{Evidence, Hop, RankedCause};
use astern_graph_core::{NodeKey, TemporalGraph};

use crate::channel::WORTH_SAYING_Z;
use crate::incident::Incident;

/// Level above which an influence is what chance gives.
const CHANCE: f64 = 0.05;

/// Causes by node; of several about one node the best.
pub(super) fn by_node(causes: &[RankedCause]) -> BTreeMap<&NodeKey, &RankedCause> {
    let mut by_node = BTreeMap::new();
    for cause in causes {
        by_node.entry(cause.subject.node()).or_insert(cause);
    }
    by_node
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
///
/// What a node does by itself speaks for a fault that began there. Further on it speaks for another one, and
/// calm says nothing: a fault passes on through nodes that work as always.
fn supports(evidence: &Evidence, is_first: bool) -> Option<bool> {
    let of_itself = |is_worse: bool| match (is_first, is_worse) {
        (true, _) => Some(is_worse),
        (false, true) => Some(false),
        (false, false) => None,
    };
    match evidence {
        Evidence::Shift { z, .. } => Some(*z >= WORTH_SAYING_Z),
        Evidence::Correlation { r, .. } => Some(*r > 0.0),
        Evidence::Influence { p_value, .. } => Some(*p_value <= CHANCE),
        Evidence::OriginOfFault {
            anomalous_dependencies,
        } if is_first => Some(*anomalous_dependencies == 0),
        Evidence::Gap { z, .. }
        | Evidence::OwnTime { z, .. }
        | Evidence::OwnFailures { z, .. }
        | Evidence::LastBeforeFailure { z, .. }
        | Evidence::FewerCalls { z, .. }
        | Evidence::Tenants { z, .. } => of_itself(*z >= WORTH_SAYING_Z),
        Evidence::Contrast { p_value, .. } | Evidence::NewAgainstOld { p_value, .. } => {
            of_itself(*p_value <= CHANCE)
        }
        // Said only of operations that slow traces went through more often.
        Evidence::Spectrum { .. } => of_itself(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_node_does_by_itself_speaks_for_the_first_and_against_the_others() {
        let own_time = |z| Evidence::OwnTime {
            healthy_ms: 10.0,
            observed_ms: 10.0 + z,
            z,
        };
        assert_eq!(supports(&own_time(9.0), true), Some(true));
        assert_eq!(supports(&own_time(0.1), true), Some(false));
        assert_eq!(supports(&own_time(9.0), false), Some(false));
        assert_eq!(supports(&own_time(0.1), false), None);
        let failing = |p_value| Evidence::NewAgainstOld {
            metric: "error_rate".into(),
            old: 0.0,
            new: 0.2,
            p_value,
        };
        assert_eq!(supports(&failing(0.001), true), Some(true));
        assert_eq!(supports(&failing(0.4), true), Some(false));
    }
}
