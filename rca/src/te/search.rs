//! Choosing lags from the data: the delay, and how much of the target's own past.

use std::ops::RangeInclusive;

use astern_stats::param::in_range;

use super::embed::{Series, embed_past};
use super::error::TeError;
use super::estimate::{Estimate, Estimator, Null, Triple, summarised};
use super::ksg::Apart;
use super::lags::Lags;
use super::neighbours::Tree;
use super::pairs::{beyond, round_maxima};
use super::scale::standardised;
use super::significance::{Surrogates, surrogate_test};

/// The delay of an influence.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BestDelay {
    /// Delay with the greatest estimate, in steps; of equal ones the shortest.
    pub delay: u16,
    /// That estimate. Its p-value and [`Null`](super::Null) count that the greatest of all delays was
    /// taken; `effective_nats` is less the mean of this delay's surrogates alone.
    pub estimate: Estimate,
    /// Delays and estimates in nats.
    pub by_delay: Vec<(u16, f64)>,
}

/// The delay with the greatest transfer entropy (Wibral et al. 2013), tested against the greatest over all
/// delays in each round of surrogates: the p-value is valid although the delay was chosen.
///
/// All delays are estimated on the same steps but for gaps, and there are as many rounds as all of them
/// have. The estimator's own delay is not used, and surrogates never stop early.
///
/// The source shifted by o rows at delay u is the source at delay u - o. So that no circular shift leads
/// to one of the delays or near to it, `offset_min` is raised by the longest delay less the shortest.
///
/// # Errors
/// [`TeError::NoCandidate`] when no delay is given, [`TeError::Param`] for the surrogates' parameters;
/// else the first error of a delay.
///
/// # Complexity
/// That of [`Estimator::test`] for each delay.
///
/// # Example
/// ```
/// use astern_rca::te::{GaussianParams, Surrogates, best_delay};
/// let source: Vec<f64> = (0..400).map(|t| f64::from(t * t % 101)).collect();
/// let target: Vec<f64> = (0..400_usize).map(|t| source[t.saturating_sub(3)] + (t % 5) as f64).collect();
/// let te = GaussianParams::default().check()?;
/// let best = best_delay(&te, &source, &target, 1..=6, &Surrogates::circular(99))?;
/// assert_eq!(best.delay, 3);
/// assert_eq!(best.estimate.p_value, Some(0.01));
/// # Ok::<(), astern_rca::te::TeError>(())
/// ```
pub fn best_delay<'a, E: Estimator>(
    estimator: &E,
    source: impl Into<Series<'a, E::Value>>,
    target: impl Into<Series<'a, E::Value>>,
    delays: RangeInclusive<u16>,
    surrogates: &Surrogates,
) -> Result<BestDelay, TeError> {
    best_delay_of(
        estimator,
        [source.into(), target.into()],
        delays,
        surrogates,
        0,
    )
}

/// [`best_delay`] from source to target of the delays that leave so many samples;
/// [`TeError::TooFew`] where none does.
pub(crate) fn best_delay_of<E: Estimator>(
    estimator: &E,
    [source, target]: [Series<'_, E::Value>; 2],
    delays: RangeInclusive<u16>,
    surrogates: &Surrogates,
    samples_min: usize,
) -> Result<BestDelay, TeError> {
    surrogates.check()?;
    let all = Triple::new(estimator, source, target, Series::none());
    let further = delays.end().saturating_sub(*delays.start());
    let surrogates = surrogates.further(further).to_the_end();
    let lags = *estimator.lags();
    let first = lags.delay(*delays.end()).source().reach();
    let (mut tests, mut have) = (Vec::new(), 0);
    for delay in delays {
        let at_delay = estimator.with_lags(lags.delay(delay))?;
        let information = match all.information(&at_delay, first) {
            Err(TeError::TooFew { have: some, .. }) if some < samples_min => {
                have = have.max(some);
                continue;
            }
            other => other?.0,
        };
        if information.samples() < samples_min {
            have = have.max(information.samples());
            continue;
        }
        let (estimate, drawn) = surrogate_test(&*information, &surrogates)?;
        tests.push((delay, estimate, drawn));
    }
    let rounds = tests.iter().map(|(_, _, drawn)| drawn.len()).min();
    let drawn = tests.iter().map(|(_, _, drawn)| &drawn[..]);
    let greatest = round_maxima(drawn, rounds.unwrap_or(0));
    let by_delay = tests
        .iter()
        .map(|(delay, estimate, _)| (*delay, estimate.nats));
    let by_delay: Vec<_> = by_delay.collect();
    let best = tests.into_iter().reduce(|best, next| {
        if next.1.nats > best.1.nats {
            next
        } else {
            best
        }
    });
    let (delay, mut estimate, _) = best.ok_or(match samples_min {
        0 => TeError::NoCandidate { tried: 0 },
        need => TeError::TooFew { have, need },
    })?;
    let (at_least, p_value) = beyond(&greatest, estimate.nats);
    estimate.p_value = Some(p_value);
    estimate.null = Null::Surrogates {
        drawn: greatest.len(),
        at_least,
    };
    Ok(BestDelay {
        delay,
        estimate,
        by_delay,
    })
}

/// How much of a series' own past tells about its next value.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Embedding {
    /// Number of past values (k).
    pub history: u8,
    /// Steps between them (τ).
    pub step: u8,
    /// What was optimised: active information storage in nats less its known bias, or the mean squared error of
    /// prediction in variances of the series.
    pub score: f64,
}

/// The history and step with the greatest active information storage, less its bias (Garland, James and
/// Bradley 2016; JIDT's `MAX_CORR_AIS`). Of equal ones the shortest.
///
/// The bias is that of [`Estimate::effective_nats`]: estimators that know none, as
/// [`Kernel`](super::Kernel), whose rows count themselves, prefer longer histories. All are estimated on
/// the same steps but for gaps: a longer history has fewer complete samples there. With too short a history of the target, what its own past would
/// have predicted is taken for influence.
///
/// # Errors
/// [`TeError::Param`] for bounds outside the rules of [`Lags`]; [`TeError::NoCandidate`] when none can be
/// estimated.
///
/// # Complexity
/// That of [`Estimator::active_storage`], `history_max · step_max` times.
///
/// # Example
/// ```
/// use astern_rca::te::{GaussianParams, best_storage};
/// // Any noise will do.
/// let mut state = 1_u32;
/// let mut noise = || {
///     state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
///     f64::from(state >> 8) / 16_777_216.0 - 0.5
/// };
/// // Most of the value two steps ago.
/// let mut x = vec![0.0, 0.0];
/// for t in 2..600_usize {
///     x.push(0.8 * x[t - 2] + noise());
/// }
/// let found = best_storage(&GaussianParams::default().check()?, &x, 2, 1)?;
/// assert_eq!(found.history, 2);
/// # Ok::<(), astern_rca::te::TeError>(())
/// ```
pub fn best_storage<'a, E: Estimator>(
    estimator: &E,
    target: impl Into<Series<'a, E::Value>>,
    history_max: u8,
    step_max: u8,
) -> Result<Embedding, TeError> {
    let target = estimator.recoded(target.into());
    let first = reach(history_max, step_max)?;
    best_of(history_max, step_max, |history, step| {
        let lags = own(history, step);
        let rows = embed_past(&target, &lags, first)?;
        let estimate = summarised(&*estimator.with_lags(lags)?.prepare(&rows)?)?;
        Ok((estimate.effective_nats, -estimate.effective_nats))
    })
}

/// The history and step that predict the next value best, by the mean of what followed the `neighbours`
/// nearest pasts (Ragwitz and Kantz 2002). Of equal ones the shortest.
///
/// Pasts at most `theiler` steps apart are no neighbours. The error is the mean of its square, as in the
/// paper; JIDT takes that of its absolute value.
///
/// # Errors
/// [`TeError::Param`] for bounds outside the rules of [`Lags`] or `neighbours` outside 1 to 100;
/// [`TeError::NoCandidate`] when none can be estimated.
///
/// # Complexity
/// `O(N log N)`, `history_max · step_max` times.
///
/// # Example
/// ```
/// use astern_rca::te::best_prediction;
/// // The position alone does not say where a pendulum goes next; two of them do.
/// let x: Vec<f64> = (0..500).map(|t| (0.2 * f64::from(t)).sin()).collect();
/// assert!(best_prediction(&x, 3, 1, 4, 0)?.history >= 2);
/// # Ok::<(), astern_rca::te::TeError>(())
/// ```
pub fn best_prediction<'a>(
    target: impl Into<Series<'a, f64>>,
    history_max: u8,
    step_max: u8,
    neighbours: u8,
    theiler: u16,
) -> Result<Embedding, TeError> {
    in_range("neighbours", f64::from(neighbours), 1.0, 100.0)?;
    in_range("theiler", f64::from(theiler), 0.0, 1e4)?;
    let target = target.into();
    let first = reach(history_max, step_max)?;
    best_of(history_max, step_max, |history, step| {
        let rows = embed_past(&target, &own(history, step), first)?;
        rows.at_least(usize::from(neighbours) + 2 + 2 * usize::from(theiler))?;
        let scaled = |columns: &[std::borrow::Cow<'_, [f64]>]| {
            let columns = columns.iter().map(|column| standardised(column));
            columns.collect::<Result<Vec<_>, _>>()
        };
        let (next, past) = (scaled(rows.y())?, scaled(rows.x())?);
        let past: Vec<&[f64]> = past.iter().map(|column| &column[..]).collect();
        let apart = Apart::new(&rows.times, theiler);
        let far = |row: u32, other: u32| apart.is_far(row, other);
        let far = (theiler > 0).then_some(&far as &dyn Fn(u32, u32) -> bool);
        let mut squares = vec![0.0; rows.len()];
        Tree::new(&past).each_nearest(usize::from(neighbours), far, |row, nearest| {
            for column in &next {
                let after = nearest.rows.iter().map(|other| column[*other as usize]);
                let predicted = after.sum::<f64>() / nearest.rows.len() as f64;
                squares[row as usize] += (column[row as usize] - predicted).powi(2);
            }
        });
        let error = squares.iter().sum::<f64>() / (squares.len() * next.len()) as f64;
        Ok((error, error))
    })
}

fn own(history: u8, step: u8) -> Lags {
    Lags::default().target_history(history).target_step(step)
}

/// Steps back of the longest history.
fn reach(history_max: u8, step_max: u8) -> Result<usize, TeError> {
    let longest = own(history_max, step_max);
    longest.check()?;
    Ok(longest.target().reach())
}

/// The candidate with the least cost; `of` returns score and cost.
fn best_of(
    history_max: u8,
    step_max: u8,
    mut of: impl FnMut(u8, u8) -> Result<(f64, f64), TeError>,
) -> Result<Embedding, TeError> {
    let (mut best, mut tried): (Option<(Embedding, f64)>, _) = (None, 0);
    for history in 1..=history_max {
        // One value has no step.
        for step in 1..=if history == 1 { 1 } else { step_max } {
            tried += 1;
            let Ok((score, cost)) = of(history, step) else {
                continue;
            };
            // By more than rounding, so that the shortest of equal ones stays.
            if best.is_none_or(|(_, least)| cost < least - 1e-12) {
                let embedding = Embedding {
                    history,
                    step,
                    score,
                };
                best = Some((embedding, cost));
            }
        }
    }
    let best = best.map(|(embedding, _)| embedding);
    best.ok_or(TeError::NoCandidate { tried })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::te::tests::noise;
    use crate::te::{GaussianParams, KsgParams};

    /// `x(t) = .8 x(t-4) + e`.
    fn every_fourth() -> Vec<f64> {
        let e = noise(4, 900);
        let mut x = vec![0.0; 900];
        for t in 4..900 {
            x[t] = 0.8 * x[t - 4] + e[t] - 1.5;
        }
        x
    }

    #[test]
    fn the_lag_of_the_dynamics_is_found() {
        let x = every_fourth();
        let te = GaussianParams::default().check().unwrap();
        let by_storage = best_storage(&te, &x, 3, 5).unwrap();
        let by_prediction = best_prediction(&x, 3, 5, 4, 2).unwrap();
        for found in [by_storage, by_prediction] {
            let lags = own(found.history, found.step);
            assert!(
                lags.target().offsets().any(|back| back - 1 == 3),
                "{found:?}"
            );
        }
        // -½ ln(1 - .64).
        assert!((by_storage.score - 0.51).abs() < 0.08, "{by_storage:?}");
        assert!(best_storage(&KsgParams::default().check().unwrap(), &x, 2, 3).is_ok());
    }

    #[test]
    fn shifts_do_not_lead_to_another_delay() {
        // None of the rows that come from the other end of a short shift depends on the source.
        let (x, own) = (noise(1, 400), noise(2, 400));
        let follow = |t: usize| {
            if t < 350 {
                x[t.saturating_sub(3)]
            } else {
                own[t - 200]
            }
        };
        let y: Vec<f64> = (0..400).map(|t| follow(t) + 0.5 * own[t]).collect();
        let te = GaussianParams::default().check().unwrap();
        let found = best_delay(&te, &x, &y, 1..=40, &Surrogates::circular(99)).unwrap();
        let null = Null::Surrogates {
            drawn: 99,
            at_least: 0,
        };
        assert_eq!((found.delay, found.estimate.null), (3, null));
        assert_eq!(found.estimate.p_value, Some(0.01));
        let wrong = best_delay(&te, &x, &y, 1..=40, &Surrogates::circular(99).offset_min(0));
        assert!(matches!(wrong, Err(TeError::Param(_))));
    }

    #[test]
    fn the_null_is_that_of_the_greatest() {
        let (x, y) = (noise(11, 300), noise(12, 300));
        let te = GaussianParams::default().check().unwrap();
        let found = best_delay(&te, &x, &y, 1..=5, &Surrogates::circular(39)).unwrap();
        let Null::Surrogates { drawn, at_least } = found.estimate.null else {
            panic!("{found:?}");
        };
        let p = (1 + at_least) as f64 / (1 + drawn) as f64;
        assert!(
            (found.estimate.p_value.unwrap() - p).abs() < 1e-12 && at_least > 0,
            "{found:?}"
        );
    }

    #[test]
    fn bounds_and_series_that_are_too_short_are_refused() {
        let x = noise(1, 30);
        let te = GaussianParams::default().check().unwrap();
        assert!(matches!(
            best_storage(&te, &x, 17, 1),
            Err(TeError::Param(_))
        ));
        assert!(matches!(
            best_prediction(&x, 1, 1, 0, 0),
            Err(TeError::Param(_))
        ));
        let none = TeError::NoCandidate { tried: 3 };
        assert_eq!(best_storage(&te, &x[..5], 3, 1), Err(none.clone()));
        assert_eq!(best_prediction(&[1.0; 50], 3, 1, 4, 0), Err(none));
        #[expect(clippy::reversed_empty_ranges, reason = "it is the case tested")]
        let nothing = best_delay(&te, &x, &x, 2..=1, &Surrogates::circular(9));
        assert_eq!(nothing, Err(TeError::NoCandidate { tried: 0 }));
    }
}
