//! Transfer entropy from box kernels.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use astern_stats::param::{in_range, positive};

use super::embed::Rows;
use super::error::TeError;
use super::estimate::{Estimator, Information};
use super::ksg::Apart;
use super::lags::Lags;
use super::neighbours::{Bound, Column, Strip};
use super::scale::{Scaled, scaled};

/// Parameters of [`Kernel`].
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `lags` | see [`Lags`] | |
/// | `width` | .5 | standard deviations that are near, positive |
/// | `theiler` | none | rows at most so many steps away in time do not count, itself among them; 0 to 10,000 |
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
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

astern_stats::setters!(KernelParams {
    /// Sets the lags.
    lags: Lags,
    /// Sets the width, in standard deviations.
    width: f64,
    /// Sets how many steps apart in time rows have to be to count (Theiler 1986): more than so many; with 0, a
    /// row does not count itself.
    theiler: u16,
});

impl KernelParams {
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
/// `O(N (n_z + θ) d)` in time for `n_z` near rows, d columns and a Theiler window of θ steps, vectorised
/// over 16-bit ranks; `O(N d)` in memory.
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
        // Divided by the deviation, as its own units are not comparable.
        let columns: Result<Vec<Scaled>, TeError> = columns.map(|column| scaled(column)).collect();
        let columns = columns?;
        let mut widths = vec![self.params.width; columns.len()];
        // In standard deviations of its past, of which the newest value of each series comes first; a
        // storage has it in x.
        let history = usize::from(self.params.lags.target().length);
        let past = if rows.known == 0 { rows.next } else { 0 };
        for at in 0..rows.next {
            let next = rows.known + at;
            widths[next] *= columns[past + at * history].deviation_over(&columns[next]);
        }
        Ok(Box::new(Boxes {
            columns: columns
                .into_iter()
                .map(|column| Column::new(column.values))
                .collect(),
            widths,
            apart: Apart::new(&rows.times, theiler.unwrap_or(0)),
            with_itself: theiler.is_none(),
            known: rows.known,
            next: rows.next,
        }))
    }
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
    fn a_target_of_two_series_has_the_widths_of_each() {
        let (mut first, second) = (noise(3, 300), noise(4, 300));
        // The first one's past and next values deviate differently: the last value is its greatest.
        first[299] = 40.0;
        let lags = Lags::default().target_history(2);
        let te = KernelParams::default().lags(lags).check().unwrap();
        let nats = |target: [&[f64]; 2]| te.active_storage(target.to_vec()).unwrap().nats;
        let (there, back) = (nats([&first, &second]), nats([&second, &first]));
        assert!((there - back).abs() < 1e-9, "{there} {back}");
    }

    #[test]
    fn no_scale_is_too_great_or_too_small() {
        let (x, y) = (noise(5, 120), noise(6, 120));
        let te = KernelParams::default().check().unwrap();
        let expected = te.estimate(&x, &y).unwrap().nats;
        assert!(expected > 0.01);
        for scale in [2.0_f64.powi(-600), 2.0_f64.powi(600)] {
            let scaled: Vec<f64> = y.iter().map(|v| v * scale).collect();
            let nats = te.estimate(&x, &scaled).unwrap().nats;
            assert!((nats - expected).abs() < 1e-9, "{nats} at {scale:e}");
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
