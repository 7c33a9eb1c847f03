//! Whether the durations of calls grew, from two samples of any size.

/// Least change of a duration that matters, in milliseconds, and as a share of the healthy value.
const FLOOR_MS: f64 = 1.0;
const FLOOR_SHARE: f64 = 0.1;

/// Fewest calls of either side.
const CALLS_MIN: u64 = 3;

/// The tail: what few calls show.
const TAIL: f64 = 0.95;

/// One side of a comparison: the number of calls and their quantiles in milliseconds.
pub(crate) struct Durations<F> {
    pub(crate) calls: u64,
    pub(crate) quantile_ms: F,
}

/// A quantile that grew.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Growth {
    pub(crate) healthy_ms: f64,
    pub(crate) observed_ms: f64,
    /// Growth over its standard error and the least change that matters.
    pub(crate) z: f64,
}

/// The quantile that grew most: of the median and, where `tails` are compared and both sides have the
/// calls to tell, the 95 % quantile.
///
/// `z = (Q_a − Q_h) / √(e_h² + e_a² + 1² + (0.1 Q_h)²)` in milliseconds. The standard error e of a
/// quantile q is half the distance of the quantiles `q ± √(q (1 − q) / n)`: nothing is assumed of the
/// distribution. A side knows a quantile if two such errors stay within its sample. `None` with
/// fewer than 3 calls on a side. `O(1)` quantiles.
pub(crate) fn growth<F: Fn(f64) -> Option<f64>>(
    healthy: &Durations<F>,
    abnormal: &Durations<F>,
    tails: bool,
) -> Option<Growth> {
    if healthy.calls.min(abnormal.calls) < CALLS_MIN {
        return None;
    }
    let mut greatest: Option<Growth> = None;
    let has_tail = |side: &Durations<F>| TAIL + 2.0 * deviation(TAIL, side.calls) <= 1.0;
    let tail = (tails && has_tail(healthy) && has_tail(abnormal)).then_some(TAIL);
    for q in [Some(0.5), tail].into_iter().flatten() {
        let (Some((before, e_before)), Some((now, e_now))) =
            (estimate(q, healthy), estimate(q, abnormal))
        else {
            continue;
        };
        let floor = FLOOR_MS.hypot(FLOOR_SHARE * before);
        let z = (now - before) / e_before.hypot(e_now).hypot(floor);
        if greatest.is_none_or(|known| z > known.z) {
            greatest = Some(Growth {
                healthy_ms: before,
                observed_ms: now,
                z,
            });
        }
    }
    greatest
}

/// A quantile and its standard error.
fn estimate<F: Fn(f64) -> Option<f64>>(q: f64, side: &Durations<F>) -> Option<(f64, f64)> {
    let deviation = deviation(q, side.calls);
    let at = |q: f64| (side.quantile_ms)(q.clamp(0.0, 1.0));
    Some((at(q)?, (at(q + deviation)? - at(q - deviation)?) / 2.0))
}

fn deviation(q: f64, calls: u64) -> f64 {
    (q * (1.0 - q) / calls as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Quantiles = Box<dyn Fn(f64) -> Option<f64>>;

    /// Calls whose durations are spread evenly from a least to a greatest one.
    fn even(calls: u64, low: f64, high: f64) -> Durations<Quantiles> {
        Durations {
            calls,
            quantile_ms: Box::new(move |q: f64| Some(low + q * (high - low))),
        }
    }

    /// Calls of 10 ms, of which 7 % take so long.
    fn tailed(calls: u64, ms: f64) -> Durations<Quantiles> {
        Durations {
            calls,
            quantile_ms: Box::new(move |q: f64| Some(if q > 0.93 { ms } else { 10.0 })),
        }
    }

    #[test]
    fn a_growth_counts_by_its_error_and_its_size() {
        let z = |n, grew: f64| {
            let (healthy, abnormal) = (even(n, 0.0, 100.0), even(n, grew, 100.0 + grew));
            growth(&healthy, &abnormal, false).unwrap().z
        };
        // Errors of the median of 25: 10 ms; the floor at 50 ms: 1 and 5.
        let error = (2.0 * 100.0_f64 + 1.0 + 25.0).sqrt();
        assert!((z(25, 40.0) - 40.0 / error).abs() < 1e-9);
        assert!(z(2_500, 40.0) > z(25, 40.0));
        // However many calls, less than the floor is nothing.
        assert!(z(1_000_000, 2.0) < 1.0);
    }

    #[test]
    fn a_tail_is_compared_only_where_both_sides_have_one() {
        let of = |h, a, tails| growth(&tailed(h, 10.0), &tailed(a, 400.0), tails).unwrap();
        assert!(of(500, 500, true).z > 10.0);
        assert!((of(500, 500, true).observed_ms - 400.0).abs() < 1e-9);
        for (h, a, tails) in [(8, 500, true), (500, 8, true), (500, 500, false)] {
            assert!(of(h, a, tails).z.abs() < 1e-9, "{h} {a} {tails}");
        }
    }

    #[test]
    fn few_calls_say_nothing() {
        assert_eq!(growth(&even(2, 0.0, 1.0), &even(50, 5.0, 6.0), true), None);
    }
}
