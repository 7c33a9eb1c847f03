//! The whole loop in one call, for callers that may block.

use std::collections::VecDeque;

use astern_detect::Detector;
use astern_graph_core::{Record, Timestamp};
use astern_rca::Ranker;
use astern_rollback_policy::Executor;

use super::{Event, Guard, instrument};

impl<R: Ranker, D: Detector> Guard<R, D> {
    /// Takes records in, carries out what is asked for, and gives back all that happened, in order:
    /// [`observe`](Self::observe), then for each [`Event::Execute`] what the executor makes of it and
    /// [`report`](Self::report), until nothing more is asked for now. The state is [stored](Self::stored) before any request leaves.
    ///
    /// Call it when there are records, at the end of each step, and at the [`deadline`](Self::deadline). It ends, since a run
    /// asks for nothing twice at the same instant. What the executor takes long for blocks the caller: who has a runtime writes
    /// the same loop around `observe`, `stored` and `report`.
    ///
    /// # Example
    /// ```
    /// use astern::graph::Timestamp;
    /// use astern::policy::DryRun;
    /// use astern::{Guard, GuardParams};
    ///
    /// let mut guard = Guard::new(GuardParams::default())?;
    /// let store = |state: &[u8]| {
    ///     std::fs::write("guard.new", state)?;
    ///     std::fs::rename("guard.new", "guard.state")
    /// };
    /// for event in guard.tick([], Timestamp::from_secs(60), &DryRun, store) {
    ///     println!("{event}");
    /// }
    /// # Ok::<(), astern::Error>(())
    /// ```
    pub fn tick<E>(
        &mut self,
        records: impl IntoIterator<Item = Record>,
        now: Timestamp,
        executor: &dyn Executor,
        mut store: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Vec<Event>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let events = self.observe(records, now);
        let mut waiting = VecDeque::from(self.stored(events, &mut store));
        let mut happened = Vec::new();
        while let Some(event) = waiting.pop_front() {
            if let Event::Execute(request) = &event {
                let outcome = executor.execute(request);
                match self.report(&request.key, outcome, now) {
                    Ok(events) => waiting.extend(self.stored(events, &mut store)),
                    Err(error) => {
                        let failed = [Event::Failed(error)];
                        instrument::record(&failed);
                        waiting.extend(failed);
                    }
                }
            }
            happened.push(event);
        }
        happened
    }
}
