#![doc = include_str!("../README.md")]
//!
//! [`Simulator`] runs the same in steps, so that what watches can also act; [`coarse`] simulates up
//! to 100,000 services by rates and means.
#![forbid(unsafe_code)]

mod blackout;
mod check;
pub mod coarse;
mod curve;
mod draw;
mod engine;
mod error;
mod event;
mod executor;
pub mod export;
mod fault;
mod feed;
mod host;
mod jobs;
mod law;
mod load;
mod model;
mod preset;
mod queueing;
mod resilience;
mod scenario;
mod server;
mod simulator;
mod start_up;
mod streams;
mod topologies;
mod topology;
mod truth;

pub use blackout::Blackout;
pub use curve::Curve;
pub use error::{ActionError, SimError};
pub use executor::{Applied, CallFault, ExecutorFaults, SimExecutor, When};
pub use fault::{AnyFault, Fault, FaultKind, PlaceFault, Scope};
pub use feed::Feed;
pub use law::TimeLaw;
pub use load::{Drift, Load, Segment, Surge};
pub use preset::{Preset, UnknownPreset};
pub use resilience::{Breaker, CacheAside, Retries};
pub use scenario::{Balance, Release, Scenario};
pub use simulator::{Counts, Simulation, Simulator, run, sort_records};
pub use start_up::StartUp;
pub use topology::{CallSpec, Consumption, HostSpec, ServiceSpec, Topology};
pub use truth::GroundTruth;
