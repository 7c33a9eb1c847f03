//! Fields of the tables that need more than their own text.

use std::sync::Arc;
use std::time::Duration;

use astern_graph_core::{SpanId, Timestamp};
use serde::{Serialize, Serializer};

/// A name or another text from outside. A table program takes a field that begins with `=`, `+`, `-`, `@`, a tab or
/// an end of line for a formula, which can send the table elsewhere: such a text has an apostrophe before it, and so
/// does one that would look like it.
#[derive(Debug, Clone)]
pub(super) struct Text(Arc<str>);

impl Text {
    pub(super) fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text that a field holds.
    pub(super) fn of(field: &str) -> &str {
        let bare = field.strip_prefix(QUOTE);
        bare.filter(|bare| is_formula(bare)).unwrap_or(field)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if is_formula(&self.0) {
            serializer.collect_str(&format_args!("{QUOTE}{}", self.0))
        } else {
            serializer.serialize_str(&self.0)
        }
    }
}

const QUOTE: char = '\'';

/// Whether a text begins like a formula, apostrophes aside.
fn is_formula(text: &str) -> bool {
    let bare = text.trim_start_matches(QUOTE);
    bare.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])
}

/// An instant in microseconds since the Unix epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct At(pub(super) Timestamp);

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0.nanos().div_euclid(1000))
    }
}

/// A duration in whole microseconds; from 584,000 years on, the greatest number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span(pub(super) Duration);

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let micros = self.0.as_micros();
        serializer.serialize_u64(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

/// A span's identity, `trace/span` in hexadecimal without leading zeros.
#[derive(Debug, Clone, Copy)]
pub(super) struct Id(pub(super) SpanId);

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:x}/{:x}", self.0.trace, self.0.span))
    }
}

/// A value with six decimals. From 10⁹ on it stays as it is: its neighbours are further apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value(pub(super) f64);

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = if self.0.abs() < 1e9 {
            (self.0 * 1e6).round() / 1e6
        } else {
            self.0
        };
        serializer.serialize_f64(value)
    }
}
