//! An edge without a call over it.

use serde::{Deserialize, Serialize};

use crate::edge::EdgeKind;
use crate::key::NodeKey;
use crate::time::Timestamp;

/// An edge that is known without a call over it: from a mesh, a service catalogue or a dependency table.
///
/// It stays for the retention after it was last reported; one that always stays is declared with
/// [`GraphBuilder::declare_edge`](crate::GraphBuilder::declare_edge).
///
/// ```
/// use astern_graph_core::{Dependency, EdgeKind, NodeKey, Record, Timestamp};
///
/// let (web, cart) = (NodeKey::service("web"), NodeKey::service("cart"));
/// let calls = Dependency::new(Timestamp::from_secs(60), web, cart, EdgeKind::Calls);
/// let record = Record::from(calls);
/// assert_eq!(record.at(), Timestamp::from_secs(60));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Dependency {
    /// When it was so.
    pub at: Timestamp,
    /// Who depends: the caller, the reader, the guest of a host.
    pub from: NodeKey,
    /// On whom.
    pub to: NodeKey,
    /// The kind of the edge.
    pub kind: EdgeKind,
}

impl Dependency {
    /// An edge `from → to`.
    pub fn new(at: Timestamp, from: NodeKey, to: NodeKey, kind: EdgeKind) -> Self {
        Self { at, from, to, kind }
    }
}
