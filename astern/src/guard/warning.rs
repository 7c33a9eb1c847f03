//! What looks like a mistake in what a guard is fed.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::scale;
use astern_graph_core::schema::FeatureClass;
use astern_graph_core::{
    ChangeEvent, ChangeId, MetricName, NodeKey, NodeKind, Revision, TemporalGraph, TimeRange,
    Timestamp,
};

/// Something in the records that is probably not what was meant. A guard says each once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Warning {
    /// A sampled metric that the catalogue does not know.
    UndeclaredMetric {
        /// Its name.
        metric: MetricName,
    },
    /// A change of a service of which no telemetry was seen.
    UnknownService {
        /// Which change.
        change: ChangeId,
        /// Its service.
        service: NodeKey,
    },
    /// A revision that no change announces; it is judged as a change of its own.
    Unannounced {
        /// The id under which it is judged.
        change: ChangeId,
        /// The service that runs it.
        service: NodeKey,
        /// The revision.
        revision: Revision,
    },
    /// Calls that took less than a microsecond, which no call to another process does.
    ShortDurations {
        /// Who was called.
        service: NodeKey,
    },
    /// Records whose time is a year or more from the present. Only the first time is said.
    FarTimes {
        /// The time of one of them.
        at: Timestamp,
    },
    /// A sampled duration that is a thousandth of what the calls of the same service take.
    ThousandthOfCalls {
        /// Who was called.
        service: NodeKey,
        /// The sampled metric.
        metric: MetricName,
    },
    /// A sampled duration that is a thousand times what the calls of the same service take.
    ThousandTimesCalls {
        /// Who was called.
        service: NodeKey,
        /// The sampled metric.
        metric: MetricName,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UndeclaredMetric { metric } => write!(
                f,
                "nobody declared the metric {metric}, so it counts for nothing; the catalogue takes its class and direction"
            ),
            Self::UnknownService { change, service } => write!(
                f,
                "{change} is a change of {service}, of which no telemetry was seen"
            ),
            Self::Unannounced {
                change,
                service,
                revision,
            } => write!(
                f,
                "{service} runs {revision}, which no change announces; judged as {change}"
            ),
            Self::ShortDurations { service } => write!(
                f,
                "calls of {service} take less than a microsecond; durations in ms or s may have been taken for ns"
            ),
            Self::FarTimes { at } => write!(
                f,
                "records of {at} are far from the present; a time in another unit may have been taken for ns"
            ),
            Self::ThousandthOfCalls { service, metric } => write!(
                f,
                "{metric} of {service} is a thousandth of what its calls take; s may have been taken for ms"
            ),
            Self::ThousandTimesCalls { service, metric } => write!(
                f,
                "{metric} of {service} is a thousand times what its calls take; ms may have been taken for s, or µs for ms"
            ),
        }
    }
}

/// Longest distance of a record's time from the present that is no sign of another unit.
const FAR: std::time::Duration = std::time::Duration::from_secs(365 * 86_400);

/// Fewest calls of a step that say how long calls take.
pub(super) const CALLS_MIN: u64 = 20;

/// No call to another process takes so short.
const SHORT_MS: f64 = 1e-3;

/// Steps after a change in which telemetry of its service may still come.
const UNKNOWN_STEPS: u32 = 3;

/// Whether the time of a record is far from the present.
pub(super) fn is_far(at: Timestamp, now: Timestamp) -> bool {
    at > now.plus(FAR) || at < now.minus(FAR)
}

/// All that looks wrong in the last step of a graph.
pub(super) fn of_step(
    graph: &TemporalGraph,
    changes: &[ChangeEvent],
    unannounced: &[ChangeEvent],
    end: Timestamp,
) -> Vec<Warning> {
    let Ok(last) = TimeRange::new(end.minus(graph.step()), end) else {
        return Vec::new();
    };
    let metrics = graph.sampled_metrics(last).into_iter();
    let undeclared = metrics.filter(|m| graph.feature(m).class == FeatureClass::Undeclared);
    let undeclared = undeclared.map(|metric| Warning::UndeclaredMetric { metric });
    let due = end.minus(graph.step().saturating_mul(UNKNOWN_STEPS));
    let unknown = changes
        .iter()
        .filter(|change| change.at <= due && !is_known(graph, &change.service, end));
    let unknown = unknown.map(|change| Warning::UnknownService {
        change: change.id.clone(),
        service: change.service.clone(),
    });
    let seen = unannounced.iter().map(|change| Warning::Unannounced {
        change: change.id.clone(),
        service: change.service.clone(),
        revision: change.to.clone(),
    });
    let services = graph
        .keys()
        .iter()
        .filter(|key| key.kind == NodeKind::Service);
    let is_short = |service: &&NodeKey| {
        let calls = graph.calls_received(service, last);
        calls.is_some_and(|calls| {
            calls.calls >= CALLS_MIN && calls.latency_ms(1.0).is_some_and(|ms| ms < SHORT_MS)
        })
    };
    let short = services
        .filter(is_short)
        .map(|service| Warning::ShortDurations {
            service: service.clone(),
        });
    let found = undeclared.chain(unknown).chain(seen).chain(short);
    found.chain(scale::mistaken(graph, end)).collect()
}

/// Whether anything but changes speaks of a service: calls, samples, edges, of it or of its instances.
fn is_known(graph: &TemporalGraph, service: &NodeKey, end: Timestamp) -> bool {
    let has_edges = graph.id(service).is_some_and(|id| {
        let origins = graph.fault_origins(id);
        origins.chain(graph.fault_targets(id)).next().is_some()
    });
    let Ok(all) = TimeRange::new(Timestamp::MIN, end) else {
        return false;
    };
    let is_seen = |key: &NodeKey| {
        let seen = graph.calls_received(key, all);
        seen.is_some_and(|seen| !seen.is_empty())
    };
    has_edges || is_seen(service) || graph.instances(service).any(is_seen)
}
