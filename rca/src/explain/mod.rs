//! How the fault came from the best causes to the symptom, as data.

mod counterfactual;
mod hops;

use astern_graph_core::TemporalGraph;
use astern_graph_core::signal::{Diagnosis, Explanation};

use crate::incident::Incident;

/// Causes that are explained: nobody reads more, and each costs a regression.
const EXPLAINED_MAX: usize = 3;

/// Adds explanations of the first causes to a diagnosis: their path with evidence for and against at
/// each node, and what the symptom would be without them.
///
/// # Complexity
/// `O((N + P) log N + T)` for N causes, P nodes on a path and T healthy steps.
pub(crate) fn add_explanations(
    graph: &TemporalGraph,
    incident: &Incident,
    diagnosis: &mut Diagnosis,
) {
    let causes = hops::by_node(diagnosis);
    let first = diagnosis.causes.iter().take(EXPLAINED_MAX);
    let explain = |cause| {
        let mut explanation = Explanation::new(hops::of(graph, incident, &causes, cause));
        match counterfactual::of(graph, incident, &explanation.hops) {
            Some(Ok(found)) => explanation.counterfactual = Some(found),
            Some(Err(fallback)) => explanation.fallbacks.push(fallback),
            None => {}
        }
        explanation
    };
    diagnosis.explanations = first.map(explain).collect();
}
