//! The calls of a change's two sides, as an oracle sees them.

use astern_graph_core::{ChangeEvent, ChangeKind, Record};

use super::oracle::Oracle;

/// What the oracle sees of a release.
#[derive(Debug, Default)]
pub(crate) struct Sides {
    /// Calls since it began.
    beside: Oracle,
    /// And those before it, for when no old instance is left.
    over_time: Oracle,
    /// Whether the old side received calls in the newest step.
    has_old: bool,
}

impl Sides {
    /// Takes the calls of one step.
    pub(crate) fn take(&mut self, change: &ChangeEvent, records: &[Record]) {
        self.has_old = false;
        for record in records {
            let Record::Call(call) = record else { continue };
            let took = call.server.or(call.client);
            let (true, Some(took)) = (call.callee.service == change.service, took) else {
                continue;
            };
            let is_since = call.at >= change.at;
            let is_new = match change.kind {
                // Calls do not say whether a flag was on.
                ChangeKind::FeatureFlag { .. } => is_since,
                _ => call.callee.revision.as_ref() == Some(&change.to),
            };
            let ms = 1e3 * took.as_secs_f64();
            self.over_time.add(is_new, ms, call.status, 1);
            if is_since {
                self.beside.add(is_new, ms, call.status, 1);
                self.has_old |= !is_new;
            }
        }
    }

    pub(crate) fn oracle(&self) -> &Oracle {
        if self.has_old {
            &self.beside
        } else {
            &self.over_time
        }
    }
}
