//! An executor of your own: a platform by what it can do, a plan that is carried out on it and verified, and the laws that it
//! keeps.
//!
//! `cargo run --release -p astern-examples --example custom_executor`
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "an example speaks to its reader")]

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use astern::graph::{NodeKey, Revision, Timestamp};
use astern::policy::conformance::{self, Breach, Setting};
use astern::policy::platform::{Platform, PlatformExecutor, Reply, Write, Written};
use astern::policy::{
    Action, Fact, Mode, Place, Plan, Precondition, Recording, Refusal, Run, RunParams, RunState,
    Step, StepId, Version, drive,
};

/// What each service runs, and how often that was set by whomever: its version.
#[derive(Debug)]
struct Fleet(Mutex<BTreeMap<NodeKey, (Revision, u64)>>);

impl Fleet {
    fn running(service: &NodeKey, revision: &Revision) -> Self {
        Self(Mutex::new(
            [(service.clone(), (revision.clone(), 1))].into(),
        ))
    }

    fn services(&self) -> MutexGuard<'_, BTreeMap<NodeKey, (Revision, u64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, service: &NodeKey) -> Reply<(Revision, u64)> {
        let what = || service.to_string().into();
        let found = self.services().get(service).cloned();
        Ok(found.ok_or_else(|| Refusal::NotFound { what: what() })?)
    }

    /// What anybody sets, also where it is as it was; where it must have a version still, under the same lock.
    fn set(&self, service: &NodeKey, to: &Revision, only_at: Option<&str>) -> Reply<Written> {
        let mut services = self.services();
        let what = || service.to_string().into();
        let (running, number) = services
            .get_mut(service)
            .ok_or_else(|| Refusal::NotFound { what: what() })?;
        if only_at.is_some_and(|version| version != number.to_string()) {
            let (reason, retry_after) = ("it was changed meanwhile".into(), Duration::ZERO);
            return Err(Refusal::Busy {
                reason,
                retry_after,
            }
            .into());
        }
        running.clone_from(to);
        *number += 1;
        let place = Place::code(service.clone());
        Ok(Some(Version::new(place, number.to_string())))
    }
}

impl Platform for Fleet {
    fn can(&self, action: &Action) -> bool {
        matches!(action, Action::SetRevision { .. } | Action::Escalate { .. })
    }

    /// An instance is replaced at once: what is asked for is there.
    fn is_reached(&self, _: &Fact) -> Reply<bool> {
        Ok(true)
    }

    fn revision(&self, service: &NodeKey) -> Reply<Revision> {
        Ok(self.of(service)?.0)
    }

    fn set_revision(&self, service: &NodeKey, to: &Revision, write: Write<'_>) -> Reply<Written> {
        self.set(service, to, write.version)
    }

    /// The registry keeps every image.
    fn is_available(&self, _: &NodeKey, _: &Revision) -> Reply<bool> {
        Ok(true)
    }

    /// Nothing else rolls back here.
    fn is_alone(&self, _: &NodeKey) -> Reply<bool> {
        Ok(true)
    }

    fn version(&self, place: &Place) -> Reply<Option<Version>> {
        let (_, number) = self.of(&place.node)?;
        Ok(Some(Version::new(place.clone(), number.to_string())))
    }

    fn escalate(&self, service: &NodeKey, reason: &str, _: Write<'_>) -> Reply<Written> {
        println!("pager: {service}: {reason}");
        Ok(None)
    }
}

fn cart() -> NodeKey {
    NodeKey::service("cart")
}

fn runs(revision: &Revision) -> Fact {
    Fact::Revision {
        service: cart(),
        revision: revision.clone(),
    }
}

fn back_to(revision: &Revision) -> Action {
    Action::SetRevision {
        service: cart(),
        to: revision.clone(),
    }
}

/// The laws of an executor, each on a platform of its own: run this in your tests.
fn breaches() -> Vec<Breach> {
    let (old, new) = (Revision::from("cart@sha-1"), Revision::from("cart@sha-2"));
    conformance::check(|| {
        let executor = PlatformExecutor::new(Fleet::running(&cart(), &new));
        let again = new.clone();
        // Somebody else releases the same revision again.
        Setting::new(executor, back_to(&old), runs(&new), move |executor| {
            let _ = executor.platform().set(&cart(), &again, None);
        })
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let (old, new) = (Revision::from("cart@sha-1"), Revision::from("cart@sha-2"));
    let mut now = Timestamp::from_secs(1_700_000_000);
    // A planner makes such steps of a diagnosis: see the quickstart.
    let step = Step::new(StepId::new(1), back_to(&old)).requiring([Precondition::Is(runs(&new))]);
    let plan = Plan::new(now, vec![step], Vec::new())?;
    println!("{plan}\n");

    let executor = PlatformExecutor::new(Fleet::running(&cart(), &new));
    let executor = Recording::new(executor);
    let mut run = Run::new(plan, Mode::Apply, 1, RunParams::default(), now)?;
    // A run never waits: it says when it wants to go on, and a loop with a clock would sleep.
    while let Some(next) = drive(&mut run, &executor, now)? {
        now = next;
    }
    let (executor, exchanges) = executor.into_parts();
    for exchange in exchanges {
        println!("{:?}\n  -> {:?}", exchange.request.effect, exchange.outcome);
    }
    println!("\n{}", run.summary());
    assert_eq!(run.state(), RunState::Succeeded);
    assert_eq!(executor.platform().of(&cart())?.0, old);
    let breaches = breaches();
    println!("\nlaws of an executor that it breaks: {}", breaches.len());
    assert!(breaches.is_empty(), "{breaches:?}");
    Ok(())
}
