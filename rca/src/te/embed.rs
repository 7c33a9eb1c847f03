//! Series in, complete samples out: the one embedding of all estimators.

use std::borrow::Cow;

use super::error::TeError;
use super::lags::{History, Lags};

/// What a series consists of: numbers, or symbols.
pub trait Value: Copy + PartialEq + Send + Sync + 'static {
    /// Whether this stands for no value.
    fn is_missing(self) -> bool;
}

impl Value for f64 {
    /// Not finite.
    fn is_missing(self) -> bool {
        !self.is_finite()
    }
}

/// A symbol of a discrete series; `u16::MAX` is a missing one.
impl Value for u16 {
    fn is_missing(self) -> bool {
        self == Self::MAX
    }
}

/// One or several series of equal length that are read as one of several dimensions.
///
/// Made from a slice or a vector, or from a vector of slices; nothing is copied. Symbols may also be
/// given as `u8` or `usize`.
///
/// ```
/// use astern_rca::te::{Estimator, GaussianParams, Series};
/// let wave = |f: f64| (0..100).map(|t| (f * f64::from(t * t % 31)).sin()).collect::<Vec<f64>>();
/// let (cpu, memory, latency) = (wave(1.0), wave(2.0), wave(3.0));
/// let te = GaussianParams::default().check()?;
/// let from_both = te.estimate(vec![&cpu[..], &memory], &latency)?;
/// assert!(from_both.nats >= te.estimate(&cpu, &latency)?.nats);
/// # Ok::<(), astern_rca::te::TeError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Series<'a, T: Value>(Vec<Cow<'a, [T]>>);

impl<T: Value> Series<'_, T> {
    /// No series: the conditional of an unconditional estimate.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    pub(super) fn mapped(&self, map: impl Fn(&[T]) -> Vec<T>) -> Self {
        Self(self.0.iter().map(|column| map(column).into()).collect())
    }
}

impl<'a, T: Value> From<&'a [T]> for Series<'a, T> {
    fn from(values: &'a [T]) -> Self {
        Self(vec![Cow::Borrowed(values)])
    }
}

impl<'a, T: Value> From<&'a Vec<T>> for Series<'a, T> {
    fn from(values: &'a Vec<T>) -> Self {
        values.as_slice().into()
    }
}

impl<'a, T: Value, const N: usize> From<&'a [T; N]> for Series<'a, T> {
    fn from(values: &'a [T; N]) -> Self {
        values.as_slice().into()
    }
}

impl<'a, T: Value> From<Vec<&'a [T]>> for Series<'a, T> {
    fn from(columns: Vec<&'a [T]>) -> Self {
        Self(columns.into_iter().map(Cow::Borrowed).collect())
    }
}

impl<'a, T: Value> From<&'a Series<'_, T>> for Series<'a, T> {
    fn from(series: &'a Series<'_, T>) -> Self {
        let columns = series.0.iter();
        Self(columns.map(|column| Cow::Borrowed(&column[..])).collect())
    }
}

impl From<&[u8]> for Series<'_, u16> {
    fn from(symbols: &[u8]) -> Self {
        let symbols = symbols.iter().copied().map(u16::from);
        Self(vec![symbols.collect()])
    }
}

impl From<&Vec<u8>> for Series<'_, u16> {
    fn from(symbols: &Vec<u8>) -> Self {
        symbols.as_slice().into()
    }
}

/// Symbols from 65,535 on count as missing.
impl From<&[usize]> for Series<'_, u16> {
    fn from(symbols: &[usize]) -> Self {
        let narrow = |symbol: &usize| u16::try_from(*symbol).unwrap_or(u16::MAX);
        Self(vec![symbols.iter().map(narrow).collect()])
    }
}

impl From<&Vec<usize>> for Series<'_, u16> {
    fn from(symbols: &Vec<usize>) -> Self {
        symbols.as_slice().into()
    }
}

/// Complete samples, by column: next values y of the target, then what is known (z: its past and
/// that of the conditional), then the source's past x.
#[derive(Debug, Clone)]
pub struct Rows<'a, T: Value> {
    pub(super) columns: Vec<Cow<'a, [T]>>,
    /// Columns of y and of z; the rest is x.
    pub(super) next: usize,
    pub(super) known: usize,
    /// Time of each row.
    pub(super) times: Vec<u32>,
    /// Length of the series.
    pub(super) steps: usize,
}

impl<T: Value> Rows<'_, T> {
    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    pub(super) fn y(&self) -> &[Cow<'_, [T]>] {
        &self.columns[..self.next]
    }

    pub(super) fn z(&self) -> &[Cow<'_, [T]>] {
        &self.columns[self.next..self.next + self.known]
    }

    pub(super) fn x(&self) -> &[Cow<'_, [T]>] {
        &self.columns[self.next + self.known..]
    }

    /// Refuses fewer rows than needed.
    pub(super) fn at_least(&self, need: usize) -> Result<(), TeError> {
        let have = self.len();
        (have >= need)
            .then_some(())
            .ok_or(TeError::TooFew { have, need })
    }

    pub(super) fn mapped<U: Value>(&self, map: impl Fn(T) -> U) -> Rows<'static, U> {
        let columns = self.columns.iter();
        Rows {
            columns: columns
                .map(|column| column.iter().copied().map(&map).collect())
                .collect(),
            next: self.next,
            known: self.known,
            times: self.times.clone(),
            steps: self.steps,
        }
    }

    /// One value a row to one value a step, `NaN` where there is no row.
    pub(super) fn by_time(&self, values: &[f64]) -> Vec<f64> {
        let mut by_time = vec![f64::NAN; self.steps];
        for (time, value) in self.times.iter().zip(values) {
            by_time[*time as usize] = *value;
        }
        by_time
    }
}

/// The rows of a transfer entropy, from step `first` on where the lags do not reach further back.
pub(super) fn embed<'b, T: Value>(
    source: &'b Series<'_, T>,
    target: &'b Series<'_, T>,
    given: &'b Series<'_, T>,
    lags: &Lags,
    first: usize,
) -> Result<Rows<'b, T>, TeError> {
    if source.0.is_empty() {
        return Err(TeError::Degenerate);
    }
    let steps = equal_lengths(source, target, given)?;
    let mut plan: Vec<(&'b [T], usize)> = target.0.iter().map(|c| (&c[..], 0)).collect();
    plan.extend(lagged(target, lags.target()));
    plan.extend(lagged(given, lags.given()));
    let before_source = plan.len();
    plan.extend(lagged(source, lags.source()));
    let next = target.0.len();
    Ok(complete(&plan, next, before_source - next, steps, first))
}

/// The rows of an active information storage: the target's past takes the source's place.
pub(super) fn embed_past<'b, T: Value>(
    target: &'b Series<'_, T>,
    lags: &Lags,
    first: usize,
) -> Result<Rows<'b, T>, TeError> {
    let steps = equal_lengths(&Series::none(), target, &Series::none())?;
    let mut plan: Vec<(&'b [T], usize)> = target.0.iter().map(|c| (&c[..], 0)).collect();
    plan.extend(lagged(target, lags.target()));
    Ok(complete(&plan, target.0.len(), 0, steps, first))
}

fn equal_lengths<T: Value>(
    source: &Series<'_, T>,
    target: &Series<'_, T>,
    given: &Series<'_, T>,
) -> Result<usize, TeError> {
    let target_len = target.0.first().ok_or(TeError::Degenerate)?.len();
    for (role, series) in [("target", target), ("source", source), ("given", given)] {
        if let Some(odd) = series.0.iter().find(|column| column.len() != target_len) {
            return Err(TeError::Lengths {
                role,
                len: odd.len(),
                target_len,
            });
        }
    }
    Ok(target_len)
}

/// Each value of the history as a series and how many steps it lies back.
fn lagged<'b, T: Value>(
    series: &'b Series<'_, T>,
    history: History,
) -> impl Iterator<Item = (&'b [T], usize)> {
    let columns = series.0.iter();
    columns.flat_map(move |column| history.offsets().map(move |back| (&column[..], back)))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "series of more than 2^32 steps do not fit in memory thrice"
)]
fn complete<'b, T: Value>(
    plan: &[(&'b [T], usize)],
    next: usize,
    known: usize,
    steps: usize,
    first: usize,
) -> Rows<'b, T> {
    let reach = plan.iter().map(|(_, back)| *back).max().unwrap_or(0);
    let first = first.max(reach).min(steps);
    let columns: Vec<&[T]> = plan
        .iter()
        .map(|(series, back)| {
            let (from, to) = (first.checked_sub(*back), steps.checked_sub(*back));
            let range = from.zip(to).map(|(from, to)| from..to);
            range.and_then(|range| series.get(range)).unwrap_or(&[])
        })
        .collect();
    // Piece by piece without a way out inside of one, which vectorises.
    let piece = |piece: &[T]| {
        piece
            .iter()
            .fold(false, |any, value| any | value.is_missing())
    };
    let gaps = |column: &&[T]| column.chunks(1_024).any(piece);
    let (columns, times) = if columns.iter().any(gaps) {
        let is_whole = |row: &usize| columns.iter().all(|column| !column[*row].is_missing());
        let whole: Vec<usize> = (0..steps - first).filter(is_whole).collect();
        let kept = |column: &&[T]| whole.iter().map(|row| column[*row]).collect();
        let times = whole.iter().map(|row| (first + row) as u32).collect();
        (columns.iter().map(kept).collect(), times)
    } else {
        let borrowed = columns.into_iter().map(Cow::Borrowed);
        (borrowed.collect(), (first as u32..steps as u32).collect())
    };
    Rows {
        columns,
        next,
        known,
        times,
        steps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_the_lagged_values() {
        let target: Vec<f64> = (0..8).map(f64::from).collect();
        let source: Vec<f64> = (10..18).map(f64::from).collect();
        let given: Vec<f64> = (20..28).map(f64::from).collect();
        let lags = Lags::default()
            .target_history(2)
            .source_history(2)
            .target_step(2)
            .delay(3)
            .given_delay(0);
        let (s, t, g) = ((&source).into(), (&target).into(), (&given).into());
        let rows = embed(&s, &t, &g, &lags, 0).unwrap();
        // The source reaches back 4 steps.
        assert_eq!(rows.times, [4, 5, 6, 7]);
        assert_eq!(*rows.y()[0], [4.0, 5.0, 6.0, 7.0]);
        assert_eq!(*rows.z()[0], [3.0, 4.0, 5.0, 6.0]);
        assert_eq!(*rows.z()[1], [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(*rows.z()[2], [24.0, 25.0, 26.0, 27.0]);
        assert_eq!(*rows.x()[0], [11.0, 12.0, 13.0, 14.0]);
        assert_eq!(*rows.x()[1], [10.0, 11.0, 12.0, 13.0]);
    }

    #[test]
    fn rows_with_a_missing_value_are_left_out() {
        let target = [0.0, 1.0, f64::NAN, 3.0, 4.0, 5.0];
        let source = [0.0, 1.0, 2.0, 3.0, f64::INFINITY, 5.0];
        let (s, t) = ((&source).into(), (&target).into());
        let none = Series::none();
        let rows = embed(&s, &t, &none, &Lags::default(), 0).unwrap();
        assert_eq!(rows.times, [1, 4]);
        let local = rows.by_time(&[7.0, 8.0]);
        assert!(local[0].is_nan() && local[5].is_nan());
        assert!((local[1] - 7.0).abs() + (local[4] - 8.0).abs() < 1e-12);
    }

    #[test]
    fn short_and_uneven_series() {
        let (a, b): (Series<'_, f64>, Series<'_, f64>) = ((&[1.0, 2.0]).into(), (&[1.0]).into());
        let none = Series::none();
        assert!(matches!(
            embed(&b, &a, &none, &Lags::default(), 0),
            Err(TeError::Lengths {
                role: "source",
                len: 1,
                target_len: 2
            })
        ));
        let long = Lags::default().delay(9);
        assert_eq!(embed(&a, &a, &none, &long, 0).unwrap().len(), 0);
        for (source, target) in [(&none, &a), (&a, &none)] {
            let nothing = embed(source, target, &none, &long, 0);
            assert_eq!(nothing.unwrap_err(), TeError::Degenerate);
        }
    }
}
