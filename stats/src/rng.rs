//! The one random number generator: `ChaCha8`, explicitly seeded.

pub use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// A generator for `seed`, and within it for `stream`: streams of one seed are independent, so
/// adding a consumer never changes what another one draws.
///
/// ```
/// use astern_stats::rng::seeded;
/// assert_eq!(seeded(7, 0), seeded(7, 0));
/// assert_ne!(seeded(7, 0), seeded(7, 1));
/// ```
pub fn seeded(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}
