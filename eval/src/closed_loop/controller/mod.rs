//! Who watches and acts: the guard, and the controls that it is compared with.

mod by_change;
mod guarded;
mod latest;
mod nobody;
mod oracle;

use std::collections::BTreeMap;
use std::time::Duration;

use astern::detect::release::ReleaseJudgeParams;
use astern::policy::{
    Action, Effect, Executor as _, IdempotencyKey, Outcome, Plan, Request, Step, StepId,
};
use astern_graph_core::{ChangeEvent, ChangeId, ChangeKind, ChangePhase, Record, Timestamp};
use astern_sim::SimExecutor;

use super::family::Story;
use crate::EvalError;
use by_change::{ByChange, Extent};
use guarded::Guarded;
use latest::Latest;
use nobody::Nobody;
use oracle::Oracle;

/// Acts on a platform by what telemetry says.
pub(super) trait Controller {
    /// Takes in the records of a step that ends now, and acts.
    fn step(
        &mut self,
        records: Vec<Record>,
        now: Timestamp,
        platform: &SimExecutor,
    ) -> Result<(), EvalError>;
}

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Guard,
    Argo,
    Flagger,
    KayentaAll,
    Latest,
    /// It waits for a test.
    Tested,
    /// It acts at once.
    Oracle,
    Nobody,
}

impl Kind {
    pub(super) const ALL: [Self; 8] = [
        Self::Guard,
        Self::Argo,
        Self::Flagger,
        Self::KayentaAll,
        Self::Latest,
        Self::Tested,
        Self::Oracle,
        Self::Nobody,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Guard => "Astern",
            Self::Argo => "Argo Rollouts' analysis",
            Self::Flagger => "Flagger's analysis",
            Self::KayentaAll => "Kayenta's judge, all back",
            Self::Latest => "the latest back",
            Self::Tested => "oracle with a test",
            Self::Oracle => "oracle",
            Self::Nobody => "nobody acts",
        }
    }

    pub(super) fn start(self, story: &Story) -> Result<Box<dyn Controller>, EvalError> {
        let step = story.scenario.step;
        let judged =
            |judge: ReleaseJudgeParams, extent| -> Result<Box<dyn Controller>, EvalError> {
                Ok(Box::new(ByChange::new(judge, extent, &story.scenario)?))
            };
        match self {
            Self::Guard => Ok(Box::new(Guarded::new(step)?)),
            Self::Argo => judged(
                ReleaseJudgeParams::ArgoRollouts(<_>::default()),
                Extent::Own,
            ),
            Self::Flagger => judged(ReleaseJudgeParams::Flagger(<_>::default()), Extent::Own),
            Self::KayentaAll => judged(ReleaseJudgeParams::Kayenta(<_>::default()), Extent::All),
            Self::Latest => Ok(Box::new(Latest::new(step)?)),
            Self::Tested => Ok(Box::new(Oracle::that_tests(story))),
            Self::Oracle => Ok(Box::new(Oracle::new(story))),
            Self::Nobody => Ok(Box::new(Nobody)),
        }
    }
}

/// Changes that have started, in the order of their start, as controls know them.
#[derive(Debug, Default)]
struct Started {
    changes: Vec<ChangeEvent>,
    undone: BTreeMap<ChangeId, Timestamp>,
}

impl Started {
    fn take(&mut self, records: &[Record]) {
        let changes = records.iter().filter_map(|record| match record {
            Record::Change(change) if change.phase == ChangePhase::Started => Some(change),
            _ => None,
        });
        self.changes.extend(changes.cloned());
    }

    /// Those that nobody has undone, oldest first.
    fn active(&self) -> impl DoubleEndedIterator<Item = &ChangeEvent> {
        let all = self.changes.iter();
        all.filter(|change| !self.undone.contains_key(&change.id))
    }

    /// Undoes one at once, whatever it is.
    fn undo(
        &mut self,
        change: &ChangeEvent,
        now: Timestamp,
        platform: &SimExecutor,
    ) -> Result<(), EvalError> {
        self.undone.insert(change.id.clone(), now);
        match undo(change) {
            Some(action) => send(action, now, platform),
            None => Ok(()),
        }
    }
}

/// What undoes a change, if anything does.
fn undo(change: &ChangeEvent) -> Option<Action> {
    let service = change.service.clone();
    match &change.kind {
        ChangeKind::FeatureFlag { flag } => Some(Action::SetFlag {
            service,
            flag: flag.clone(),
            on: false,
        }),
        _ => change
            .from
            .clone()
            .map(|to| Action::SetRevision { service, to }),
    }
}

/// One action, sent as it is.
fn send(action: Action, now: Timestamp, platform: &SimExecutor) -> Result<(), EvalError> {
    let step = StepId::new(1);
    let plan = Plan::new(now, vec![Step::new(step, action.clone())], vec![])?;
    let key = IdempotencyKey::effect(plan.id, step);
    match platform.execute(&Request::new(key, 1, Effect::Apply(action))) {
        Outcome::Done(_) | Outcome::AlreadyDone(_) => Ok(()),
        refused => Err(EvalError::Control {
            outcome: format!("{refused:?}"),
        }),
    }
}

/// How long a control waits to see what an undo has changed.
const WAIT: Duration = Duration::from_secs(300);
