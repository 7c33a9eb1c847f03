//! What is held, as it is stored.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_stats::ParamError;
use astern_stats::param::duration;

use super::{EdgeState, NodeState, Store, change_order};
use crate::edge::EdgeKind;
use crate::key::NodeKey;
use crate::params::GraphParams;
use crate::record::{ChangeEvent, ScheduleError};

/// Nodes by key, edges by the places of their ends among them: in order, none twice. Checked when
/// deserialised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub(crate) struct Content {
    /// Length of the steps by whose numbers everything is held.
    #[serde(with = "duration")]
    pub(crate) step: Duration,
    pub(crate) nodes: Vec<(NodeKey, Arc<NodeState>)>,
    pub(crate) edges: Vec<(u32, u32, EdgeKind, Arc<EdgeState>)>,
    pub(crate) changes: Arc<Vec<ChangeEvent>>,
    pub(crate) call_steps: Arc<BTreeSet<i64>>,
}

#[derive(Deserialize)]
struct Unchecked {
    #[serde(with = "duration")]
    step: Duration,
    nodes: Vec<(NodeKey, Arc<NodeState>)>,
    edges: Vec<(u32, u32, EdgeKind, Arc<EdgeState>)>,
    changes: Vec<ChangeEvent>,
    call_steps: Arc<BTreeSet<i64>>,
}

/// What a file says cannot be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContentError {
    #[error(transparent)]
    Step(#[from] ParamError),
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    #[error("node {place} of {count} is not after the one before it")]
    Nodes { place: usize, count: usize },
    #[error("edge {place} of {count} is not after the one before it, or lacks an end")]
    Edges { place: usize, count: usize },
}

impl TryFrom<Unchecked> for Content {
    type Error = ContentError;

    fn try_from(stored: Unchecked) -> Result<Self, ContentError> {
        let Unchecked {
            step,
            nodes,
            edges,
            mut changes,
            call_steps,
        } = stored;
        GraphParams::default().step(step).check()?;
        if let Some(place) = nodes.windows(2).position(|pair| pair[0].0 >= pair[1].0) {
            let count = nodes.len();
            return Err(ContentError::Nodes { place, count });
        }
        let ends = |(from, to, ..): &(u32, u32, EdgeKind, _)| (*from).max(*to) as usize;
        let key = |(from, to, kind, _): &(u32, u32, EdgeKind, _)| (*from, *to, *kind);
        let lacks = edges.iter().position(|edge| ends(edge) >= nodes.len());
        let unordered = edges
            .windows(2)
            .position(|pair| key(&pair[0]) >= key(&pair[1]));
        if let Some(place) = lacks.or(unordered) {
            let count = edges.len();
            return Err(ContentError::Edges { place, count });
        }
        changes.iter().try_for_each(ChangeEvent::check)?;
        changes.sort_by(change_order);
        changes.dedup();
        Ok(Self {
            step,
            nodes,
            edges,
            changes: Arc::new(changes),
            call_steps,
        })
    }
}

impl Store {
    /// What was stored, under these parameters, whose step is that of the content.
    pub(crate) fn restored(params: GraphParams, content: Content) -> Self {
        let mut store = Self::new(params);
        store.changes = content.changes;
        store.call_steps = content.call_steps;
        for (key, node) in content.nodes {
            store.nodes.insert(key, node);
        }
        // In a new table the slot of a node is its place.
        for (from, to, kind, edge) in content.edges {
            store.edges.insert((from, to, kind), edge);
        }
        store
    }
}
