//! What a node is, and its two identities: the stable [`NodeKey`] and the dense [`NodeId`].

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::text::visible;

/// Kind of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NodeKind {
    /// A service: what is released and rolled back.
    Service,
    /// One running copy of a service (a pod, a task, a process).
    Instance,
    /// A machine that instances run on.
    Host,
    /// A database.
    Database,
    /// A queue or topic.
    Queue,
    /// A cache.
    Cache,
    /// A function (lambda).
    Function,
    /// Something outside the system that it depends on.
    External,
}

impl NodeKind {
    /// Every kind, in order.
    pub const ALL: [Self; 8] = [
        Self::Service,
        Self::Instance,
        Self::Host,
        Self::Database,
        Self::Queue,
        Self::Cache,
        Self::Function,
        Self::External,
    ];

    /// The kind as it is written in keys and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Instance => "instance",
            Self::Host => "host",
            Self::Database => "database",
            Self::Queue => "queue",
            Self::Cache => "cache",
            Self::Function => "function",
            Self::External => "external",
        }
    }
}

impl fmt::Display for NodeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Stable identity of a node: the only one in records, signals, plans and files.
///
/// Written `kind/name`, also in JSON. The name may itself contain slashes. JSON and `String::from` keep it exactly;
/// `Display` is for people, and [`visible`] in every character.
///
/// ```
/// use astern_graph_core::{NodeKey, NodeKind};
/// let key = NodeKey::service("cart");
/// assert_eq!(key.to_string(), "service/cart");
/// assert_eq!("service/cart".parse::<NodeKey>()?, key);
/// assert_eq!(key.kind, NodeKind::Service);
/// # Ok::<(), astern_graph_core::KeyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct NodeKey {
    /// What it is.
    pub kind: NodeKind,
    /// Its name, unique within the kind.
    pub name: Arc<str>,
}

impl NodeKey {
    /// A node of any kind.
    pub fn new(kind: NodeKind, name: impl Into<Arc<str>>) -> Self {
        Self {
            kind,
            name: name.into(),
        }
    }

    /// A service.
    pub fn service(name: impl Into<Arc<str>>) -> Self {
        Self::new(NodeKind::Service, name)
    }

    /// A machine.
    pub fn host(name: impl Into<Arc<str>>) -> Self {
        Self::new(NodeKind::Host, name)
    }

    /// An instance of a service.
    pub fn instance(name: impl Into<Arc<str>>) -> Self {
        Self::new(NodeKind::Instance, name)
    }
}

impl fmt::Display for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.kind, visible(&self.name)))
    }
}

impl FromStr for NodeKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let malformed = || KeyError::Malformed {
            text: text.to_owned(),
        };
        let (kind, name) = text.split_once('/').ok_or_else(malformed)?;
        let kind = NodeKind::ALL
            .into_iter()
            .find(|k| k.as_str() == kind)
            .ok_or_else(|| KeyError::UnknownKind {
                kind: kind.to_owned(),
            })?;
        Ok(Self::new(kind, name))
    }
}

impl From<NodeKey> for String {
    fn from(key: NodeKey) -> Self {
        format!("{}/{}", key.kind, key.name)
    }
}

impl TryFrom<String> for NodeKey {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

/// A text is not a node key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is no slash between kind and name.
    #[error("`{}` is not a node key; expected `kind/name`, such as `service/cart`", visible(.text))]
    Malformed {
        /// The text given.
        text: String,
    },
    /// The kind is not one of [`NodeKind::ALL`].
    #[error("`{}` is not a node kind", visible(.kind))]
    UnknownKind {
        /// The kind given.
        kind: String,
    },
}

/// Dense identity of a node, valid within one graph only; never stored.
///
/// Ids of one graph are 0, 1, … in the order of their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// The id as an index into per-node vectors of the same graph.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_without_kind_or_with_an_unknown_one_are_refused() {
        assert!(matches!(
            "cart".parse::<NodeKey>(),
            Err(KeyError::Malformed { .. })
        ));
        assert!(matches!(
            "pod/cart".parse::<NodeKey>(),
            Err(KeyError::UnknownKind { .. })
        ));
    }

    proptest! {
        #[test]
        fn any_name_round_trips(name in any::<String>(), kind in 0..8usize) {
            let key = NodeKey::new(NodeKind::ALL[kind], name.as_str());
            prop_assert_eq!(String::from(key.clone()).parse::<NodeKey>().unwrap(), key.clone());
            let json = serde_json::to_string(&key).unwrap();
            prop_assert_eq!(serde_json::from_str::<NodeKey>(&json).unwrap(), key);
        }
    }
}
