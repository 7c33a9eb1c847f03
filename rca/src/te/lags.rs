//! Which past values count.

use serde::{Deserialize, Serialize};

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
/// let lags = Lags::default().target_history(2).delay(3);
/// # let _ = lags;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lags {
    target_history: u8,
    source_history: u8,
    delay: u16,
    target_step: u8,
    source_step: u8,
    given_history: u8,
    given_delay: u16,
    given_step: u8,
}

/// One series' past: `length` values, the newest `delay` steps before y(t), `step` apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct History {
    pub(super) length: u8,
    pub(super) delay: u16,
    pub(super) step: u8,
}

impl History {
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
            target_history: 1,
            source_history: 1,
            delay: 1,
            target_step: 1,
            source_step: 1,
            given_history: 1,
            given_delay: 1,
            given_step: 1,
        }
    }
}

astern_stats::setters!(Lags {
    /// Sets how many own past values of the target count (k).
    target_history: u8,
    /// Sets how many past values of the source count (l).
    source_history: u8,
    /// Sets the delay from source to target, in steps.
    delay: u16,
    /// Sets the steps between the values of the target.
    target_step: u8,
    /// Sets the steps between the values of the source.
    source_step: u8,
    /// Sets how many values of the conditional series count.
    given_history: u8,
    /// Sets from how many steps back its values count.
    given_delay: u16,
    /// Sets the steps between its values.
    given_step: u8,
});

impl Lags {
    pub(super) fn target(&self) -> History {
        History {
            length: self.target_history,
            delay: 1,
            step: self.target_step,
        }
    }

    pub(super) fn source(&self) -> History {
        History {
            length: self.source_history,
            delay: self.delay,
            step: self.source_step,
        }
    }

    pub(super) fn given(&self) -> History {
        History {
            length: self.given_history,
            delay: self.given_delay,
            step: self.given_step,
        }
    }

    pub(super) fn check(&self) -> Result<(), ParamError> {
        for (name, value, low, high) in [
            ("target_history", u16::from(self.target_history), 1, 16),
            ("source_history", u16::from(self.source_history), 1, 16),
            ("given_history", u16::from(self.given_history), 1, 16),
            ("delay", self.delay, 1, 1_000),
            ("given_delay", self.given_delay, 0, 1_000),
            ("target_step", u16::from(self.target_step), 1, 100),
            ("source_step", u16::from(self.source_step), 1, 100),
            ("given_step", u16::from(self.given_step), 1, 100),
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
        assert!(with().given_delay(0).check().is_ok());
        for (name, bad) in [
            ("target_history", with().target_history(0)),
            ("source_history", with().source_history(17)),
            ("delay", with().delay(0)),
            ("delay", with().delay(1_001)),
            ("target_step", with().target_step(0)),
            ("source_step", with().source_step(101)),
            ("given_history", with().given_history(0)),
            ("given_delay", with().given_delay(1_001)),
            ("given_step", with().given_step(0)),
        ] {
            let refused = bad.check().unwrap_err().to_string();
            assert!(refused.contains(&format!("`{name}`")), "{refused}");
        }
    }

    #[test]
    fn offsets_count_back_from_the_next_value() {
        let lags = Lags::default()
            .target_history(3)
            .source_history(2)
            .target_step(2)
            .source_step(5)
            .delay(4);
        assert_eq!(lags.target().offsets().collect::<Vec<_>>(), [1, 3, 5]);
        assert_eq!(lags.source().offsets().collect::<Vec<_>>(), [4, 9]);
        assert_eq!(lags.source().reach(), 9);
    }
}
