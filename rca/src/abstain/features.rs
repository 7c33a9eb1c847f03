//! What the probability of each alternative is a function of.

use astern_graph_core::schema::{EXCLUSIVE_MS_P50, LATENCY_MS_P50, REQUEST_RATE};
use astern_graph_core::signal::{Evidence, RankedCause};
use astern_graph_core::{NodeKey, NodeKind, TemporalGraph};
use astern_stats::robust;

use crate::candidates::{UPPER_QUANTILE, symptom};
use crate::channel::onset;
use crate::incident::Incident;
use crate::ranker::ScoreScale;

/// What is seen of an incident beside its causes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AbstentionFeatures {
    /// How far the symptom is from healthy: `ln(1 + z)` for z healthy standard deviations.
    pub symptom: f64,
    /// Rise of the requests to the node of the symptom: logarithm of the ratio to their healthy
    /// rate, 0 where they fell or were not seen.
    pub load: f64,
    /// Share of the best cause's rise in latency that is not its own work, 0 to 1: 1 for an external
    /// node, 0 where its own work is not seen or its latency did not rise.
    pub unexplained: f64,
    /// What speaks for the best cause: a tenth of its score, -1 to 2; 0 where scores are no log-odds.
    pub best: f64,
}

/// Rises of a median latency below this, in milliseconds, are not divided by.
const RISE_MIN_MS: f64 = 0.5;

impl AbstentionFeatures {
    /// The features, with evidence for the three alternatives "no regression", "load" and "outside
    /// the graph"; `None` where too little is seen of the symptom. `best` is the best cause.
    pub fn of(
        graph: &TemporalGraph,
        incident: &Incident,
        best: &RankedCause,
        scale: ScoreScale,
    ) -> Option<(Self, [Vec<Evidence>; 3])> {
        let felt = symptom(graph, incident).ok()?;
        let shift = felt.shift(UPPER_QUANTILE, &onset::shown(&felt))?;
        let of_symptom = Evidence::Shift {
            metric: felt.feature.name,
            healthy: shift.median,
            observed: shift.observed,
            z: shift.z,
        };
        let (load, of_load) = load(graph, incident, &incident.symptom.node);
        let (unexplained, of_rest) = unexplained(graph, incident, best);
        let score = if scale.is_log_odds() { best.score } else { 0.0 };
        let features = Self {
            symptom: shift.z.max(0.0).ln_1p(),
            load,
            unexplained,
            best: (score / 10.0).clamp(-1.0, 2.0),
        };
        Some((features, [vec![of_symptom], of_load, of_rest]))
    }

    /// The row of a linear model, the constant first.
    pub fn row(&self) -> [f64; 5] {
        [1.0, self.symptom, self.load, self.unexplained, self.best]
    }
}

fn load(graph: &TemporalGraph, incident: &Incident, node: &NodeKey) -> (f64, Vec<Evidence>) {
    let rate = REQUEST_RATE.into();
    let healthy = graph
        .series(node, &rate, incident.healthy)
        .unwrap_or_default();
    let now = graph
        .series(node, &rate, incident.abnormal)
        .unwrap_or_default();
    // Not the median now: the range begins before the onset.
    let levels = robust::median(&healthy).zip(robust::quantile(&now, 0.75));
    match levels {
        Some((healthy, now)) if healthy > 0.0 && now > 0.0 => {
            let ratio = now / healthy;
            let node = node.clone();
            (ratio.ln().max(0.0), vec![Evidence::Load { node, ratio }])
        }
        _ => (0.0, vec![not_seen("requests", "no surge is assumed")]),
    }
}

fn unexplained(
    graph: &TemporalGraph,
    incident: &Incident,
    best: &RankedCause,
) -> (f64, Vec<Evidence>) {
    let node = best.subject.node();
    if node.kind == NodeKind::External {
        return (1.0, vec![Evidence::Explained { share: 0.0 }]);
    }
    let rise = |metric: &str| {
        let series = |range| {
            graph
                .series(node, &metric.into(), range)
                .unwrap_or_default()
        };
        let healthy = robust::median(&series(incident.healthy))?;
        Some(robust::quantile(&series(incident.abnormal), 0.75)? - healthy)
    };
    match rise(LATENCY_MS_P50).zip(rise(EXCLUSIVE_MS_P50)) {
        None => {
            let fallback = not_seen("the best cause's own work", "that it explains the symptom");
            (0.0, vec![fallback])
        }
        Some((all, _)) if all < RISE_MIN_MS => (0.0, Vec::new()),
        Some((all, own)) => {
            let share = (own / all).clamp(0.0, 1.0);
            (1.0 - share, vec![Evidence::Explained { share }])
        }
    }
}

fn not_seen(wanted: &str, used: &str) -> Evidence {
    Evidence::Fallback {
        wanted: wanted.into(),
        used: used.into(),
        reason: "it was not seen".into(),
    }
}
