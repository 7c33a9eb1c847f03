//! The hits of one metric in all that was observed, counted once for everything that reads them.

use super::metric::{Metric, sum};
use crate::release::sides::{Before, Observed, Step};

/// Calls, or values, that have a property, and all of which it is known.
pub(super) type Hits = (u64, u64);

/// Hits of each instance by its place.
pub(super) type OfInstances = Vec<(usize, Hits)>;

/// The hits of one metric, step by step.
pub(super) struct Counted<'a> {
    pub(super) metric: &'a Metric,
    pub(super) steps: Vec<CountedStep>,
    /// The newest first.
    pub(super) before: Vec<CountedBefore>,
}

/// Hits in one step since the change.
pub(super) struct CountedStep {
    /// Of the new side without start-ups.
    pub(super) new: Hits,
    pub(super) starting: Hits,
    pub(super) old: Hits,
    pub(super) old_instances: OfInstances,
}

/// Hits in one healthy step before the change.
pub(super) struct CountedBefore {
    pub(super) all: Hits,
    pub(super) instances: OfInstances,
    /// Whether the service received any call.
    pub(super) has_calls: bool,
}

impl<'a> Counted<'a> {
    pub(super) fn of(metric: &'a Metric, observed: &Observed) -> Self {
        let step = |step: &Step| CountedStep {
            new: metric.hits(&step.new),
            starting: metric.hits(&step.starting),
            old: metric.hits(&step.old),
            old_instances: metric.hits_of(&step.old_instances),
        };
        let before = |before: &Before| {
            let instances = metric.hits_of(&before.instances);
            // Samples of instances are none of their service.
            let of_instances = match metric {
                Metric::Sampled { .. } => sum(instances.iter().map(|(_, hits)| hits)),
                _ => (0, 0),
            };
            CountedBefore {
                all: match of_instances {
                    (_, 0) => metric.hits(&before.all),
                    of_instances => of_instances,
                },
                instances,
                has_calls: before.all.calls > 0,
            }
        };
        Self {
            metric,
            steps: observed.steps.iter().map(step).collect(),
            before: observed.before.iter().map(before).collect(),
        }
    }

    /// Hits of old instances in each of the first so many steps since the change, and in those before it.
    pub(super) fn old_instances(&self, steps: usize) -> impl Iterator<Item = &OfInstances> {
        let since = self.steps.iter().take(steps);
        let before = self.before.iter().map(|before| &before.instances);
        since.map(|step| &step.old_instances).chain(before)
    }

    /// Of each healthy step before the change, the newest first.
    pub(super) fn all_before(&self) -> Vec<Hits> {
        self.before.iter().map(|before| before.all).collect()
    }
}
