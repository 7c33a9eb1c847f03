//! The crate from outside, as its users see it.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod autotraits;
mod capabilities;
mod conforming;
mod decision;
mod forward_only;
mod going_back;
mod hostile;
mod impact;
mod planning;
mod platform;
mod retrying;
mod running;
mod script;
mod stated_versions;
mod surviving;
mod verifying;
mod world;
