//! Which metrics must be good again after a rollback.

use std::collections::BTreeMap;
use std::time::Duration;

use astern_graph_core::signal::Assessment;
use astern_graph_core::{MetricName, NodeKey, Subject};

use crate::plan::{Check, Limit};

/// Bounds on the metrics that are anomalous now, each claimed by one step at most.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recovery {
    limits: BTreeMap<(Subject, MetricName), Limit>,
}

impl Recovery {
    /// From the shifts that an assessment states as evidence; of several for one metric the
    /// strictest bound counts.
    pub(crate) fn of(assessment: &Assessment, deviation_left: f64) -> Self {
        let mut limits: BTreeMap<(Subject, MetricName), Limit> = BTreeMap::new();
        for anomaly in &assessment.anomalies {
            let bounds = anomaly
                .evidence
                .iter()
                .filter_map(|e| Limit::of_recovery(e, deviation_left));
            for (metric, limit) in bounds {
                let stated = limits
                    .entry((anomaly.subject.clone(), metric))
                    .or_insert(limit);
                *stated = stated.stricter(limit);
            }
        }
        Self { limits }
    }

    /// Checks on the metrics of a service and of what suffers with it.
    pub(crate) fn claim(
        &mut self,
        service: &NodeKey,
        collateral: &[NodeKey],
        within: Duration,
    ) -> Vec<Check> {
        let mine = |subject: &Subject| {
            let node = subject.node();
            node == service || collateral.contains(node)
        };
        let limits = std::mem::take(&mut self.limits);
        let (claimed, left): (BTreeMap<_, _>, BTreeMap<_, _>) = limits
            .into_iter()
            .partition(|((subject, _), _)| mine(subject));
        self.limits = left;
        let check = |((subject, metric), limit)| Check::metric(subject, metric, limit, within);
        claimed.into_iter().map(check).collect()
    }
}
