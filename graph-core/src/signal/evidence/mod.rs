//! Why something is stated: evidence as data, with a sentence for people and the direction in which
//! it points.
//!
//! One file a family has both for each of its variants, and the levels that they turn on:
//!
//! | family | evidence from |
//! |---|---|
//! | [`metric`] | the series of a node |
//! | [`call`] | calls, summed or one by one |
//! | [`change`] | a change and what runs it |
//! | [`graph`] | who depends on whom |
//! | [`learned`] | models, and what stood in for a method |

mod call;
mod change;
mod graph;
mod learned;
mod metric;
mod stance;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use stance::{Role, Stance};

use crate::key::NodeKey;
use crate::name::{ChangeId, MetricName};
use crate::text::visible;

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
        #[serde(with = "astern_stats::real")]
        healthy: f64,
        /// Value now.
        #[serde(with = "astern_stats::real")]
        observed: f64,
        /// Deviation in healthy standard deviations, positive is worse.
        #[serde(with = "astern_stats::real")]
        z: f64,
    },
    /// New instances of a service behave otherwise than its old ones at the same time.
    NewAgainstOld {
        /// Which metric.
        metric: MetricName,
        /// Value on old instances.
        #[serde(with = "astern_stats::real")]
        old: f64,
        /// Value on new instances.
        #[serde(with = "astern_stats::real")]
        new: f64,
        /// Probability of such a difference by chance, one-sided towards worse.
        #[serde(with = "astern_stats::real")]
        p_value: f64,
    },
    /// New instances moved otherwise than old ones, each against its own past (difference in
    /// differences). It holds however often it was looked at.
    Contrast {
        /// Which metric.
        metric: MetricName,
        /// By what factor the new ones moved beyond the old ones; 1 is alike.
        #[serde(with = "astern_stats::real")]
        ratio: f64,
        /// Lower end of its 95 % interval.
        #[serde(with = "astern_stats::real")]
        low: f64,
        /// Upper end of it.
        #[serde(with = "astern_stats::real")]
        high: f64,
        /// Probability of such a rise by chance at any look, one-sided towards worse.
        #[serde(with = "astern_stats::real")]
        p_value: f64,
        /// Steps that were compared.
        steps: usize,
    },
    /// The symptom against the share of the traffic that runs on a change.
    Dose {
        /// Which change.
        change: ChangeId,
        /// Correlation coefficient, -1..=1.
        #[serde(with = "astern_stats::real")]
        r: f64,
        /// Steps that it was seen over.
        steps: usize,
    },
    /// Requests to a node against its healthy rate.
    Load {
        /// Which node.
        node: NodeKey,
        /// Requests per second now over those while healthy.
        #[serde(with = "astern_stats::real")]
        ratio: f64,
    },
    /// How much of a symptom's rise the node at which it is explained best accounts for.
    Explained {
        /// Share of it, 0..=1.
        #[serde(with = "astern_stats::real")]
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
        #[serde(with = "astern_stats::real")]
        r: f64,
    },
    /// The candidate's past tells about the symptom's next value (transfer entropy).
    Influence {
        /// Source of the influence.
        from: NodeKey,
        /// Target of it.
        to: NodeKey,
        /// Transfer entropy in nats, bias removed.
        #[serde(with = "astern_stats::real")]
        te_nats: f64,
        /// Probability of such a value without influence.
        #[serde(with = "astern_stats::real")]
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
        #[serde(with = "astern_stats::real")]
        healthy_ms: f64,
        /// The same now.
        #[serde(with = "astern_stats::real")]
        observed_ms: f64,
        /// Growth in standard errors, positive is worse.
        #[serde(with = "astern_stats::real")]
        z: f64,
    },
    /// The node itself takes longer, beside what it waits for its callees.
    OwnTime {
        /// Self time of a call when all was well, in milliseconds.
        #[serde(with = "astern_stats::real")]
        healthy_ms: f64,
        /// The same now.
        #[serde(with = "astern_stats::real")]
        observed_ms: f64,
        /// Growth in standard errors, positive is worse.
        #[serde(with = "astern_stats::real")]
        z: f64,
    },
    /// More calls fail at the node although no call of its own failed.
    OwnFailures {
        /// Share of its calls when all was well.
        #[serde(with = "astern_stats::real")]
        healthy: f64,
        /// The same now.
        #[serde(with = "astern_stats::real")]
        observed: f64,
        /// Growth in standard errors, positive is worse.
        #[serde(with = "astern_stats::real")]
        z: f64,
    },
    /// More calls of a caller fail right after the node answered it.
    LastBeforeFailure {
        /// The caller that fails.
        caller: NodeKey,
        /// Share of the caller's calls when all was well.
        #[serde(with = "astern_stats::real")]
        healthy: f64,
        /// The same now.
        #[serde(with = "astern_stats::real")]
        observed: f64,
        /// Growth in standard errors, positive is worse.
        #[serde(with = "astern_stats::real")]
        z: f64,
    },
    /// The node calls another less often for a call of its own.
    FewerCalls {
        /// The one that it calls.
        to: NodeKey,
        /// Calls made for one received when all was well.
        #[serde(with = "astern_stats::real")]
        healthy: f64,
        /// The same now.
        #[serde(with = "astern_stats::real")]
        observed: f64,
        /// Fall in standard errors, positive is worse.
        #[serde(with = "astern_stats::real")]
        z: f64,
    },
    /// The services on the machine have a longer self time.
    Tenants {
        /// Of them, how many are slower.
        slower: usize,
        /// How many there are.
        tenants: usize,
        /// Growth of the median one in standard errors, less that of the median of all services where few of
        /// them run on the machine; positive is worse.
        #[serde(with = "astern_stats::real")]
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
    /// A judge compared what runs the change with what does not, and found nothing worse: evidence against it.
    NotFoundWorse {
        /// Which change.
        change: ChangeId,
        /// Whether it ruled out every effect that matters; else it has seen too little for that.
        is_ruled_out: bool,
    },
    /// A learned model's score, beside that of the same network untrained.
    Learned {
        /// Name of the model.
        model: Arc<str>,
        /// Score of the trained model, above 0 is outside its hypersphere.
        #[serde(with = "astern_stats::real")]
        score: f64,
        /// Score of the untrained control.
        #[serde(with = "astern_stats::real")]
        untrained: f64,
    },
    /// Nodes that this one drags down.
    BlastRadius {
        /// Number of nodes that a fault here can reach.
        nodes: usize,
        /// Calls per second at risk there: into each of them, weighted by influence.
        #[serde(with = "astern_stats::real")]
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
        #[serde(with = "astern_stats::real")]
        observed: f64,
        /// What its mean would be.
        #[serde(with = "astern_stats::real")]
        expected: f64,
        /// Lower end of the 95 % interval of that.
        #[serde(with = "astern_stats::real")]
        low: f64,
        /// Upper end of it.
        #[serde(with = "astern_stats::real")]
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
    /// New instances of a service by themselves, checked again and again against a fixed limit.
    BeyondLimit {
        /// Which metric.
        metric: MetricName,
        /// Greatest value that passes.
        #[serde(with = "astern_stats::real")]
        limit: f64,
        /// The worst value of a check; `None` where no check had one.
        #[serde(with = "astern_stats::real::option", default)]
        worst: Option<f64>,
        /// How many checks there were.
        checks: usize,
        /// Of them, those that failed.
        failed: usize,
        /// Of all, those without a value.
        without_value: usize,
    },
    /// Whether a fault can travel is not known, since no edge of a node is.
    UnknownDistance {
        /// Where it would begin.
        from: NodeKey,
        /// Where it is felt.
        to: NodeKey,
        /// The one of which no edge is known.
        without_edges: NodeKey,
    },
}

impl Evidence {
    /// Deviation, in healthy standard deviations or standard errors, from which a value is not what it was.
    pub const DEVIATION_MIN: f64 = 2.0;

    /// P-value above which a difference is what chance gives.
    pub const CHANCE_P: f64 = 0.05;

    /// Which way it points when it is held against a claim: that the fault began at the node that it is
    /// about, that it passed through there, or that the change that it is about is to blame.
    ///
    /// A missing value (`NaN`) points nowhere.
    ///
    /// ```
    /// use astern_graph_core::signal::{Evidence, Role, Stance};
    /// let slower = Evidence::OwnTime { healthy_ms: 8.0, observed_ms: 16.0, z: 4.5 };
    /// assert_eq!(slower.stance(Role::Origin), Stance::For);
    /// assert_eq!(slower.stance(Role::Passage), Stance::Against);
    /// ```
    pub fn stance(&self, role: Role) -> Stance {
        match self {
            Self::Shift { z, .. } => metric::stance_of_shift(*z),
            Self::Correlation { r, .. } => metric::stance_of_correlation(*r),
            Self::NewAgainstOld { p_value, .. } | Self::Contrast { p_value, .. } => {
                change::stance_of_comparison(*p_value, role)
            }
            Self::Dose { r, .. } => change::stance_of_dose(*r, role),
            Self::ChangedBefore { .. } => change::stance_of_time(true, role),
            Self::OlderThanChange { .. } | Self::NotFoundWorse { .. } => {
                change::stance_of_time(false, role)
            }
            Self::Distance { hops, .. } => graph::stance_of_distance(*hops),
            Self::Influence { p_value, .. } => graph::stance_of_influence(*p_value, role),
            Self::OriginOfFault {
                anomalous_dependencies,
            } => graph::stance_of_origin(*anomalous_dependencies, role),
            Self::Gap { z, .. } => call::stance_of_gap(*z, role),
            Self::OwnTime { z, .. }
            | Self::OwnFailures { z, .. }
            | Self::LastBeforeFailure { z, .. }
            | Self::FewerCalls { z, .. }
            | Self::Tenants { z, .. } => call::stance_of_node_itself(*z, role),
            Self::Spectrum {
                abnormal_through,
                abnormal,
                normal_through,
                normal,
                ..
            } => call::stance_of_spectrum(
                (*abnormal_through, *abnormal),
                (*normal_through, *normal),
                role,
            ),
            Self::Learned {
                score, untrained, ..
            } => learned::stance_of_score(*score, *untrained),
            // A surge, how much is explained, how far a fault reaches and what ran in place of what say nothing of
            // where a fault began; a counterfactual does not know which direction is worse; a fixed limit knows neither
            // what is usual nor what the old side does.
            Self::Load { .. }
            | Self::Explained { .. }
            | Self::Counterfactual { .. }
            | Self::BlastRadius { .. }
            | Self::Fallback { .. }
            | Self::BeyondLimit { .. }
            | Self::UnknownDistance { .. } => Stance::Neutral,
        }
    }
}

impl fmt::Display for Evidence {
    // A table with one line a variant.
    #[rustfmt::skip]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = match self {
            Self::Shift { metric, healthy, observed, z } => metric::shift(metric, *healthy, *observed, *z),
            Self::NewAgainstOld { metric, old, new, p_value } => change::new_against_old(metric, *old, *new, *p_value),
            Self::Contrast { metric, ratio, low, high, p_value, steps } => change::contrast(metric, *ratio, (*low, *high), *p_value, *steps),
            Self::Dose { change, r, steps } => change::dose(change, *r, *steps),
            Self::Load { node, ratio } => metric::load(node, *ratio),
            Self::Explained { share } => metric::explained(*share),
            Self::Distance { from, to, hops } => graph::distance(from, to, *hops),
            Self::Correlation { metric, r } => metric::correlation(metric, *r),
            Self::Influence { from, to, te_nats, p_value } => graph::influence(from, to, *te_nats, *p_value),
            Self::OriginOfFault { anomalous_dependencies } => graph::origin(*anomalous_dependencies),
            Self::Gap { from, to, healthy_ms, observed_ms, z } => call::gap((from, to), *healthy_ms, *observed_ms, *z),
            Self::OwnTime { healthy_ms, observed_ms, z } => call::own_time(*healthy_ms, *observed_ms, *z),
            Self::OwnFailures { healthy, observed, z } => call::own_failures(*healthy, *observed, *z),
            Self::LastBeforeFailure { caller, healthy, observed, z } => call::last_before_failure(caller, *healthy, *observed, *z),
            Self::FewerCalls { to, healthy, observed, z } => call::fewer_calls(to, *healthy, *observed, *z),
            Self::Tenants { slower, tenants, z } => call::tenants(*slower, *tenants, *z),
            Self::ChangedBefore { change, delay } => change::changed_before(change, *delay),
            Self::OlderThanChange { change, lead } => change::older_than_change(change, *lead),
            Self::NotFoundWorse { change, is_ruled_out } => change::not_found_worse(change, *is_ruled_out),
            Self::Learned { model, score, untrained } => learned::learned(model, *score, *untrained),
            Self::BlastRadius { nodes, calls_per_second } => graph::blast_radius(*nodes, *calls_per_second),
            Self::Spectrum { operation, abnormal_through, abnormal, normal_through, normal } => {
                call::spectrum(operation.as_deref(), (*abnormal_through, *abnormal), (*normal_through, *normal))
            }
            Self::Counterfactual { metric, observed, expected, low, high } => {
                metric::counterfactual(metric, *observed, *expected, (*low, *high))
            }
            Self::Fallback { wanted, used, reason } => learned::fallback(wanted, used, reason),
            Self::BeyondLimit { metric, limit, worst, checks, failed, without_value } => {
                change::beyond_limit(metric, (*limit, *worst), *checks, *failed, *without_value)
            }
            Self::UnknownDistance { from, to, without_edges } => graph::unknown_distance(from, to, without_edges),
        };
        visible(&sentence).fmt(f)
    }
}
