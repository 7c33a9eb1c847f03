//! Tests of detectors, the pipeline, release judges and the catalogue, by what they do.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod argo;
mod bounds;
mod catalogue;
mod fixtures;
mod flagger;
mod kayenta;
mod laws;
#[cfg(feature = "gnn")]
mod learned;
mod pipeline;
mod release;
mod sequential;
mod subjects;
mod traffic;
mod united;
