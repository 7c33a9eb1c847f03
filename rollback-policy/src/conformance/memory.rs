//! A platform in memory that keeps every law of an executor.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use astern_graph_core::{NodeKey, Revision, TrafficShare};

use crate::action::Action;
use crate::executor::{Effect, Executor, IdempotencyKey, Observed, Outcome, Refusal, Request};
use crate::fact::Fact;
use crate::place::{Place, Version};
use crate::plan::{Expectation, Precondition};

/// A platform in memory that keeps every law of an [`Executor`], for tests of what drives one.
///
/// It holds one fact of a kind and a place, reaches at once what it is asked for, and gives every place a version.
/// [`set`](Self::set) is what anybody else does to it.
///
/// ```
/// use astern_graph_core::NodeKey;
/// use astern_rollback_policy::conformance::MemoryPlatform;
/// use astern_rollback_policy::{Action, Fact, Mode, Plan, Run, RunParams, RunState, Step, StepId, drive};
///
/// let cart = NodeKey::service("cart");
/// let runs = |revision: &str| Fact::Revision { service: cart.clone(), revision: revision.into() };
/// let platform = MemoryPlatform::new();
/// platform.set(runs("r2"));
///
/// let action = Action::SetRevision { service: cart.clone(), to: "r1".into() };
/// let now = astern_graph_core::Timestamp::from_secs(0);
/// let plan = Plan::new(now, vec![Step::new(StepId::new(1), action)], vec![])?;
/// let mut run = Run::new(plan, Mode::Apply, 1, RunParams::default(), now)?;
/// drive(&mut run, &platform, now)?;
/// assert!(platform.holds(&runs("r1")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MemoryPlatform {
    state: Mutex<State>,
    versioned: bool,
}

#[derive(Debug, Default)]
struct State {
    facts: Vec<Fact>,
    /// Number of the last change of each place, and the effect that made it.
    versions: BTreeMap<Place, (u64, Option<IdempotencyKey>)>,
    done: BTreeSet<IdempotencyKey>,
    writes: Vec<(IdempotencyKey, Action)>,
    fence: u64,
}

impl Default for MemoryPlatform {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryPlatform {
    /// A platform on which nothing holds yet.
    pub fn new() -> Self {
        Self {
            state: Mutex::default(),
            versioned: true,
        }
    }

    /// A platform that has no versions and remembers no key, as many have not: it keeps all other laws.
    pub fn unversioned() -> Self {
        Self {
            versioned: false,
            ..Self::new()
        }
    }

    /// Makes a fact hold in place of what held of its kind, as anybody but the owner of a key does it.
    pub fn set(&self, fact: Fact) {
        self.lock().set(fact, None);
    }

    /// Whether a fact holds.
    pub fn holds(&self, fact: &Fact) -> bool {
        self.lock().is(fact) == Some(true)
    }

    /// All facts that hold.
    pub fn facts(&self) -> Vec<Fact> {
        self.lock().facts.clone()
    }

    /// The effects that changed something, in their order.
    pub fn writes(&self) -> Vec<(IdempotencyKey, Action)> {
        self.lock().writes.clone()
    }

    /// Forgets keys and fences, as an executor without storage does when it starts again.
    pub fn forget(&self) {
        let mut state = self.lock();
        state.done.clear();
        state.fence = 0;
    }

    /// Every change of the state is whole before a panic can follow.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self, state: &State, places: impl IntoIterator<Item = Place>) -> Observed {
        let places: BTreeSet<Place> = places.into_iter().collect();
        let mut seen = Observed::new();
        for place in places {
            let facts = state.facts.iter().filter(|fact| fact.place() == place);
            seen.facts.extend(facts.cloned());
            if self.versioned {
                let (number, by) = state.versions.get(&place).copied().unwrap_or_default();
                let version = Version::new(place, number.to_string());
                seen.versions
                    .push(by.into_iter().fold(version, Version::by));
            }
        }
        seen
    }

    fn check(&self, state: &State, required: &Precondition) -> Result<(), Refusal> {
        let found = match required {
            Precondition::Is(fact) => match state.is(fact) {
                Some(true) => return Ok(()),
                _ => state
                    .facts
                    .iter()
                    .find(|held| held.satisfies(fact).is_some()),
            },
            Precondition::Unchanged { .. } if !self.versioned => {
                let what: Arc<str> = "versions".into();
                return Err(Refusal::Unsupported { what });
            }
            Precondition::Unchanged { place, token } => {
                let (number, _) = state.versions.get(place).copied().unwrap_or_default();
                if **token == *number.to_string() {
                    return Ok(());
                }
                None
            }
            // It keeps every revision, and nothing else acts on it by a plan.
            Precondition::Available { .. } | Precondition::NoOtherPlan { .. } => return Ok(()),
        };
        Err(Refusal::PreconditionFailed {
            precondition: required.clone(),
            found: found.cloned(),
        })
    }

    fn apply(&self, state: &mut State, request: &Request, action: &Action) -> Outcome {
        let place = action.place();
        let target = action.target();
        let is_asked = target
            .as_ref()
            .is_some_and(|target| state.is(target) == Some(true));
        let is_remembered =
            (self.versioned || target.is_none()) && state.done.contains(&request.key);
        if is_asked || is_remembered {
            return Outcome::AlreadyDone(self.seen(state, place));
        }
        for required in &request.requires {
            if let Err(refusal) = self.check(state, required) {
                return Outcome::Refused(refusal);
            }
        }
        state.done.insert(request.key);
        state.writes.push((request.key, action.clone()));
        if let Some(target) = target {
            state.set(target, Some(request.key));
        }
        Outcome::Done(self.seen(state, place))
    }
}

impl State {
    fn is(&self, wanted: &Fact) -> Option<bool> {
        self.facts.iter().find_map(|fact| fact.satisfies(wanted))
    }

    fn set(&mut self, fact: Fact, by: Option<IdempotencyKey>) {
        let (number, _) = self
            .versions
            .get(&fact.place())
            .copied()
            .unwrap_or_default();
        self.versions
            .insert(fact.place(), (number.saturating_add(1), by));
        match &fact {
            Fact::Revision { service, revision } => self.give_all(service, revision),
            Fact::Traffic {
                service,
                revision,
                share,
            } => self.split(service, revision, *share),
            _ => {}
        }
        self.facts.retain(|held| held.satisfies(&fact).is_none());
        self.facts.push(fact);
    }

    /// The instances of a service are all alike: whatever gets traffic is this revision.
    fn give_all(&mut self, service: &NodeKey, all: &Revision) {
        for fact in &mut self.facts {
            if let Fact::Traffic {
                service: of,
                revision,
                share,
            } = fact
                && of == service
            {
                let is_it = revision == all;
                *share = if is_it {
                    TrafficShare::FULL
                } else {
                    TrafficShare::ZERO
                };
            }
        }
    }

    /// Takes from the other revisions of a service, the largest share first, what one of them gets more, or gives them
    /// what it gets less.
    fn split(&mut self, service: &NodeKey, revision: &Revision, share: TrafficShare) {
        let shares = self.facts.iter_mut().filter_map(|fact| match fact {
            Fact::Traffic {
                service: of,
                revision: other,
                share,
            } if of == service && other != revision => Some(share),
            _ => None,
        });
        let mut others: Vec<&mut TrafficShare> = shares.collect();
        others.sort_by_key(|share| std::cmp::Reverse(**share));
        let points = |share: TrafficShare| i32::from(share.as_basis_points());
        let full = points(TrafficShare::FULL);
        let held: i32 = others.iter().map(|share| points(**share)).sum();
        let mut surplus = held + points(share) - full;
        for share in others {
            let then = (points(*share) - surplus).clamp(0, full);
            surplus -= points(*share) - then;
            let then = u16::try_from(then).ok();
            let then = then.and_then(|then| TrafficShare::basis_points(then).ok());
            *share = then.unwrap_or(*share);
        }
    }
}

impl Executor for MemoryPlatform {
    fn execute(&self, request: &Request) -> Outcome {
        let mut state = self.lock();
        if request.fence < state.fence {
            let (fence, newest) = (request.fence, state.fence);
            return Outcome::Refused(Refusal::Fenced { fence, newest });
        }
        state.fence = request.fence;
        match &request.effect {
            Effect::Apply(action) => self.apply(&mut state, request, action),
            Effect::DryRun(action) => {
                let mut required = request.requires.iter();
                match required.find_map(|required| self.check(&state, required).err()) {
                    Some(refusal) => Outcome::Refused(refusal),
                    None => Outcome::Done(self.seen(&state, action.place())),
                }
            }
            Effect::Observe(checks) => {
                let places = checks.iter().filter_map(|check| match &check.expect {
                    Expectation::Is(fact) => Some(fact.place()),
                    Expectation::Metric { .. } => None,
                });
                Outcome::Done(self.seen(&state, places))
            }
        }
    }
}
