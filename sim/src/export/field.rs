//! Fields of the tables that need more than their own text.

use std::time::Duration;

use astern_graph_core::{SpanId, Timestamp};
use serde::{Serialize, Serializer};

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
