//! The mean of normal observations, by a mixture over how great it may be.

use statrs::distribution::{ContinuousCDF, Normal};

/// Logarithm of the e-value against "the mean is at most 0", for observations of variance 1.
///
/// The likelihood ratio against 0, averaged over half-normal means of scale ρ (Robbins 1970):
/// `E = 2 / √(1 + ρ²V) · exp(ρ²S² / (2(1 + ρ²V))) · Φ(ρS / √(1 + ρ²V))` for the sum S of n
/// observations and its variance V. `ρ` is the size of a mean, in standard deviations, at which it
/// is quickest; others are found too, later.
///
/// Where the level of 0 is itself the mean of m earlier observations, take `S = a Σ(x - m̄)` and
/// `V = a n` with `a = m / (m + n)`: this sum has independent increments, so the bound still holds.
///
/// `NaN` for a value that is not finite, a negative V or a ρ that is not positive. `O(1)`.
///
/// ```
/// use astern_stats::sequential::ln_e_mean;
/// let after = |n: f64, mean: f64| ln_e_mean(n * mean, n, 1.0);
/// assert!(after(10.0, 1.5) > 100f64.ln());
/// assert!(after(10.0, 0.0) < 0.0 && after(10.0, -1.5) < after(10.0, 0.0));
/// ```
pub fn ln_e_mean(sum: f64, variance: f64, rho: f64) -> f64 {
    if !(sum.is_finite() && variance >= 0.0 && variance.is_finite() && rho > 0.0) {
        return f64::NAN;
    }
    let spread = 1.0 + rho * rho * variance;
    let z = rho * sum / spread.sqrt();
    std::f64::consts::LN_2 - 0.5 * spread.ln() + 0.5 * z * z + ln_normal_lower(z)
}

/// Half the width of the interval that holds the mean at every look at once with probability
/// 1 - α: `√((V + 1/ρ²) (2 ln(1/α) + ln(1 + ρ²V))) / V` (Robbins 1970, two-sided). In standard
/// deviations of one observation; infinite while V is 0, `NaN` for nonsense. `O(1)`.
///
/// ```
/// use astern_stats::sequential::half_width;
/// // Wider than the interval for one look, 1.96 / √n.
/// assert!((half_width(100.0, 1.0, 0.05) / 0.196 - 1.66).abs() < 0.05);
/// ```
pub fn half_width(variance: f64, rho: f64, alpha: f64) -> f64 {
    if !(variance >= 0.0 && rho > 0.0 && (0.0..1.0).contains(&alpha)) {
        return f64::NAN;
    }
    let spread = 1.0 + rho * rho * variance;
    let bound = -2.0 * alpha.ln() + spread.ln();
    (spread * bound).sqrt() / (rho * variance)
}

/// Logarithm of `Φ(z)`; far out by the first term of its asymptotic series.
fn ln_normal_lower(z: f64) -> f64 {
    if z > -30.0 {
        return Normal::standard().cdf(z).ln();
    }
    -0.5 * z * z - (-z).ln() - 0.5 * (2.0 * std::f64::consts::PI).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::seeded;
    use rand_chacha::rand_core::Rng;

    /// The integral that the formula solves, by the midpoint rule.
    fn by_sum(sum: f64, variance: f64, rho: f64) -> f64 {
        let (n, width) = (20_000, 10.0 * rho / 20_000.0);
        let term = |i: u32| {
            let mean = (f64::from(i) + 0.5) * width;
            let prior = (-0.5 * (mean / rho).powi(2)).exp() * (2.0 / std::f64::consts::PI).sqrt();
            prior / rho * (mean * sum - 0.5 * mean * mean * variance).exp() * width
        };
        (0..n).map(term).sum::<f64>().ln()
    }

    #[test]
    fn agrees_with_the_integral() {
        for (sum, variance, rho) in [(3.0, 5.0, 1.0), (-4.0, 5.0, 0.5), (20.0, 8.0, 2.0)] {
            let (closed, summed) = (ln_e_mean(sum, variance, rho), by_sum(sum, variance, rho));
            assert!((closed - summed).abs() < 1e-4, "{closed} {summed}");
        }
    }

    #[test]
    fn far_below_it_stays_finite_and_falls() {
        assert!((ln_normal_lower(-29.999) - ln_normal_lower(-30.001)).abs() < 0.1);
        assert!(ln_e_mean(-1e6, 10.0, 1.0) < ln_e_mean(-1e3, 10.0, 1.0));
        assert!(ln_e_mean(f64::NAN, 1.0, 1.0).is_nan() && ln_e_mean(1.0, -1.0, 1.0).is_nan());
        assert!(half_width(0.0, 1.0, 0.05).is_infinite());
    }

    /// A standard normal value by the sum of twelve uniform ones.
    fn normal(rng: &mut crate::rng::ChaCha8Rng) -> f64 {
        let uniform = |_| f64::from(rng.next_u32()) / 4_294_967_296.0;
        (0..12).map(uniform).sum::<f64>() - 6.0
    }

    #[test]
    fn looking_after_every_step_keeps_the_level() {
        // Against a level that was itself estimated from 30 steps; 2,000 runs of 60 looks at 5 %.
        let mut rng = seeded(1, 0);
        let (mut crossed, mut naive, mut outside) = (0, 0, 0);
        for _ in 0..2_000 {
            let past = (0..30).map(|_| normal(&mut rng)).sum::<f64>() / 30.0;
            let (mut sum, mut alarm, mut naive_alarm, mut missed) = (0.0, false, false, false);
            for n in 1..=60_u32 {
                sum += normal(&mut rng) - past;
                let n = f64::from(n);
                let a = 30.0 / (30.0 + n);
                alarm |= ln_e_mean(a * sum, a * n, 1.0) >= 20f64.ln();
                naive_alarm |= a * sum / (a * n).sqrt() > 1.645;
                missed |= (sum / n).abs() > half_width(a * n, 1.0, 0.05);
            }
            crossed += u32::from(alarm);
            naive += u32::from(naive_alarm);
            outside += u32::from(missed);
        }
        assert!(crossed <= 120, "{crossed} of 2000 alarms");
        assert!(outside <= 120, "{outside} of 2000 intervals miss");
        assert!(
            naive > 400,
            "the test for one look has {naive} of 2000 alarms"
        );
    }
}
