//! Parts of a service's traffic: by instance, by revision, by user segment.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::text::visible;

/// By what the traffic of a service is distinguished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SliceBy {
    /// By the instance that handled a call.
    Instance,
    /// By the revision that handled a call: old and new side by side.
    Revision,
    /// By the user segment that a call belongs to.
    Segment,
}

impl fmt::Display for SliceBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Instance => "instance",
            Self::Revision => "revision",
            Self::Segment => "segment",
        })
    }
}

/// One part of a service's traffic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Slice {
    /// By what it is distinguished.
    pub by: SliceBy,
    /// Name of the instance, the revision or the segment.
    pub name: Arc<str>,
}

impl Slice {
    /// A part by its name.
    pub fn new(by: SliceBy, name: impl Into<Arc<str>>) -> Self {
        let name = name.into();
        Self { by, name }
    }
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} {}", self.by, visible(&self.name)))
    }
}
