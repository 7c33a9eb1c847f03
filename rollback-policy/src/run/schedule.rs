//! Which step may start, which never will, and what each then requires.

use std::collections::{BTreeMap, BTreeSet};

use crate::place::Place;
use crate::plan::{Precondition, Step, StepId};
use crate::run::{Mode, Run, StepStatus};

impl Run {
    /// What a step requires. In a dry run without what a step before it would bring about: that
    /// step was not done, so it cannot hold yet.
    pub(super) fn required(&self, step: &Step) -> Vec<Precondition> {
        let mut required = step.requires.clone();
        if self.mode == Mode::DryRun {
            let before = self.before(step);
            let targets: Vec<_> = self
                .plan
                .steps
                .iter()
                .filter(|s| before.contains(&s.id))
                .collect();
            required.retain(|condition| {
                let Precondition::Is(wanted) = condition else {
                    return true;
                };
                let brings = |s: &&Step| s.action.target()?.satisfies(wanted);
                !targets.iter().any(|s| brings(s) == Some(true))
            });
        }
        required
    }

    /// All steps that come before one, directly or not.
    fn before(&self, step: &Step) -> BTreeSet<StepId> {
        let mut before = BTreeSet::new();
        let mut open: Vec<StepId> = step.after.clone();
        while let Some(id) = open.pop() {
            if before.insert(id) {
                open.extend(self.plan.step(id).into_iter().flat_map(|s| &s.after));
            }
        }
        before
    }

    /// Skips, starts and judges whatever the state of the other steps allows.
    pub(super) fn advance(&mut self) {
        self.skip();
        self.start();
        if !self.progress.iter().any(|p| p.status.is_to_come()) {
            for index in 0..self.progress.len() {
                self.with(index, |progress, context| {
                    if progress.status == StepStatus::Settled {
                        progress.recover(context);
                    }
                });
            }
        }
    }

    /// Skips steps after one that failed, until there is no more to skip.
    fn skip(&mut self) {
        if self.mode == Mode::DryRun {
            return;
        }
        loop {
            let dead: BTreeSet<StepId> = self
                .parts()
                .filter(|(_, p)| p.status.is_final() && !self.lets_go_on(&p.status))
                .map(|(step, _)| step.id)
                .collect();
            let unseen = self.unseen();
            let mut skipped = false;
            for (step, progress) in self.plan.steps.iter().zip(&mut self.progress) {
                let place = step.action.place();
                let of_place = place.and_then(|place| unseen.get(&place));
                let because = step.after.iter().find(|after| dead.contains(after));
                let because = because.or(of_place);
                if let (StepStatus::Waiting, Some(because)) = (&progress.status, because) {
                    progress.finish(StepStatus::Skipped { because: *because });
                    skipped = true;
                }
            }
            if !skipped {
                return;
            }
        }
    }

    /// Places that could not be looked at, each with the step that tried.
    fn unseen(&self) -> BTreeMap<Place, StepId> {
        let failed = self.parts().filter(|(step, progress)| {
            let place = step.action.place();
            let is_seen = place.is_none_or(|place| self.versions.contains_key(&place));
            progress.status.is_final() && !is_seen
        });
        let of_place = failed.filter_map(|(step, _)| Some((step.action.place()?, step.id)));
        of_place.collect()
    }

    /// Starts steps in the order of the plan, as many as may run at the same time.
    fn start(&mut self) {
        let done: BTreeMap<StepId, bool> = self
            .parts()
            .map(|(step, p)| (step.id, self.lets_go_on(&p.status)))
            .collect();
        let under_way = self
            .parts()
            .filter(|(s, p)| s.action.changes_service() && p.status.is_under_way());
        let max_parallel = usize::try_from(self.params.max_parallel).unwrap_or(usize::MAX);
        let mut taken: BTreeSet<Place> = self
            .parts()
            .filter(|(_, progress)| progress.status.is_under_way())
            .filter_map(|(step, _)| step.action.place())
            .collect();
        let mut free = max_parallel.saturating_sub(under_way.count());
        for (step, progress) in self.plan.steps.iter().zip(&mut self.progress) {
            let place = step.action.place();
            let is_seen =
                |place: &Place| self.mode == Mode::DryRun || self.versions.contains_key(place);
            let is_free = |place: &Place| !taken.contains(place) && is_seen(place);
            let is_done = |after| done.get(after) == Some(&true);
            let is_ready = place.as_ref().is_none_or(is_free) && step.after.iter().all(is_done);
            if progress.status != StepStatus::Waiting || !is_ready {
                continue;
            }
            if step.action.changes_service() {
                if free == 0 {
                    continue;
                }
                free -= 1;
            }
            taken.extend(place);
            progress.start(self.clock);
        }
    }

    /// Whether the steps after one with this status may start.
    fn lets_go_on(&self, status: &StepStatus) -> bool {
        let unverified = matches!(status, StepStatus::Unverified { .. });
        status.has_settled()
            || (unverified && self.params.proceed_unverified)
            || (self.mode == Mode::DryRun && status.is_final())
    }
}
