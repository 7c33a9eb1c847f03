//! Names as types: changes, revisions, metrics. Cheap to clone, ordered, stored as plain strings.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::text::visible;

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps a name.
            pub fn new(name: impl Into<Arc<str>>) -> Self {
                Self(name.into())
            }

            /// The name as it was given; for people there is `Display`.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                visible(&self.0).fmt(f)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self::new(name)
            }
        }
    };
}

name_type! {
    /// One release, flag flip or configuration change.
    ChangeId
}
name_type! {
    /// An immutable version, such as an image digest; never a relative word like "previous".
    Revision
}
name_type! {
    /// Name of a metric, with its unit last: `latency_ms_p95`.
    MetricName
}

/// Identity of one span: which trace, and which span in it. Lets duplicates be detected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SpanId {
    /// Trace, 128 bits as in OpenTelemetry; shorter ids are zero-extended.
    pub trace: u128,
    /// Span within the trace, 64 bits.
    pub span: u64,
}

impl SpanId {
    /// A span of a trace.
    pub fn new(trace: u128, span: u64) -> Self {
        Self { trace, span }
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}/{:016x}", self.trace, self.span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_strings_in_json_and_pad_in_tables() {
        let id = ChangeId::from("cart@2");
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"cart@2\"");
        assert_eq!(format!("[{id:>8}]"), "[  cart@2]");
    }
}
