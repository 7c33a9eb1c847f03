//! The hits of one metric in all that was observed, counted once for everything that reads them.

use std::cell::OnceCell;

use super::metric::{Metric, sum};
use crate::release::sides::{Before, Observed, Step};

/// Calls, or values, that have a property, and all of which it is known.
pub(super) type Hits = (u64, u64);

/// Hits of each instance by its place.
pub(super) type OfInstances = Vec<(usize, Hits)>;

/// The hits of one metric, step by step.
pub(super) struct Counted<'a> {
    pub(super) metric: &'a Metric,
    observed: &'a Observed,
    pub(super) steps: Vec<CountedStep>,
    /// In each healthy step before the change, the newest first.
    pub(super) instances_before: Vec<OfInstances>,
    all_before: OnceCell<Vec<Hits>>,
}

/// Hits in one step since the change.
pub(super) struct CountedStep {
    /// Of the new side without start-ups.
    pub(super) new: Hits,
    pub(super) starting: Hits,
    pub(super) old: Hits,
    pub(super) old_instances: OfInstances,
}

impl<'a> Counted<'a> {
    pub(super) fn of(metric: &'a Metric, observed: &'a Observed) -> Self {
        let step = |step: &Step| CountedStep {
            new: metric.hits(&step.new),
            starting: metric.hits(&step.starting),
            old: metric.hits(&step.old),
            old_instances: metric.hits_of(&step.old_instances),
        };
        let before = observed.before.iter();
        Self {
            metric,
            observed,
            steps: observed.steps.iter().map(step).collect(),
            instances_before: before
                .map(|before| metric.hits_of(&before.instances))
                .collect(),
            all_before: OnceCell::new(),
        }
    }

    /// Hits of old instances in each of the first so many steps since the change, and in those before it.
    pub(super) fn old_instances(&self, steps: usize) -> impl Iterator<Item = &OfInstances> {
        let since = self.steps.iter().take(steps);
        since
            .map(|step| &step.old_instances)
            .chain(&self.instances_before)
    }

    /// Of the service in each healthy step before the change, the newest first. Counted when first asked for: beside an old
    /// side nobody asks.
    pub(super) fn all_before(&self) -> &[Hits] {
        self.all_before.get_or_init(|| {
            let before = self.observed.before.iter().zip(&self.instances_before);
            before
                .map(|(before, instances)| self.in_step_before(before, instances))
                .collect()
        })
    }

    fn in_step_before(&self, before: &Before, instances: &OfInstances) -> Hits {
        // Samples of instances are none of their service.
        let of_instances = match self.metric {
            Metric::Sampled { .. } => sum(instances.iter().map(|(_, hits)| hits)),
            _ => (0, 0),
        };
        match of_instances {
            (_, 0) => self.metric.hits(&before.all),
            of_instances => of_instances,
        }
    }
}
