//! An executor of your own: an in-memory platform on which a plan is carried out and verified.
//!
//! `cargo run --release -p astern-examples --example custom_executor`
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "an example speaks to its reader")]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use astern::graph::signal::{Assessment, BlamedChange, Diagnosis, Verdict};
use astern::graph::{
    Call, ChangeEvent, GraphBuilder, GraphParams, NodeKey, Party, Revision, Timestamp,
};
use astern::policy::{
    Action, Effect, ExecError, Executor, Expectation, Fact, Mode, Observed, Outcome, Place,
    Planner, PlannerParams, Precondition, Recording, Refusal, Request, Run, RunParams, RunState,
    Version, drive,
};

/// A platform that runs services, and loses its first reply: networks do.
struct Platform {
    /// What each service runs, and how often that was set by whomever: its version.
    services: Mutex<BTreeMap<NodeKey, (Revision, u64)>>,
    replies_to_lose: Mutex<u32>,
}

impl Platform {
    fn observe(&self, service: &NodeKey) -> Observed {
        let services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((revision, number)) = services.get(service) else {
            return Observed::new();
        };
        let fact = Fact::Revision {
            service: service.clone(),
            revision: revision.clone(),
        };
        let version = Version::new(Place::code(service.clone()), number.to_string());
        Observed::new().fact(fact).version(version)
    }

    fn set(&self, service: &NodeKey, to: &Revision, requires: &[Precondition]) -> Outcome {
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((running, number)) = services.get_mut(service) else {
            return Outcome::Refused(Refusal::NotFound {
                what: service.to_string().into(),
            });
        };
        // The first law of an executor: what is asked for already is answered before anything else.
        if running == to {
            drop(services);
            return Outcome::AlreadyDone(self.observe(service));
        }
        // The second: preconditions are checked with the write, here under one lock.
        for precondition in requires {
            let holds = match precondition {
                Precondition::Is(Fact::Revision { revision, .. }) => revision == running,
                Precondition::Unchanged { token, .. } => **token == *number.to_string(),
                // Nothing else acts here, and every revision can be run.
                Precondition::NoOtherPlan { .. } | Precondition::Available { .. } => true,
                // What cannot be checked is refused.
                _ => false,
            };
            if !holds {
                return Outcome::Refused(Refusal::PreconditionFailed {
                    precondition: precondition.clone(),
                    found: None,
                });
            }
        }
        running.clone_from(to);
        *number += 1;
        drop(services);
        let mut lose = self
            .replies_to_lose
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if *lose > 0 {
            *lose -= 1;
            return Outcome::Unknown(ExecError::NoReply {
                waited: Duration::from_secs(5),
            });
        }
        Outcome::Done(self.observe(service))
    }
}

impl Executor for Platform {
    fn execute(&self, request: &Request) -> Outcome {
        match &request.effect {
            Effect::Apply(Action::SetRevision { service, to }) => {
                self.set(service, to, &request.requires)
            }
            Effect::DryRun(Action::SetRevision { service, .. }) => {
                Outcome::Done(self.observe(service))
            }
            Effect::Observe(checks) => {
                let services = checks.iter().filter_map(|check| match &check.expect {
                    Expectation::Is(fact) => Some(fact.node()),
                    _ => None,
                });
                let mut observed = Observed::new();
                for service in services.collect::<BTreeSet<_>>() {
                    let seen = self.observe(service);
                    observed.facts.extend(seen.facts);
                    observed.versions.extend(seen.versions);
                }
                Outcome::Done(observed)
            }
            other => Outcome::Refused(Refusal::Unsupported {
                what: format!("{other:?}").into(),
            }),
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // web calls cart ten times a second; cart was released a minute ago and is to blame.
    let (web, cart) = (NodeKey::service("web"), NodeKey::service("cart"));
    let start = Timestamp::from_secs(1_700_000_000);
    let mut now = start.plus(Duration::from_secs(60));
    let mut builder = GraphBuilder::new(GraphParams::default().step(Duration::from_secs(10)))?;
    builder.extend((0..600).map(|i| {
        let at = start.plus(Duration::from_millis(100 * i));
        Call::new(at, Party::new(cart.clone()))
            .from(Party::new(web.clone()))
            .into()
    }));
    let (old, new) = (Revision::from("cart@sha-1"), Revision::from("cart@sha-2"));
    let release = ChangeEvent::new(
        "cart-2",
        start,
        cart.clone(),
        Some(old.clone()),
        new.clone(),
    );
    let blamed = BlamedChange::new(release.id.clone(), cart.clone(), Some(0.92));
    let diagnosis = Diagnosis::new(Vec::new(), vec![blamed]);

    let planner = Planner::new(PlannerParams::default().traffic_window(Duration::from_secs(60)))?;
    let assessment = Assessment::new(Verdict::Regressed);
    let plan = planner.plan(&builder.build(), &assessment, &diagnosis, &[release], now)?;
    println!("{plan}\n");

    let platform = Recording::new(Platform {
        services: Mutex::new([(cart.clone(), (new, 1))].into()),
        replies_to_lose: Mutex::new(1),
    });
    let mut run = Run::new(plan, Mode::Apply, 1, RunParams::default(), now)?;
    // A run never waits: it says when it wants to go on, and a loop with a clock would sleep.
    while let Some(next) = drive(&mut run, &platform, now)? {
        now = next;
    }
    let (platform, exchanges) = platform.into_parts();
    for exchange in exchanges {
        println!("{:?}\n  -> {:?}", exchange.request.effect, exchange.outcome);
    }
    println!("\n{}", run.summary());
    assert_eq!(run.state(), RunState::Succeeded);
    assert_eq!(
        platform.observe(&cart).facts,
        [Fact::Revision {
            service: cart,
            revision: old
        }]
    );
    Ok(())
}
