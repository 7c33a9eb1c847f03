//! What the pure-Rust layers compute with.
//!
//! Same bytes on every machine: each sum has one order, whatever the width of the processor's
//! vectors; a product is rounded before it is added (no fused multiply-add); and `exp` is ours,
//! because that of the system's mathematics library differs between libraries, and in glibc between
//! processors.

mod dense;
mod quantile;
mod real;
mod segment;

use std::borrow::Cow;

use ndarray::{Array2, ArrayRef, Dimension};

pub(crate) use dense::{Dense, filled};
pub(crate) use quantile::quantile_radius;
pub use real::Real;
pub(crate) use segment::{Heads, add_neighbours, add_rows, attend, max_of_neighbours};

/// Puts every value through `function`.
#[inline]
pub(crate) fn each<F: Real>(values: &mut [F], function: impl Fn(F) -> F) {
    for value in values {
        *value = function(*value);
    }
}

/// The values of an array in row-major order; borrowed where they lie so.
pub(crate) fn flat<F: Real, D: Dimension>(array: &ArrayRef<F, D>) -> Cow<'_, [F]> {
    match array.as_slice() {
        Some(values) => Cow::Borrowed(values),
        None => Cow::Owned(array.iter().copied().collect()),
    }
}

/// Values in row-major order, as many as the shape holds, as an array.
pub(crate) fn matrix<F: Real>(values: Vec<F>, n_rows: usize, width: usize) -> Array2<F> {
    Array2::from_shape_vec((n_rows, width), values).unwrap_or_default()
}

/// Number of sums that run side by side in [`dot`] and [`leaky_dot`]: fixed, so that the order of
/// summation is.
const LANES: usize = 8;

/// `Σ a x`.
pub(crate) fn dot<F: Real>(a: &[F], x: &[F]) -> F {
    let mut sums = [F::ZERO; LANES];
    let ((a, a_rest), (x, x_rest)) = (a.as_chunks::<LANES>(), x.as_chunks::<LANES>());
    for (a, x) in a.iter().zip(x) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * x[lane];
        }
    }
    for ((sum, &a), &x) in sums.iter_mut().zip(a_rest).zip(x_rest) {
        *sum += a * x;
    }
    total(sums)
}

/// `Σ a LeakyReLU(x + y)`.
pub(crate) fn leaky_dot<F: Real>(a: &[F], x: &[F], y: &[F], slope: F) -> F {
    let mut sums = [F::ZERO; LANES];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (x, x_rest) = x.as_chunks::<LANES>();
    let (y, y_rest) = y.as_chunks::<LANES>();
    for ((a, x), y) in a.iter().zip(x).zip(y) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * leaky_relu(x[lane] + y[lane], slope);
        }
    }
    let rest = a_rest.iter().zip(x_rest).zip(y_rest);
    for (sum, ((&a, &x), &y)) in sums.iter_mut().zip(rest) {
        *sum += a * leaky_relu(x + y, slope);
    }
    total(sums)
}

fn total<F: Real>(s: [F; LANES]) -> F {
    ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}

/// `x` above 0, else `slope * x`; keeps `NaN`. Without a branch: each half is one instruction.
#[inline]
pub(crate) fn leaky_relu<F: Real>(x: F, slope: F) -> F {
    let above = if x > F::ZERO { x } else { F::ZERO };
    let below = if F::ZERO < x { F::ZERO } else { x };
    above + slope * below
}

/// `x` above 0, else 0; keeps `NaN`, unlike `max`.
#[inline]
pub(crate) fn relu<F: Real>(x: F) -> F {
    if x < F::ZERO { F::ZERO } else { x }
}

/// `1 / (1 + exp(-x))`.
#[inline]
pub(crate) fn sigmoid<F: Real>(x: F) -> F {
    F::ONE / (F::ONE + (-x).exp())
}

/// The hyperbolic tangent, to rounding of numbers near 1 (an absolute error).
#[inline]
pub(crate) fn tanh<F: Real>(x: F) -> F {
    let two = F::ONE + F::ONE;
    F::ONE - two / (F::ONE + (x + x).exp())
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;

    use super::*;

    #[test]
    fn functions_agree_with_the_standard_library() {
        for i in -4000..4000 {
            let x = f64::from(i) / 100.0;
            assert_abs_diff_eq!(tanh(x), x.tanh(), epsilon = 1e-15);
            assert_abs_diff_eq!(sigmoid(x), 1.0 / (1.0 + (-x).exp()), epsilon = 3e-16);
        }
        for x in [f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, 0.0] {
            assert_abs_diff_eq!(tanh(x), x.tanh(), epsilon = 1e-16);
        }
        assert!(tanh(f64::NAN).is_nan() && sigmoid(f64::NAN).is_nan());
        assert!(relu(f64::NAN).is_nan() && leaky_relu(f64::NAN, 0.2).is_nan());
    }

    #[test]
    fn sums_take_every_entry_once() {
        for n in 0..40u16 {
            let a: Vec<f64> = (0..n).map(f64::from).collect();
            let ones = vec![1.0; a.len()];
            let expected: f64 = a.iter().sum();
            assert_abs_diff_eq!(dot(&a, &ones), expected);
            let minus: Vec<f64> = ones.iter().map(|v| v * -3.0).collect();
            assert_abs_diff_eq!(leaky_dot(&a, &ones, &minus, 0.5), -expected);
        }
    }
}
