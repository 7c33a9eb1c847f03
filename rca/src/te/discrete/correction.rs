//! Corrections of the bias of entropies from frequencies.

use serde::{Deserialize, Serialize};

use super::counts::Cells;

/// How the bias of an entropy from few samples is corrected. Each adds `(R - 1) / 2N` to each of the four
/// entropies, and they differ in R, the number of values that are possible.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Correction {
    /// The plug-in estimate.
    #[default]
    None,
    /// R is the number of values that occurred (Miller 1955).
    MillerMadow,
    /// R is the number of values for which as many would be expected to occur as did, found by a Bayesian
    /// search (Panzeri and Treves 1996). The search takes a step for every value that did not occur
    /// and reads every different count, of which there are at most `√(2N)`, in each.
    PanzeriTreves,
}

impl Correction {
    /// By how much the plug-in estimate of those cells is too great. `possible` counts the values that
    /// z, y and x can have.
    pub(super) fn bias_nats(self, cells: &Cells, [z, y, x]: [f64; 3]) -> f64 {
        let n = cells.samples();
        let values = |counts: &[u32], possible: f64| match self {
            Self::None => 0.0,
            Self::MillerMadow => counts.len() as f64,
            Self::PanzeriTreves => bayesian_support(counts, n, possible),
        };
        let all = values(&cells.zyx, x * y * z) + values(&cells.z, z);
        (all - values(&cells.zx, x * z) - values(&cells.zy, y * z)) / (2.0 * n)
    }
}

/// How many values there are when those counts were seen: the number for which as many as were seen
/// would be expected to be, at most `possible`.
fn bayesian_support(counts: &[u32], n: f64, possible: f64) -> f64 {
    let seen = counts.len() as f64;
    let missed = |p: f64| (1.0 - p).powf(n);
    let counts = grouped(counts);
    let expected = |p: &dyn Fn(f64) -> f64| -> f64 {
        let terms = counts
            .iter()
            .map(|(count, times)| times * (1.0 - missed(p(*count))));
        terms.sum()
    };
    let naive = expected(&|count| count / n);
    let (mut extra, mut before, mut off) = (0.0, possible, (seen - naive).abs());
    while off < before && seen + extra < possible {
        extra += 1.0;
        // The share of those not seen, which are alike; those seen have one count more.
        let unseen = extra * (1.0 - (n / (n + seen)).powf(1.0 / n));
        let of_seen = (1.0 - unseen) / (n + seen);
        let of_seen = expected(&|count| of_seen * (count + 1.0));
        let of_all = of_seen + extra * (1.0 - missed(unseen / extra));
        (before, off) = (off, (seen - of_all).abs());
    }
    let last = if extra > 0.0 && off >= before {
        1.0
    } else {
        0.0
    };
    seen + extra - last
}

/// The different counts and how often each occurs.
fn grouped(counts: &[u32]) -> Vec<(f64, f64)> {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    let runs = sorted.chunk_by(|a, b| a == b);
    runs.map(|run| (f64::from(run[0]), run.len() as f64))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_equal_counts_are_read_at_once() {
        // One by one they would take hours.
        let found = bayesian_support(&vec![1; 200_000], 2e5, 1e12);
        // Twice as many as were seen, but for where the search ends by rounding.
        assert!((390_000.0..=400_000.0).contains(&found), "{found}");
    }

    #[test]
    fn support_is_that_of_the_reference() {
        // pyentropy's `pt_bayescount` on the same counts.
        for (counts, possible, expected) in [
            (&[5_u32, 3, 1, 1][..], 8.0, 6.0),
            (&[40, 30, 20, 10], 8.0, 4.0),
            (&[1; 10], 64.0, 20.0),
            (&[7, 2, 1], 3.0, 3.0),
        ] {
            let n = counts.iter().sum::<u32>().into();
            let found = bayesian_support(counts, n, possible);
            assert!((found - expected).abs() < 1e-12, "{counts:?}: {found}");
        }
    }
}
