//! Documents of our own through every codec and rule.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod documents;
mod faults;
mod laws;
mod otlp;
mod rules;
mod support;
