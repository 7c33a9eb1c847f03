//! How the fault came from the best causes to the symptom, as data.

mod counterfactual;
mod hops;
mod params;

use astern_graph_core::TemporalGraph;
use astern_graph_core::signal::{Explanation, RankedCause};

use crate::incident::Incident;

pub use params::ExplainParams;

/// Explains the best causes: their path with evidence for and against at each node, and what the symptom
/// would be without them; made by [`ExplainParams::check`].
///
/// # Complexity
/// `O((N + P) log N + T)` for N causes, P nodes on a path and T healthy steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CauseExplainer {
    params: ExplainParams,
}

impl CauseExplainer {
    pub(crate) fn explain(
        self,
        graph: &TemporalGraph,
        incident: &Incident,
        causes: &[RankedCause],
    ) -> Vec<Explanation> {
        let by_node = hops::by_node(causes);
        let explain = |cause| {
            let mut explanation = Explanation::new(hops::of(graph, incident, &by_node, cause));
            match counterfactual::of(graph, incident, &explanation.hops) {
                Some(Ok(found)) => explanation.counterfactual = Some(found),
                Some(Err(fallback)) => explanation.fallbacks.push(fallback),
                None => {}
            }
            explanation
        };
        let first = causes.iter().take(usize::from(self.params.causes));
        first.map(explain).collect()
    }
}
