//! An executor that keeps the laws, over a platform that needs not know them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{ExecutorMemory, Platform, Reply, Trouble, Write, Written};
use crate::action::Action;
use crate::executor::{Effect, Executor, Observed, Outcome, Refusal, Request};
use crate::fact::Fact;
use crate::place::Place;
use crate::plan::{Expectation, Precondition};

/// Makes an [`Executor`] of a [`Platform`]: remembers keys and fences, looks whether an effect is there already, checks
/// preconditions, and reads back what it did. One request at a time.
///
/// Between the check of a precondition and the write somebody else may act. Where the platform has
/// [versions](Platform::version), the write [carries](Write::version) the one that must hold, and the platform decides.
///
/// # Complexity
/// At most two reads for each precondition and for the target of an action.
#[derive(Debug)]
pub struct PlatformExecutor<P> {
    platform: P,
    memory: Mutex<ExecutorMemory>,
}

impl<P: Platform> PlatformExecutor<P> {
    /// An executor that has done nothing yet.
    pub fn new(platform: P) -> Self {
        Self::remembering(platform, ExecutorMemory::default())
    }

    /// One that goes on from what was stored.
    pub fn remembering(platform: P, memory: ExecutorMemory) -> Self {
        Self {
            platform,
            memory: Mutex::new(memory),
        }
    }

    /// What is to be stored.
    pub fn memory(&self) -> ExecutorMemory {
        self.lock().clone()
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// A panic of a platform leaves the memory as it was before the request.
    fn lock(&self) -> MutexGuard<'_, ExecutorMemory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is so about the thing that a fact is about; `None` where nothing is.
    fn read(&self, like: &Fact) -> Reply<Option<Fact>> {
        let platform = &self.platform;
        let mut fact = like.clone();
        match &mut fact {
            Fact::Revision { service, revision } => *revision = platform.revision(service)?,
            Fact::Config { service, revision } => *revision = platform.config(service)?,
            Fact::Traffic {
                service,
                revision,
                share,
            } => *share = platform.traffic(service, revision)?,
            Fact::Flag { service, flag, on } => *on = platform.flag(service, flag)?,
            Fact::Replicas { service, replicas } => *replicas = platform.replicas(service)?,
            Fact::Started { node, since } => *since = platform.started(node)?,
            Fact::Held { service } if platform.is_held(service)? => {}
            Fact::Held { .. } => return Ok(None),
        }
        Ok(Some(fact))
    }

    /// What is seen of these facts, and of the versions of their places. What the platform cannot say, or what is gone, is left out.
    ///
    /// # Errors
    /// The first refusal where it can say nothing at all, and what leaves open whether it can.
    fn observe(&self, facts: impl IntoIterator<Item = Fact>) -> Reply<Observed> {
        let (mut seen, mut refused, mut is_any) = (Observed::new(), None, false);
        let facts: BTreeSet<Fact> = facts.into_iter().collect();
        // Versions first: what changes in between has another version than the one that is reported.
        let places: BTreeSet<Place> = facts.iter().map(Fact::place).collect();
        for place in places {
            let version = said(self.platform.version(&place), &mut refused)?.flatten();
            is_any |= version.is_some();
            seen.versions.extend(version);
        }
        for fact in facts {
            let Some(found) = said(self.read(&fact), &mut refused)? else {
                continue;
            };
            is_any = true;
            if let Some(found) = found.filter(|found| !seen.facts.contains(found))
                && self.platform.is_reached(&found)?
            {
                seen.facts.push(found);
            }
        }
        match refused {
            Some(refusal) if !is_any => Err(refusal.into()),
            _ => Ok(seen),
        }
    }

    /// # Errors
    /// [`Refusal::PreconditionFailed`] for one that does not hold, and what keeps it from being checked.
    fn check(&self, required: &Precondition) -> Reply<()> {
        let (holds, found) = match required {
            Precondition::Is(fact) => {
                let found = self.read(fact)?;
                let holds = found.as_ref().and_then(|found| found.satisfies(fact));
                (holds == Some(true), found)
            }
            Precondition::Available { service, revision } => {
                (self.platform.is_available(service, revision)?, None)
            }
            Precondition::NoOtherPlan { service } => (self.platform.is_alone(service)?, None),
            Precondition::Unchanged { place, token } => {
                let Some(version) = self.platform.version(place)? else {
                    let what: Arc<str> = format!("versions of {place}").into();
                    return Err(Refusal::Unsupported { what }.into());
                };
                (version.token == *token, None)
            }
        };
        if holds {
            return Ok(());
        }
        let precondition = required.clone();
        Err(Refusal::PreconditionFailed {
            precondition,
            found,
        }
        .into())
    }

    fn able(&self, request: &Request, action: &Action) -> Reply<()> {
        if !self.platform.can(action) {
            let what: Arc<str> = action.to_string().into();
            return Err(Refusal::Unsupported { what }.into());
        }
        request
            .requires
            .iter()
            .try_for_each(|required| self.check(required))
    }

    /// Whether an action was carried out under this key, as far as the platform or the memory knows, or need not be.
    fn is_done(&self, memory: &ExecutorMemory, request: &Request, action: &Action) -> Reply<bool> {
        if memory.has_done(&request.key) {
            return Ok(true);
        }
        let Some(target) = action.target() else {
            return Ok(false);
        };
        let found = self.read(&target)?;
        if found.is_some_and(|found| found.satisfies(&target) == Some(true)) {
            return Ok(true);
        }
        let version = self.platform.version(&target.place())?;
        Ok(version.is_some_and(|version| version.by == Some(request.key)))
    }

    fn apply(
        &self,
        memory: &mut ExecutorMemory,
        request: &Request,
        action: &Action,
    ) -> Reply<Outcome> {
        let is_done =
            self.platform.can(action) && self.is_done(memory, request, action).map_err(not_yet)?;
        if is_done {
            let seen = self.observe(action.target());
            return Ok(Outcome::AlreadyDone(seen.unwrap_or_default()));
        }
        self.able(request, action).map_err(not_yet)?;
        let place = action.place();
        let version = request.requires.iter().find_map(|required| match required {
            Precondition::Unchanged { place: of, token } if Some(of) == place.as_ref() => {
                Some(&**token)
            }
            _ => None,
        });
        let key = request.key;
        let written = self.write(action, Write { key, version })?;
        memory.remember(key);
        // It is done, whatever comes of looking at it. A version that somebody else may have made since is not ours.
        let mut seen = self.observe(action.target()).unwrap_or_default();
        seen.versions.retain(|version| version.by == Some(key));
        if let Some(version) = written {
            seen.versions.retain(|seen| seen.place != version.place);
            seen.versions.push(version);
        }
        Ok(Outcome::Done(seen))
    }

    fn write(&self, action: &Action, write: Write<'_>) -> Reply<Written> {
        let platform = &self.platform;
        match action {
            Action::SetRevision { service, to } => platform.set_revision(service, to, write),
            Action::SetConfig { service, to } => platform.set_config(service, to, write),
            Action::SetTraffic {
                service,
                revision,
                share,
            } => platform.set_traffic(service, revision, *share, write),
            Action::SwitchColour { service, to } => platform.switch_colour(service, to, write),
            Action::SetFlag { service, flag, on } => platform.set_flag(service, flag, *on, write),
            Action::Scale { service, replicas } => platform.scale(service, *replicas, write),
            Action::Restart {
                node,
                started_before,
            } => platform.restart(node, *started_before, write),
            Action::Hold { service } => platform.hold(service, write),
            Action::Escalate { service, reason } => platform.escalate(service, reason, write),
        }
    }
}

/// An answer, or nothing where the platform cannot say, or what is asked about is gone.
fn said<T>(reply: Reply<T>, refused: &mut Option<Refusal>) -> Reply<Option<T>> {
    match reply {
        Ok(answer) => Ok(Some(answer)),
        Err(Trouble::Refused(
            refusal @ (Refusal::Unsupported { .. } | Refusal::NotFound { .. }),
        )) => {
            refused.get_or_insert(refusal);
            Ok(None)
        }
        Err(trouble) => Err(trouble),
    }
}

/// Of a question before the write: nothing was sent, so nothing is open.
fn not_yet(trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Unknown(error) => Trouble::Refused(Refusal::Busy {
            reason: error.to_string().into(),
            retry_after: Duration::ZERO,
        }),
        refused @ Trouble::Refused(_) => refused,
    }
}

impl<P: Platform> Executor for PlatformExecutor<P> {
    fn execute(&self, request: &Request) -> Outcome {
        let mut memory = self.lock();
        if let Err(refusal) = memory.admit(request.fence) {
            return Outcome::Refused(refusal);
        }
        let answer = match &request.effect {
            Effect::Apply(action) => self.apply(&mut memory, request, action),
            Effect::DryRun(action) => self
                .able(request, action)
                .and_then(|()| self.observe(action.target()))
                .map(Outcome::Done),
            Effect::Observe(checks) => {
                let facts = checks.iter().filter_map(|check| match &check.expect {
                    Expectation::Is(fact) => Some(fact.clone()),
                    Expectation::Metric { .. } => None,
                });
                self.observe(facts).map(Outcome::Done)
            }
        };
        answer.unwrap_or_else(|trouble| match trouble {
            Trouble::Refused(refusal) => Outcome::Refused(refusal),
            Trouble::Unknown(error) => Outcome::Unknown(error),
        })
    }
}
