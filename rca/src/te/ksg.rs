//! Transfer entropy from nearest neighbours.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use astern_stats::param::in_range;

use super::embed::Rows;
use super::error::TeError;
use super::estimate::{Estimator, Information};
use super::lags::Lags;
use super::neighbours::{Bound, Column, Nearest, Strip, Tree};
use super::scale::standardised;

/// Parameters of [`Ksg`].
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `lags` | see [`Lags`] | |
/// | `neighbours` | 4 | nearest neighbours, 1 to 100 |
/// | `form` | [`KsgForm::Cubes`] | |
/// | `theiler` | 0 | neighbours at most so many steps away in time do not count, 0 to 10,000 |
/// | `raw` | no | columns keep their units; otherwise each gets mean 0 and variance 1 |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KsgParams {
    lags: Lags,
    neighbours: u8,
    form: KsgForm,
    theiler: u16,
    raw: bool,
}

/// Which of the two estimators of Kraskov, Stögbauer and Grassberger (2004).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KsgForm {
    /// The first: one distance for all subspaces (KSG1).
    Cubes,
    /// The second: a distance for each (KSG2). Far more biased than the first where something is
    /// conditioned on, which transfer entropy always does.
    Rectangles,
}

impl Default for KsgParams {
    fn default() -> Self {
        Self {
            lags: Lags::default(),
            neighbours: 4,
            form: KsgForm::Cubes,
            theiler: 0,
            raw: false,
        }
    }
}

astern_stats::setters!(KsgParams {
    /// Sets the lags.
    lags: Lags,
    /// Sets the number of nearest neighbours.
    neighbours: u8,
    /// Sets the form.
    form: KsgForm,
    /// Sets how many steps apart in time rows have to be to count as neighbours (Theiler 1986): more than
    /// so many.
    theiler: u16,
    /// Sets whether columns keep their units.
    raw: bool,
});

impl KsgParams {
    /// Checks the parameters and makes the estimator.
    ///
    /// # Errors
    /// [`TeError::Param`] for a parameter outside its rule.
    pub fn check(self) -> Result<Ksg, TeError> {
        self.lags.check()?;
        in_range("neighbours", f64::from(self.neighbours), 1.0, 100.0)?;
        in_range("theiler", f64::from(self.theiler), 0.0, 1e4)?;
        Ok(Ksg { params: self })
    }
}

/// Transfer entropy from distances to nearest neighbours, for influence of any shape. The default of
/// the continuous estimators.
///
/// With ε the maximum-norm distance of a row to its nn-th neighbour in (x, y, z), and n the number of
/// other rows nearer than ε in a subspace (Frenzel and Pompe 2007):
///
/// `TE = ψ(nn) + ⟨ψ(n_z + 1) - ψ(n_xz + 1) - ψ(n_yz + 1)⟩`
///
/// [`KsgForm::Rectangles`] takes for each of x, y and z its own ε, the greatest distance in it to one of
/// the nn neighbours, counts rows at most so far, and has
/// `TE = ψ(nn) - 2/nn + ⟨ψ(n_z) - ψ(n_xz) + 1/n_xz - ψ(n_yz) + 1/n_yz⟩`. Active information storage has
/// the forms without z.
///
/// Values are as JIDT's with its noise switched off, but for ties (counters, rounded latencies, symbols),
/// where that formula is far too great: 1.8 nats for two independent coins and 500 samples. Where other
/// neighbours are just as far as the nn-th, ψ(nn) becomes `ψ(n_xyz + 1)`, which is the same without ties.
/// Where ε is 0, rows at most so far count instead of nearer ones, as Gao, Kannan, Oh and Viswanath (2017)
/// do. Symbols then have their plug-in estimate less its bias. [`KsgForm::Rectangles`] has the second rule
/// alone and is biased downwards on rounded values.
///
/// With deterministic coupling the value grows with N without bound, so compare only windows of equal
/// length.
///
/// # Errors
/// Of its methods: [`TeError::TooFew`] below `nn + 2 + 2 theiler` samples, [`TeError::Degenerate`] for a
/// constant column.
///
/// # Complexity
/// `O(N (log N + (n_z + θ) d))` in time for d columns and a Theiler window of θ steps, `O(N d)` in memory;
/// the counting is vectorised over 16-bit ranks.
///
/// # Example
/// ```
/// use astern_rca::te::{Estimator, KsgParams};
/// // Neither correlation nor a Gaussian estimate sees a parabola.
/// // Any noise will do.
/// let mut state = 1_u32;
/// let mut noise = || {
///     state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
///     f64::from(state >> 8) / 16_777_216.0 - 0.5
/// };
/// let source: Vec<f64> = (0..500).map(|_| noise()).collect();
/// let target: Vec<f64> = (0..500_usize)
///     .map(|t| source[t.saturating_sub(1)].powi(2) + 0.1 * noise())
///     .collect();
/// let te = KsgParams::default().check()?;
/// assert!(te.estimate(&source, &target)?.nats > 0.5);
/// assert!(te.estimate(&target, &source)?.nats < 0.1);
/// # Ok::<(), astern_rca::te::TeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ksg {
    params: KsgParams,
}

impl Estimator for Ksg {
    type Value = f64;

    fn lags(&self) -> &Lags {
        &self.params.lags
    }

    fn with_lags(self, lags: Lags) -> Result<Self, TeError> {
        self.params.lags(lags).check()
    }

    fn prepare(&self, rows: &Rows<'_, f64>) -> Result<Box<dyn Information>, TeError> {
        let params = self.params;
        rows.at_least(usize::from(params.neighbours) + 2 + 2 * usize::from(params.theiler))?;
        // What is known comes first: its first column leads the counting.
        let columns = || rows.z().iter().chain(rows.y()).chain(rows.x());
        let unit = if params.raw {
            subtractable(columns().flat_map(|column| column.iter()))
        } else {
            1.0
        };
        let columns: Result<Vec<Column>, TeError> = columns()
            .map(|column| {
                let scaled = standardised(column)?;
                Ok(Column::new(if params.raw {
                    column.iter().map(|x| x * unit).collect()
                } else {
                    scaled
                }))
            })
            .collect();
        Ok(Box::new(Neighbourhoods {
            form: params.form,
            neighbours: usize::from(params.neighbours),
            apart: Apart::new(&rows.times, params.theiler),
            digamma: digammas(rows.len()),
            columns: columns?,
            known: rows.known,
            next: rows.next,
        }))
    }
}

/// The power of two by which those values are multiplied so that no distance overflows; it changes no
/// ratio of distances.
fn subtractable<'a>(values: impl Iterator<Item = &'a f64>) -> f64 {
    let peak = values.fold(0.0_f64, |peak, x| peak.max(x.abs()));
    if peak < f64::MAX / 16.0 {
        1.0
    } else {
        1.0 / 16.0
    }
}

/// Which rows are too close in time.
#[derive(Debug)]
pub(super) struct Apart {
    times: Vec<u32>,
    window: u32,
}

impl Apart {
    pub(super) fn new(times: &[u32], window: u16) -> Self {
        Self {
            times: times.to_vec(),
            window: u32::from(window),
        }
    }

    pub(super) fn is_far(&self, row: u32, other: u32) -> bool {
        self.times[row as usize].abs_diff(self.times[other as usize]) > self.window
    }

    /// The rows too close to one, itself among them.
    #[expect(clippy::cast_possible_truncation, reason = "rows are counted in u32")]
    pub(super) fn close(&self, row: u32) -> Range<u32> {
        if self.window == 0 {
            return row..row + 1;
        }
        let time = self.times[row as usize];
        let start = self
            .times
            .partition_point(|t| *t < time.saturating_sub(self.window));
        let end = self
            .times
            .partition_point(|t| *t <= time.saturating_add(self.window));
        start as u32..end as u32
    }
}

/// Columns in the order z, y, x, sorted.
#[derive(Debug)]
struct Neighbourhoods {
    form: KsgForm,
    neighbours: usize,
    apart: Apart,
    /// ψ(n) for n from 0 (unused) to N + 1.
    digamma: Vec<f64>,
    columns: Vec<Column>,
    known: usize,
    next: usize,
}

/// What is near to a row.
#[derive(Debug, Clone, Copy, Default)]
struct Near {
    /// In each of z, y and x, how near.
    sides: [f64; 3],
    /// Rows nearer than the nn-th neighbour and one more, which are nn without ties; of a repeat, how
    /// often it occurs.
    nn: usize,
    /// Whether the nn-th neighbour is as the row itself.
    is_repeat: bool,
}

impl Neighbourhoods {
    /// Columns of z, y and x.
    fn blocks(&self) -> [Range<usize>; 3] {
        let (z, y) = (self.known, self.known + self.next);
        [0..z, z..y, y..self.columns.len()]
    }

    fn near(&self, columns: &[Column]) -> Vec<Near> {
        let values: Vec<&[f64]> = columns.iter().map(Column::values).collect();
        let tree = Tree::new(&values);
        let mut near = vec![Near::default(); self.samples()];
        let far = |row: u32, other: u32| self.apart.is_far(row, other);
        let far = (self.apart.window > 0).then_some(&far as &dyn Fn(u32, u32) -> bool);
        let mut repeats = Vec::new();
        tree.each_nearest(self.neighbours, far, |row, nearest| {
            let radius = nearest.radius();
            let nearer = nearest.distances.iter().filter(|d| **d < radius);
            near[row as usize] = Near {
                sides: match self.form {
                    KsgForm::Cubes => [radius; 3],
                    KsgForm::Rectangles => self.sides(&values, row, nearest),
                },
                nn: 1 + nearer.count(),
                is_repeat: radius <= 0.0,
            };
            if radius <= 0.0 {
                repeats.push(row);
            }
        });
        if !repeats.is_empty() {
            let all = Strip::new(columns, 0..columns.len(), vec![]);
            for row in repeats {
                let mut others = [0];
                let close = self.apart.close(row);
                all.count(row, Bound::AtMost, |_| 0.0, close, &mut others);
                near[row as usize].nn = 1 + others[0];
            }
        }
        near
    }

    /// Greatest distance in each of z, y and x to one of the neighbours.
    fn sides(&self, values: &[&[f64]], row: u32, nearest: &Nearest) -> [f64; 3] {
        self.blocks().map(|block| {
            let mut side = 0.0_f64;
            for column in &values[block] {
                for other in nearest.rows.iter().filter(|other| **other != u32::MAX) {
                    side = side.max((column[*other as usize] - column[row as usize]).abs());
                }
            }
            side
        })
    }

    /// Calls `add` with each row and its numbers of near rows: in z, yz and xz, or without z in nothing
    /// (all rows that are not too close in time), y and x.
    fn counts(&self, columns: &[Column], near: &[Near], mut add: impl FnMut(u32, [usize; 3])) {
        let [z, y, x] = self.blocks();
        let (known, next) = (z.end, y.end);
        let block = |column| usize::from(column >= known) + usize::from(column >= next);
        let count = |strip: &Strip<'_>, row: u32, counts: &mut [usize]| {
            let Near {
                sides, is_repeat, ..
            } = near[row as usize];
            let bound = match self.form {
                KsgForm::Cubes if !is_repeat => Bound::Within,
                _ => Bound::AtMost,
            };
            let close = self.apart.close(row);
            strip.count(row, bound, |column| sides[block(column)], close, counts);
        };
        let mut counts = [0; 3];
        if z.is_empty() {
            let (of_y, of_x) = (
                Strip::new(columns, y, vec![]),
                Strip::new(columns, x, vec![]),
            );
            for row in of_y.rows() {
                counts[0] = self.samples() - self.apart.close(*row).len();
                count(&of_y, *row, &mut counts[1..2]);
                count(&of_x, *row, &mut counts[2..3]);
                add(*row, counts);
            }
        } else {
            let strip = Strip::new(columns, z, vec![y, x]);
            for row in strip.rows() {
                count(&strip, *row, &mut counts);
                add(*row, counts);
            }
        }
    }

    /// Local value for numbers of near rows.
    fn local(&self, near: &Near, [known, next, source]: [usize; 3]) -> f64 {
        let psi = |n: usize| self.digamma[n];
        let inverse = |n: usize| 1.0 / n as f64;
        let nn = self.neighbours;
        match self.form {
            KsgForm::Rectangles if !near.is_repeat && self.known == 0 => {
                psi(nn) - inverse(nn) + psi(known + 1) - psi(next) - psi(source)
            }
            KsgForm::Rectangles if !near.is_repeat => {
                let sides = inverse(source) + inverse(next) - 2.0 * inverse(nn);
                psi(nn) + psi(known) - psi(next) - psi(source) + sides
            }
            _ => psi(near.nn) + psi(known + 1) - psi(next + 1) - psi(source + 1),
        }
    }
}

impl Information for Neighbourhoods {
    fn samples(&self) -> usize {
        self.apart.times.len()
    }

    fn nats(&self, order: Option<&[u32]>, locals: Option<&mut Vec<f64>>) -> Result<f64, TeError> {
        let moved: Vec<Column>;
        let columns = match order {
            Some(order) => {
                let [.., x] = self.blocks();
                let source = self.columns[x.clone()].iter();
                let kept = self.columns[..x.start].iter().cloned();
                moved = kept.chain(source.map(|c| c.reordered(order))).collect();
                &moved
            }
            None => &self.columns,
        };
        let near = self.near(columns);
        let mut values = vec![0.0; self.samples()];
        self.counts(columns, &near, |row, counts| {
            values[row as usize] = self.local(&near[row as usize], counts);
        });
        let nats = values.iter().sum::<f64>() / values.len() as f64;
        if let Some(locals) = locals {
            locals.extend(values);
        }
        Ok(nats)
    }
}

/// ψ(n) for n from 0 (infinite, unused) to N + 1, by ψ(n + 1) = ψ(n) + 1/n.
pub(super) fn digammas(n: usize) -> Vec<f64> {
    const MINUS_EULER: f64 = -0.577_215_664_901_532_9;
    let mut psi = vec![f64::NEG_INFINITY, MINUS_EULER];
    let mut last = MINUS_EULER;
    for i in 1..=n {
        last += 1.0 / i as f64;
        psi.push(last);
    }
    psi
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::te::Series;
    use crate::te::tests::noise;

    #[test]
    fn each_rule_refuses() {
        let with = KsgParams::default;
        for (name, bad) in [
            ("neighbours", with().neighbours(0)),
            ("neighbours", with().neighbours(101)),
            ("theiler", with().theiler(10_001)),
            ("delay", with().lags(Lags::default().delay(0))),
        ] {
            let refused = bad.check().unwrap_err().to_string();
            assert!(refused.contains(&format!("`{name}`")), "{refused}");
        }
    }

    #[test]
    fn digammas_are_those_of_statrs() {
        for (n, psi) in digammas(3_000).into_iter().enumerate().skip(1) {
            assert!((psi - statrs::function::gamma::digamma(n as f64)).abs() < 1e-12);
        }
    }

    #[test]
    fn close_rows_count_nowhere_in_a_storage() {
        // Noise has no past, whatever is left out.
        let x = noise(7, 400);
        for form in [KsgForm::Cubes, KsgForm::Rectangles] {
            let storage = |theiler| {
                let te = KsgParams::default().form(form).theiler(theiler);
                te.check().unwrap().active_storage(&x).unwrap().nats
            };
            let (all, apart) = (storage(0), storage(40));
            assert!((all - apart).abs() < 0.06, "{form:?} {all} {apart}");
        }
    }

    #[test]
    fn distances_between_the_greatest_values_do_not_overflow() {
        let (mut x, y) = (noise(8, 60), noise(9, 60));
        for value in &mut x {
            *value = -1.7e308 + 1e306 * *value;
        }
        x[30] = 1.7e308;
        let smaller: Vec<f64> = x.iter().map(|v| v * 2.0_f64.powi(-40)).collect();
        for form in [KsgForm::Cubes, KsgForm::Rectangles] {
            let te = KsgParams::default().form(form).raw(true).check().unwrap();
            let (great, small) = (te.estimate(&x, &y), te.estimate(&smaller, &y));
            assert_eq!(great, small, "{form:?}");
            assert!(great.unwrap().nats.is_finite());
        }
    }

    #[test]
    fn independent_series_with_ties_tell_nothing_of_each_other() {
        // Of a coin, a die and rounded noise, to the bounds of a few standard errors.
        let die = |sides: f64, seed| {
            let values = noise(seed, 600).into_iter();
            values.map(move |v| (v * 1e6).rem_euclid(sides).floor())
        };
        let rounded = |unit: f64, seed| {
            noise(seed, 600)
                .into_iter()
                .map(move |v| (v / unit).round())
        };
        for (bound, [x, y]) in [
            (0.01, [5, 6].map(|seed| die(2.0, seed).collect::<Vec<_>>())),
            (0.08, [5, 6].map(|seed| die(6.0, seed).collect())),
            (0.08, [5, 6].map(|seed| rounded(0.7, seed).collect())),
            (0.08, [5, 6].map(|seed| rounded(0.2, seed).collect())),
            (0.08, [5, 6].map(|seed| rounded(0.02, seed).collect())),
        ] {
            for theiler in [0, 5] {
                let te = KsgParams::default().theiler(theiler).check().unwrap();
                let nats = te.estimate(&x, &y).unwrap().nats;
                assert!(nats.abs() < bound, "{nats} of {} {theiler}", x[0]);
                let nats = te.active_storage(&y).unwrap().nats;
                assert!(nats.abs() < bound, "{nats} stored of {} {theiler}", y[0]);
                let itself = te.estimate(&y, &y).unwrap().nats;
                assert!(itself.abs() < 1e-12, "{itself} of itself");
            }
        }
    }

    #[test]
    fn symbols_have_the_plug_in_estimate_less_its_bias() {
        let coin = |seed| {
            let values = noise(seed, 800).into_iter();
            values.map(|v| (v * 1e6).rem_euclid(2.0).floor())
        };
        let (x, own): (Vec<f64>, Vec<f64>) = (coin(1).collect(), coin(2).collect());
        // Three times of four the source's last side.
        let y: Vec<f64> = (0..800_usize)
            .map(|t| {
                if own[t] > 0.0 {
                    x[t.saturating_sub(1)]
                } else {
                    own[t / 2]
                }
            })
            .collect();
        let symbols = |x: &[f64]| x.iter().map(|v| u8::from(*v > 0.0)).collect::<Vec<_>>();
        let plug_in = crate::te::DiscreteParams::default().check().unwrap();
        let expected = plug_in.estimate(&symbols(&x), &symbols(&y)).unwrap();
        assert!(expected.nats > 0.1);
        for form in [KsgForm::Cubes, KsgForm::Rectangles] {
            let te = KsgParams::default().form(form).check().unwrap();
            let nats = te.estimate(&x, &y).unwrap().nats;
            assert!(
                (nats - expected.effective_nats).abs() < 1e-3,
                "{form:?} {nats}"
            );
        }
    }

    #[test]
    fn local_values_average_to_the_whole() {
        let (x, y) = (noise(5, 200), noise(6, 200));
        let whole: Vec<f64> = x.iter().map(|v| v.round()).collect();
        for form in [KsgForm::Cubes, KsgForm::Rectangles] {
            let te = KsgParams::default().form(form).theiler(3).check().unwrap();
            for source in [&x, &whole] {
                let local = te.estimate_local(source, &y, Series::none()).unwrap();
                let values = local.local_nats.unwrap();
                let mean = values[1..].iter().sum::<f64>() / 199.0;
                assert!(values[0].is_nan() && (mean - local.nats).abs() < 1e-12);
            }
        }
        let few = KsgParams::default().theiler(100).check().unwrap();
        let error = TeError::TooFew {
            have: 199,
            need: 206,
        };
        assert_eq!(few.estimate(&x, &y), Err(error));
    }
}
