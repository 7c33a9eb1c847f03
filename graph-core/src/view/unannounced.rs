//! Revisions that telemetry shows and no change announces.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::graph::TemporalGraph;
use crate::key::{NodeKey, NodeKind};
use crate::name::Revision;
use crate::record::ChangeEvent;
use crate::store::change_order;
use crate::time::Timestamp;

/// Steps after the first of a service in which its revisions are those that ran before anybody looked.
const FIRST_STEPS: u32 = 5;

impl TemporalGraph {
    /// Changes that nobody announced: the first time that a service was seen to run a revision which no change of it
    /// names, beside or after another one. In the order of [`changes`](Self::changes); the id is `seen:SERVICE@REVISION`, the
    /// revision before is the one that was first seen before it, and no instances are named.
    ///
    /// What a service ran in its first five steps is no change, nor what an instance ran between two times of another revision.
    /// Once a change that names the revision is announced, however
    /// late, it is no longer among them.
    ///
    /// # Complexity
    /// `O(I)` in the instances; `O(S)` in the steps of those that ran several revisions.
    ///
    /// # Example
    /// ```
    /// use astern_graph_core::{Call, GraphBuilder, GraphParams, NodeKey, Party, Record, Timestamp};
    ///
    /// let cart = NodeKey::service("cart");
    /// let call = |minute: i64| {
    ///     let revision = if minute < 10 { "v1" } else { "v2" };
    ///     let pod = NodeKey::instance(format!("cart-{revision}"));
    ///     let party = Party::new(cart.clone()).on(pod, revision.into());
    ///     Record::from(Call::new(Timestamp::from_secs(60 * minute), party))
    /// };
    /// let mut builder = GraphBuilder::new(GraphParams::default())?;
    /// builder.extend((0..20).map(call));
    /// let graph = builder.build();
    /// let seen = graph.unannounced();
    /// assert_eq!((seen[0].id.as_str(), seen.len()), ("seen:cart@v2", 1));
    /// assert_eq!(seen[0].at, Timestamp::from_secs(600));
    /// assert_eq!(graph.with_changes(seen).change_steps(&"seen:cart@v2".into()).count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unannounced(&self) -> Vec<ChangeEvent> {
        let services = self
            .keys()
            .iter()
            .filter(|key| key.kind == NodeKind::Service);
        let mut seen: Vec<ChangeEvent> =
            services.flat_map(|key| self.unannounced_of(key)).collect();
        seen.sort_by(change_order);
        seen
    }

    fn unannounced_of(&self, service: &NodeKey) -> Vec<ChangeEvent> {
        let mut in_order: Vec<(Timestamp, &Revision)> = self
            .first_seen(service)
            .into_iter()
            .map(|(revision, at)| (at, revision))
            .collect();
        if in_order.len() < 2 {
            return Vec::new();
        }
        in_order.sort_unstable();
        let first = in_order[0].0;
        let settled = first.plus(self.step().saturating_mul(FIRST_STEPS));
        let is_named = |revision: &Revision| {
            let mut changes = self
                .changes
                .iter()
                .filter(|change| change.service == *service);
            changes.any(|change| change.to == *revision || change.from.as_ref() == Some(revision))
        };
        let pairs = in_order.windows(2).filter(|pair| pair[1].0 >= settled);
        let unnamed = pairs.filter(|pair| !is_named(pair[1].1));
        let change = |pair: &[(Timestamp, &Revision)]| {
            let ((_, from), (at, to)) = (pair[0], pair[1]);
            let id = format!("seen:{}@{}", service.name, to.as_str());
            ChangeEvent::new(&*id, at, service.clone(), Some(from.clone()), to.clone())
        };
        unnamed.map(change).collect()
    }

    /// Start of the step in which a service was first seen to run each of its revisions.
    fn first_seen(&self, service: &NodeKey) -> BTreeMap<&Revision, Timestamp> {
        let mut first: BTreeMap<&Revision, Timestamp> = BTreeMap::new();
        let mut see = |revision, step| {
            let at = self.params.start_of(step);
            let held = first.entry(revision).or_insert(at);
            *held = at.min(*held);
        };
        for instance in self.instances(service) {
            let held = self.node(instance).map(|node| &node.revisions);
            let ends = held.and_then(|held| held.first_key_value().zip(held.last_key_value()));
            match ends {
                // Nearly every instance runs one revision all its life.
                Some(((step, (_, revision)), (_, (_, last)))) if revision == last => {
                    see(revision, *step);
                }
                _ => {
                    for (step, (_, revision)) in held.into_iter().flatten() {
                        see(revision, *step);
                    }
                }
            }
        }
        let slices = self
            .node(service)
            .into_iter()
            .flat_map(|node| &node.by_revision);
        for (revision, cells) in slices {
            if let Some(step) = cells.first() {
                see(revision, step);
            }
        }
        first
    }

    /// The same graph with further changes; one that it has already is not added.
    #[must_use]
    pub fn with_changes(mut self, changes: impl IntoIterator<Item = ChangeEvent>) -> Self {
        for change in changes {
            if let Err(place) = self
                .changes
                .binary_search_by(|held| change_order(held, &change))
            {
                Arc::make_mut(&mut self.changes).insert(place, change);
            }
        }
        self
    }
}
