//! A builder as bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::GraphBuilder;
use super::spans::Spans;
use crate::codec::Format;
use crate::error::CodecError;
use crate::name::SpanId;
use crate::sketch::Bins;
use crate::store::{Content, Store};
use crate::time::Timestamp;

const FORMAT: Format = Format {
    name: "a graph builder",
    magic: *b"ASTNBLDR",
    version: 2,
};

/// A builder's whole state, in order throughout.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Stored {
    content: Content,
    spans: BTreeMap<i64, Vec<SpanId>>,
    now: Option<Timestamp>,
}

impl From<GraphBuilder> for Stored {
    fn from(builder: GraphBuilder) -> Self {
        Self {
            content: Content::from(&builder.build()),
            spans: builder.spans.stored(),
            now: builder.now,
        }
    }
}

impl From<Stored> for GraphBuilder {
    fn from(stored: Stored) -> Self {
        let store = Store::from(stored.content);
        Self {
            metrics: store.metrics(),
            metrics_stale: false,
            store,
            bins: Bins::default(),
            spans: Spans::from_stored(stored.spans),
            now: stored.now,
        }
    }
}

impl GraphBuilder {
    /// The builder's whole state as bytes: equal for builders that hold the same.
    ///
    /// # Errors
    /// [`CodecError`] when the state cannot be serialised.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        FORMAT.encode(self)
    }

    /// A builder from [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// [`CodecError`] for bytes of another format or version, or damaged ones.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        FORMAT.decode(bytes)
    }
}
