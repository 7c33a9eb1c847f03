//! What changed where, when, and on which instances.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::graph::TemporalGraph;
use crate::key::NodeKey;
use crate::name::{ChangeId, Revision};
use crate::record::{ChangeEvent, ChangeKind, ChangePhase, Reversibility};
use crate::share::TrafficShare;
use crate::time::Timestamp;

/// How far one change of one service had come at a moment: its steps until then in one value.
///
/// Times are RFC 3339 in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Rollout {
    /// Which change.
    pub change: ChangeId,
    /// The service that it changes.
    pub service: NodeKey,
    /// How it reaches its instances.
    pub kind: ChangeKind,
    /// The revision before, when known.
    pub from: Option<Revision>,
    /// The revision after.
    pub to: Revision,
    /// Whether it can be undone.
    pub reversibility: Reversibility,
    /// Its first step that is held.
    pub started_at: Timestamp,
    /// Its newest step.
    pub changed_at: Timestamp,
    /// The phase of that step.
    pub phase: ChangePhase,
    /// Instances that had it, sorted: reached by a step, and not rolled back since.
    pub instances: Vec<NodeKey>,
    /// The share of the service's traffic that had it, when it was stated.
    pub share: Option<TrafficShare>,
}

impl Rollout {
    fn new(step: &ChangeEvent) -> Self {
        Self {
            change: step.id.clone(),
            service: step.service.clone(),
            kind: step.kind.clone(),
            from: step.from.clone(),
            to: step.to.clone(),
            reversibility: step.reversibility.clone(),
            started_at: step.at,
            changed_at: step.at,
            phase: step.phase,
            instances: Vec::new(),
            share: None,
        }
    }

    /// Whether it is under way: neither completed nor rolled back.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, ChangePhase::Started | ChangePhase::Progressed)
    }

    fn advance(&mut self, step: &ChangeEvent) {
        self.kind = step.kind.clone();
        self.from = step.from.clone().or(self.from.take());
        self.to = step.to.clone();
        self.reversibility = step.reversibility.clone();
        self.changed_at = step.at;
        self.phase = step.phase;
        let mut instances: BTreeSet<NodeKey> = self.instances.drain(..).collect();
        if step.phase == ChangePhase::RolledBack {
            // One that names no instance rolls back all of them.
            instances.retain(|i| !step.instances.is_empty() && !step.instances.contains(i));
            self.share = step.share;
        } else {
            instances.extend(step.instances.iter().cloned());
            self.share = step.share.or(self.share);
        }
        self.instances = instances.into_iter().collect();
    }
}

impl TemporalGraph {
    /// Every change of every service as it stood at `at`, by its first step and then by change and
    /// service: what changed where, when, on which instances. Changes whose steps are all later, or
    /// older than the retention, are not among them.
    ///
    /// # Complexity
    /// `O(s log s)` in the steps of changes that are held.
    ///
    /// # Example
    /// ```
    /// use astern_graph_core::{ChangeEvent, ChangePhase, GraphBuilder, GraphParams, NodeKey, Timestamp};
    ///
    /// let step = |secs, phase, pod: &str| {
    ///     let (at, cart) = (Timestamp::from_secs(secs), NodeKey::service("cart"));
    ///     ChangeEvent::new("cart@2", at, cart, Some("v1".into()), "v2".into())
    ///         .reached(phase, vec![NodeKey::instance(pod)])
    /// };
    /// let mut builder = GraphBuilder::new(GraphParams::default())?;
    /// builder.extend([
    ///     step(60, ChangePhase::Started, "cart-0").into(),
    ///     step(90, ChangePhase::Completed, "cart-1").into(),
    /// ]);
    /// let graph = builder.build();
    /// let before = &graph.rollouts(Timestamp::from_secs(75))[0];
    /// assert!(before.is_open() && before.instances == [NodeKey::instance("cart-0")]);
    /// let after = &graph.rollouts(Timestamp::from_secs(100))[0];
    /// assert_eq!((after.instances.len(), after.is_open()), (2, false));
    /// # Ok::<(), astern_stats::ParamError>(())
    /// ```
    pub fn rollouts(&self, at: Timestamp) -> Vec<Rollout> {
        let mut by_change: BTreeMap<(&ChangeId, &NodeKey), Rollout> = BTreeMap::new();
        for step in self.changes.iter().take_while(|step| step.at <= at) {
            let rollout = by_change.entry((&step.id, &step.service));
            rollout.or_insert_with(|| Rollout::new(step)).advance(step);
        }
        let mut rollouts: Vec<Rollout> = by_change.into_values().collect();
        // Stable, so that equal times keep the order by change and service.
        rollouts.sort_by_key(|rollout| rollout.started_at);
        rollouts
    }
}
