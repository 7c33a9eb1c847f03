//! Why something is said: evidence as data, with a sentence for people.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::p_value::PValue;
use crate::key::NodeKey;
use crate::name::{ChangeId, MetricName};

/// One reason, for or against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Evidence {
    /// A metric left its healthy level.
    Shift {
        /// Which metric.
        metric: MetricName,
        /// Healthy median.
        healthy: f64,
        /// Value now.
        observed: f64,
        /// Deviation in healthy standard deviations, positive is worse.
        z: f64,
    },
    /// New instances of a service behave otherwise than its old ones at the same time.
    NewAgainstOld {
        /// Which metric.
        metric: MetricName,
        /// Value on old instances.
        old: f64,
        /// Value on new instances.
        new: f64,
        /// Probability of such a difference by chance, one-sided towards worse.
        p_value: f64,
    },
    /// New instances moved otherwise than old ones, each against its own past (difference in
    /// differences). It holds however often it was looked at.
    Contrast {
        /// Which metric.
        metric: MetricName,
        /// By what factor the new ones moved beyond the old ones; 1 is alike.
        ratio: f64,
        /// Lower end of its 95 % interval.
        low: f64,
        /// Upper end of it.
        high: f64,
        /// Probability of such a rise by chance at any look, one-sided towards worse.
        p_value: f64,
        /// Steps that were compared.
        steps: usize,
    },
    /// The symptom against the share of the traffic that runs on a change.
    Dose {
        /// Which change.
        change: ChangeId,
        /// Correlation coefficient, -1..=1.
        r: f64,
        /// Steps that it was seen over.
        steps: usize,
    },
    /// Requests to a node against its healthy rate.
    Load {
        /// Which node.
        node: NodeKey,
        /// Requests per second now over those while healthy.
        ratio: f64,
    },
    /// How much of a symptom's rise the node at which it is explained best accounts for.
    Explained {
        /// Share of it, 0..=1.
        share: f64,
    },
    /// How far a fault has to travel.
    Distance {
        /// Where it would begin.
        from: NodeKey,
        /// Where it is felt.
        to: NodeKey,
        /// Least number of edges between the two; `None` where no fault can come from there.
        hops: Option<u32>,
    },
    /// A metric moves with the symptom.
    Correlation {
        /// Which metric of the candidate.
        metric: MetricName,
        /// Correlation coefficient, -1..=1.
        r: f64,
    },
    /// The candidate's past tells about the symptom's next value (transfer entropy).
    Influence {
        /// Source of the influence.
        from: NodeKey,
        /// Target of it.
        to: NodeKey,
        /// Transfer entropy in nats, bias removed.
        te_nats: f64,
        /// Probability of such a value without influence.
        p_value: f64,
    },
    /// No node that it depends on explains the fault.
    OriginOfFault {
        /// Anomalous nodes that it depends on (0 for a true origin).
        anomalous_dependencies: usize,
    },
    /// Callers wait longer than their callee works: network, connection, or a queue before it.
    Gap {
        /// The caller.
        from: NodeKey,
        /// The callee.
        to: NodeKey,
        /// Wait beyond the callee's work when all was well, in milliseconds.
        healthy_ms: f64,
        /// The same now.
        observed_ms: f64,
        /// Growth in standard errors, positive is worse.
        z: f64,
    },
    /// The node itself takes longer, beside what it waits for its callees.
    OwnTime {
        /// Own time of a call when all was well, in milliseconds.
        healthy_ms: f64,
        /// The same now.
        observed_ms: f64,
        /// Growth in standard errors, positive is worse.
        z: f64,
    },
    /// More calls fail at the node although no call of its own failed.
    OwnFailures {
        /// Share of its calls when all was well.
        healthy: f64,
        /// The same now.
        observed: f64,
        /// Growth in standard errors, positive is worse.
        z: f64,
    },
    /// More calls of a caller fail right after the node answered it.
    LastBeforeFailure {
        /// The caller that fails.
        caller: NodeKey,
        /// Share of the caller's calls when all was well.
        healthy: f64,
        /// The same now.
        observed: f64,
        /// Growth in standard errors, positive is worse.
        z: f64,
    },
    /// The node calls another less often for a call of its own.
    FewerCalls {
        /// The one that it calls.
        to: NodeKey,
        /// Calls made for one received when all was well.
        healthy: f64,
        /// The same now.
        observed: f64,
        /// Fall in standard errors, positive is worse.
        z: f64,
    },
    /// What runs on the machine takes longer by itself.
    Tenants {
        /// Of them, how many are slower.
        slower: usize,
        /// How many there are.
        tenants: usize,
        /// Growth of the median one in standard errors, less that of the median of all services where few of
        /// them run on the machine; positive is worse.
        z: f64,
    },
    /// A change came shortly before.
    ChangedBefore {
        /// Which change.
        change: ChangeId,
        /// Time from the change to the onset of the fault.
        delay: Duration,
    },
    /// The fault is older than the change: evidence against it.
    OlderThanChange {
        /// Which change.
        change: ChangeId,
        /// Time from the onset of the fault to the change.
        lead: Duration,
    },
    /// A learned model's score, beside that of the same network untrained.
    Learned {
        /// Name of the model.
        model: Arc<str>,
        /// Score of the trained model, above 0 is outside its hypersphere.
        score: f64,
        /// Score of the untrained control.
        untrained: f64,
    },
    /// Nodes that this one drags down.
    BlastRadius {
        /// Number of nodes that a fault here can reach.
        nodes: usize,
        /// Calls per second at risk there: into each of them, weighted by influence.
        calls_per_second: f64,
    },
    /// How many requests went through it: of those that went wrong, and of the others.
    Spectrum {
        /// What was asked of it; `None` for anything.
        operation: Option<Arc<str>>,
        /// Requests that went wrong and through it.
        abnormal_through: usize,
        /// Requests that went wrong.
        abnormal: usize,
        /// Other requests through it.
        normal_through: usize,
        /// Other requests.
        normal: usize,
    },
    /// What the symptom would be if this node had behaved as its dependencies let expect.
    Counterfactual {
        /// Which metric of the symptom.
        metric: MetricName,
        /// Its mean now.
        observed: f64,
        /// What its mean would be.
        expected: f64,
        /// Lower end of the 95 % interval of that.
        low: f64,
        /// Upper end of it.
        high: f64,
    },
    /// A method could not run, and what was done instead.
    Fallback {
        /// What should have run.
        wanted: Arc<str>,
        /// What ran.
        used: Arc<str>,
        /// Why.
        reason: Arc<str>,
    },
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shift { .. }
            | Self::NewAgainstOld { .. }
            | Self::Correlation { .. }
            | Self::Counterfactual { .. } => self.fmt_metric(f),
            Self::Contrast { .. }
            | Self::Dose { .. }
            | Self::Distance { .. }
            | Self::Load { .. }
            | Self::Explained { .. } => self.fmt_change(f),
            Self::ChangedBefore { change, delay } => {
                write!(f, "{change} came {} s before", delay.as_secs())
            }
            Self::OlderThanChange { change, lead } => {
                write!(f, "the fault is {} s older than {change}", lead.as_secs())
            }
            Self::Learned {
                model,
                score,
                untrained,
            } => write!(f, "{model} scores {score:.2} (untrained {untrained:.2})"),
            Self::Fallback {
                wanted,
                used,
                reason,
            } => write!(f, "{used} in place of {wanted}: {reason}"),
            Self::Influence { .. } | Self::OriginOfFault { .. } | Self::BlastRadius { .. } => {
                self.fmt_graph(f)
            }
            Self::Gap { .. }
            | Self::OwnTime { .. }
            | Self::OwnFailures { .. }
            | Self::LastBeforeFailure { .. }
            | Self::FewerCalls { .. }
            | Self::Tenants { .. } => self.fmt_calls(f),
            Self::Spectrum {
                operation,
                abnormal_through,
                abnormal,
                normal_through,
                normal,
            } => {
                let what = operation.as_deref().unwrap_or("it");
                write!(
                    f,
                    "{abnormal_through} of {abnormal} requests that went wrong "
                )?;
                write!(
                    f,
                    "went through {what}, {normal_through} of {normal} others"
                )
            }
        }
    }
}

impl Evidence {
    fn fmt_metric(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shift {
                metric,
                healthy,
                observed,
                z,
            } => write!(
                f,
                "{metric} is {observed:.3}, healthy {healthy:.3} (z {z:.1})"
            ),
            Self::NewAgainstOld {
                metric,
                old,
                new,
                p_value,
            } => {
                let told = format_args!("{metric} is {new:.3} on new instances, {old:.3} on old");
                write!(f, "{told} ({})", PValue(*p_value))
            }
            Self::Correlation { metric, r } => {
                write!(f, "{metric} moves with the symptom (r {r:.2})")
            }
            Self::Counterfactual {
                metric,
                observed,
                expected,
                low,
                high,
            } => {
                let would = format_args!("{metric} of the symptom would be {expected:.3}");
                write!(
                    f,
                    "{would} ({low:.3} to {high:.3}) without it, is {observed:.3}"
                )
            }
            _ => Ok(()),
        }
    }

    fn fmt_calls(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap {
                from,
                to,
                healthy_ms,
                observed_ms,
                z,
            } => write!(
                f,
                "{from} waits {observed_ms:.1} ms longer than {to} works, healthy {healthy_ms:.1} (z {z:.1})"
            ),
            Self::OwnTime {
                healthy_ms,
                observed_ms,
                z,
            } => write!(
                f,
                "it takes {observed_ms:.1} ms by itself, healthy {healthy_ms:.1} (z {z:.1})"
            ),
            Self::OwnFailures {
                healthy,
                observed,
                z,
            } => {
                let (now, before) = (100.0 * observed, 100.0 * healthy);
                write!(
                    f,
                    "{now:.1} % of its calls fail though none of its own did, healthy {before:.1} (z {z:.1})"
                )
            }
            Self::LastBeforeFailure {
                caller,
                healthy,
                observed,
                z,
            } => {
                let (now, before) = (100.0 * observed, 100.0 * healthy);
                write!(
                    f,
                    "{now:.1} % of the calls of {caller} fail right after its answer, healthy {before:.1} (z {z:.1})"
                )
            }
            Self::FewerCalls {
                to,
                healthy,
                observed,
                z,
            } => write!(
                f,
                "it calls {to} {observed:.2} times a call, healthy {healthy:.2} (z {z:.1})"
            ),
            Self::Tenants { slower, tenants, z } => write!(
                f,
                "{slower} of {tenants} services on it take longer by themselves (z {z:.1})"
            ),
            _ => Ok(()),
        }
    }

    fn fmt_change(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contrast {
                metric,
                ratio,
                low,
                high,
                p_value,
                steps,
            } => {
                let times = format_args!("{ratio:.2} times ({low:.2} to {high:.2})");
                write!(f, "{metric} on new instances is {times} that on old ones ")?;
                write!(f, "over {steps} steps ({})", PValue(*p_value))
            }
            Self::Dose { change, r, steps } => {
                let follows = if *r > 0.5 {
                    "follows"
                } else {
                    "does not follow"
                };
                write!(f, "the symptom {follows} the traffic on {change} ")?;
                write!(f, "(r {r:.2} over {steps} steps)")
            }
            Self::Load { node, ratio } => {
                write!(f, "{node} gets {ratio:.1} times its healthy requests")
            }
            Self::Explained { share } => {
                let share = 100.0 * share;
                write!(
                    f,
                    "the best cause explains {share:.0} % of the symptom's rise"
                )
            }
            Self::Distance { from, to, hops } => match hops {
                None => write!(f, "no fault can come from {from} to {to}"),
                Some(0) => write!(f, "{to} itself is where it is felt"),
                Some(1) => write!(f, "{from} is 1 hop from {to}"),
                Some(hops) => write!(f, "{from} is {hops} hops from {to}"),
            },
            _ => Ok(()),
        }
    }

    fn fmt_graph(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Influence {
                from,
                to,
                te_nats,
                p_value,
            } => {
                let drives = if *p_value <= 0.05 {
                    "drives"
                } else {
                    "is not seen to drive"
                };
                let p = PValue(*p_value);
                write!(f, "{from} {drives} {to} ({te_nats:.3} nats, {p})")
            }
            Self::OriginOfFault {
                anomalous_dependencies: 0,
            } => f.write_str("nothing that it depends on is anomalous"),
            Self::OriginOfFault {
                anomalous_dependencies: n,
            } => write!(f, "{n} of its dependencies are anomalous too"),
            Self::BlastRadius { nodes: 0, .. } => f.write_str("nothing depends on it"),
            Self::BlastRadius {
                nodes,
                calls_per_second,
            } => {
                let depend = if *nodes == 1 {
                    "node depends"
                } else {
                    "nodes depend"
                };
                write!(
                    f,
                    "{nodes} {depend} on it, {calls_per_second:.1} calls/s at risk there"
                )
            }
            _ => Ok(()),
        }
    }
}
