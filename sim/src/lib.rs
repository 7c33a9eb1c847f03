//! A seeded simulator of a microservice system with releases and faults.
//!
//! ```text
//! Scenario (topology, load, releases, fault, seed) ──► Simulator ──► records, ground truth
//! ```
//!
//! A discrete-event simulation: instances are first-in-first-out queues with a fixed number of
//! workers, a caller holds its worker while it waits for its callees, and releases switch
//! instances to new revisions batch by batch. A fault belongs to one revision and so hits the
//! instances that run it, and nothing else but by the calls between services. The same scenario
//! gives the same records, byte for byte.
//!
//! What is left out, so that a reader need not search for it: retries, timeouts, cold starts,
//! and differences between instances of one revision.
//!
//! ```
//! use astern_sim::{Scenario, run};
//!
//! let simulation = run(&Scenario::releases(7))?;
//! assert_eq!(simulation.truth.changes.len(), 3);
//! assert!(simulation.truth.onset.is_some_and(|onset| onset >= simulation.healthy_until));
//!
//! let benign = run(&Scenario::benign(7))?;
//! assert_eq!(benign.truth.culprit, None);
//! # Ok::<(), astern_sim::SimError>(())
//! ```
//!
//! [`Simulator`] runs the same in steps, so that what watches can also act; [`coarse`] simulates up
//! to 100,000 services by rates and means.
#![forbid(unsafe_code)]

mod check;
pub mod coarse;
mod draw;
mod engine;
mod error;
mod event;
mod executor;
pub mod export;
mod fault;
mod jobs;
mod law;
mod model;
mod queueing;
mod scenario;
mod server;
mod simulator;
mod streams;
mod topologies;
mod topology;
mod truth;

pub use error::{ActionError, SimError};
pub use executor::{Applied, CallFault, ExecutorFaults, SimExecutor, When};
pub use fault::{Fault, FaultKind};
pub use law::TimeLaw;
pub use scenario::{Balance, Drift, Load, Release, Scenario};
pub use simulator::{Counts, Simulation, Simulator, run, sort_records};
pub use topology::{CallSpec, ServiceSpec, Topology};
pub use truth::GroundTruth;
