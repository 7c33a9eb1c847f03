//! An executor of your own: an in-memory platform on which a plan is carried out and verified, and the laws that it keeps.
//!
//! `cargo run --release -p astern-examples --example custom_executor`
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "an example speaks to its reader")]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use astern::graph::signal::{Assessment, BlamedChange, Diagnosis, Verdict};
use astern::graph::{
    Call, ChangeEvent, GraphBuilder, GraphParams, NodeKey, Party, Revision, Timestamp,
};
use astern::policy::conformance::{self, Breach, Setting};
use astern::policy::{
    Action, Check, Effect, ExecError, Executor, Expectation, Fact, IdempotencyKey, Mode, Observed,
    Outcome, Place, Planner, PlannerParams, Precondition, Recording, Refusal, Request, Run,
    RunParams, RunState, Version, drive,
};

/// A platform that runs services, and loses its first replies where it shall: networks do.
#[derive(Debug)]
struct Platform(Mutex<State>);

#[derive(Debug)]
struct State {
    /// What each service runs, and how often that was set by whomever: its version.
    services: BTreeMap<NodeKey, (Revision, u64)>,
    /// Effects that were carried out.
    done: BTreeSet<IdempotencyKey>,
    /// The greatest fence that was seen.
    fence: u64,
    replies_to_lose: u32,
}

impl Platform {
    fn new(service: &NodeKey, revision: &Revision, replies_to_lose: u32) -> Self {
        Self(Mutex::new(State {
            services: [(service.clone(), (revision.clone(), 1))].into(),
            done: BTreeSet::new(),
            fence: 0,
            replies_to_lose,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What somebody sets, also where it is as it was.
    fn set(&mut self, service: &NodeKey, to: &Revision) {
        if let Some((running, number)) = self.services.get_mut(service) {
            running.clone_from(to);
            *number += 1;
        }
    }

    fn observe(&self, service: &NodeKey) -> Observed {
        let Some((revision, number)) = self.services.get(service) else {
            return Observed::new();
        };
        let fact = Fact::Revision {
            service: service.clone(),
            revision: revision.clone(),
        };
        let version = Version::new(Place::code(service.clone()), number.to_string());
        Observed::new().fact(fact).version(version)
    }

    /// The first precondition that does not hold; one that cannot be checked does not.
    fn unmet<'a>(&self, requires: &'a [Precondition]) -> Option<&'a Precondition> {
        let running = |service| self.services.get(service);
        requires.iter().find(|precondition| {
            let holds = match precondition {
                Precondition::Is(Fact::Revision { service, revision }) => {
                    running(service).is_some_and(|(running, _)| running == revision)
                }
                Precondition::Unchanged { place, token } => {
                    let number = running(&place.node).map(|(_, number)| number.to_string());
                    number.as_deref() == Some(&**token)
                }
                // Nothing else acts here, and every revision can be run.
                Precondition::NoOtherPlan { .. } | Precondition::Available { .. } => true,
                _ => false,
            };
            !holds
        })
    }

    fn apply(&mut self, request: &Request, service: &NodeKey, to: &Revision) -> Outcome {
        let Some((running, _)) = self.services.get(service) else {
            return Outcome::Refused(Refusal::NotFound {
                what: service.to_string().into(),
            });
        };
        // The first law of an executor: what is asked for already, or was done under this key, is answered before
        // anything else.
        if running == to || self.done.contains(&request.key) {
            return Outcome::AlreadyDone(self.observe(service));
        }
        // The second: preconditions are checked with the write, here under one lock.
        if let Some(unmet) = self.unmet(&request.requires) {
            return Outcome::Refused(Refusal::PreconditionFailed {
                precondition: unmet.clone(),
                found: None,
            });
        }
        self.set(service, to);
        self.done.insert(request.key);
        if self.replies_to_lose > 0 {
            self.replies_to_lose -= 1;
            return Outcome::Unknown(ExecError::NoReply {
                waited: Duration::from_secs(5),
            });
        }
        Outcome::Done(self.observe(service))
    }

    fn observe_all(&self, checks: &[Check]) -> Observed {
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
        observed
    }
}

impl Executor for Platform {
    fn execute(&self, request: &Request) -> Outcome {
        let mut state = self.state();
        let (fence, newest) = (request.fence, state.fence);
        if fence < newest {
            return Outcome::Refused(Refusal::Fenced { fence, newest });
        }
        state.fence = fence;
        match &request.effect {
            Effect::Apply(Action::SetRevision { service, to }) => state.apply(request, service, to),
            Effect::DryRun(Action::SetRevision { service, .. }) => {
                match state.unmet(&request.requires) {
                    None => Outcome::Done(state.observe(service)),
                    Some(unmet) => Outcome::Refused(Refusal::PreconditionFailed {
                        precondition: unmet.clone(),
                        found: None,
                    }),
                }
            }
            // A page leaves nothing that could be observed: only its key tells that somebody was called.
            Effect::Apply(Action::Escalate { service, reason }) => {
                if !state.done.insert(request.key) {
                    return Outcome::AlreadyDone(Observed::new());
                }
                println!("pager: {service}: {reason}");
                Outcome::Done(Observed::new())
            }
            Effect::Observe(checks) => Outcome::Done(state.observe_all(checks)),
            other => Outcome::Refused(Refusal::Unsupported {
                what: format!("{other:?}").into(),
            }),
        }
    }
}

/// The laws of an executor, each on a platform of its own: run this in your tests.
fn breaches() -> Vec<Breach> {
    let cart = || NodeKey::service("cart");
    let (old, new) = (Revision::from("cart@sha-1"), Revision::from("cart@sha-2"));
    conformance::check(|| {
        let (platform, again) = (Platform::new(&cart(), &new, 0), new.clone());
        let action = Action::SetRevision {
            service: cart(),
            to: old.clone(),
        };
        let before = Fact::Revision {
            service: cart(),
            revision: new.clone(),
        };
        // Somebody else releases the same revision again.
        Setting::new(platform, action, before, move |platform: &Platform| {
            platform.state().set(&cart(), &again);
        })
    })
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

    let platform = Recording::new(Platform::new(&cart, &new, 1));
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
        platform.state().observe(&cart).facts,
        [Fact::Revision {
            service: cart,
            revision: old
        }]
    );
    let breaches = breaches();
    println!("\nlaws of an executor that it breaks: {}", breaches.len());
    assert!(breaches.is_empty(), "{breaches:?}");
    Ok(())
}
