//! Waiting in queues, by formula.

/// The wait before a worker is free.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Wait {
    /// Mean, in the unit of the time that work takes.
    pub(crate) mean: f64,
    /// Variance, in the square of that unit.
    pub(crate) variance: f64,
}

impl Wait {
    /// Nobody waits.
    pub(crate) const NONE: Self = Self {
        mean: 0.0,
        variance: 0.0,
    };

    /// In a queue of one line before several workers, which must not be overloaded.
    ///
    /// The wait is 0 with probability `1 - C` and else exponential, with C of Erlang (1917) for
    /// M/M/c. Other laws of arrival and work scale its mean by `variability = (ca² + cs²) / 2`,
    /// half the sum of the squared coefficients of variation (Allen and Cunneen; Whitt 1983),
    /// which is exact for M/G/1. The variance is scaled with the square: a deviation, since it
    /// depends on third moments that are not known here.
    pub(crate) fn before(workers: u32, offered: f64, work: f64, variability: f64) -> Self {
        let free = f64::from(workers) - offered;
        if free <= 0.0 || offered <= 0.0 {
            return Self::NONE;
        }
        let waits = erlang_c(workers, offered);
        let when_waiting = work / free * variability;
        let mean = waits * when_waiting;
        Self {
            mean,
            variance: 2.0 * waits * when_waiting * when_waiting - mean * mean,
        }
    }
}

/// Probability that an arrival waits in M/M/c, for `offered = rate · work < workers` (Erlang
/// 1917), by the recursion of Erlang B, which neither overflows nor cancels.
///
/// # Complexity
/// `O(workers)`.
pub(crate) fn erlang_c(workers: u32, offered: f64) -> f64 {
    let mut blocked = 1.0;
    for n in 1..=workers {
        blocked = offered * blocked / (f64::from(n) + offered * blocked);
    }
    let busy = offered / f64::from(workers);
    blocked / (1.0 - busy * (1.0 - blocked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn one_worker_waits_with_the_probability_that_it_is_busy() {
        for busy in [0.1, 0.5, 0.9] {
            assert_relative_eq!(erlang_c(1, busy), busy, max_relative = 1e-12);
            let wait = Wait::before(1, busy, 10.0, 1.0);
            assert_relative_eq!(wait.mean, 10.0 * busy / (1.0 - busy), max_relative = 1e-12);
            // Var(W) = ρ (2 - ρ) / (1 - ρ)² in M/M/1, in units of the work.
            let variance = 100.0 * busy * (2.0 - busy) / (1.0 - busy).powi(2);
            assert_relative_eq!(wait.variance, variance, max_relative = 1e-12);
        }
    }

    #[test]
    fn erlang_c_is_that_of_the_direct_sum() {
        // C = (aᶜ/c! · c/(c-a)) / (Σ_{k<c} aᵏ/k! + aᶜ/c! · c/(c-a)); Erlang's own formula.
        let direct = |c: u32, a: f64| {
            let term = |k: u32| (1..=k).fold(1.0, |t, i| t * a / f64::from(i));
            let last = term(c) * f64::from(c) / (f64::from(c) - a);
            last / ((0..c).map(term).sum::<f64>() + last)
        };
        for (c, a) in [(2, 1.0), (5, 4.0), (10, 7.5), (40, 38.0)] {
            assert_relative_eq!(erlang_c(c, a), direct(c, a), max_relative = 1e-10);
        }
        assert_relative_eq!(erlang_c(2, 1.0), 1.0 / 3.0, max_relative = 1e-12);
    }

    #[test]
    fn many_workers_and_no_load_are_no_trouble() {
        assert!((0.0..1.0).contains(&erlang_c(10_000, 9_900.0)));
        assert_eq!(Wait::before(3, 0.0, 10.0, 1.0), Wait::NONE);
    }
}
