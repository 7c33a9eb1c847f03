//! A platform by what it can do, one method a capability.

mod memory;
mod wrapped;

pub use memory::ExecutorMemory;
pub use wrapped::PlatformExecutor;

use std::sync::Arc;

use astern_graph_core::{NodeKey, Revision, Timestamp, TrafficShare};

use crate::action::Action;
use crate::executor::{ExecError, IdempotencyKey, Refusal};
use crate::fact::Fact;
use crate::place::{Place, Version};

/// What a write has done: the version that it made, where the platform says that; `None` where it has no versions, or keeps the
/// [key](Write::key) with each.
pub type Written = Option<Version>;

/// Why a platform does not do, or does not say, what it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It refused: nothing was changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Nobody knows whether it was done.
    #[error(transparent)]
    Unknown(#[from] ExecError),
}

/// What a platform answers.
pub type Reply<T> = Result<T, Trouble>;

/// What goes with a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Write<'a> {
    /// Names the effect. A platform that can keep it with the change gives it back in [`Version::by`].
    pub key: IdempotencyKey,
    /// The [token](Version::token) that the place has as long as nobody else has changed it: send it with the write (an
    /// `If-Match`, a `resourceVersion`), and answer [`Refusal::Busy`] where it is no longer so.
    pub version: Option<&'a str>,
}

/// What a platform can do. Implement what yours can, and [`PlatformExecutor`] makes an [`Executor`](crate::Executor) of it that
/// keeps the laws: what is left out is answered with [`Refusal::Unsupported`].
///
/// | capability | methods | for |
/// |---|---|---|
/// | revisions | [`revision`](Self::revision), [`set_revision`](Self::set_revision), [`is_available`](Self::is_available) | rolling releases |
/// | traffic | [`traffic`](Self::traffic), [`set_traffic`](Self::set_traffic), [`switch_colour`](Self::switch_colour) | canaries, blue and green |
/// | flags | [`flag`](Self::flag), [`set_flag`](Self::set_flag) | feature flags |
/// | configuration | [`config`](Self::config), [`set_config`](Self::set_config) | configuration |
/// | copies | [`replicas`](Self::replicas), [`scale`](Self::scale), [`started`](Self::started), [`restart`](Self::restart) | causes that no change explains |
/// | rollouts | [`is_held`](Self::is_held), [`hold`](Self::hold) | what cannot be undone |
/// | people | [`escalate`](Self::escalate) | calling one |
/// | versions | [`version`](Self::version) | seeing what others did in between |
///
/// Methods that read give what the platform is *asked for* (the specification), [`is_reached`](Self::is_reached) says whether it is there. Those
/// that write are called once for an effect, after preconditions were looked at. No method needs to remember anything.
///
/// # Example
/// A platform that can set what a service runs:
/// ```
/// use std::collections::BTreeMap;
/// use std::sync::{Mutex, PoisonError};
///
/// use astern_graph_core::{NodeKey, Revision};
/// use astern_rollback_policy::platform::{Platform, PlatformExecutor, Reply, Write, Written};
/// use astern_rollback_policy::{Action, Fact, Refusal};
///
/// struct Fleet(Mutex<BTreeMap<NodeKey, Revision>>);
///
/// impl Platform for Fleet {
///     fn can(&self, action: &Action) -> bool {
///         matches!(action, Action::SetRevision { .. })
///     }
///
///     fn is_reached(&self, _: &Fact) -> Reply<bool> {
///         Ok(true) // an instance is replaced at once
///     }
///
///     fn revision(&self, service: &NodeKey) -> Reply<Revision> {
///         let fleet = self.0.lock().unwrap_or_else(PoisonError::into_inner);
///         let missing = || Refusal::NotFound { what: service.to_string().into() };
///         Ok(fleet.get(service).cloned().ok_or_else(missing)?)
///     }
///
///     fn set_revision(&self, service: &NodeKey, to: &Revision, _: Write<'_>) -> Reply<Written> {
///         let mut fleet = self.0.lock().unwrap_or_else(PoisonError::into_inner);
///         fleet.insert(service.clone(), to.clone());
///         Ok(None)
///     }
///
///     fn is_available(&self, _: &NodeKey, _: &Revision) -> Reply<bool> {
///         Ok(true) // the registry keeps every image
///     }
///
///     fn is_alone(&self, _: &NodeKey) -> Reply<bool> {
///         Ok(true) // nothing else rolls back here
///     }
/// }
///
/// let fleet = Fleet(Mutex::new([(NodeKey::service("cart"), "v2".into())].into()));
/// let executor = PlatformExecutor::new(fleet);
/// # use astern_rollback_policy::{Effect, Executor as _, IdempotencyKey, Outcome, Plan, Request, Step, StepId};
/// # let action = Action::SetRevision { service: NodeKey::service("cart"), to: "v1".into() };
/// # let step = Step::new(StepId::new(1), action.clone());
/// # let plan = Plan::new(astern_graph_core::Timestamp::from_secs(0), vec![step], vec![]).unwrap();
/// # let request = Request::new(IdempotencyKey::effect(plan.id, StepId::new(1)), 1, Effect::Apply(action));
/// # assert!(matches!(executor.execute(&request), Outcome::Done(_)));
/// # assert!(matches!(executor.execute(&request), Outcome::AlreadyDone(_)));
/// ```
pub trait Platform {
    /// Whether it can do an action of this kind: those whose methods are implemented. Nothing else is ever tried, so that a dry
    /// run says the same as the real one.
    fn can(&self, action: &Action) -> bool;

    /// Whether the platform has reached what it is asked for of this fact, which was read just before: every instance serves the
    /// revision, say. As long as it has not, the fact is not shown to a run, and no step is verified by it. `Ok(true)` where writes
    /// return once all is done.
    ///
    /// # Errors
    /// [`Trouble`].
    fn is_reached(&self, fact: &Fact) -> Reply<bool>;

    /// The version that a place has now; `None` where there are no versions.
    ///
    /// # Errors
    /// As all of them: [`Trouble`].
    fn version(&self, place: &Place) -> Reply<Option<Version>> {
        let _ = place;
        Ok(None)
    }

    /// Whether a revision of a service can still be run.
    ///
    /// # Errors
    /// [`Trouble`]; unsupported by default, and what requires it is then refused.
    fn is_available(&self, service: &NodeKey, revision: &Revision) -> Reply<bool> {
        unsupported(&format!("whether {revision} of {service} can be run"))
    }

    /// Whether no other plan, of whatever controller, acts on a service.
    ///
    /// # Errors
    /// [`Trouble`]; unsupported by default, and what requires it is then refused.
    fn is_alone(&self, service: &NodeKey) -> Reply<bool> {
        unsupported(&format!("whether another plan acts on {service}"))
    }

    /// What a service runs.
    ///
    /// # Errors
    /// [`Trouble`].
    fn revision(&self, service: &NodeKey) -> Reply<Revision> {
        unsupported(&format!("what {service} runs"))
    }

    /// Sets what a service runs.
    ///
    /// # Errors
    /// [`Trouble`].
    fn set_revision(&self, service: &NodeKey, to: &Revision, write: Write<'_>) -> Reply<Written> {
        let _ = write;
        unsupported(&format!("setting {service} to {to}"))
    }

    /// The revision of the configuration that a service uses.
    ///
    /// # Errors
    /// [`Trouble`].
    fn config(&self, service: &NodeKey) -> Reply<Revision> {
        unsupported(&format!("the configuration of {service}"))
    }

    /// Sets the revision of a service's configuration.
    ///
    /// # Errors
    /// [`Trouble`].
    fn set_config(&self, service: &NodeKey, to: &Revision, write: Write<'_>) -> Reply<Written> {
        let _ = write;
        unsupported(&format!("setting the configuration of {service} to {to}"))
    }

    /// The share of a service's traffic that a revision gets; zero where none of it is left.
    ///
    /// # Errors
    /// [`Trouble`].
    fn traffic(&self, service: &NodeKey, revision: &Revision) -> Reply<TrafficShare> {
        unsupported(&format!("the traffic of {revision} of {service}"))
    }

    /// Gives a revision a share of a service's traffic, and the rest to the others.
    ///
    /// # Errors
    /// [`Trouble`].
    fn set_traffic(
        &self,
        service: &NodeKey,
        revision: &Revision,
        share: TrafficShare,
        write: Write<'_>,
    ) -> Reply<Written> {
        let _ = write;
        unsupported(&format!("giving {share} of {service} to {revision}"))
    }

    /// Sends all traffic of a service to the instances of a revision, which run already. Its effect is read by
    /// [`traffic`](Self::traffic).
    ///
    /// # Errors
    /// [`Trouble`].
    fn switch_colour(&self, service: &NodeKey, to: &Revision, write: Write<'_>) -> Reply<Written> {
        self.set_traffic(service, to, TrafficShare::FULL, write)
    }

    /// Whether a flag of a service is on.
    ///
    /// # Errors
    /// [`Trouble`].
    fn flag(&self, service: &NodeKey, flag: &str) -> Reply<bool> {
        unsupported(&format!("flag {flag} of {service}"))
    }

    /// Turns a flag of a service on or off.
    ///
    /// # Errors
    /// [`Trouble`].
    fn set_flag(
        &self,
        service: &NodeKey,
        flag: &str,
        on: bool,
        write: Write<'_>,
    ) -> Reply<Written> {
        let _ = (on, write);
        unsupported(&format!("setting flag {flag} of {service}"))
    }

    /// How many instances a service has.
    ///
    /// # Errors
    /// [`Trouble`].
    fn replicas(&self, service: &NodeKey) -> Reply<u32> {
        unsupported(&format!("how many instances {service} has"))
    }

    /// Sets how many instances a service has.
    ///
    /// # Errors
    /// [`Trouble`].
    fn scale(&self, service: &NodeKey, replicas: u32, write: Write<'_>) -> Reply<Written> {
        let _ = write;
        unsupported(&format!("scaling {service} to {replicas}"))
    }

    /// When the oldest copy of a node started.
    ///
    /// # Errors
    /// [`Trouble`].
    fn started(&self, node: &NodeKey) -> Reply<Timestamp> {
        unsupported(&format!("when {node} started"))
    }

    /// Restarts those copies of a node that started before a time.
    ///
    /// # Errors
    /// [`Trouble`].
    fn restart(
        &self,
        node: &NodeKey,
        started_before: Timestamp,
        write: Write<'_>,
    ) -> Reply<Written> {
        let _ = (started_before, write);
        unsupported(&format!("restarting {node}"))
    }

    /// Whether rollouts of a service are stopped where they stand.
    ///
    /// # Errors
    /// [`Trouble`].
    fn is_held(&self, service: &NodeKey) -> Reply<bool> {
        unsupported(&format!("whether rollouts of {service} are held"))
    }

    /// Stops rollouts of a service where they stand.
    ///
    /// # Errors
    /// [`Trouble`].
    fn hold(&self, service: &NodeKey, write: Write<'_>) -> Reply<Written> {
        let _ = write;
        unsupported(&format!("holding rollouts of {service}"))
    }

    /// Calls a person. It leaves nothing that could be read.
    ///
    /// # Errors
    /// [`Trouble`].
    fn escalate(&self, service: &NodeKey, reason: &str, write: Write<'_>) -> Reply<Written> {
        let _ = (reason, write);
        unsupported(&format!("calling a person about {service}"))
    }
}

fn unsupported<T>(what: &str) -> Reply<T> {
    let what: Arc<str> = what.into();
    Err(Refusal::Unsupported { what }.into())
}
