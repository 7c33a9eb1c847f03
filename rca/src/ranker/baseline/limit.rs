//! Power iteration: where a linear map of shares settles.

use astern_graph_core::signal::Evidence;

use crate::ranker::Ranking;

/// Sum of absolute changes below which shares count as settled.
const SETTLED: f64 = 1e-12;
const ROUNDS_MAX: usize = 10_000;

/// Shares after power iteration.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    pub(super) shares: Vec<f64>,
    settled: bool,
}

impl Limit {
    /// Applies `step`, which adds each share's successors to the second argument (zeros), until
    /// shares change by less than 1e-12 in sum, or 10,000 times.
    pub(super) fn of(start: Vec<f64>, step: impl Fn(&[f64], &mut [f64])) -> Self {
        let mut shares = start;
        let mut next = vec![0.0; shares.len()];
        for _ in 0..ROUNDS_MAX {
            next.fill(0.0);
            step(&shares, &mut next);
            let change: f64 = shares.iter().zip(&next).map(|(a, b)| (a - b).abs()).sum();
            std::mem::swap(&mut shares, &mut next);
            if change < SETTLED {
                return Self {
                    shares,
                    settled: true,
                };
            }
        }
        Self {
            shares,
            settled: false,
        }
    }

    /// Share of the time that a walk of endless length spends in each state.
    ///
    /// The walk rests every other step on average, which changes no share and makes the iteration
    /// converge where the walk would swing for ever.
    pub(super) fn of_walk(start: Vec<f64>, step: impl Fn(&[f64], &mut [f64])) -> Self {
        Self::of(start, |shares, next| {
            step(shares, next);
            for (next, share) in next.iter_mut().zip(shares) {
                *next = f64::midpoint(*next, *share);
            }
        })
    }

    /// Has the ranking say so where the limit was not reached.
    pub(super) fn note(&self, ranking: &mut Ranking) {
        if let (false, Some(cause)) = (self.settled, ranking.causes.first_mut()) {
            cause.evidence.push(Evidence::Fallback {
                wanted: "the limit of the iteration".into(),
                used: format!("its state after {ROUNDS_MAX} rounds").into(),
                reason: "it converges too slowly".into(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use astern_graph_core::NodeKey;
    use astern_graph_core::signal::RankedCause;

    #[test]
    fn a_walk_that_swings_spends_half_its_time_on_either_side() {
        let swing = |shares: &[f64], next: &mut [f64]| {
            next[0] += shares[1];
            next[1] += shares[0];
        };
        let walk = Limit::of_walk(vec![1.0, 0.0], swing);
        assert!(walk.settled && walk.shares.iter().all(|s| (s - 0.5).abs() < 1e-9));

        let swinging = Limit::of(vec![1.0, 0.0], swing);
        let cause = RankedCause::new(NodeKey::service("a"), 1.0);
        let mut ranking = Ranking::of(vec![cause]);
        walk.note(&mut ranking);
        assert!(ranking.causes[0].evidence.is_empty());
        swinging.note(&mut ranking);
        assert_eq!(ranking.causes[0].evidence.len(), 1);
    }
}
