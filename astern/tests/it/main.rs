//! The guard from outside, as its users see it.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod acting;
mod attempts;
mod brakes;
mod crashes;
mod detectors;
mod documents;
mod entries;
mod guard;
mod instrument;
mod open;
mod params;
mod proposals;
mod released;
mod releases;
mod support;
mod takeover;
mod ticking;
mod warnings;
