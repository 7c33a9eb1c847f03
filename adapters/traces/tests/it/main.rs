//! Documents of our own through every codec and rule.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod consumption;
mod documents;
mod faults;
mod formats;
mod halves;
mod laws;
#[cfg(feature = "opentelemetry-proto")]
mod messages;
mod negative;
mod otlp;
mod rules;
mod status;
mod support;
