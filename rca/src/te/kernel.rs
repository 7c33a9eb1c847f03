//! Transfer entropy from box kernels.

use std::ops::Range;

use astern_stats::param::{in_range, positive};

use super::embed::Rows;
use super::error::TeError;
use super::estimate::{Estimator, Information};
use super::ksg::Apart;
use super::lags::Lags;
use super::neighbours::{Bound, Column, Strip};
use super::scale::standardised;

/// Parameters of [`Kernel`].
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `lags` | see [`Lags`] | |
/// | `width` | .5 | standard deviations that are near, positive |
/// | `theiler` | none | rows at most so many steps away in time do not count, itself among them; 0 to 10,000 |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KernelParams {
    lags: Lags,
    width: f64,
    theiler: Option<u16>,
}

impl Default for KernelParams {
    fn default() -> Self {
        Self {
            lags: Lags::default(),
            width: 0.5,
            theiler: None,
        }
    }
}

impl KernelParams {
    /// With other lags.
    #[must_use]
    pub fn lags(mut self, lags: Lags) -> Self {
        self.lags = lags;
        self
    }

    /// With another width, in standard deviations.
    #[must_use]
    pub fn width(mut self, sd: f64) -> Self {
        self.width = sd;
        self
    }

    /// Without rows that are at most so many steps away in time (Theiler 1986); with 0, a row does not
    /// count itself.
    #[must_use]
    pub fn theiler(mut self, steps: u16) -> Self {
        self.theiler = Some(steps);
        self
    }

    /// Checks the parameters and makes the estimator.
    ///
    /// # Errors
    /// [`TeError::Param`] for a parameter outside its rule.
    pub fn check(self) -> Result<Kernel, TeError> {
        self.lags.check()?;
        positive("width", self.width)?;
        in_range("theiler", f64::from(self.theiler.unwrap_or(0)), 0.0, 1e4)?;
        Ok(Kernel { params: self })
    }
}

/// Transfer entropy from the number of rows within a box (Schreiber 2000; Kaiser and Schreiber 2002).
///
/// `TE = ⟨ln(n_xyz n_z / (n_xz n_yz))⟩` with n the number of rows at most `width` standard deviations
/// away in every column of a subspace. The next value of the target is as wide as its newest past one, as
/// in JIDT. Rows without any other in the box add 0.
///
/// Biased, and its value and even its direction depend on the width: for comparison with older work.
///
/// # Errors
/// Of its methods: [`TeError::TooFew`] below `4 + 2 theiler` samples, [`TeError::Degenerate`] for a
/// constant column.
///
/// # Complexity
/// `O(N · n_z · d)` in time for `n_z` near rows and d columns, vectorised over 16-bit ranks; `O(N d)` in
/// memory.
///
/// # Example
/// ```
/// use astern_rca::te::{Estimator, KernelParams};
/// let source: Vec<f64> = (0..500).map(|t| f64::from(t * t % 97)).collect();
/// let target: Vec<f64> = (0..500_usize).map(|t| source[t.saturating_sub(1)]).collect();
/// let te = KernelParams::default().width(0.3).check()?;
/// assert!(te.estimate(&source, &target)?.nats > te.estimate(&target, &source)?.nats);
/// # Ok::<(), astern_rca::te::TeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kernel {
    params: KernelParams,
}

impl Estimator for Kernel {
    type Value = f64;

    fn lags(&self) -> &Lags {
        &self.params.lags
    }

    fn with_lags(self, lags: Lags) -> Result<Self, TeError> {
        self.params.lags(lags).check()
    }

    fn prepare(&self, rows: &Rows<'_, f64>) -> Result<Box<dyn Information>, TeError> {
        let theiler = self.params.theiler;
        rows.at_least(4 + 2 * usize::from(theiler.unwrap_or(0)))?;
        let columns = rows.z().iter().chain(rows.y()).chain(rows.x());
        let mut scaled = Vec::with_capacity(rows.columns.len());
        for column in columns {
            // Divided by the deviation, as its own units are not comparable.
            scaled.push(standardised(column)?);
        }
        let mut widths = vec![self.params.width; scaled.len()];
        // In standard deviations of its past, of which the newest value of each series comes first.
        let history = usize::from(self.params.lags.target.length);
        for (at, next) in rows.y().iter().enumerate() {
            let past = rows
                .z()
                .get(at * history)
                .unwrap_or(&rows.x()[at.min(rows.x().len() - 1)]);
            widths[rows.known + at] *= deviation(past) / deviation(next);
        }
        Ok(Box::new(Boxes {
            columns: scaled.into_iter().map(Column::new).collect(),
            widths,
            apart: Apart::new(&rows.times, theiler.unwrap_or(0)),
            with_itself: theiler.is_none(),
            known: rows.known,
            next: rows.next,
        }))
    }
}

fn deviation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    (squares / (n - 1.0)).sqrt()
}

/// Columns in the order z, y, x.
#[derive(Debug)]
struct Boxes {
    columns: Vec<Column>,
    widths: Vec<f64>,
    apart: Apart,
    with_itself: bool,
    known: usize,
    next: usize,
}

impl Boxes {
    /// Rows that do not count for one.
    fn close(&self, row: u32) -> Range<u32> {
        if self.with_itself {
            0..0
        } else {
            self.apart.close(row)
        }
    }

    /// Numbers of near rows, by row: each strip's base, then its groups.
    fn count<const N: usize>(
        &self,
        columns: &[Column],
        base: Range<usize>,
        groups: Vec<Range<usize>>,
    ) -> Vec<[usize; N]> {
        let strip = Strip::new(columns, base, groups);
        let mut counts = vec![[0; N]; self.samples()];
        for row in strip.rows() {
            let close = self.close(*row);
            let counts = &mut counts[*row as usize];
            strip.count(
                *row,
                Bound::AtMost,
                |column| self.widths[column],
                close,
                counts,
            );
        }
        counts
    }
}

impl Information for Boxes {
    fn samples(&self) -> usize {
        self.columns[0].values().len()
    }

    fn nats(&self, order: Option<&[u32]>, locals: Option<&mut Vec<f64>>) -> Result<f64, TeError> {
        let (next, source) = (self.known, self.known + self.next);
        let moved: Vec<Column>;
        let columns = match order {
            Some(order) => {
                let (kept, moving) = self.columns.split_at(source);
                let reordered = moving.iter().map(|column| column.reordered(order));
                moved = kept.iter().cloned().chain(reordered).collect();
                &moved
            }
            None => &self.columns,
        };
        let (y, x) = (next..source, source..columns.len());
        let counts: Vec<[usize; 4]> = if self.known == 0 {
            let of_y: Vec<[usize; 2]> = self.count(columns, y, vec![x.clone()]);
            let of_x: Vec<[usize; 1]> = self.count(columns, x, vec![]);
            let all = (0_u32..).map(|row| self.samples() - self.close(row).len());
            let pairs = of_y.into_iter().zip(of_x).zip(all);
            pairs.map(|(([y, yx], [x]), all)| [all, y, x, yx]).collect()
        } else {
            self.count(columns, 0..next, vec![y, x, next..columns.len()])
        };
        let values = counts.iter().map(|[z, yz, xz, xyz]| match xyz {
            0 => 0.0,
            _ => (*xyz as f64 * *z as f64 / (*xz as f64 * *yz as f64)).ln(),
        });
        let values: Vec<f64> = values.collect();
        let nats = values.iter().sum::<f64>() / values.len() as f64;
        if let Some(locals) = locals {
            locals.extend(values);
        }
        Ok(nats)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::te::Series;
    use crate::te::tests::noise;

    #[test]
    fn each_rule_refuses() {
        for bad in [
            KernelParams::default().width(0.0),
            KernelParams::default().width(f64::NAN),
            KernelParams::default().theiler(10_001),
        ] {
            assert!(matches!(bad.check(), Err(TeError::Param(_))));
        }
    }

    #[test]
    fn local_values_average_to_the_whole_with_and_without_itself() {
        let (x, y) = (noise(5, 120), noise(6, 120));
        for params in [KernelParams::default(), KernelParams::default().theiler(2)] {
            let te = params.check().unwrap();
            let local = te.estimate_local(&x, &y, Series::none()).unwrap();
            let values = local.local_nats.unwrap();
            let mean = values[1..].iter().sum::<f64>() / 119.0;
            assert!((mean - local.nats).abs() < 1e-12);
            assert!(te.active_storage(&y).unwrap().nats.is_finite());
        }
    }
}
