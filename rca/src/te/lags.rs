//! Which past values count.

use astern_stats::ParamError;
use astern_stats::param::in_range;

/// Which past values of each series count for the target's next value y(t).
///
/// | setting | default | rule |
/// |---|---|---|
/// | `target_history` (k) | 1 | own past values of the target: t-1, t-1-τ, …; 1 to 16 |
/// | `source_history` (l) | 1 | past values of the source: t-u, t-u-τ, …; 1 to 16 |
/// | `delay` (u) | 1 | steps from source to target, 1 to 1,000 |
/// | `target_step`, `source_step` (τ) | 1 | steps between the values of one history, 1 to 100 |
/// | `given_history`, `given_delay`, `given_step` | 1 | the same of a conditional series; a delay of 0 is its simultaneous value |
///
/// Delay and self-prediction are apart, so that the delay with the greatest transfer entropy is the
/// delay of the influence (Wibral et al. 2013).
///
/// ```
/// use astern_rca::te::Lags;
/// // Two own past values, one of the source from three steps ago.
/// let lags = Lags::default().history(2, 1).delay(3);
/// # let _ = lags;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lags {
    pub(super) target: History,
    pub(super) source: History,
    pub(super) given: History,
}

/// One series' past: `length` values, the newest `delay` steps before y(t), `step` apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct History {
    pub(super) length: u8,
    pub(super) delay: u16,
    pub(super) step: u8,
}

impl History {
    const ONE: Self = Self {
        length: 1,
        delay: 1,
        step: 1,
    };

    /// Steps back of each value, newest first.
    pub(super) fn offsets(self) -> impl Iterator<Item = usize> {
        let (delay, step) = (usize::from(self.delay), usize::from(self.step));
        (0..usize::from(self.length)).map(move |i| delay + i * step)
    }

    /// Steps back of the oldest value.
    pub(super) fn reach(self) -> usize {
        self.offsets().last().unwrap_or(0)
    }
}

impl Default for Lags {
    fn default() -> Self {
        Self {
            target: History::ONE,
            source: History::ONE,
            given: History::ONE,
        }
    }
}

impl Lags {
    /// With other lengths of history of the target (k) and of the source (l).
    #[must_use]
    pub fn history(mut self, target: u8, source: u8) -> Self {
        self.target.length = target;
        self.source.length = source;
        self
    }

    /// With another delay from source to target, in steps.
    #[must_use]
    pub fn delay(mut self, steps: u16) -> Self {
        self.source.delay = steps;
        self
    }

    /// With other distances between the values of one history, of target and source, in steps.
    #[must_use]
    pub fn steps(mut self, target: u8, source: u8) -> Self {
        self.target.step = target;
        self.source.step = source;
        self
    }

    /// With another history of the conditional series: how many values, from how many steps back,
    /// how many steps apart.
    #[must_use]
    pub fn given(mut self, history: u8, delay: u16, step: u8) -> Self {
        self.given = History {
            length: history,
            delay,
            step,
        };
        self
    }

    pub(super) fn check(&self) -> Result<(), ParamError> {
        for (name, value, low, high) in [
            ("target_history", u16::from(self.target.length), 1, 16),
            ("source_history", u16::from(self.source.length), 1, 16),
            ("given_history", u16::from(self.given.length), 1, 16),
            ("delay", self.source.delay, 1, 1_000),
            ("given_delay", self.given.delay, 0, 1_000),
            ("target_step", u16::from(self.target.step), 1, 100),
            ("source_step", u16::from(self.source.step), 1, 100),
            ("given_step", u16::from(self.given.step), 1, 100),
        ] {
            in_range(name, f64::from(value), f64::from(low), f64::from(high))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_refuses() {
        let with = Lags::default;
        assert!(with().check().is_ok());
        assert!(with().given(1, 0, 1).check().is_ok());
        for (name, bad) in [
            ("target_history", with().history(0, 1)),
            ("source_history", with().history(1, 17)),
            ("delay", with().delay(0)),
            ("delay", with().delay(1_001)),
            ("target_step", with().steps(0, 1)),
            ("source_step", with().steps(1, 101)),
            ("given_history", with().given(0, 1, 1)),
            ("given_delay", with().given(1, 1_001, 1)),
            ("given_step", with().given(1, 1, 0)),
        ] {
            let refused = bad.check().unwrap_err().to_string();
            assert!(refused.contains(&format!("`{name}`")), "{refused}");
        }
    }

    #[test]
    fn offsets_count_back_from_the_next_value() {
        let lags = Lags::default().history(3, 2).steps(2, 5).delay(4);
        assert_eq!(lags.target.offsets().collect::<Vec<_>>(), [1, 3, 5]);
        assert_eq!(lags.source.offsets().collect::<Vec<_>>(), [4, 9]);
        assert_eq!(lags.source.reach(), 9);
    }
}
