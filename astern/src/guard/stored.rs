//! Store, then send.

use std::time::Duration;

use astern_detect::Detector;
use astern_graph_core::Timestamp;
use astern_rca::Ranker;
use astern_rollback_policy::{Outcome, Refusal};

use super::{Event, Guard, instrument};
use crate::error::Error;

impl<R: Ranker, D: Detector> Guard<R, D> {
    /// Stores the state before requests leave: hands it to `store` where one of these events is an [`Event::Execute`], and
    /// then gives the events back. Call it with what [`observe`](Self::observe) or [`report`](Self::report) returned, before
    /// anything else.
    ///
    /// Where the state cannot be stored, the requests are withheld and an [`Event::Failed`] comes in their place. To their runs
    /// a withheld request is one that met a busy platform: it is made again, after growing waits, up to
    /// [`max_attempts`](astern_rollback_policy::RunParams::max_attempts) times.
    ///
    /// `store` must have the whole state on disk, or none of it, when it returns: write a second file, sync it, rename it.
    ///
    /// ```
    /// use astern::graph::Timestamp;
    /// use astern::{Guard, GuardParams};
    ///
    /// let mut guard = Guard::new(GuardParams::default())?;
    /// let events = guard.observe([], Timestamp::from_secs(60));
    /// let events = guard.stored(events, |state| {
    ///     std::fs::write("guard.new", state)?;
    ///     std::fs::rename("guard.new", "guard.state")
    /// });
    /// assert!(events.is_empty()); // no request, so nothing was written
    /// # Ok::<(), astern::Error>(())
    /// ```
    pub fn stored<E>(
        &mut self,
        mut events: Vec<Event>,
        store: impl FnOnce(&[u8]) -> Result<(), E>,
    ) -> Vec<Event>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let is_request = |event: &Event| matches!(event, Event::Execute(_));
        let withheld = events.iter().filter(|event| is_request(event)).count();
        if withheld == 0 {
            return events;
        }
        let stored = match self.to_bytes() {
            Ok(state) => store(&state).map_err(Into::into),
            Err(error) => Err(error.into()),
        };
        if let Err(cause) = stored {
            for event in &events {
                if let Event::Execute(request) = event
                    && let Some(run) = self.state.runs.of_plan(request.key.plan)
                {
                    let busy = Outcome::Refused(Refusal::Busy {
                        reason: "the state could not be stored".into(),
                        retry_after: Duration::ZERO,
                    });
                    // For the run the time stands still. It awaits the answer: it has just asked.
                    let _ = run.report(&request.key, busy, Timestamp::MIN);
                }
            }
            events.retain(|event| !is_request(event));
            let failed = [Event::Failed(Error::Store { withheld, cause })];
            instrument::record(&failed);
            events.extend(failed);
        }
        events
    }
}
