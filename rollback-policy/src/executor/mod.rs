//! The border to the platform: one trait with one method, and the data that crosses it.

mod drive;
mod dry_run;
pub mod platform;
mod recording;

pub use drive::drive;
pub use dry_run::DryRun;
pub use recording::{Exchange, Recording};

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_graph_core::{MetricName, Subject, visible};

use crate::action::Action;
use crate::fact::Fact;
use crate::place::{Place, Version};
use crate::plan::{Check, PlanId, Precondition, StepId};
use crate::seconds;

/// Names one effect: the same plan and step have the same key, however often they are retried.
///
/// Observations are numbered, because each is a new question: a late answer to an old one is never
/// taken for the answer to a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IdempotencyKey {
    /// The plan.
    pub plan: PlanId,
    /// The step.
    pub step: StepId,
    /// Number of the observation; `None` for the effect itself.
    pub observation: Option<u32>,
}

impl IdempotencyKey {
    /// The effect of a step.
    pub fn effect(plan: PlanId, step: StepId) -> Self {
        Self {
            plan,
            step,
            observation: None,
        }
    }

    /// An observation of a step.
    pub fn observation(plan: PlanId, step: StepId, number: u32) -> Self {
        Self {
            plan,
            step,
            observation: Some(number),
        }
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.plan, self.step)?;
        match self.observation {
            Some(number) => write!(f, "/observe-{number}"),
            None => Ok(()),
        }
    }
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// Do it.
    Apply(Action),
    /// Say whether it could be done, and change nothing.
    DryRun(Action),
    /// Say what is true now of what these checks are about.
    Observe(Vec<Check>),
}

/// A request to the platform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Request {
    /// Names the effect; the same on a retry.
    pub key: IdempotencyKey,
    /// Greater for a later holder of the plan: a platform that has seen a greater one refuses, so
    /// that a holder that was thought dead can do no harm.
    pub fence: u64,
    /// What is asked for.
    pub effect: Effect,
    /// What must hold at that moment.
    pub requires: Vec<Precondition>,
}

impl Request {
    /// A request without preconditions.
    pub fn new(key: IdempotencyKey, fence: u64, effect: Effect) -> Self {
        Self {
            key,
            fence,
            effect,
            requires: Vec::new(),
        }
    }

    /// With what must hold at that moment.
    #[must_use]
    pub fn requiring(mut self, conditions: impl IntoIterator<Item = Precondition>) -> Self {
        self.requires.extend(conditions);
        self
    }
}

/// One value of a metric, as observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reading {
    /// Whose metric.
    pub subject: Subject,
    /// Which one.
    pub metric: MetricName,
    /// Its value now.
    #[serde(with = "astern_stats::real")]
    pub value: f64,
}

/// What was seen of the platform: never what was merely asked of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Observed {
    /// What is true.
    pub facts: Vec<Fact>,
    /// Values of metrics. An executor that cannot see metrics leaves them out; whoever drives the
    /// run and can see them adds them before reporting the outcome.
    pub readings: Vec<Reading>,
    /// Versions of the places that were looked at, where the platform has versions.
    #[serde(default)]
    pub versions: Vec<Version>,
}

impl Observed {
    /// Nothing was seen.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a fact.
    #[must_use]
    pub fn fact(mut self, fact: Fact) -> Self {
        self.facts.push(fact);
        self
    }

    /// With the version of a place.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.versions.push(version);
        self
    }

    /// The version of a place, where it was seen.
    pub(crate) fn version_of(&self, place: &Place) -> Option<&Version> {
        self.versions.iter().find(|version| version.place == *place)
    }

    /// With the value of a metric.
    #[must_use]
    pub fn reading(mut self, subject: impl Into<Subject>, metric: MetricName, value: f64) -> Self {
        self.readings.push(Reading {
            subject: subject.into(),
            metric,
            value,
        });
        self
    }
}

/// The platform, or what stands before it, refused: nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    /// The platform cannot do or observe such a thing.
    #[error("not supported: {}", visible(.what))]
    Unsupported {
        /// What it cannot do.
        what: Arc<str>,
    },
    /// A precondition does not hold.
    #[error("precondition failed: {precondition}{}", found_text(.found.as_ref()))]
    PreconditionFailed {
        /// The one that does not hold.
        precondition: Precondition,
        /// What is true in its place, where known.
        found: Option<Fact>,
    },
    /// A later holder of the plan has been here.
    #[error("fence {fence} is stale; {newest} was seen")]
    Fenced {
        /// The fence of the request.
        fence: u64,
        /// The greatest fence that was seen.
        newest: u64,
    },
    /// What the action is about does not exist.
    #[error("not found: {}", visible(.what))]
    NotFound {
        /// What does not exist.
        what: Arc<str>,
    },
    /// This caller may not do it.
    #[error("forbidden: {}", visible(.reason))]
    Forbidden {
        /// Why not.
        reason: Arc<str>,
    },
    /// The platform says that the action is not valid.
    #[error("invalid: {}", visible(.reason))]
    Invalid {
        /// What is wrong with it.
        reason: Arc<str>,
    },
    /// Not now: a rate limit, a lock, a write that lost a race. The only refusal that is retried.
    #[error("busy: {}; again after {}", visible(.reason), seconds::text(*.retry_after))]
    Busy {
        /// Why not now.
        reason: Arc<str>,
        /// How long to wait at least.
        #[serde(rename = "retry_after_seconds", with = "seconds")]
        retry_after: Duration,
    },
}

fn found_text(found: Option<&Fact>) -> String {
    found
        .map(|fact| format!(" (found: {fact})"))
        .unwrap_or_default()
}

/// Nobody knows whether it was done: the reply is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExecError {
    /// No reply came in time.
    #[error("no reply within {}", seconds::text(*.waited))]
    NoReply {
        /// How long was waited for it.
        #[serde(rename = "waited_seconds", with = "seconds")]
        waited: Duration,
    },
    /// The connection broke, or the platform failed while it worked on the request.
    #[error("failed midway: {}", visible(.reason))]
    Broken {
        /// The client's message.
        reason: Arc<str>,
    },
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done(Observed),
    /// It was done before; nothing was changed now.
    AlreadyDone(Observed),
    /// It was refused; nothing was changed.
    Refused(Refusal),
    /// It may or may not have been done.
    Unknown(ExecError),
}

/// Carries out requests on a platform. Object-safe and blocking; async callers need no other trait,
/// they drive a [`Run`](crate::Run) from their own loop.
///
/// One method on purpose: whatever is wrapped around an executor (a rate limit, an audit, a
/// recording) sees everything.
///
/// # Laws
/// 1. **Once.** An [`Effect::Apply`] whose target is already asked for changes nothing and answers
///    [`Outcome::AlreadyDone`], *before* preconditions are looked at: after a lost reply they no
///    longer hold because the step itself was done. So does one whose key it remembers to have carried out,
///    whatever was done since; an executor that leaves no trace of an effect (a page) must remember.
/// 2. **Atomic.** Preconditions are checked with the write where the platform can (a version, an
///    `If-Match`, a JSON-patch `test`). A write that lost a race answers [`Refusal::Busy`]. A precondition that it
///    cannot check is refused, never passed over.
/// 3. **Versioned.** Where the platform has [versions](Version), [`Observed`] holds that of the place an observation
///    or effect is about; after [`Outcome::Done`] it is the one that the effect brought about. Where it has none, a
///    [`Run`](crate::Run) does not send an effect again whose reply was lost: a person may have acted since.
/// 4. **Fenced.** A fence below the greatest one seen answers [`Refusal::Fenced`], also to an observation.
/// 5. **Dry.** [`Effect::DryRun`] and [`Effect::Observe`] change nothing.
/// 6. **True.** [`Observed`] holds what was read from the platform. An executor that cannot read
///    answers an observation with [`Refusal::Unsupported`]; one that reads only some of what the
///    checks are about leaves the rest out.
/// 7. **Honest.** When it is not certain that nothing was changed, the answer is
///    [`Outcome::Unknown`] and never a refusal.
///
/// Where your platform is one of services with revisions, shares, flags, implement [`Platform`](platform::Platform) instead, and
/// [`PlatformExecutor`](platform::PlatformExecutor) keeps the laws for you.
///
/// # Example
/// ```
/// use std::sync::Mutex;
/// use astern_graph_core::{NodeKey, Revision};
/// use astern_rollback_policy::{Action, Effect, Executor, Fact, Observed, Outcome, Refusal, Request};
///
/// /// A platform that runs one service.
/// struct Single {
///     service: NodeKey,
///     revision: Mutex<Revision>,
/// }
///
/// impl Executor for Single {
///     fn execute(&self, request: &Request) -> Outcome {
///         let mut revision = self.revision.lock().unwrap_or_else(|e| e.into_inner());
///         let seen = |revision: &Revision| {
///             let (service, revision) = (self.service.clone(), revision.clone());
///             Observed::new().fact(Fact::Revision { service, revision })
///         };
///         match &request.effect {
///             Effect::Observe(_) => Outcome::Done(seen(&revision)),
///             Effect::Apply(Action::SetRevision { to, .. }) if *to == *revision => {
///                 Outcome::AlreadyDone(seen(&revision))
///             }
///             Effect::Apply(Action::SetRevision { to, .. }) => {
///                 *revision = to.clone();
///                 Outcome::Done(seen(&revision))
///             }
///             other => Outcome::Refused(Refusal::Unsupported { what: format!("{other:?}").into() }),
///         }
///     }
/// }
/// ```
pub trait Executor {
    /// Carries out one request and says what became of it.
    fn execute(&self, request: &Request) -> Outcome;
}

impl<E: Executor + ?Sized> Executor for &E {
    fn execute(&self, request: &Request) -> Outcome {
        (**self).execute(request)
    }
}

impl<E: Executor + ?Sized> Executor for Box<E> {
    fn execute(&self, request: &Request) -> Outcome {
        (**self).execute(request)
    }
}

impl<E: Executor + ?Sized> Executor for Arc<E> {
    fn execute(&self, request: &Request) -> Outcome {
        (**self).execute(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use astern_graph_core::NodeKey;

    #[test]
    fn refusals_say_what_was_found() {
        let fact = |revision: &str| Fact::Revision {
            service: NodeKey::service("cart"),
            revision: revision.into(),
        };
        let mut refusal = Refusal::PreconditionFailed {
            precondition: Precondition::Is(fact("r2")),
            found: Some(fact("r3")),
        };
        let text = "precondition failed: service/cart runs r2 (found: service/cart runs r3)";
        assert_eq!(refusal.to_string(), text);
        if let Refusal::PreconditionFailed { found, .. } = &mut refusal {
            *found = None;
        }
        assert_eq!(
            refusal.to_string(),
            "precondition failed: service/cart runs r2"
        );
    }
}
