//! The two kinds of numbers.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub};
use std::slice::ChunksExactMut;

use super::dense::multiply;

/// A kind of numbers to score in: `f32` for speed, `f64` for comparison.
///
/// Sealed: implemented for these two.
pub trait Real: Number {}

impl Real for f32 {}
impl Real for f64 {}

/// What the kernels need of a number.
pub trait Number:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + MulAssign
{
    const ZERO: Self;
    const ONE: Self;
    /// Columns that [`multiply`](Self::multiply) makes side by side.
    const COLUMNS: usize;
    /// Rows that it makes side by side.
    const ROWS: usize;

    /// The nearest number of this kind.
    fn of(value: f64) -> Self;
    fn is_finite(self) -> bool;
    fn is_nan(self) -> bool;
    fn sqrt(self) -> Self;
    /// `e^x` within 2 units in the last place; 0 and infinity beyond the range.
    fn exp(self) -> Self;
    /// Adds `rows · panel`, `[K, ROWS]` by `[K, COLUMNS]`, to the columns from `start` of `out`.
    fn multiply(rows: &[Self], panel: &[Self], out: ChunksExactMut<'_, Self>, start: usize);
}

/// One definition for both kinds. `exp`: with `n` the whole number nearest to `x / ln 2` and
/// `r = x - n ln 2`, `exp(x) = 2^n exp(r)`, where `|r| < 0.35` and the Taylor polynomial is exact
/// to rounding. No branch, no table and no conversion, so that loops over it become vectors:
/// adding `ROUND` leaves `n` in the low bits of the sum. `2^n` goes in two factors, since neither
/// end of the range is a number of its own.
macro_rules! number {
    ($float:ident, $bits:ident, $int:ident, mantissa: $mantissa:expr, bias: $bias:expr,
     range: $range:expr, ln_2: $ln_2:expr, taylor: $taylor:expr, tile: [$rows:expr, $columns:expr]) => {
        impl Number for $float {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const ROWS: usize = $rows;
            const COLUMNS: usize = $columns;

            #[inline]
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_lossless,
                reason = "the nearest number is wanted"
            )]
            fn of(value: f64) -> Self {
                value as $float
            }

            #[inline]
            fn is_finite(self) -> bool {
                $float::is_finite(self)
            }

            #[inline]
            fn is_nan(self) -> bool {
                $float::is_nan(self)
            }

            #[inline]
            fn sqrt(self) -> Self {
                $float::sqrt(self)
            }

            #[inline(always)]
            #[allow(
                clippy::inline_always,
                reason = "a call would keep loops from becoming vectors"
            )]
            #[allow(clippy::cast_sign_loss, clippy::cast_possible_wrap, reason = "bits")]
            fn exp(self) -> Self {
                const ROUND: $float = 1.5 * (1u64 << $mantissa) as $float;
                const LOW: $float = $range.0;
                const HIGH: $float = $range.1;
                let power =
                    |n: $int| $float::from_bits((n.wrapping_add($bias) as $bits) << $mantissa);
                // Comparisons that leave NaN as it is.
                let x = if self < LOW { LOW } else { self };
                let x = if x > HIGH { HIGH } else { x };
                let shifted = x * std::$float::consts::LOG2_E + ROUND;
                let n = (shifted.to_bits() as $int).wrapping_sub(ROUND.to_bits() as $int);
                let whole = shifted - ROUND;
                let r = (x - whole * $ln_2.0) - whole * $ln_2.1;
                let e_r = $taylor.iter().fold(0.0, |sum, c| sum * r + c);
                let half = n >> 1;
                e_r * power(half) * power(n.wrapping_sub(half))
            }

            fn multiply(
                rows: &[Self],
                panel: &[Self],
                out: ChunksExactMut<'_, Self>,
                start: usize,
            ) {
                multiply::<$float, $rows, $columns>(rows, panel, out, start);
            }
        }
    };
}

number!(f32, u32, i32, mantissa: 23, bias: 127, range: (-104.0, 89.0),
    // The first part is 355/512: times n it is exact.
    ln_2: (0.693_359_4, -2.121_944_4e-4), taylor: TAYLOR_F32, tile: [2, 16]);
number!(f64, u64, i64, mantissa: 52, bias: 1023, range: (-746.0, 710.0),
    ln_2: (LN_2_HIGH, LN_2_LOW), taylor: TAYLOR_F64, tile: [2, 8]);

/// The upper 32 bits of ln 2's mantissa: times a whole number below 2²⁰ this is exact.
const LN_2_HIGH: f64 = f64::from_bits(0x3FE6_2E42_FEE0_0000);
/// What is left of ln 2.
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// `1 / k!`, from the highest power down.
const TAYLOR_F32: [f32; 8] = [
    1.0 / 5040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];
const TAYLOR_F64: [f64; 14] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Every 997th bit pattern: all exponents, both signs, subnormal numbers, infinities and NaN.
    #[test]
    #[allow(clippy::cast_possible_truncation, reason = "the reference, rounded")]
    fn exp_of_f32_is_within_2_units_in_the_last_place() {
        let mut worst = 0;
        for bits in (0..=u32::MAX).step_by(997) {
            let x = f32::from_bits(bits);
            let (got, expected) = (Number::exp(x), f64::from(x).exp() as f32);
            if x.is_nan() {
                assert!(got.is_nan());
            } else {
                // Positive floats are ordered as their bits.
                worst = worst.max(got.to_bits().abs_diff(expected.to_bits()));
            }
        }
        assert!(worst <= 2, "{worst} units");
    }

    #[test]
    fn exp_of_f64_is_within_2_units_in_the_last_place() {
        let mut worst = 0;
        for i in 0..2_000_000i32 {
            let x = -750.0 + f64::from(i) * 7.31e-4 + f64::from(i % 7) * 1e-9;
            let (got, expected) = (Number::exp(x), f64::exp(x));
            worst = worst.max(got.to_bits().abs_diff(expected.to_bits()));
        }
        assert!(worst <= 2, "{worst} units");
        assert!(Number::exp(f64::NAN).is_nan());
        for (x, expected) in [
            (f64::INFINITY, f64::INFINITY),
            (f64::NEG_INFINITY, 0.0),
            (1e308, f64::INFINITY),
            (-1e308, 0.0),
            (0.0, 1.0),
            (-0.0, 1.0),
            (f64::MIN_POSITIVE, 1.0),
        ] {
            assert_eq!(Number::exp(x).to_bits(), expected.to_bits(), "{x}");
        }
    }
}
