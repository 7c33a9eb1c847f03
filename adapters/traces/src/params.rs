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
pub struct SpanParams {
    pub(crate) segment_attribute: Option<Arc<str>>,
    pub(crate) adjust_skew: bool,
    pub(crate) infer_clients: bool,
    pub(crate) spans_max: u32,
}

impl Default for SpanParams {
    fn default() -> Self {
        Self {
            segment_attribute: None,
            adjust_skew: true,
            infer_clients: true,
            spans_max: 10_000_000,
        }
    }
}

astern_stats::setters!(SpanParams {
    /// Sets the attribute that holds the user segment of a call, such as `user.tier`.
    segment_attribute: Arc<str>,
    /// Sets whether clock skew is adjusted.
    adjust_skew: bool,
    /// Sets whether client spans are inferred from spans without a kind.
    infer_clients: bool,
    /// Sets the limit on the number of spans that are held to be joined.
    spans_max: u32,
});

impl SpanParams {
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
        let checked = |params: SpanParams| params.check();
        assert!(checked(SpanParams::default()).is_ok());
        assert!(checked(SpanParams::default().segment_attribute("tier".into())).is_ok());
        assert!(checked(SpanParams::default().segment_attribute("".into())).is_err());
        assert!(checked(SpanParams::default().segment_attribute("x".repeat(256).into())).is_err());
        assert!(checked(SpanParams::default().spans_max(0)).is_err());
        assert!(checked(SpanParams::default().spans_max(u32::MAX)).is_err());
    }

    #[test]
    fn a_part_of_them_is_enough_and_a_stranger_is_named() {
        let read = |text| serde_json::from_str::<SpanParams>(text);
        let params = read(r#"{"spans_max": 5, "segment_attribute": "tier"}"#).unwrap();
        let wanted = SpanParams::default().spans_max(5);
        assert_eq!(params, wanted.segment_attribute("tier".into()));
        let error = read(r#"{"spans": 5}"#).unwrap_err().to_string();
        assert!(error.contains("`spans`"), "{error}");
    }
}
