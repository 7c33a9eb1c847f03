//! What a controller did to one run, and what users felt.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use astern::policy::Action;
use astern_graph_core::{
    Call, CallStatus, ChangeEvent, ChangeId, ChangeKind, ChangePhase, NodeKey, Record, Revision,
    Timestamp, TrafficShare,
};
use astern_sim::{Applied, SimExecutor, Simulator};
use astern_stats::robust;

use super::controller::Kind;
use super::family::Story;
use crate::EvalError;

/// A revision that served in the end is no longer counted as undone.
const AT_THE_END: Duration = Duration::from_secs(120);

/// Of the requests of the healthy phase; slower ones are bad.
const QUANTILE: f64 = 0.99;

/// What became of one run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outcome {
    /// From [`since`](Seen::since) to the first effect of any kind, right or not, s.
    pub(super) acted_s: Option<f64>,
    /// From there until no change that is to be undone is left, s; `None` where one is left, or none was there.
    pub(super) recovered_s: Option<f64>,
    /// Culprits that are not undone in the end.
    pub(super) missed: usize,
    /// Other changes that were undone.
    pub(super) wrong: BTreeSet<ChangeId>,
    /// How often a person was called.
    pub(super) pages: usize,
    /// Requests from outside that failed or were slow since the end of the healthy phase, beyond the share of the time before.
    pub(super) users: f64,
}

/// Plays a run with this controller.
pub(super) fn play(story: &Story, kind: Kind) -> Result<Outcome, EvalError> {
    let scenario = &story.scenario;
    let platform = SimExecutor::new(Simulator::new(scenario)?);
    let mut controller = kind.start(story)?;
    let end = scenario.start.plus(scenario.span);
    let mut seen = Seen::default();
    let mut now = scenario.start;
    while now < end {
        now = now.plus(scenario.step);
        let records = platform.advance(now)?;
        seen.take(&records);
        controller.step(records, now, &platform)?;
    }
    let is_on = |change: &ChangeEvent, flag: &str| -> Result<bool, EvalError> {
        let flags = platform.flags(&change.service);
        let flags = flags.map_err(|cause| EvalError::Control {
            outcome: cause.to_string(),
        })?;
        Ok(flags
            .iter()
            .any(|(name, share)| &**name == flag && *share > 0.0))
    };
    let mut left = BTreeSet::new();
    for change in &seen.started {
        let serves = if let ChangeKind::FeatureFlag { flag } = &change.kind {
            is_on(change, flag)?
        } else {
            let key = (change.service.clone(), change.to.clone());
            let last = seen.served.get(&key);
            last.is_some_and(|last| end.since(*last) < AT_THE_END)
        };
        if serves {
            left.insert(change.id.clone());
        }
    }
    Ok(seen.outcome(story, &platform.applied(), &left))
}

/// What went by.
#[derive(Debug, Default)]
struct Seen {
    started: Vec<ChangeEvent>,
    /// When each revision served last.
    served: BTreeMap<(NodeKey, Revision), Timestamp>,
    /// Requests from outside: when, how long in ms, whether it failed.
    requests: Vec<(Timestamp, f64, bool)>,
}

impl Seen {
    fn take(&mut self, records: &[Record]) {
        for record in records {
            match record {
                Record::Change(change) if change.phase == ChangePhase::Started => {
                    self.started.push(change.clone());
                }
                Record::Call(call) => self.take_call(call),
                _ => {}
            }
        }
    }

    fn take_call(&mut self, call: &Call) {
        if let Some(revision) = &call.callee.revision {
            let key = (call.callee.service.clone(), revision.clone());
            self.served.insert(key, call.at);
        }
        if let (None, Some(took)) = (&call.caller, call.client.or(call.server)) {
            let failed = call.status != CallStatus::Ok;
            self.requests
                .push((call.at, 1e3 * took.as_secs_f64(), failed));
        }
    }

    fn outcome(&self, story: &Story, applied: &[Applied], left: &BTreeSet<ChangeId>) -> Outcome {
        let scenario = &story.scenario;
        let undone = |change: &ChangeEvent| {
            let mut effects = applied.iter();
            effects.find(|effect| undoes(&effect.action, change))
        };
        let (mut wrong, mut missed, mut last) = (BTreeSet::new(), 0, None);
        for change in &self.started {
            let effect = undone(change);
            match (story.culprits.contains(&change.id), effect) {
                (true, Some(effect)) if !left.contains(&change.id) => {
                    last = last.max(Some(effect.at));
                }
                (true, _) => missed += 1,
                (false, Some(_)) => drop(wrong.insert(change.id.clone())),
                (false, None) => {}
            }
        }
        let since = self.since(story);
        let after = |at: Timestamp| at.since(since).as_secs_f64();
        let acted = applied
            .iter()
            .map(|effect| effect.at)
            .find(|at| *at >= since);
        Outcome {
            acted_s: acted.map(after),
            recovered_s: last.filter(|_| missed == 0).map(after),
            missed,
            wrong,
            pages: applied
                .iter()
                .filter(|effect| matches!(effect.action, Action::Escalate { .. }))
                .count(),
            users: self.users(scenario.start.plus(scenario.healthy)),
        }
    }

    /// When the first change starts that is to be undone; the end of the healthy phase, where none is.
    fn since(&self, story: &Story) -> Timestamp {
        let of_culprits = self.started.iter();
        let of_culprits = of_culprits.filter(|change| story.culprits.contains(&change.id));
        let first = of_culprits.map(|change| change.at).min();
        let scenario = &story.scenario;
        first.unwrap_or(scenario.start.plus(scenario.healthy))
    }

    /// Bad requests since a time, beyond the share before it.
    fn users(&self, since: Timestamp) -> f64 {
        let (before, after): (Vec<_>, Vec<_>) = self
            .requests
            .iter()
            .copied()
            .partition(|(at, ..)| *at < since);
        let took: Vec<f64> = before.iter().map(|(_, ms, _)| *ms).collect();
        let slow = robust::quantile(&took, QUANTILE).unwrap_or(f64::INFINITY);
        let bad = |requests: &[(Timestamp, f64, bool)]| {
            let bad = requests
                .iter()
                .filter(|(_, ms, failed)| *failed || *ms > slow);
            bad.count() as f64
        };
        let share = bad(&before) / (before.len() as f64).max(1.0);
        bad(&after) - share * after.len() as f64
    }
}

/// Whether an action takes a change back.
fn undoes(action: &Action, change: &ChangeEvent) -> bool {
    if *action.node() != change.service {
        return false;
    }
    match (action, &change.kind) {
        (Action::SetFlag { flag, on, .. }, ChangeKind::FeatureFlag { flag: of }) => {
            flag == of && !on
        }
        (Action::SetRevision { to, .. } | Action::SwitchColour { to, .. }, _) => *to != change.to,
        (
            Action::SetTraffic {
                revision, share, ..
            },
            _,
        ) => *revision == change.to && *share == TrafficShare::ZERO,
        _ => false,
    }
}
