//! Random numbers: one stream per purpose, so that a change to one leaves the others alone.

use astern_stats::rng::{ChaCha8Rng, seeded};
use rand::RngExt;

/// Stream from which a scenario is drawn; those of a run follow it.
pub(crate) const SCENARIO: u64 = 0;

/// Stream from which a preset is drawn.
pub(crate) const PRESET: u64 = 100;

/// The streams of one run.
#[derive(Debug, Clone)]
pub(crate) struct Streams {
    /// When requests come.
    pub(crate) arrivals: ChaCha8Rng,
    /// How long work takes.
    pub(crate) work: ChaCha8Rng,
    /// How long messages travel.
    pub(crate) network: ChaCha8Rng,
    /// Which instance takes a call.
    pub(crate) routes: ChaCha8Rng,
    /// Which optional calls are made.
    pub(crate) calls: ChaCha8Rng,
    /// Which requests fail by themselves, and which by their callees.
    pub(crate) errors: ChaCha8Rng,
    /// Which requests a fault hits.
    pub(crate) fault: ChaCha8Rng,
    /// How long callers wait before they try again.
    pub(crate) retries: ChaCha8Rng,
    /// Which calls a cache has the value for.
    pub(crate) caches: ChaCha8Rng,
    /// Which segment a request is of.
    pub(crate) segments: ChaCha8Rng,
    /// Which calls have a flag on.
    pub(crate) flags: ChaCha8Rng,
    /// Which calls are lost on their way.
    pub(crate) losses: ChaCha8Rng,
    /// Which requests fail because their instance is fresh.
    pub(crate) start_ups: ChaCha8Rng,
    /// Which requests are answered with a client error.
    pub(crate) refusals: ChaCha8Rng,
}

impl Streams {
    pub(crate) fn new(seed: u64) -> Self {
        let stream = |n| seeded(seed, SCENARIO + n);
        Self {
            arrivals: stream(1),
            work: stream(2),
            network: stream(3),
            routes: stream(4),
            calls: stream(5),
            errors: stream(6),
            fault: stream(7),
            retries: stream(8),
            caches: stream(9),
            segments: stream(10),
            flags: stream(11),
            losses: stream(12),
            start_ups: stream(13),
            refusals: stream(14),
        }
    }
}

/// True with this probability. Takes one number whatever the probability, so that scenarios which
/// differ in it alone stay comparable.
pub(crate) fn chance(rng: &mut ChaCha8Rng, probability: f64) -> bool {
    rng.random::<f64>() < probability
}
