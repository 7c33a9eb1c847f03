//! The loop for callers that may block.

use astern_graph_core::Timestamp;

use crate::executor::Executor;
use crate::run::{Run, RunError};

/// Carries out everything that is due at `now`, and says when to call again; `None` when the run
/// is over.
///
/// It neither sleeps nor reads a clock, so the caller keeps the pace. It ends because a run asks
/// for nothing twice at the same instant.
///
/// # Errors
/// [`RunError`] when the run does not take an outcome; with a run of one's own that cannot happen.
///
/// # Example
/// An async caller needs no second trait, only the same loop with its own client and sleep:
/// ```
/// use astern_graph_core::Timestamp;
/// use astern_rollback_policy::{Outcome, Request, Run, RunError};
///
/// async fn drive_async(
///     run: &mut Run,
///     execute: impl AsyncFn(&Request) -> Outcome,
///     now: impl Fn() -> Timestamp,
///     sleep_until: impl AsyncFn(Timestamp),
/// ) -> Result<(), RunError> {
///     while let Some(due) = run.deadline() {
///         sleep_until(due).await;
///         for request in run.poll(now()) {
///             let outcome = execute(&request).await;
///             run.report(&request.key, outcome, now())?;
///         }
///     }
///     Ok(())
/// }
/// ```
pub fn drive(
    run: &mut Run,
    executor: &dyn Executor,
    now: Timestamp,
) -> Result<Option<Timestamp>, RunError> {
    loop {
        let requests = run.poll(now);
        if requests.is_empty() {
            return Ok(run.deadline());
        }
        for request in requests {
            run.report(&request.key, executor.execute(&request), now)?;
        }
    }
}
