//! Store, then send.

use astern_detect::Detector;
use astern_rca::Ranker;

use super::{Event, Guard};
use crate::error::Error;

impl<R: Ranker, D: Detector> Guard<R, D> {
    /// Stores the state before requests leave: hands it to `store` where one of these events is an [`Event::Execute`], and
    /// then gives the events back. Call it with what [`observe`](Self::observe) or [`report`](Self::report) returned, before
    /// anything else.
    ///
    /// Where the state cannot be stored, the requests are withheld and an [`Event::Failed`] comes in their place. A withheld
    /// request counts as lost when its reply is overdue, and the run asks the platform again.
    ///
    /// `store` must have the whole state on disk, or none of it, when it returns: write a second file, sync it, rename it.
    ///
    /// ```
    /// use astern::graph::Timestamp;
    /// use astern::{Guard, GuardParams};
    ///
    /// let mut guard = Guard::new(GuardParams::default())?;
    /// let events = guard.observe([], Timestamp::from_secs(60));
    /// let events = guard.stored(events, |state| std::fs::write("guard.state", state));
    /// assert!(events.is_empty()); // no request, so nothing was written
    /// # Ok::<(), astern::Error>(())
    /// ```
    pub fn stored<E>(
        &self,
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
            events.retain(|event| !is_request(event));
            events.push(Event::Failed(Error::Store { withheld, cause }));
        }
        events
    }
}
