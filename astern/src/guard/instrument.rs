//! What a guard says, as events of `tracing` and through the facade `metrics`, where those features are on.

use super::Event;

impl Event {
    /// Its kind in one word, as `tracing` and `metrics` have it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Ingest(_) => "ingest",
            Self::Warned(_) => "warned",
            Self::Learning { .. } => "learning",
            Self::Assessed(_) => "assessed",
            Self::Diagnosed(_) => "diagnosed",
            Self::Decided { .. } => "decided",
            Self::Planned(_) => "planned",
            Self::Proposed { .. } => "proposed",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Execute(_) => "execute",
            Self::Verified { .. } => "verified",
            Self::Finished(_) => "finished",
            Self::Failed(_) => "failed",
        }
    }
}

/// Passes on all that happened in a call.
pub(super) fn record(events: &[Event]) {
    for event in events {
        #[cfg(feature = "tracing")]
        trace(event);
        #[cfg(feature = "metrics")]
        count(event);
        #[cfg(not(any(feature = "tracing", feature = "metrics")))]
        let _ = event;
    }
}

/// What fails is an error; what looks like a mistake a warning, and so is what a decision leads to; what was decided, planned and
/// done is information; what was judged is for debugging, and each request a trace.
#[cfg(feature = "tracing")]
fn trace(event: &Event) {
    use astern_rollback_policy::Decision;

    let kind = event.kind();
    match event {
        Event::Failed(error) => tracing::error!(kind, %error),
        Event::Warned(warning) => tracing::warn!(kind, %warning),
        Event::Decided { ruling, risk } => {
            let (decision, why, risk) = (ruling.decision, ruling.why(), risk.value);
            if decision == Decision::Continue {
                tracing::debug!(kind, %decision, risk, %why);
            } else {
                tracing::info!(kind, %decision, risk, %why);
            }
        }
        Event::Planned(plan) => {
            let (changes_services, text) = (plan.changes_services(), plan.to_string());
            tracing::warn!(kind, plan = %plan.id, changes_services, %text);
        }
        Event::Proposed { plan, until } => {
            tracing::warn!(kind, plan = %plan.id, %until, text = %plan);
        }
        Event::Withdrawn { plan, why } => tracing::warn!(kind, %plan, %why),
        Event::Verified { plan, step, ok } => tracing::info!(kind, %plan, %step, ok),
        Event::Finished(summary) => {
            tracing::info!(kind, plan = %summary.plan, state = %summary.state, text = %summary);
        }
        Event::Execute(request) => tracing::trace!(kind, key = %request.key, fence = request.fence),
        Event::Ingest(_) | Event::Learning { .. } | Event::Assessed(_) | Event::Diagnosed(_) => {
            tracing::debug!(kind, text = %event);
        }
    }
}

/// Names and labels of metrics; `README.md` of this crate has a table of them.
#[cfg(feature = "metrics")]
fn count(event: &Event) {
    metrics::counter!("astern_events_total", "kind" => event.kind()).increment(1);
    match event {
        Event::Decided { ruling, risk } => {
            let decision = ruling.decision.to_string();
            metrics::counter!("astern_decisions_total", "decision" => decision).increment(1);
            metrics::gauge!("astern_risk").set(risk.value);
        }
        Event::Planned(plan) => {
            let does = if plan.changes_services() {
                "roll back"
            } else {
                "call a person"
            };
            metrics::counter!("astern_plans_total", "does" => does).increment(1);
        }
        Event::Finished(summary) => {
            let state = summary.state.to_string();
            metrics::counter!("astern_runs_total", "state" => state).increment(1);
        }
        _ => {}
    }
}
