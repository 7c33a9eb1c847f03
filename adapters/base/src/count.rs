//! Counts of what became of records, in words.

use std::fmt;

/// A number and what it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    number: u64,
    one: &'static str,
    several: &'static str,
}

impl Count {
    /// By the words for one and for several.
    pub const fn new(number: u64, one: &'static str, several: &'static str) -> Self {
        Self {
            number,
            one,
            several,
        }
    }

    /// By words that fit one and several alike.
    pub const fn alike(number: u64, words: &'static str) -> Self {
        Self::new(number, words, words)
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.number
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = if self.number == 1 {
            self.one
        } else {
            self.several
        };
        write!(f, "{} {words}", self.number)
    }
}

/// Writes what became of records: how many were read, how many of what they were made to, and every
/// other fate that is not zero.
///
/// # Errors
/// The formatter's.
pub fn sentence(
    f: &mut fmt::Formatter<'_>,
    read: Count,
    made: Count,
    others: impl IntoIterator<Item = Count>,
) -> fmt::Result {
    write!(f, "{read} to {made}")?;
    for count in others.into_iter().filter(|count| count.number > 0) {
        write!(f, ", {count}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_others_are_plural() {
        let shown = [0, 1, 2].map(|n| Count::new(n, "span", "spans").to_string());
        assert_eq!(shown, ["0 spans", "1 span", "2 spans"]);
        assert_eq!(Count::alike(1, "late").to_string(), "1 late");
        assert_eq!(Count::alike(3, "late").number(), 3);
    }
}
