//! Revisions that telemetry shows and no change announces.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::graph::{ChangeIndex, TemporalGraph};
use crate::key::{NodeKey, NodeKind};
use crate::name::{ChangeId, Revision};
use crate::record::ChangeEvent;
use crate::store::change_order;
use crate::time::{TimeRange, Timestamp};

/// Steps after the first of a service in which its revisions are those that ran before anybody looked.
const FIRST_STEPS: u32 = 5;

/// Steps between a revision and an announcement of another spelling within which the two are one change.
const NEAR_STEPS: u32 = 60;

/// With more of them at one service its revisions are no releases, but names of instances or times of builds.
const REVISIONS_MAX: usize = 8;

/// The id of the change that nobody announced.
fn seen_id(service: &NodeKey, revision: &Revision) -> ChangeId {
    format!("seen:{}@{}", service.name, revision.as_str())
        .as_str()
        .into()
}

impl ChangeEvent {
    /// The id under which this change is known while nobody has [announced](TemporalGraph::unannounced) it.
    pub fn seen_id(&self) -> ChangeId {
        seen_id(&self.service, &self.to)
    }
}

impl TemporalGraph {
    /// Changes that nobody announced: the first time that a service was seen to run a revision which no change of it
    /// names, beside or after another one. In the order of [`changes`](Self::changes); the id is `seen:SERVICE@REVISION`, the
    /// revision before is the only one that ran in the five steps before, if there is one, and no instances are named.
    ///
    /// What a service ran in its first five steps is no change, nor is a revision near a change whose own revision telemetry never
    /// shows: the two are one, spelt differently. More than eight at one service are none at all: its revisions are no releases.
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
        let first_seen = self.first_seen(service);
        let first = first_seen.values().min();
        let Some(first) = first.filter(|_| first_seen.len() > 1) else {
            return Vec::new();
        };
        let settled = first.plus(self.step().saturating_mul(FIRST_STEPS));
        let of_service = || self.changes_of(service);
        let is_named = |revision: &Revision| {
            of_service()
                .any(|change| change.to == *revision || change.from.as_ref() == Some(revision))
        };
        // An announcement may spell its revision in another way than telemetry does.
        let near = self.step().saturating_mul(NEAR_STEPS);
        let is_spelt_otherwise = |at: Timestamp| {
            of_service().any(|change| {
                let distance = change.at.since(at).max(at.since(change.at));
                !first_seen.contains_key(&change.to) && distance <= near
            })
        };
        let unnamed: Vec<_> = first_seen
            .iter()
            .filter(|(revision, at)| {
                **at >= settled && !is_named(revision) && !is_spelt_otherwise(**at)
            })
            .collect();
        if unnamed.len() > REVISIONS_MAX {
            return Vec::new();
        }
        let change = |(to, at): (&&Revision, &Timestamp)| {
            let before = self.runs_before(service, *at);
            let mut others = before.into_iter().filter(|revision| revision != to);
            let from = match (others.next(), others.next()) {
                (Some(only), None) => Some(only.clone()),
                _ => None,
            };
            let id = seen_id(service, to);
            ChangeEvent::new(id, *at, service.clone(), from, (*to).clone())
        };
        unnamed.into_iter().map(change).collect()
    }

    /// The one revision that a service was seen to run in the last five steps before a time; `None` where it was none, or
    /// several.
    ///
    /// # Complexity
    /// `O(I)` in the instances of the service.
    pub fn revision_before(&self, service: &NodeKey, at: Timestamp) -> Option<&Revision> {
        let before = self.runs_before(service, at);
        before.first().copied().filter(|_| before.len() == 1)
    }

    /// Revisions that a service was seen to run in the last steps before a time.
    fn runs_before(&self, service: &NodeKey, at: Timestamp) -> BTreeSet<&Revision> {
        let span = self.step().saturating_mul(FIRST_STEPS);
        let start = self.params.step_end(at);
        self.revisions_in(
            service,
            TimeRange {
                start: start.minus(span),
                end: start,
            },
        )
    }

    /// Revisions that a service was seen to run in the steps of a range.
    ///
    /// # Complexity
    /// `O(I)` in the instances of the service.
    pub fn revisions_in(&self, service: &NodeKey, range: TimeRange) -> BTreeSet<&Revision> {
        let (start, end) = (
            self.params.step_of(range.start),
            self.params.step_of(range.end),
        );
        let instances = self
            .instances(service)
            .filter_map(|instance| self.node(instance));
        let by_instance = instances.flat_map(|node| node.revisions.range(start..end));
        let by_instance = by_instance.map(|(_, (_, revision))| revision);
        let slices = self
            .node(service)
            .into_iter()
            .flat_map(|node| &node.by_revision);
        let by_revision = slices.filter(|(_, cells)| cells.range(start, end).next().is_some());
        by_instance
            .chain(by_revision.map(|(revision, _)| revision))
            .collect()
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
        let is_held = |change: &ChangeEvent| {
            let place = |held: &ChangeEvent| change_order(held, change);
            self.changes.binary_search_by(place).is_ok()
        };
        let mut new: Vec<ChangeEvent> = changes.into_iter().collect();
        new.retain(|change| !is_held(change));
        if !new.is_empty() {
            let all = Arc::make_mut(&mut self.changes);
            all.append(&mut new);
            all.sort_by(change_order);
            all.dedup_by(|a, b| change_order(a, b).is_eq());
            self.change_index = ChangeIndex::default();
        }
        self
    }
}
