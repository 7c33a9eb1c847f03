//! What must hold before a step, and what must hold after it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_graph_core::signal::Evidence;
use astern_graph_core::{MetricName, NodeKey, Revision, Subject, visible};

use crate::executor::Observed;
use crate::fact::Fact;
use crate::place::Place;
use crate::seconds;

/// What must hold at the moment that a step is applied. The executor checks it in the same atomic
/// write where the platform can, and just before it where it cannot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Precondition {
    /// The platform is asked for this: nobody has changed it since the plan was made.
    Is(Fact),
    /// A revision of a service can still be run.
    Available {
        /// The service.
        service: NodeKey,
        /// The revision.
        revision: Revision,
    },
    /// No other plan acts on a service.
    NoOtherPlan {
        /// The service.
        service: NodeKey,
    },
    /// A place has this version still: nobody has changed it since that was seen. An executor that cannot compare
    /// versions refuses.
    Unchanged {
        /// The place.
        place: Place,
        /// The [token](crate::Version::token) of its version.
        token: Arc<str>,
    },
}

impl fmt::Display for Precondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(fact) => fact.fmt(f),
            Self::Unchanged { place, token } => {
                write!(f, "{place} is unchanged since version {}", visible(token))
            }
            Self::Available { service, revision } => {
                write!(f, "{revision} of {service} can still be run")
            }
            Self::NoOtherPlan { service } => write!(f, "no other plan acts on {service}"),
        }
    }
}

/// A bound on a metric. `NaN`, as bound or as value, is never within.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The greatest good value.
    AtMost(#[serde(with = "astern_stats::real")] f64),
    /// The least good value.
    AtLeast(#[serde(with = "astern_stats::real")] f64),
}

impl Limit {
    /// Whether a value is good.
    pub fn allows(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }

    /// The bound that allows less; where one is from above and one from below, the one from above.
    pub(crate) fn stricter(self, other: Self) -> Self {
        match (self, other) {
            (Self::AtMost(a), Self::AtMost(b)) => Self::AtMost(a.min(b)),
            (Self::AtLeast(a), Self::AtLeast(b)) => Self::AtLeast(a.max(b)),
            (Self::AtMost(_), Self::AtLeast(_)) => self,
            (Self::AtLeast(_), Self::AtMost(_)) => other,
        }
    }

    /// The bound by which a metric counts as recovered when no more than `rest` (0..=1) of its
    /// deviation is left, from [`Evidence::Shift`]: `healthy + rest · (observed − healthy)`.
    /// `None` for other evidence, and where the shift is zero or not finite.
    pub(crate) fn of_recovery(evidence: &Evidence, rest: f64) -> Option<(MetricName, Self)> {
        let Evidence::Shift {
            metric,
            healthy,
            observed,
            ..
        } = evidence
        else {
            return None;
        };
        let deviation = observed - healthy;
        let bound = healthy + rest * deviation;
        let limit = if deviation > 0.0 {
            Self::AtMost(bound)
        } else {
            Self::AtLeast(bound)
        };
        let known = bound.is_finite() && deviation.abs() > 0.0;
        known.then(|| (metric.clone(), limit))
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "at most {limit:.3}"),
            Self::AtLeast(limit) => write!(f, "at least {limit:.3}"),
        }
    }
}

/// What is expected of a step once it is applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Expectation {
    /// The platform has reached this. Steps that come after this one wait for it.
    Is(Fact),
    /// A metric is good again. It is judged once no step is under way any more: what is still
    /// broken elsewhere can hide what this step repaired.
    Metric {
        /// Whose metric.
        subject: Subject,
        /// Which one.
        metric: MetricName,
        /// Its bound.
        limit: Limit,
    },
}

/// What an observation says about a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    Met,
    NotMet,
    Unseen,
}

/// Something that is expected of a step, and how long it may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Check {
    /// What is expected.
    pub expect: Expectation,
    /// How long it may take.
    #[serde(rename = "within_seconds", with = "seconds")]
    pub within: Duration,
}

impl Check {
    /// The longest that a check may take: 7 days. A run must end.
    pub const WITHIN_MAX: Duration = Duration::from_secs(7 * 86_400);

    /// The platform reaches a fact in time.
    pub fn reached(fact: Fact, within: Duration) -> Self {
        Self {
            expect: Expectation::Is(fact),
            within,
        }
    }

    /// A metric is good again in time.
    pub fn metric(
        subject: impl Into<Subject>,
        metric: MetricName,
        limit: Limit,
        within: Duration,
    ) -> Self {
        Self {
            expect: Expectation::Metric {
                subject: subject.into(),
                metric,
                limit,
            },
            within,
        }
    }

    /// Whether it is about a metric, and not about the state of the platform.
    pub fn is_metric(&self) -> bool {
        matches!(self.expect, Expectation::Metric { .. })
    }

    /// Of several statements about the same thing, one that contradicts decides.
    pub(crate) fn judge(&self, observed: &Observed) -> Judgement {
        let mut judgement = Judgement::Unseen;
        let statements: Vec<bool> = match &self.expect {
            Expectation::Is(wanted) => observed
                .facts
                .iter()
                .filter_map(|fact| fact.satisfies(wanted))
                .collect(),
            Expectation::Metric {
                subject,
                metric,
                limit,
            } => observed
                .readings
                .iter()
                .filter(|r| r.subject == *subject && r.metric == *metric && !r.value.is_nan())
                .map(|r| limit.allows(r.value))
                .collect(),
        };
        for good in statements {
            if !good {
                return Judgement::NotMet;
            }
            judgement = Judgement::Met;
        }
        judgement
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.expect {
            Expectation::Is(fact) => fact.fmt(f)?,
            Expectation::Metric {
                subject,
                metric,
                limit,
            } => {
                write!(f, "{metric} of {subject} is {limit}")?;
            }
        }
        write!(f, " within {}", seconds::text(self.within))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shift(healthy: f64, observed: f64) -> Evidence {
        Evidence::Shift {
            metric: "errors".into(),
            healthy,
            observed,
            z: 9.0,
        }
    }

    #[test]
    fn recovery_limits_lie_between_healthy_and_observed() {
        let limit = |healthy, observed| {
            Limit::of_recovery(&shift(healthy, observed), 0.25).map(|(_, limit)| limit)
        };
        assert_eq!(limit(100.0, 200.0), Some(Limit::AtMost(125.0)));
        assert_eq!(limit(100.0, 20.0), Some(Limit::AtLeast(80.0)));
        for nothing in [(1.0, 1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY)] {
            assert_eq!(limit(nothing.0, nothing.1), None);
        }
    }

    #[test]
    fn a_value_that_is_not_a_number_is_not_seen() {
        let cart = NodeKey::service("cart");
        let limit = Limit::AtMost(1.0);
        let check = Check::metric(cart.clone(), "errors".into(), limit, Duration::ZERO);
        let seen = |value| Observed::new().reading(cart.clone(), "errors".into(), value);
        assert_eq!(check.judge(&seen(f64::NAN)), Judgement::Unseen);
        assert_eq!(check.judge(&seen(0.5)), Judgement::Met);
        assert_eq!(check.judge(&seen(1.5)), Judgement::NotMet);
        let both = seen(0.5).reading(cart.clone(), "errors".into(), 1.5);
        assert_eq!(check.judge(&both), Judgement::NotMet);
        assert!(!limit.allows(f64::NAN) && !Limit::AtLeast(f64::NAN).allows(1.0));
    }
}
