//! Parameters of reading and joining.

use std::sync::Arc;

use astern_stats::ParamError;
use astern_stats::param::in_range;
use serde::{Deserialize, Serialize};

/// Parameters of reading spans and of joining them, checked when a [`Spans`](crate::Spans) is made.
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `segment_attribute` | none | 1 to 255 bytes: the span or resource attribute that holds the user segment |
/// | `adjust_skew` | true | shift a server span that does not fit into its client span |
/// | `infer_clients` | true | take an unkinded span for the client's side of its only, remote child |
/// | `spans_max` | 10,000,000 | 1 to 4,000,000,000: further spans are counted as over the limit |
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    pub(crate) segment_attribute: Option<Arc<str>>,
    pub(crate) adjust_skew: bool,
    pub(crate) infer_clients: bool,
    pub(crate) spans_max: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            segment_attribute: None,
            adjust_skew: true,
            infer_clients: true,
            spans_max: 10_000_000,
        }
    }
}

impl Params {
    /// With the attribute that holds the user segment of a call, such as `user.tier`.
    #[must_use]
    pub fn segment_attribute(mut self, key: impl Into<Arc<str>>) -> Self {
        self.segment_attribute = Some(key.into());
        self
    }

    /// With or without the adjustment of clock skew.
    #[must_use]
    pub fn adjust_skew(mut self, on: bool) -> Self {
        self.adjust_skew = on;
        self
    }

    /// With or without client spans inferred from unkinded ones.
    #[must_use]
    pub fn infer_clients(mut self, on: bool) -> Self {
        self.infer_clients = on;
        self
    }

    /// With another limit on the number of spans that are held to be joined.
    #[must_use]
    pub fn spans_max(mut self, spans: u32) -> Self {
        self.spans_max = spans;
        self
    }

    /// The one place where the rules of the table are checked.
    pub(crate) fn check(&self) -> Result<(), ParamError> {
        if let Some(key) = &self.segment_attribute {
            in_range("segment_attribute (bytes)", key.len() as f64, 1.0, 255.0)?;
        }
        in_range("spans_max", f64::from(self.spans_max), 1.0, 4e9)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_checked() {
        let checked = |params: Params| params.check();
        assert!(checked(Params::default()).is_ok());
        assert!(checked(Params::default().segment_attribute("tier")).is_ok());
        assert!(checked(Params::default().segment_attribute("")).is_err());
        assert!(checked(Params::default().segment_attribute("x".repeat(256))).is_err());
        assert!(checked(Params::default().spans_max(0)).is_err());
        assert!(checked(Params::default().spans_max(u32::MAX)).is_err());
    }
}
