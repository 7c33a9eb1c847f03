//! Where the steps of each change, and those of each service, are held.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::graph::TemporalGraph;
use crate::key::NodeKey;
use crate::name::ChangeId;
use crate::record::ChangeEvent;

/// The places of steps among those of all changes, in order; made when first asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct ChangeIndex(OnceLock<Places>);

#[derive(Debug, Clone, Default)]
struct Places {
    by_id: BTreeMap<ChangeId, OfId>,
    by_service: BTreeMap<NodeKey, Vec<usize>>,
}

/// One id may cover thousands of services.
#[derive(Debug, Clone, Default)]
struct OfId {
    all: Vec<usize>,
    by_service: BTreeMap<NodeKey, Vec<usize>>,
}

impl Places {
    fn of(steps: &[ChangeEvent]) -> Self {
        let mut places = Self::default();
        for (place, step) in steps.iter().enumerate() {
            let of_id = places.by_id.entry(step.id.clone()).or_default();
            of_id.all.push(place);
            let at_service = of_id.by_service.entry(step.service.clone()).or_default();
            at_service.push(place);
            let of_service = places.by_service.entry(step.service.clone()).or_default();
            of_service.push(place);
        }
        places
    }
}

impl TemporalGraph {
    fn places_of_changes(&self) -> &Places {
        let index = &self.change_index.0;
        index.get_or_init(|| Places::of(&self.changes))
    }

    fn steps_at<'a>(
        &'a self,
        places: Option<&'a Vec<usize>>,
    ) -> impl Iterator<Item = &'a ChangeEvent> + use<'a> {
        let places = places.into_iter().flatten();
        places.filter_map(|place| self.changes.get(*place))
    }

    /// First step of one change among all that is held: the earliest, at equal times in the order
    /// of [`changes`](Self::changes). `None` for a change that is unknown or older than the
    /// retention; of one that reaches back further, the first step that is still held.
    pub fn first_step(&self, id: &ChangeId) -> Option<&ChangeEvent> {
        self.change_steps(id).next()
    }

    /// All steps of one change, in the order of [`changes`](Self::changes).
    ///
    /// # Complexity
    /// `O(log C)` for the C changes that are held; `O(C log C)` once for a graph.
    pub fn change_steps(&self, id: &ChangeId) -> impl Iterator<Item = &ChangeEvent> {
        let of_id = self.places_of_changes().by_id.get(id);
        self.steps_at(of_id.map(|of_id| &of_id.all))
    }

    /// The steps of one change at one service, in the same order and at the same cost.
    pub(crate) fn change_steps_at(
        &self,
        id: &ChangeId,
        service: &NodeKey,
    ) -> impl Iterator<Item = &ChangeEvent> {
        let of_id = self.places_of_changes().by_id.get(id);
        self.steps_at(of_id.and_then(|of_id| of_id.by_service.get(service)))
    }

    /// All steps of changes of one service, in the same order and at the same cost.
    pub fn changes_of(&self, service: &NodeKey) -> impl Iterator<Item = &ChangeEvent> {
        self.steps_at(self.places_of_changes().by_service.get(service))
    }
}
