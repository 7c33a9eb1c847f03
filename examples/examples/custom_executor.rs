//! An executor of your own: an in-memory platform on which a plan is carried out and verified.
//!
//! `cargo run --release -p astern-examples --example custom_executor`
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "an example speaks to its reader")]

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use astern::graph::signal::{Assessment, BlamedChange, Diagnosis, Verdict};
use astern::graph::{
    Call, ChangeEvent, GraphBuilder, GraphParams, NodeKey, Party, Revision, Timestamp,
};
use astern::policy::{
    Action, Effect, ExecError, Executor, Fact, Mode, Observed, Outcome, Planner, PlannerParams,
    Recording, Refusal, Request, Run, RunParams, RunState, drive,
};

/// A platform that runs services, and loses its first reply: networks do.
struct Platform {
    revisions: Mutex<BTreeMap<NodeKey, Revision>>,
    replies_to_lose: Mutex<u32>,
}

impl Platform {
    fn observe(&self, service: &NodeKey) -> Observed {
        let revisions = self
            .revisions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match revisions.get(service) {
            Some(revision) => {
                let (service, revision) = (service.clone(), revision.clone());
                Observed::new().fact(Fact::Revision { service, revision })
            }
            None => Observed::new(),
        }
    }

    fn set(&self, service: &NodeKey, to: &Revision) -> Outcome {
        let mut revisions = self
            .revisions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(running) = revisions.get_mut(service) else {
            return Outcome::Refused(Refusal::NotFound {
                what: service.to_string().into(),
            });
        };
        // The first law of an executor: what is asked for already is answered before anything else.
        let known = running == to;
        running.clone_from(to);
        drop(revisions);
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
        let observed = self.observe(service);
        if known {
            Outcome::AlreadyDone(observed)
        } else {
            Outcome::Done(observed)
        }
    }
}

impl Executor for Platform {
    fn execute(&self, request: &Request) -> Outcome {
        match &request.effect {
            Effect::Apply(Action::SetRevision { service, to }) => self.set(service, to),
            Effect::DryRun(Action::SetRevision { service, .. }) => {
                Outcome::Done(self.observe(service))
            }
            Effect::Observe(checks) => {
                let mut observed = Observed::new();
                for check in checks {
                    if let astern::policy::Expectation::Is(fact) = &check.expect {
                        observed.facts.extend(self.observe(fact.node()).facts);
                    }
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
        revisions: Mutex::new([(cart.clone(), new)].into()),
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
