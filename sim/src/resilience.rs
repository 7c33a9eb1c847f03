//! What a caller does so that a callee's trouble is not its own: retries, breakers, caches.

use std::time::Duration;

use astern_stats::ParamError;
use astern_stats::param::{duration, in_range};
use serde::{Deserialize, Serialize};

use crate::topology::CallSpec;

/// Further attempts of a call that failed, by exponential backoff.
///
/// Before attempt n + 1 the caller waits `w · (1 − jitter · u)`, with
/// `w = min(most, first · factor^(n − 1))` and u uniform in [0, 1). What an open breaker stopped
/// is not tried again.
///
/// | field | default | rule |
/// |---|---|---|
/// | `attempts` | 3 | 1 to 100, the first among them |
/// | `first` | 50 ms | at most 1 h |
/// | `factor` | 2 | 1 to 10 |
/// | `most` | 1 s | at most 1 h |
/// | `jitter` | 0.5 | 0 (none) to 1 (full) |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Retries {
    /// Attempts in all.
    pub attempts: u32,
    /// Longest wait before the second attempt.
    #[serde(with = "duration")]
    pub first: Duration,
    /// By how much the wait grows from one attempt to the next.
    pub factor: f64,
    /// Cap of the wait.
    #[serde(with = "duration")]
    pub most: Duration,
    /// Share of the wait that is random.
    pub jitter: f64,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            attempts: 3,
            first: Duration::from_millis(50),
            factor: 2.0,
            most: Duration::from_secs(1),
            jitter: 0.5,
        }
    }
}

impl Retries {
    /// So many attempts in all, without any wait between them.
    pub fn at_once(attempts: u32) -> Self {
        Self {
            attempts,
            first: Duration::ZERO,
            ..Self::default()
        }
    }

    /// Wait after so many attempts, milliseconds; `u` in [0, 1) is the random part.
    pub(crate) fn wait_ms(self, attempts: u32, u: f64) -> f64 {
        let grown = self.first.as_secs_f64() * self.factor.powf(f64::from(attempts) - 1.0);
        1e3 * grown.min(self.most.as_secs_f64()) * (1.0 - self.jitter * u)
    }

    fn check(self) -> Result<(), ParamError> {
        in_range("attempts", f64::from(self.attempts), 1.0, 100.0)?;
        in_range("first in seconds", self.first.as_secs_f64(), 0.0, 3_600.0)?;
        in_range("factor", self.factor, 1.0, 10.0)?;
        in_range("most in seconds", self.most.as_secs_f64(), 0.0, 3_600.0)?;
        in_range("jitter", self.jitter, 0.0, 1.0).map(drop)
    }
}

/// A circuit breaker, one for all calls of a service to a callee: after so many failures in a row
/// it stops calls for a while, then lets one through, whose outcome closes or opens it again.
///
/// A call that it stops fails at once and is never sent, so no record shows it. Calls that were
/// under way when it opened do not count. Described by M. Nygard (Release It!, 2007); sliding
/// windows of failure rates, as some libraries have, are not modelled.
///
/// | field | default | rule |
/// |---|---|---|
/// | `failures` | 5 | 1 to 10⁶ |
/// | `open` | 10 s | 1 ms to 1 day |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Breaker {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open.
    #[serde(with = "duration")]
    pub open: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            failures: 5,
            open: Duration::from_secs(10),
        }
    }
}

impl Breaker {
    /// Opens after so many failures in a row, for so long.
    pub fn new(failures: u32, open: Duration) -> Self {
        Self { failures, open }
    }

    fn check(self) -> Result<(), ParamError> {
        in_range("failures", f64::from(self.failures), 1.0, 1e6)?;
        in_range("open in seconds", self.open.as_secs_f64(), 1e-3, 86_400.0).map(drop)
    }
}

/// What a caller does when the cache that it called does not have the value (cache-aside): it
/// calls the store. A cache that fails counts as a miss.
///
/// The share of hits is `hit_ratio · (1 − exp(−t / warm))`, t after the cache was flushed or
/// restarted, and `hit_ratio` before that. Warming goes by time, not by what is asked for.
///
/// | field | default of `new` | rule |
/// |---|---|---|
/// | `hit_ratio` | | 0 to 1 |
/// | `warm` | 2 min | 1 ms to 1 day |
/// | `store` | | no cache of its own |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CacheAside {
    /// Share of hits of a warm cache.
    pub hit_ratio: f64,
    /// Time constant of warming.
    #[serde(default = "two_minutes", with = "duration")]
    pub warm: Duration,
    /// The call that a miss costs.
    pub store: Box<CallSpec>,
}

fn two_minutes() -> Duration {
    Duration::from_secs(120)
}

astern_stats::setters!(CacheAside {
    /// Sets the time constant of warming.
    warm: Duration,
});

impl CacheAside {
    /// A cache before a store.
    pub fn new(hit_ratio: f64, store: CallSpec) -> Self {
        Self {
            hit_ratio,
            warm: two_minutes(),
            store: Box::new(store),
        }
    }
}

/// The rules of one call.
pub(crate) fn check(call: &CallSpec) -> Result<(), ParamError> {
    in_range("probability", call.probability, 0.0, 1.0)?;
    if let Some(timeout) = call.timeout {
        in_range("timeout in seconds", timeout.as_secs_f64(), 1e-3, 86_400.0)?;
    }
    if let Some(connections) = call.connections {
        in_range("connections", f64::from(connections), 1.0, 1e6)?;
    }
    call.retries.map_or(Ok(()), Retries::check)?;
    call.breaker.map_or(Ok(()), Breaker::check)?;
    let Some(cache) = &call.cache else {
        return Ok(());
    };
    in_range("hit_ratio", cache.hit_ratio, 0.0, 1.0)?;
    in_range("warm in seconds", cache.warm.as_secs_f64(), 1e-3, 86_400.0)?;
    let nested = u8::from(cache.store.cache.is_some());
    in_range("caches of a store", f64::from(nested), 0.0, 0.0)?;
    check(&cache.store)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn waits_grow_to_the_cap_and_jitter_shortens_them() {
        let retries = Retries::default();
        let waits = [1, 2, 3, 6, 99].map(|n| retries.wait_ms(n, 0.0));
        for (wait, expected) in waits.into_iter().zip([50.0, 100.0, 200.0, 1e3, 1e3]) {
            assert_relative_eq!(wait, expected);
        }
        assert_relative_eq!(retries.wait_ms(1, 0.5), 37.5);
        assert_relative_eq!(Retries::at_once(9).wait_ms(5, 0.3), 0.0);
    }
}
