//! A seeded simulator of a microservice system with releases and faults.
//!
//! ```text
//! Scenario (topology, load, releases, fault, seed) ──► Simulator ──► records, ground truth
//! ```
//!
//! A discrete-event simulation: instances are first-in-first-out queues with a fixed number of
//! workers, a caller holds its worker while it waits for its callees, and releases reach instances
//! or calls step by step. A fault belongs to one release and so hits what runs it, or to a place
//! for a time; nothing else is hit but by the calls between services. The same scenario gives the
//! same records, byte for byte.
//!
//! | what | where its law and parameters are |
//! |---|---|
//! | instances, workers, queues with a limit, sequential and parallel calls | [`ServiceSpec`] |
//! | timeouts, pools of connections | [`CallSpec`] |
//! | retries with backoff and jitter | [`Retries`] |
//! | circuit breakers | [`Breaker`] |
//! | caches before stores | [`CacheAside`] |
//! | messages over queues | [`Consumption`] |
//! | machines whose cores instances share | [`HostSpec`] |
//! | load by the day, trends, surges, user segments | [`Load`] |
//! | rolling, canary and blue-green releases, flags, forward-only changes | [`Release`] |
//! | what may be wrong | [`FaultKind`], in a [`Fault`] of a release or an [`Incident`] of a place |
//! | telemetry that is lost | [`Blackout`] |
//! | a scenario for each of these, by name | [`Preset`] |
//!
//! What a run tells is what a tracing system and a metrics agent would: each attempt of a call is a
//! [`Call`](astern_graph_core::Call). One that timed out has the timeout as its client duration,
//! and a server duration if a worker had it by then; one that no worker took names the service that
//! was called and none of its instances. A call that a breaker stops, or that waits for a
//! connection, is not sent and not told of. `exclusive` is the server duration less the time in
//! which calls of its own were under way: waits for a worker, for a connection and between attempts
//! are in it. Metrics are `cpu_utilisation` of instances (workers that compute over workers),
//! services (their mean) and machines (cores that compute over cores), and `queue_depth` of queues
//! that somebody consumes from (messages that no worker has taken).
//!
//! What is left out, so that a reader need not search for it: callers that cancel what they gave
//! up, redelivery of messages, memory, disks and bandwidth, autoscaling, breakers with windows, and
//! differences between instances of one revision.
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
mod streams;
mod topologies;
mod topology;
mod truth;

pub use error::{ActionError, SimError};
pub use executor::{Applied, CallFault, ExecutorFaults, SimExecutor, When};
pub use fault::{Blackout, Fault, FaultKind, Incident, Scope};
pub use law::TimeLaw;
pub use load::{Drift, Load, Segment, Surge};
pub use preset::{Preset, UnknownPreset};
pub use resilience::{Breaker, CacheAside, Retries};
pub use scenario::{Balance, Release, Scenario};
pub use simulator::{Counts, Simulation, Simulator, run, sort_records};
pub use topology::{CallSpec, Consumption, HostSpec, ServiceSpec, Topology};
pub use truth::GroundTruth;
