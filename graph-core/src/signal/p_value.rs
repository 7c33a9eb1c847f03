//! P-values as people read them.

use std::fmt;

/// Three decimals, and powers of ten only below one in a thousand.
pub(super) struct PValue(pub(super) f64);

impl fmt::Display for PValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(p) = *self;
        if p > 0.0 && p < 1e-3 {
            write!(f, "p {p:.1e}")
        } else {
            write!(f, "p {p:.3}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_ten_are_for_small_ones() {
        let shown =
            [1.0, 0.43, 0.001, 9.96e-4, 4.2e-12, 0.0, f64::NAN].map(|p| PValue(p).to_string());
        let expected = [
            "p 1.000",
            "p 0.430",
            "p 0.001",
            "p 1.0e-3",
            "p 4.2e-12",
            "p 0.000",
            "p NaN",
        ];
        assert_eq!(shown, expected);
    }
}
