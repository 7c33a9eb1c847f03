//! The crate from outside, as its users see it.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod autotraits;
mod decision;
mod forward_only;
mod impact;
mod planning;
mod platform;
mod running;
mod surviving;
mod world;
