//! What a judge of a release would have to see before it could say more.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::key::NodeKey;
use crate::name::MetricName;
use crate::time::Timestamp;

/// What is missing for a verdict over a change, or for a better one.
///
/// Times are RFC 3339 in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MissingEvidence {
    /// Calls to the new side: with so few the least effect that matters could not be seen, or not be ruled out.
    Calls {
        /// In which metric.
        metric: MetricName,
        /// Calls that were seen.
        have: u64,
        /// Calls that are expected to suffice; `None` where no number would.
        need: Option<u64>,
        /// Further steps until then at the present traffic; `None` where there is none.
        steps: Option<u64>,
    },
    /// Values of a sampled metric on the new side, as for [`Calls`](Self::Calls).
    Values {
        /// Which metric.
        metric: MetricName,
        /// Values that were seen.
        have: u64,
        /// Values that are expected to suffice; `None` where no number would.
        need: Option<u64>,
    },
    /// Bounds: so many calls of the old side take longer than the last bound of their histogram that a rise is not seen.
    Bounds {
        /// Which quantile.
        metric: MetricName,
    },
    /// Outcomes: calls are known by their rate or latency, and not how they ended.
    Outcomes,
    /// Anything that users feel: no calls, and no metric of class application.
    Application,
    /// Clarity: the new side looks worse, not yet beyond chance.
    Certainty {
        /// In which metric.
        metric: MetricName,
        /// Probability of such a difference by chance.
        #[serde(with = "astern_stats::real")]
        p_value: f64,
    },
    /// Independence: the new side looks worse, and no more than a dependency accounts for that its other callers see as well. What
    /// that does to it may come from the change or not.
    Dependency {
        /// Which dependency.
        dependency: NodeKey,
        /// In which metric.
        metric: MetricName,
    },
    /// Calls to a new side that should have some: by its share of the traffic, or as old instances beside it have.
    Traffic {
        /// Calls that it should have received.
        #[serde(with = "astern_stats::real")]
        expected: f64,
        /// Since when.
        since: Timestamp,
    },
    /// Telemetry of a new side that was seen before.
    Telemetry {
        /// Since when.
        since: Timestamp,
    },
    /// The new side: nothing was seen that runs it.
    NewSide,
    /// The old side: nothing was seen at the same time that does not run the change, nor enough before it.
    OldSide,
    /// Time: what was seen of the new side is its start-up.
    StartUp {
        /// When the first new instance has started.
        until: Timestamp,
    },
    /// Calls to a new instance that never received any, while its neighbours on the new side do.
    InstanceTraffic {
        /// Which instance.
        instance: NodeKey,
        /// Calls that it should have received, by its neighbour with the fewest.
        #[serde(with = "astern_stats::real")]
        expected: f64,
        /// Since when.
        since: Timestamp,
    },
    /// Telemetry of a new instance that received calls before, while its neighbours on the new side go on. It may have
    /// been removed without an announcement, as an autoscaler does, or no longer work.
    InstanceTelemetry {
        /// Which instance.
        instance: NodeKey,
        /// Calls that it should have received since, by its share before.
        #[serde(with = "astern_stats::real")]
        expected: f64,
        /// Since when.
        since: Timestamp,
    },
    /// Calls of services for which the graph had no room.
    CallsOverLimit {
        /// How many.
        calls: u64,
        /// When the last of them was made.
        until: Timestamp,
    },
    /// Instances and hosts that made way for others at a limit of the graph. Their calls count for their services.
    InstancesOverLimit {
        /// When the last of them was seen.
        until: Timestamp,
    },
}

impl fmt::Display for MissingEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calls {
                metric,
                have,
                need,
                steps,
            } => {
                needs(f, metric, *need, "calls to", *have)?;
                more(f, *steps)
            }
            Self::Values { metric, have, need } => needs(f, metric, *need, "values of", *have),
            Self::Bounds { metric } => write!(
                f,
                "{metric} lies beyond the last bound of the histogram, where a rise is not seen"
            ),
            Self::Outcomes => f.write_str("nothing was seen of how many calls failed"),
            Self::Application => f.write_str("nothing was seen of what users feel"),
            Self::Certainty { metric, p_value } => {
                let p = super::p_value::PValue(*p_value);
                write!(
                    f,
                    "{metric} looks worse on the new side, not yet beyond chance ({p})"
                )
            }
            Self::Dependency { dependency, metric } => write!(
                f,
                "{metric} looks worse on the new side by what {dependency} does to its other callers too"
            ),
            Self::Traffic { expected, since } => write!(
                f,
                "the new side receives no calls since {since}, where {expected:.0} are expected"
            ),
            Self::Telemetry { since } => {
                write!(
                    f,
                    "the new side was seen, and is without telemetry since {since}"
                )
            }
            Self::InstanceTraffic {
                instance,
                expected,
                since,
            } => write!(
                f,
                "{instance} receives no calls since {since}, where {expected:.0} are expected"
            ),
            Self::InstanceTelemetry {
                instance,
                expected,
                since,
            } => write!(
                f,
                "{instance} received calls before and none since {since}, where {expected:.0} are expected"
            ),
            Self::CallsOverLimit { calls, until } => write!(
                f,
                "the graph had no room for {calls} calls, the last at {until}"
            ),
            Self::InstancesOverLimit { until } => write!(
                f,
                "instances and hosts that were last seen until {until} made way for others: the graph is at its limit"
            ),
            Self::NewSide => f.write_str("nothing was seen that runs the change"),
            Self::OldSide => f.write_str("nothing was seen to compare the new side with"),
            Self::StartUp { until } => write!(f, "the new side starts up until {until}"),
        }
    }
}

/// How many further steps that takes.
fn more(f: &mut fmt::Formatter<'_>, steps: Option<u64>) -> fmt::Result {
    match steps {
        Some(1) => f.write_str("; 1 more step at this traffic"),
        Some(steps) => write!(f, "; {steps} more steps at this traffic"),
        None => Ok(()),
    }
}

/// How many of `what` the new side a metric needs, and how many there were.
fn needs(
    f: &mut fmt::Formatter<'_>,
    metric: &MetricName,
    need: Option<u64>,
    what: &str,
    have: u64,
) -> fmt::Result {
    match need {
        Some(need) => write!(f, "{metric} needs {need} {what} the new side")?,
        None => write!(f, "{metric} cannot be judged by {what} the new side")?,
    }
    write!(f, ", {have} were seen")
}
