//! The crate from outside, as its users see it.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod builder;
mod diff;
mod export;
mod laws;
mod questions;
mod room;
mod signals;
mod support;
mod topology;
mod views;
