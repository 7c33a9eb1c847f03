//! Ordinary least squares, and a node's mechanism: its metric as a linear function of its origins'.

use astern_graph_core::signal::Evidence;
use nalgebra::{DMatrix, DVector};

use crate::candidates::{Candidate, HEALTHY_MIN};

/// Relative size below which a singular value or the variation of a column counts as 0.
const RANK_EPSILON: f64 = 1e-10;
const SVD_ITERATIONS_MAX: usize = 10_000;

/// `y = intercept + Σ slope · x + noise`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Regression {
    intercept: f64,
    pub(crate) slopes: Vec<f64>,
    /// Number of complete rows.
    pub(crate) rows: usize,
    /// Number of linearly independent columns.
    rank: usize,
    squares: f64,
}

impl Regression {
    /// Ordinary least squares over the rows in which all values are there; of several solutions the
    /// one with the least slopes, in units of the columns' norms. `None` without a row or where sums
    /// are too great. `O(n p min(n, p))` for n rows of p columns.
    pub(crate) fn fit(y: &[f64], columns: &[&[f64]]) -> Option<Self> {
        let complete = |t: &usize| y[*t].is_finite() && columns.iter().all(|x| x[*t].is_finite());
        let rows: Vec<usize> = (0..y.len()).filter(complete).collect();
        let (n, p) = (rows.len(), columns.len());
        let (target, y_mean) = centred(y, &rows)?;
        let mut standard = DMatrix::zeros(n, p);
        let mut scales = Vec::with_capacity(p);
        let mut means = Vec::with_capacity(p);
        for (j, x) in columns.iter().enumerate() {
            let (centred, mean) = centred(x, &rows)?;
            let norm = centred.norm();
            // A constant column explains nothing, rounding noise even less.
            let varies = norm > RANK_EPSILON * mean.abs() * (n as f64).sqrt();
            let scale = if varies { norm } else { f64::INFINITY };
            standard.set_column(j, &(centred / scale));
            scales.push(scale);
            means.push(mean);
        }
        let (mut slopes, mut rank) = (Vec::new(), 0);
        let mut noise = target;
        if p > 0 {
            let svd = standard
                .clone()
                .try_svd(true, true, f64::EPSILON, SVD_ITERATIONS_MAX)?;
            rank = svd.rank(RANK_EPSILON);
            let solution = svd.solve(&noise, RANK_EPSILON).ok()?;
            noise -= standard * &solution;
            slopes = solution.iter().zip(&scales).map(|(b, s)| b / s).collect();
        }
        let explained: f64 = slopes.iter().zip(&means).map(|(b, m)| b * m).sum();
        let (intercept, squares) = (y_mean - explained, noise.norm_squared());
        (intercept.is_finite() && squares.is_finite()).then_some(Self {
            intercept,
            slopes,
            rows: n,
            rank,
            squares,
        })
    }

    /// What is left of y in a row.
    pub(crate) fn noise(&self, y: f64, x: impl Iterator<Item = f64>) -> f64 {
        let explained = self.slopes.iter().zip(x).map(|(b, x)| b * x);
        y - self.intercept - explained.sum::<f64>()
    }

    /// Standard deviation of the noise in these rows.
    pub(crate) fn deviation(&self) -> f64 {
        (self.squares / self.rows as f64).sqrt()
    }

    /// Rows beyond those that determine the coefficients.
    pub(crate) fn freedom(&self) -> usize {
        self.rows.saturating_sub(self.rank + 1)
    }

    /// Standard deviation of the noise to expect in other rows; `None` without freedom.
    pub(crate) fn unbiased_deviation(&self) -> Option<f64> {
        let freedom = self.freedom();
        (freedom > 0).then(|| (self.squares / freedom as f64).sqrt())
    }
}

/// Values of those rows less their mean, and the mean; `None` for no row or an infinite mean.
fn centred(values: &[f64], rows: &[usize]) -> Option<(DVector<f64>, f64)> {
    let picked = DVector::from_iterator(rows.len(), rows.iter().map(|t| values[*t]));
    let mean = picked.sum() / rows.len() as f64;
    let centred = picked.add_scalar(-mean);
    (mean.is_finite() && centred.norm().is_finite()).then_some((centred, mean))
}

/// A node's metric as a linear function of the same metric of nodes that it depends on, by the
/// healthy steps.
#[derive(Debug, Clone)]
pub(crate) struct Mechanism {
    /// Places of the origins that count, in the order given.
    pub(crate) origins: Vec<usize>,
    pub(crate) regression: Regression,
    /// What the mechanism leaves unexplained in each abnormal step; `NaN` where a value is missing.
    pub(crate) noise: Vec<f64>,
    /// Set where there were origins and no regression on them.
    pub(crate) fallback: Option<Evidence>,
}

impl Mechanism {
    /// Regresses on the origins that have a value in at least half of the node's healthy and half
    /// of its abnormal steps. With fewer than twice as many complete rows as coefficients the node
    /// stands by itself. `None` with fewer than 5 healthy values or no abnormal one.
    pub(crate) fn of(node: &Candidate, origins: &[&Candidate]) -> Option<Self> {
        let there = |series: &[f64]| series.iter().filter(|x| x.is_finite()).count();
        if there(&node.healthy) < HEALTHY_MIN || there(&node.abnormal) == 0 {
            return None;
        }
        let covers = |own: &[f64], other: &[f64]| {
            let both = own
                .iter()
                .zip(other)
                .filter(|(a, b)| a.is_finite() && b.is_finite());
            2 * both.count() >= there(own)
        };
        let used: Vec<usize> = (0..origins.len())
            .filter(|i| {
                covers(&node.healthy, &origins[*i].healthy)
                    && covers(&node.abnormal, &origins[*i].abnormal)
            })
            .collect();
        let columns: Vec<&[f64]> = used.iter().map(|i| &origins[*i].healthy[..]).collect();
        let need = HEALTHY_MIN.max(2 * (used.len() + 1));
        // Counted first: a node with many origins and few rows shall not cost a regression.
        let complete = |t: &usize| {
            let all = columns.iter().map(|x| x[*t]).chain([node.healthy[*t]]);
            all.into_iter().all(f64::is_finite)
        };
        let have = (0..node.healthy.len()).filter(complete).count();
        if have >= need
            && let Some(fit) = Regression::fit(&node.healthy, &columns)
        {
            let mechanism = Self::from(node, origins, used, fit);
            if mechanism.noise.iter().any(|x| x.is_finite()) {
                return Some(mechanism);
            }
        }
        let mut alone = Self::from(
            node,
            origins,
            Vec::new(),
            Regression::fit(&node.healthy, &[])?,
        );
        alone.fallback = Some(Evidence::Fallback {
            wanted: format!("regression on {} dependencies", columns.len()).into(),
            used: "the node's own mean".into(),
            reason: format!("{have} complete healthy rows, {need} needed, and an abnormal one")
                .into(),
        });
        Some(alone)
    }

    fn from(
        node: &Candidate,
        all: &[&Candidate],
        origins: Vec<usize>,
        regression: Regression,
    ) -> Self {
        let step = |t: usize| {
            let x = origins.iter().map(|i| all[*i].abnormal[t]);
            regression.noise(node.abnormal[t], x)
        };
        let noise = (0..node.abnormal.len()).map(step).collect();
        Self {
            origins,
            regression,
            noise,
            fallback: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::candidates::tests::series;
    use astern_graph_core::schema::Worse;
    use proptest::prelude::*;

    #[track_caller]
    fn assert_close(found: &[f64], expected: &[f64]) {
        let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9 * b.abs().max(1.0);
        let same = found.len() == expected.len() && found.iter().zip(expected).all(close);
        assert!(same, "{found:?} {expected:?}");
    }

    #[test]
    fn a_line_through_four_points() {
        // By hand: means 1.5 and 3.5; Sxx 5, Sxy 7: slope 1.4, intercept 1.4. What is left is
        // -.4 .2 .8 -.6, its squares sum to 1.2.
        let fit = Regression::fit(&[1.0, 3.0, 5.0, 5.0], &[&[0.0, 1.0, 2.0, 3.0]]).unwrap();
        assert_close(
            &[fit.intercept, fit.slopes[0], fit.squares],
            &[1.4, 1.4, 1.2],
        );
        assert_close(&[fit.deviation()], &[0.3_f64.sqrt()]);
        assert_close(&[fit.unbiased_deviation().unwrap()], &[0.6_f64.sqrt()]);
        assert_eq!((fit.rows, fit.freedom()), (4, 2));
        assert_close(&[fit.noise(10.0, [2.0].into_iter())], &[5.8]);
    }

    #[test]
    fn equal_columns_share_and_constant_ones_have_nothing() {
        let x = [0.0, 1.0, 2.0, 3.0, f64::NAN];
        let y = [1.0, 5.0, 9.0, 13.0, 99.0];
        let fit = Regression::fit(&y, &[&x, &[0.1; 5], &x]).unwrap();
        assert_close(&fit.slopes, &[2.0, 0.0, 2.0]);
        assert_close(&[fit.intercept, fit.squares], &[1.0, 0.0]);
        assert_eq!((fit.rows, fit.freedom()), (4, 2));
    }

    #[test]
    fn what_cannot_be_fitted_has_no_fit() {
        assert_eq!(Regression::fit(&[], &[]), None);
        assert_eq!(Regression::fit(&[f64::NAN], &[&[1.0]]), None);
        assert_eq!(Regression::fit(&[f64::MAX, f64::MAX, f64::MIN], &[]), None);
        assert!(
            Regression::fit(&[2.0], &[])
                .unwrap()
                .unbiased_deviation()
                .is_none()
        );
    }

    #[test]
    fn a_mechanism_needs_rows_and_says_when_it_has_too_few() {
        let healthy: Vec<f64> = (0..8).map(f64::from).collect();
        let twice: Vec<f64> = healthy.iter().map(|x| 2.0 * x + 1.0).collect();
        let node = series(Worse::Up, &twice, &[5.0, 30.0]);
        let of = |healthy: &[f64], abnormal: &[f64]| {
            let origin = series(Worse::Up, healthy, abnormal);
            Mechanism::of(&node, &[&origin]).unwrap()
        };
        let good = of(&healthy, &[2.0, 2.0]);
        assert_close(&good.noise, &[0.0, 25.0]);
        assert_eq!((&good.origins[..], &good.fallback), (&[0][..], &None));

        // Without a value in half of the steps an origin does not count: no regression was wanted.
        let gone = of(&healthy, &[f64::NAN, f64::NAN]);
        assert_close(&gone.noise, &[-3.0, 22.0]);
        assert!(gone.origins.is_empty() && gone.fallback.is_none());

        let mut gappy = healthy.clone();
        gappy[..4].fill(f64::NAN);
        let few = of(&gappy, &[2.0, 2.0]);
        assert!(few.origins.is_empty() && few.fallback.is_some());
        assert_close(&few.noise, &[-3.0, 22.0]);
        assert!(Mechanism::of(&series(Worse::Up, &twice[..4], &[1.0]), &[]).is_none());
        assert!(Mechanism::of(&series(Worse::Up, &twice, &[f64::NAN]), &[]).is_none());
    }

    proptest! {
        #[test]
        fn what_is_left_is_orthogonal_to_the_columns(
            rows in prop::collection::vec((-10.0..10.0f64, -10.0..10.0f64, -10.0..10.0f64), 4..30),
        ) {
            let column = |pick: fn(&(f64, f64, f64)) -> f64| rows.iter().map(pick).collect::<Vec<_>>();
            let (y, a, b) = (column(|r| r.0), column(|r| r.1), column(|r| r.2));
            let fit = Regression::fit(&y, &[&a, &b]).unwrap();
            let left = |t: usize| fit.noise(y[t], [a[t], b[t]].into_iter());
            for x in [&vec![1.0; y.len()], &a, &b] {
                let product: f64 = (0..y.len()).map(|t| x[t] * left(t)).sum();
                prop_assert!(product.abs() < 1e-6, "{product}");
            }
        }
    }
}
