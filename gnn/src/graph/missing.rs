//! What becomes of missing values where a layer takes none.

/// What is done with a missing value (`NaN`) where every value has to be finite.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum Missing {
    /// It is an error.
    #[default]
    Refuse,
    /// It becomes this number, in the unit of the values: 0 is the mean of features that were
    /// standardised before, and hardly ever that of others.
    Fill(f64),
}

impl Missing {
    pub(super) fn apply(self, value: f64) -> f64 {
        match self {
            Self::Fill(fill) if value.is_nan() => fill,
            _ => value,
        }
    }
}
