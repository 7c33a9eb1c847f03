//! A builder as bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::GraphBuilder;
use super::room::Losses;
use super::spans::Spans;
use crate::codec::Format;
use crate::error::{CodecError, RestoreError};
use crate::name::SpanId;
use crate::params::GraphParams;
use crate::sketch::Bins;
use crate::store::{Content, Store};
use crate::time::Timestamp;

const FORMAT: Format = Format {
    name: "a graph builder",
    magic: *b"ASTNBLDR",
    version: 8,
};

/// A builder's whole state but for its parameters, in order throughout.
#[derive(Serialize, Deserialize)]
struct Stored {
    content: Content,
    spans: BTreeMap<i64, Vec<(SpanId, u64)>>,
    losses: Losses,
    now: Option<Timestamp>,
}

impl GraphBuilder {
    /// What the builder holds, as bytes: equal for builders that hold the same. Parameters are not
    /// part of it.
    ///
    /// # Errors
    /// [`CodecError`] when the state cannot be serialised.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        FORMAT.encode(&Stored {
            content: Content::from(&self.build()),
            spans: self.spans.stored(),
            losses: self.losses,
            now: self.now,
        })
    }

    /// A builder from [`to_bytes`](Self::to_bytes), under the parameters of its new holder. A limit
    /// that is lower than before stops what would be added; what is held stays until the retention
    /// drops it. It takes at most a hundred times the memory of the bytes, whatever they say.
    ///
    /// # Errors
    /// [`RestoreError::Codec`] for bytes of another format or version, or damaged ones,
    /// [`RestoreError::Param`] for a parameter outside its rule, and [`RestoreError::Step`] for
    /// another length of a step: what is held is summed up by step and cannot be divided again.
    pub fn from_bytes(bytes: &[u8], params: GraphParams) -> Result<Self, RestoreError> {
        params.check()?;
        let stored: Stored = FORMAT.decode(bytes)?;
        if stored.content.step != params.step {
            return Err(RestoreError::Step {
                stored: stored.content.step,
                given: params.step,
            });
        }
        let store = Store::restored(params, stored.content);
        Ok(Self {
            metrics: store.metrics(),
            metrics_stale: false,
            store,
            bins: Bins::default(),
            spans: Spans::from_stored(stored.spans),
            losses: stored.losses,
            all_seen_since: None,
            now: stored.now,
        })
    }
}
