//! What one piece of evidence adds to the log-odds of a change.

use astern_graph_core::signal::Evidence;

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Weight {
    pub(super) log_odds: f64,
    pub(super) evidence: Vec<Evidence>,
}

impl Weight {
    pub(super) fn new(log_odds: f64, evidence: Evidence) -> Self {
        Self {
            log_odds,
            evidence: vec![evidence],
        }
    }
}
