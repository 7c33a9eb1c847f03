//! Is it more than chance: surrogates that keep each series' own dynamics and lose their relation.

mod draw;

use serde::{Deserialize, Serialize};

use astern_stats::ParamError;
use astern_stats::param::in_range;

use super::error::TeError;
use super::estimate::{Estimate, Information, Null, summarised};

/// How surrogates of the source are drawn, how many and from which seed.
///
/// What is moved are the source's embedded rows: the target and what is known keep their relation,
/// and every history of the source stays whole.
///
/// | setting | default | rule |
/// |---|---|---|
/// | `count` | 99 | surrogates, 1 to 100,000; the least p-value is 1 / (drawn + 1) |
/// | `offset_min` (circular) | 20 | least shift in rows, 1 to 1,000,000 |
/// | `length` (blocks) | | rows of a block, 1 to 1,000,000 |
/// | `seed` | 0 | |
/// | `stop_after` | never | surrogates as great as the estimate after which the test stops, 1 to 100,000 |
///
/// `p = (1 + #{s >= TE}) / (1 + B)`, which is never 0 (Phipson and Smyth 2010). A surrogate that
/// determines the target has an infinite value: it counts as at least as great, and not in the mean of
/// the surrogates.
///
/// **Circular shifts** rotate the rows by random offsets, each drawn once, none within `offset_min` of
/// no shift at all; they keep the source's autocorrelation but for one seam. Where there are fewer
/// offsets than `count`, all of them are used, and the least p-value is greater for that. **Blocks** of consecutive rows are put in random order.
/// A plain shuffle is a block length of 1; on autocorrelated series it finds influence where there is
/// none.
///
/// **`stop_after(h)`** is the sequential test of Besag and Clifford (1991): it ends at the h-th
/// surrogate that is at least as great as the estimate, and then `p = h / drawn`; p-values stay valid
/// (`P(p <= α) <= α` without influence) and clear nulls cost some 2h surrogates. The test stops only
/// where p is far above any level in use: h = 10 can not stop it below p = 10 / count.
///
/// ```
/// use astern_rca::te::Surrogates;
/// let many = Surrogates::circular(999).offset_min(30).seed(1).stop_after(10);
/// let blocks = Surrogates::blocks(99, 20);
/// # let _ = (many, blocks);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Surrogates {
    scheme: Scheme,
    count: u32,
    seed: u64,
    stop_after: Option<u32>,
}

/// Greatest `offset_min` and `length`.
const ROWS_MAX: u32 = 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Scheme {
    Circular { offset_min: u32 },
    Blocks { length: u32 },
}

impl Default for Surrogates {
    fn default() -> Self {
        Self::circular(99)
    }
}

astern_stats::setters!(Surrogates {
    /// Sets the seed.
    seed: u64,
    /// Sets after how many surrogates that are at least as great as the estimate the test stops.
    stop_after: u32,
});

impl Surrogates {
    /// So many circular shifts.
    pub fn circular(count: u32) -> Self {
        Self {
            scheme: Scheme::Circular { offset_min: 20 },
            count,
            seed: 0,
            stop_after: None,
        }
    }

    /// So many random orders of blocks of `length` rows.
    pub fn blocks(count: u32, length: u32) -> Self {
        Self {
            scheme: Scheme::Blocks { length },
            ..Self::circular(count)
        }
    }

    /// With another least shift, in rows; blocks have none.
    #[must_use]
    pub fn offset_min(mut self, rows: u32) -> Self {
        if let Scheme::Circular { offset_min } = &mut self.scheme {
            *offset_min = rows;
        }
        self
    }

    /// With shifts so many rows further from none, as far as the rule of `offset_min` goes.
    pub(super) fn further(mut self, rows: u16) -> Self {
        if let Scheme::Circular { offset_min } = &mut self.scheme {
            *offset_min = offset_min.saturating_add(rows.into()).min(ROWS_MAX);
        }
        self
    }

    /// Never stopping early: where the surrogates of several tests are compared round by round.
    pub(super) fn to_the_end(mut self) -> Self {
        self.stop_after = None;
        self
    }

    pub(crate) fn check(&self) -> Result<(), ParamError> {
        let (name, rows) = match self.scheme {
            Scheme::Circular { offset_min } => ("offset_min", offset_min),
            Scheme::Blocks { length } => ("length", length),
        };
        in_range(name, f64::from(rows), 1.0, f64::from(ROWS_MAX))?;
        in_range("count", f64::from(self.count), 1.0, 1e5)?;
        let stop = f64::from(self.stop_after.unwrap_or(1));
        in_range("stop_after", stop, 1.0, 1e5).map(|_| ())
    }
}

/// Rounding must not break a tie of a surrogate with the estimate.
pub(super) fn is_at_least(surrogate: f64, estimate: f64) -> bool {
    surrogate >= estimate - 1e-12
}

/// The estimate with its p-value, and the surrogates' values in the order drawn.
pub(super) fn surrogate_test(
    information: &dyn Information,
    surrogates: &Surrogates,
) -> Result<(Estimate, Vec<f64>), TeError> {
    surrogates.check()?;
    let observed = information.nats(None, None)?;
    let stop = surrogates.stop_after.map_or(usize::MAX, |h| h as usize);
    let (mut drawn, mut at_least) = (Vec::new(), 0);
    let mut orders = draw::Orders::new(surrogates, information.samples())?;
    while let Some(order) = orders.next().filter(|_| at_least < stop) {
        let value = match information.nats(Some(order), None) {
            // Without bound, which is at least as great as anything.
            Err(TeError::Degenerate) => f64::INFINITY,
            other => other?,
        };
        drawn.push(value);
        at_least += usize::from(is_at_least(value, observed));
    }
    let stopped = at_least >= stop && drawn.len() < orders.count();
    let p_value = if stopped {
        at_least as f64 / drawn.len() as f64
    } else {
        (1 + at_least) as f64 / (1 + drawn.len()) as f64
    };
    let plain = summarised(information)?;
    let bounded = drawn.iter().filter(|value| value.is_finite());
    let (count, sum) = bounded.fold((0, 0.0), |(count, sum), value| (count + 1, sum + value));
    let estimate = Estimate {
        effective_nats: if count > 0 {
            observed - sum / f64::from(count)
        } else {
            plain.effective_nats
        },
        p_value: Some(p_value),
        null: Null::Surrogates {
            drawn: drawn.len(),
            at_least,
        },
        ..plain
    };
    Ok((estimate, drawn))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::te::{Estimator, GaussianParams};

    #[test]
    fn a_surrogate_that_determines_the_target_counts_as_greater() {
        // A shifted sine and the sine's own past determine its next value.
        let x: Vec<f64> = (0..401)
            .map(|t| (std::f64::consts::TAU * f64::from(t) / 40.0).sin())
            .collect();
        let te = GaussianParams::default().check().unwrap();
        let found = te.test(&x, &x, &Surrogates::circular(99)).unwrap();
        let Null::Surrogates { drawn, at_least } = found.null else {
            panic!("{found:?}");
        };
        assert_eq!((drawn, at_least, found.p_value), (99, 99, Some(1.0)));
        assert!(
            found.nats.abs() < 1e-12 && found.effective_nats.abs() < 1e-6,
            "{found:?}"
        );
    }

    /// Determined by every other surrogate, and 1 nat of the rest.
    struct EveryOther;

    impl Information for EveryOther {
        fn samples(&self) -> usize {
            100
        }

        fn nats(&self, order: Option<&[u32]>, _: Option<&mut Vec<f64>>) -> Result<f64, TeError> {
            match order.map(|order| order[0]) {
                Some(offset) if offset % 2 == 0 => Err(TeError::Degenerate),
                Some(_) => Ok(1.0),
                None => Ok(3.0),
            }
        }
    }

    #[test]
    fn the_mean_is_that_of_the_bounded_surrogates() {
        let (found, drawn) = surrogate_test(&EveryOther, &Surrogates::circular(61)).unwrap();
        let unbounded = drawn.iter().filter(|value| value.is_infinite()).count();
        // Offsets 20 to 80, of which 31 are even.
        let null = Null::Surrogates {
            drawn: 61,
            at_least: 31,
        };
        assert_eq!((unbounded, found.null), (31, null));
        assert!((found.effective_nats - 2.0).abs() < 1e-12);
    }
}
