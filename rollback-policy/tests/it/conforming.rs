//! The laws of an executor: the platform in memory keeps them, and each is broken by an executor that breaks it.

use std::cell::Cell;

use astern_graph_core::NodeKey;
use astern_rollback_policy::conformance::{Law, MemoryPlatform, Setting, check};
use astern_rollback_policy::{
    Action, Effect, Executor, Fact, Observed, Outcome, Request, TrafficShare,
};

use crate::world::service;

pub(crate) fn cart() -> NodeKey {
    service("cart")
}

pub(crate) fn runs(revision: &str) -> Fact {
    Fact::Revision {
        service: cart(),
        revision: revision.into(),
    }
}

fn gets(revision: &str, share: TrafficShare) -> Fact {
    Fact::Traffic {
        service: cart(),
        revision: revision.into(),
        share,
    }
}

fn flag(on: bool) -> Fact {
    let flag = "fast".into();
    Fact::Flag {
        service: cart(),
        flag,
        on,
    }
}

/// Each action with what holds before it.
pub(crate) fn actions() -> Vec<(Action, Fact)> {
    let to = || "r1".into();
    let flagged = Action::SetFlag {
        service: cart(),
        flag: "fast".into(),
        on: false,
    };
    let drained = Action::SetTraffic {
        service: cart(),
        revision: "r2".into(),
        share: TrafficShare::ZERO,
    };
    let config = |revision: &str| Fact::Config {
        service: cart(),
        revision: revision.into(),
    };
    let scaled = Action::Scale {
        service: cart(),
        replicas: 3,
    };
    let replicas = Fact::Replicas {
        service: cart(),
        replicas: 2,
    };
    vec![
        (action(), runs("r2")),
        (
            Action::SetConfig {
                service: cart(),
                to: to(),
            },
            config("r2"),
        ),
        (
            Action::SwitchColour {
                service: cart(),
                to: to(),
            },
            gets("r1", TrafficShare::ZERO),
        ),
        (drained, gets("r2", TrafficShare::FULL)),
        (flagged, flag(true)),
        (scaled, replicas),
    ]
}

fn action() -> Action {
    Action::SetRevision {
        service: cart(),
        to: "r1".into(),
    }
}

#[test]
fn the_platform_in_memory_keeps_every_law() {
    for (action, before) in actions() {
        let breaches = check(|| {
            let platform = MemoryPlatform::new();
            platform.set(before.clone());
            let again = before.clone();
            Setting::new(platform, action.clone(), before.clone(), move |platform| {
                platform.set(again.clone());
            })
        });
        assert!(breaches.is_empty(), "{action}: {breaches:?}");
        let breaches = check(|| {
            let platform = MemoryPlatform::unversioned();
            platform.set(before.clone());
            Setting::new(platform, action.clone(), before.clone(), |_| {})
                .unversioned()
                .forgetful()
        });
        assert!(breaches.is_empty(), "{action}: {breaches:?}");
    }
}

/// Breaks one law: it alters requests, or answers.
struct Broken {
    platform: MemoryPlatform,
    breaks: Law,
    looks: Cell<i64>,
}

impl Executor for Broken {
    fn execute(&self, request: &Request) -> Outcome {
        let mut request = request.clone();
        match (self.breaks, &request.effect) {
            (Law::Precondition, Effect::Apply(_)) | (Law::StaleVersion, _) => {
                request.requires.clear();
            }
            (Law::Fenced, _) => self.platform.forget(),
            (Law::KeyRemembered, _) => {
                let fence = request.fence;
                self.platform.forget();
                request.fence = fence;
            }
            (Law::DryRun, Effect::DryRun(action)) => request.effect = Effect::Apply(action.clone()),
            (Law::LostReply, Effect::Observe(_)) => return Outcome::Done(Observed::new()),
            (Law::Observation, Effect::Observe(_)) => {
                let number = self.looks.replace(self.looks.get() + 1);
                self.platform.set(runs(&format!("r{number}")));
            }
            _ => {}
        }
        match (self.breaks, self.platform.execute(&request)) {
            (Law::Once, Outcome::AlreadyDone(seen)) => Outcome::Done(seen),
            (Law::VersionOfEffect, Outcome::Done(mut seen)) => {
                seen.versions.clear();
                Outcome::Done(seen)
            }
            (_, outcome) => outcome,
        }
    }
}

#[test]
fn an_executor_that_breaks_a_law_is_found_out() {
    for breaks in [
        Law::Once,
        Law::LostReply,
        Law::KeyRemembered,
        Law::Precondition,
        Law::VersionOfEffect,
        Law::StaleVersion,
        Law::Fenced,
        Law::DryRun,
        Law::Observation,
    ] {
        let breaches = check(|| {
            let platform = MemoryPlatform::new();
            platform.set(runs("r2"));
            let looks = Cell::new(7);
            let broken = Broken {
                platform,
                breaks,
                looks,
            };
            Setting::new(broken, action(), runs("r2"), |broken| {
                broken.platform.set(runs("r2"));
            })
        });
        let found = breaches.iter().find(|breach| breach.law == breaks);
        assert!(found.is_some(), "{breaks:?}: {breaches:?}");
    }
}
