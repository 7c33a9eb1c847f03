//! Platforms by what they can do: whatever it is, the executor that is made of them keeps every law.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use astern_graph_core::{NodeKey, Revision, Timestamp, TrafficShare};
use astern_rollback_policy::conformance::{Setting, check};
use astern_rollback_policy::platform::{
    ExecutorMemory, Platform, PlatformExecutor, Reply, Trouble, Write, Written,
};
use astern_rollback_policy::{
    Action, Check, Effect, ExecError, Executor, Fact, IdempotencyKey, Outcome, Place, Plan,
    Refusal, Request, Step, StepId, Version,
};

use crate::conforming::{actions, cart, runs};
use crate::world::at;

/// Everything that a platform can do, with versions: each fact, and who set it how often.
#[derive(Debug, Default)]
struct Whole(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    facts: Vec<Fact>,
    number: u64,
    by: Option<IdempotencyKey>,
}

impl Whole {
    fn holding(fact: Fact) -> Self {
        let whole = Self::default();
        whole.set(fact, None);
        whole
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, fact: Fact, by: Option<IdempotencyKey>) {
        let mut state = self.state();
        state.facts.retain(|held| held.satisfies(&fact).is_none());
        state.facts.push(fact);
        state.number += 1;
        state.by = by;
    }

    fn write(&self, fact: Fact, write: Write<'_>) -> Reply<Written> {
        let number = self.state().number.to_string();
        if write.version.is_some_and(|version| version != number) {
            let (reason, retry_after) = ("raced".into(), Duration::ZERO);
            return Err(Refusal::Busy {
                reason,
                retry_after,
            }
            .into());
        }
        self.set(fact, Some(write.key));
        Ok(None)
    }

    fn read<T>(&self, of: impl Fn(&Fact) -> Option<T>) -> Reply<T> {
        let found = self.state().facts.iter().find_map(of);
        let missing = Refusal::NotFound {
            what: "cart".into(),
        };
        Ok(found.ok_or(missing)?)
    }
}

impl Platform for Whole {
    fn can(&self, _: &Action) -> bool {
        true
    }

    fn is_reached(&self, _: &Fact) -> Reply<bool> {
        Ok(true)
    }

    fn version(&self, place: &Place) -> Reply<Option<Version>> {
        let state = self.state();
        let version = Version::new(place.clone(), state.number.to_string());
        Ok(Some(state.by.into_iter().fold(version, Version::by)))
    }

    fn is_available(&self, _: &NodeKey, _: &Revision) -> Reply<bool> {
        Ok(true)
    }

    fn is_alone(&self, _: &NodeKey) -> Reply<bool> {
        Ok(true)
    }

    fn revision(&self, _: &NodeKey) -> Reply<Revision> {
        self.read(|fact| match fact {
            Fact::Revision { revision, .. } => Some(revision.clone()),
            _ => None,
        })
    }

    fn set_revision(&self, service: &NodeKey, to: &Revision, write: Write<'_>) -> Reply<Written> {
        let (service, revision) = (service.clone(), to.clone());
        self.write(Fact::Revision { service, revision }, write)
    }

    fn config(&self, _: &NodeKey) -> Reply<Revision> {
        self.read(|fact| match fact {
            Fact::Config { revision, .. } => Some(revision.clone()),
            _ => None,
        })
    }

    fn set_config(&self, service: &NodeKey, to: &Revision, write: Write<'_>) -> Reply<Written> {
        let (service, revision) = (service.clone(), to.clone());
        self.write(Fact::Config { service, revision }, write)
    }

    fn traffic(&self, _: &NodeKey, of: &Revision) -> Reply<TrafficShare> {
        self.read(|fact| match fact {
            Fact::Traffic {
                revision, share, ..
            } if revision == of => Some(*share),
            _ => None,
        })
    }

    fn set_traffic(
        &self,
        service: &NodeKey,
        revision: &Revision,
        share: TrafficShare,
        write: Write<'_>,
    ) -> Reply<Written> {
        let (service, revision) = (service.clone(), revision.clone());
        let fact = Fact::Traffic {
            service,
            revision,
            share,
        };
        self.write(fact, write)
    }

    fn flag(&self, _: &NodeKey, _: &str) -> Reply<bool> {
        self.read(|fact| match fact {
            Fact::Flag { on, .. } => Some(*on),
            _ => None,
        })
    }

    fn set_flag(
        &self,
        service: &NodeKey,
        flag: &str,
        on: bool,
        write: Write<'_>,
    ) -> Reply<Written> {
        let (service, flag) = (service.clone(), flag.into());
        self.write(Fact::Flag { service, flag, on }, write)
    }

    fn replicas(&self, _: &NodeKey) -> Reply<u32> {
        self.read(|fact| match fact {
            Fact::Replicas { replicas, .. } => Some(*replicas),
            _ => None,
        })
    }

    fn scale(&self, service: &NodeKey, replicas: u32, write: Write<'_>) -> Reply<Written> {
        let service = service.clone();
        self.write(Fact::Replicas { service, replicas }, write)
    }

    fn started(&self, _: &NodeKey) -> Reply<Timestamp> {
        self.read(|fact| match fact {
            Fact::Started { since, .. } => Some(*since),
            _ => None,
        })
    }

    fn restart(
        &self,
        node: &NodeKey,
        started_before: Timestamp,
        write: Write<'_>,
    ) -> Reply<Written> {
        let (node, since) = (node.clone(), started_before);
        self.write(Fact::Started { node, since }, write)
    }

    fn is_held(&self, _: &NodeKey) -> Reply<bool> {
        let state = self.state();
        Ok(state
            .facts
            .iter()
            .any(|fact| matches!(fact, Fact::Held { .. })))
    }

    fn hold(&self, service: &NodeKey, write: Write<'_>) -> Reply<Written> {
        let service = service.clone();
        self.write(Fact::Held { service }, write)
    }

    fn escalate(&self, _: &NodeKey, _: &str, write: Write<'_>) -> Reply<Written> {
        let mut state = self.state();
        state.number += 1;
        state.by = Some(write.key);
        Ok(None)
    }
}

/// One capability, and nothing else: what a service runs.
#[derive(Debug)]
struct Single(Mutex<Revision>);

impl Platform for Single {
    fn can(&self, action: &Action) -> bool {
        matches!(action, Action::SetRevision { .. })
    }

    fn is_reached(&self, _: &Fact) -> Reply<bool> {
        Ok(true)
    }

    fn revision(&self, _: &NodeKey) -> Reply<Revision> {
        Ok(self.0.lock().unwrap().clone())
    }

    fn set_revision(&self, _: &NodeKey, to: &Revision, _: Write<'_>) -> Reply<Written> {
        self.0.lock().unwrap().clone_from(to);
        Ok(None)
    }
}

#[test]
fn a_whole_platform_keeps_every_law_in_every_action() {
    let restart = Action::Restart {
        node: cart(),
        started_before: at(50),
    };
    let started = Fact::Started {
        node: cart(),
        since: at(10),
    };
    for (action, before) in actions().into_iter().chain([(restart, started)]) {
        // All that a switch of colours reads is the share of the colour.
        let breaches = check(|| {
            let executor = PlatformExecutor::new(Whole::holding(before.clone()));
            let again = before.clone();
            Setting::new(executor, action.clone(), before.clone(), move |executor| {
                executor.platform().set(again.clone(), None);
            })
        });
        assert!(breaches.is_empty(), "{action}: {breaches:?}");
    }
}

#[test]
fn a_platform_of_one_capability_keeps_every_law_but_those_of_versions() {
    let action = Action::SetRevision {
        service: cart(),
        to: "r1".into(),
    };
    let breaches = check(|| {
        let executor = PlatformExecutor::new(Single(Mutex::new("r2".into())));
        Setting::new(executor, action.clone(), runs("r2"), |executor| {
            *executor.platform().0.lock().unwrap() = "r2".into();
        })
        .unversioned()
    });
    assert!(breaches.is_empty(), "{breaches:?}");
}

/// A request for an action, dry or not, under the key of a plan of it alone.
fn request(action: &Action, is_dry: bool) -> Request {
    let step = StepId::new(1);
    let plan = Plan::new(at(0), vec![Step::new(step, action.clone())], vec![]).unwrap();
    let effect = if is_dry {
        Effect::DryRun(action.clone())
    } else {
        Effect::Apply(action.clone())
    };
    Request::new(IdempotencyKey::effect(plan.id, step), 1, effect)
}

#[test]
fn what_is_left_out_is_unsupported_also_in_a_dry_run() {
    let executor = PlatformExecutor::new(Single(Mutex::new("r2".into())));
    let hold = Action::Hold { service: cart() };
    for is_dry in [true, false] {
        let outcome = executor.execute(&request(&hold, is_dry));
        let is_unsupported = matches!(outcome, Outcome::Refused(Refusal::Unsupported { .. }));
        assert!(is_unsupported, "{outcome:?}");
    }
    // Preconditions that nobody can check are not passed over.
    let back = Action::SetRevision {
        service: cart(),
        to: "r1".into(),
    };
    let alone = astern_rollback_policy::Precondition::NoOtherPlan { service: cart() };
    let outcome = executor.execute(&request(&back, false).requiring([alone]));
    let text = format!("{outcome:?}");
    assert!(
        text.contains("whether another plan acts on service/cart"),
        "{text}"
    );
    assert_eq!(executor.platform().0.lock().unwrap().as_str(), "r2");
}

#[test]
fn a_page_is_sent_once_also_by_an_executor_that_starts_again() {
    let page = Action::Escalate {
        service: cart(),
        reason: "look".into(),
    };
    let executor = PlatformExecutor::new(Whole::default());
    let mut asked = request(&page, false);
    asked.fence = 7;
    assert!(matches!(executor.execute(&asked), Outcome::Done(_)));
    let stored = serde_json::to_string(&executor.memory()).unwrap();
    let memory: ExecutorMemory = serde_json::from_str(&stored).unwrap();
    assert_eq!(memory, executor.memory());
    let executor = PlatformExecutor::remembering(Whole::default(), memory);
    assert!(matches!(executor.execute(&asked), Outcome::AlreadyDone(_)));
    assert_eq!(executor.platform().state().number, 0);
    asked.fence = 6;
    let outcome = executor.execute(&asked);
    assert!(matches!(
        outcome,
        Outcome::Refused(Refusal::Fenced { newest: 7, .. })
    ));
}

/// Loses the reply to every write, and never gets there or at once.
struct Losing(Single, bool);

impl Platform for Losing {
    fn can(&self, action: &Action) -> bool {
        self.0.can(action)
    }

    fn is_reached(&self, fact: &Fact) -> Reply<bool> {
        if self.1 {
            Ok(false)
        } else {
            self.0.is_reached(fact)
        }
    }

    fn revision(&self, service: &NodeKey) -> Reply<Revision> {
        self.0.revision(service)
    }

    fn set_revision(&self, service: &NodeKey, to: &Revision, write: Write<'_>) -> Reply<Written> {
        self.0.set_revision(service, to, write)?;
        let reason = "reset".into();
        Err(Trouble::Unknown(ExecError::Broken { reason }))
    }
}

#[test]
fn a_lost_reply_is_unknown_and_the_effect_is_found_again() {
    let executor = PlatformExecutor::new(Losing(Single(Mutex::new("r2".into())), false));
    let back = Action::SetRevision {
        service: cart(),
        to: "r1".into(),
    };
    let asked = request(&back, false);
    assert!(matches!(executor.execute(&asked), Outcome::Unknown(_)));
    assert!(matches!(executor.execute(&asked), Outcome::AlreadyDone(_)));
}

#[test]
fn what_is_asked_for_and_not_reached_is_not_shown() {
    let platform = Losing(Single(Mutex::new("r2".into())), true);
    let executor = PlatformExecutor::new(platform);
    let back = Action::SetRevision {
        service: cart(),
        to: "r1".into(),
    };
    let mut asked = request(&back, false);
    drop(executor.execute(&asked));
    let reached = Check::reached(runs("r1"), Duration::ZERO);
    asked.effect = Effect::Observe(vec![reached]);
    asked.key = IdempotencyKey::observation(asked.key.plan, asked.key.step, 1);
    let Outcome::Done(seen) = executor.execute(&asked) else {
        panic!("nothing was seen");
    };
    assert_eq!(seen.facts, []);
}

/// Does not answer questions.
struct Deaf;

impl Platform for Deaf {
    fn can(&self, _: &Action) -> bool {
        true
    }

    fn is_reached(&self, _: &Fact) -> Reply<bool> {
        Ok(true)
    }

    fn revision(&self, _: &NodeKey) -> Reply<Revision> {
        let reason = "reset".into();
        Err(Trouble::Unknown(ExecError::Broken { reason }))
    }
}

#[test]
fn what_fails_before_the_write_was_not_sent() {
    let back = Action::SetRevision {
        service: cart(),
        to: "r1".into(),
    };
    let outcome = PlatformExecutor::new(Deaf).execute(&request(&back, false));
    assert!(
        matches!(outcome, Outcome::Refused(Refusal::Busy { .. })),
        "{outcome:?}"
    );
}

#[test]
fn what_is_gone_is_left_out_where_something_else_is_seen() {
    let executor = PlatformExecutor::new(Whole::holding(runs("r2")));
    let gone = Fact::Config {
        service: cart(),
        revision: "c1".into(),
    };
    let checks = [runs("r2"), gone].map(|fact| Check::reached(fact, Duration::ZERO));
    let page = Action::Escalate {
        service: cart(),
        reason: "".into(),
    };
    let mut asked = request(&page, false);
    asked.effect = Effect::Observe(checks.to_vec());
    let Outcome::Done(seen) = executor.execute(&asked) else {
        panic!("nothing was seen");
    };
    assert_eq!(seen.facts, [runs("r2")]);
}
