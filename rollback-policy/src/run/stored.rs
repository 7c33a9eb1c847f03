//! Runs as bytes, and the checks on what comes back from them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use astern_graph_core::codec::Format;
use astern_graph_core::{CodecError, Timestamp};

use crate::place::Place;
use crate::plan::{Plan, Step, StepId};
use crate::run::progress::Progress;
use crate::run::{Mode, Run, RunError, RunParams, StepStatus};

const FORMAT: Format = Format {
    name: "a run",
    magic: *b"ASTNRUN\0",
    version: 3,
};

/// A run as it is stored: all but its parameters.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    plan: Cow<'a, Plan>,
    mode: Mode,
    fence: u64,
    clock: Timestamp,
    progress: Cow<'a, [Progress]>,
    versions: Cow<'a, BTreeMap<Place, Option<Arc<str>>>>,
}

impl Run {
    /// The run as bytes, at whatever point it is. Parameters are not part of it.
    ///
    /// # Errors
    /// [`CodecError`] when it cannot be serialised.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        FORMAT.encode(&Stored {
            plan: Cow::Borrowed(&self.plan),
            mode: self.mode,
            fence: self.fence,
            clock: self.clock,
            progress: Cow::Borrowed(&self.progress),
            versions: Cow::Borrowed(&self.versions),
        })
    }

    /// A run from [`to_bytes`](Self::to_bytes), under the parameters of its new holder; it keeps its
    /// mode. Call [`resume`](Self::resume) next where its holder may have died meanwhile.
    ///
    /// # Errors
    /// [`RunError::Codec`] for bytes of another format or version, or damaged ones,
    /// [`RunError::Plan`], [`RunError::NotAgreed`], [`RunError::Progress`] and [`RunError::Stuck`] for a state that does not fit
    /// together, and [`RunError::Param`] for a parameter outside its rule.
    pub fn from_bytes(bytes: &[u8], params: RunParams) -> Result<Self, RunError> {
        params.check()?;
        let stored: Stored<'_> = FORMAT.decode(bytes)?;
        let (plan, progress) = (stored.plan.into_owned(), stored.progress.into_owned());
        plan.validate()?;
        if stored.mode == Mode::Ask {
            return Err(RunError::NotAgreed);
        }
        if progress.len() != plan.steps.len() {
            let (progress, steps) = (progress.len(), plan.steps.len());
            return Err(RunError::Progress { progress, steps });
        }
        let mut states = plan.steps.iter().zip(&progress);
        if let Some((step, _)) = states.find(|(_, progress)| progress.is_stuck(stored.clock)) {
            return Err(RunError::Stuck { step: step.id });
        }
        let mut run = Self {
            plan,
            mode: stored.mode,
            fence: stored.fence,
            params,
            clock: stored.clock,
            progress,
            versions: stored.versions.into_owned(),
        };
        // Nothing is left to do here for a run that was stored whole; a damaged one goes on.
        run.advance();
        match run.unlooked() {
            Some(step) => Err(RunError::Stuck { step }),
            None => Ok(run),
        }
    }

    /// A step that waits for its place to be looked at, which no step does: only damage leads there.
    fn unlooked(&self) -> Option<StepId> {
        let place = |(step, progress): (&Step, &Progress), status| {
            let place = step.action.place().filter(|_| progress.status == status);
            place.map(|place| (place, step.id))
        };
        let states = || self.plan.steps.iter().zip(&self.progress);
        let looked = states().filter_map(|state| place(state, StepStatus::Looking));
        let looked: BTreeSet<Place> = looked.map(|(place, _)| place).collect();
        let is_seen = |place: &Place| self.versions.contains_key(place) || looked.contains(place);
        let mut waiting = states().filter_map(|state| place(state, StepStatus::Waiting));
        let unlooked = waiting.find(|(place, _)| !is_seen(place));
        unlooked
            .filter(|_| self.mode == Mode::Apply)
            .map(|(_, step)| step)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use astern_graph_core::NodeKey;

    use super::*;
    use crate::action::Action;
    use crate::run::params::WAIT_MAX;
    use crate::run::progress::Timer;

    const NOW: Timestamp = Timestamp::from_secs(1_000);

    /// A run of two steps, which look at their places, altered and stored.
    fn restored(alter: impl Fn(&mut [Progress])) -> Result<Run, RunError> {
        let set = |service: &str| Action::SetRevision {
            service: NodeKey::service(service),
            to: "r1".into(),
        };
        let first = Step::new(StepId::new(1), set("cart"));
        let second = Step::new(StepId::new(2), set("web")).after([first.id]);
        let plan = Plan::new(NOW, vec![first, second], Vec::new()).unwrap();
        let mut run = Run::new(plan, Mode::Apply, 1, RunParams::default(), NOW).unwrap();
        alter(&mut run.progress);
        Run::from_bytes(&run.to_bytes().unwrap(), RunParams::default())
    }

    #[test]
    fn a_step_that_waits_for_nothing_or_for_too_long_is_refused() {
        let stuck = |alter: fn(&mut [Progress])| {
            let Err(RunError::Stuck { step }) = restored(alter) else {
                panic!("not refused")
            };
            step.number()
        };
        assert!(restored(|_| {}).is_ok());
        assert!(restored(|steps| steps[0].timer = Timer::Due(NOW.plus(WAIT_MAX))).is_ok());
        assert_eq!(stuck(|steps| steps[0].timer = Timer::Off), 1);
        assert_eq!(
            stuck(|steps| {
                let until = NOW.plus(WAIT_MAX).plus(Duration::from_nanos(1));
                steps[0].timer = Timer::Awaited { sent: NOW, until };
            }),
            1
        );
        assert_eq!(
            stuck(|steps| steps[0].since = NOW.plus(Duration::from_nanos(1))),
            1
        );
        assert_eq!(stuck(|steps| steps[1].status = StepStatus::Waiting), 2);
        // Nobody looks at the place that the second waits for.
        let waits = |steps: &mut [Progress]| {
            (steps[1].status, steps[1].timer) = (StepStatus::Waiting, Timer::Off);
        };
        assert_eq!(stuck(waits), 2);
    }
}
