//! Coarse simulation of large systems: it steps in time, not from event to event.
//!
//! The [`Simulator`](crate::Simulator) follows every call, so a system of 100,000 services under a
//! real load is out of its reach. [`CoarseSimulator`] works with rates and means instead: each
//! step costs `O(n + m)` for n services and m calls between them, whatever the load.
//!
//! # Approximation
//! In each step of length `Δ`, for each service with n instances of c workers:
//!
//! | quantity | from |
//! |---|---|
//! | share of failed calls | own errors, then `1 - Π (1 - p · error(callee) · propagation)` over the calls of each step, callees first |
//! | rate of calls | rates of callers times probabilities, callers first; a caller that fails makes no further calls |
//! | time that a worker is held | self time, plus for each step of calls the longest of them; means and variances add up along the chain as if all were independent, and the longest of several is that of normal times (Clark 1961) |
//! | wait for a worker | Erlang C for each instance (M/M/c, 1917), scaled by half the sum of the squared coefficients of variation (Allen and Cunneen); arrivals at each instance count as Poisson; at more than 99 % as at 99 %. Callers have K workers: a call waits for `1 - 1/K` of that (Schweitzer 1979), and K calls stay no longer than they take to be served (Little 1961) |
//! | overload | what arrives faster than workers free up waits in line (the fluid limit), and is served at the speed of the workers; the line is no longer than the callers' workers together, but for the entry |
//! | latency quantiles | those of the log-normal law with the mean and variance of wait and hold |
//! | a release | instances of the old and of the new revision are two groups; each has its own line, and a batch counts from the step whose middle it comes before |
//!
//! The time that workers are held enters the capacity of the next step, so a slow callee
//! swamps its callers from one step to the next, as it does in the event simulation. What
//! [`records`](CoarseSimulator::records) adds is the noise of counting: Poisson counts, binomial
//! errors, and quantiles with the standard error of a sample of that size.
//!
//! # What it cannot show
//! Single calls and traces; differences between instances; retries, timeouts and whatever else
//! reacts to a single call; how waits in one service go with waits in another; actions on the
//! running system; faults that grow with time ([`FaultKind::Leak`](crate::FaultKind::Leak)).
//! A step must be long against the latencies in it.
//!
//! # How near it is
//! The tests hold it against the event simulation with calls spread at random
//! ([`Balance::Random`](crate::Balance::Random)), on the web shop at its load and at six times of
//! it and on a generated system of 50 services at its design load. Beyond five standard errors of
//! what was counted there:
//!
//! | quantity | tolerance | found | why |
//! |---|---|---|---|
//! | rates, utilisation | 1 % | not distinguishable from 0 | products of rates and means; failed calls alone are approximate |
//! | mean latency | 10 % | 6 % | workers are held for at most half of the time, so waits are at most as long as holds; a fifth of that wait is what the formula may be wrong by |
//!
//! Nearer to overload, waits are wrong by more. Quantiles are only as good as the log-normal law.
//!
//! # Example
//! ```
//! use astern_sim::Topology;
//! use astern_sim::coarse::{CoarseScenario, CoarseSimulator};
//!
//! let topology = Topology::generated(1_000, 7)?;
//! let simulator = CoarseSimulator::new(&CoarseScenario::new(topology, 7))?;
//! let step = simulator.clone().next().ok_or("no step")?;
//! assert_eq!(step.states.len(), 1_000);
//! assert!(simulator.records(&step).len() > 1_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod limits;
mod model;
mod moments;
mod records;
mod rollout;
mod scenario;
mod simulator;

pub use scenario::{CoarseError, CoarseScenario};
pub use simulator::{CoarseSimulator, CoarseStep, ServiceState};
