//! A platform that keeps the laws of an executor, and whose network does not.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use astern_graph_core::ChangeEvent;
use astern_rollback_policy::conformance::MemoryPlatform;
use astern_rollback_policy::{
    Effect, ExecError, Executor, Fact, IdempotencyKey, Outcome, Refusal, Request, TrafficShare,
};

/// What happens to one request on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Lost before it was carried out.
    LostRequest,
    /// Lost after it was carried out.
    LostReply,
    /// Refused for now.
    Busy,
    /// An observation is not supported; an effect is carried out.
    Blind,
}

#[derive(Debug, Default)]
pub(crate) struct Platform {
    platform: MemoryPlatform,
    faults: Mutex<VecDeque<Fault>>,
}

impl Platform {
    /// On which these releases are the last thing that happened.
    pub(crate) fn after(releases: &[ChangeEvent]) -> Self {
        let platform = Self::default();
        for release in releases {
            let (service, revision) = (release.service.clone(), release.to.clone());
            platform.set(Fact::Revision { service, revision });
        }
        platform
    }

    pub(crate) fn with_faults(self, faults: impl IntoIterator<Item = Fault>) -> Self {
        self.faults.lock().unwrap().extend(faults);
        self
    }

    pub(crate) fn set(&self, fact: Fact) {
        self.platform.set(fact);
    }

    /// Gives all traffic to the new revision of a release, as a canary at its end has it.
    pub(crate) fn give_all_to(&self, release: &ChangeEvent) {
        let old = release.from.clone().unwrap();
        for (revision, share) in [
            (old, TrafficShare::ZERO),
            (release.to.clone(), TrafficShare::FULL),
        ] {
            let service = release.service.clone();
            self.set(Fact::Traffic {
                service,
                revision,
                share,
            });
        }
    }

    pub(crate) fn is(&self, wanted: &Fact) -> bool {
        self.platform.holds(wanted)
    }

    /// The effects that changed something, in order.
    pub(crate) fn writes(&self) -> Vec<IdempotencyKey> {
        self.platform
            .writes()
            .into_iter()
            .map(|(key, _)| key)
            .collect()
    }
}

impl Executor for Platform {
    fn execute(&self, request: &Request) -> Outcome {
        let fault = self.faults.lock().unwrap().pop_front();
        let lost = || {
            Outcome::Unknown(ExecError::Broken {
                reason: "reset".into(),
            })
        };
        match (fault.unwrap_or(Fault::None), &request.effect) {
            (Fault::LostRequest, _) => lost(),
            (Fault::LostReply, _) => {
                self.platform.execute(request);
                lost()
            }
            (Fault::Busy, _) => Outcome::Refused(Refusal::Busy {
                reason: "rate".into(),
                retry_after: Duration::from_secs(2),
            }),
            (Fault::Blind, Effect::Observe(_)) => Outcome::Refused(Refusal::Unsupported {
                what: "observing".into(),
            }),
            _ => self.platform.execute(request),
        }
    }
}
