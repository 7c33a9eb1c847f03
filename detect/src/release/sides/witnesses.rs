//! What other callers of a dependency see of it, step by step.

use astern_graph_core::CallSummary;

/// Calls of others by which their share of failures in a step is known; where there are fewer, those of steps around it count.
const OTHERS_CALLS_MIN: u64 = 20;

/// How many steps around a step count at most, on either side, where a single number stands for it.
const AROUND_MAX: usize = 5;

/// Logarithm of one over the probability below which a number of calls is beyond chance, about that of three standard errors.
const BEYOND_CHANCE: f64 = 6.9;

/// Calls to a dependency in one step, and those that the service received.
pub(super) struct Seen {
    pub(super) received: u64,
    pub(super) own: CallSummary,
    pub(super) others: CallSummary,
}

/// All steps since the change, with sums of the calls of others.
pub(super) struct History {
    steps: Vec<Seen>,
    /// Failed calls of others, and all, before each step and before the end.
    sums: Vec<(u64, u64)>,
}

impl History {
    pub(super) fn of(steps: Vec<Seen>) -> Self {
        let mut sum = (0, 0);
        let mut sums = vec![sum];
        for step in &steps {
            sum = (sum.0 + step.others.errors, sum.1 + step.others.calls);
            sums.push(sum);
        }
        Self { steps, sums }
    }

    pub(super) fn steps(&self) -> &[Seen] {
        &self.steps
    }

    /// Calls of others in a step and so many around it.
    pub(super) fn about(&self, step: usize, around: usize) -> CallSummary {
        let first = step.saturating_sub(around);
        let steps = self
            .steps
            .iter()
            .skip(first)
            .take(step + around + 1 - first);
        CallSummary::joined(steps.map(|seen| &seen.others))
    }

    /// Failed calls of others in a step and so many around it, and all of them.
    pub(super) fn failed(&self, step: usize, around: usize) -> (u64, u64) {
        let at = |i: usize| self.sums[i.min(self.steps.len())];
        let (from, to) = (at(step.saturating_sub(around)), at(step + around + 1));
        (to.0 - from.0, to.1 - from.1)
    }

    /// How many steps around one count, so that others have enough calls in them.
    pub(super) fn enough(&self, step: usize) -> usize {
        let are_enough = |around: &usize| self.failed(step, *around).1 >= OTHERS_CALLS_MIN;
        let mut fewest = (0..AROUND_MAX).filter(are_enough);
        fewest.next().unwrap_or(AROUND_MAX)
    }

    /// How many steps around one may count: so few, then ever more up to all.
    pub(super) fn spans(&self, fewest: usize) -> impl Iterator<Item = usize> {
        let all = self.steps.len();
        let more = move |around: &usize| (*around < all).then(|| (2 * *around).max(1));
        std::iter::successors(Some(fewest), more)
    }
}

/// Whether so many hits among `all` are more than chance makes where each one is a hit with probability `share`, by
/// Chernoff's bound of the binomial distribution.
pub(super) fn is_more_than(hits: u64, all: u64, share: f64) -> bool {
    let n = all.max(1) as f64;
    let seen = hits as f64 / n;
    if seen <= share {
        return false;
    }
    let part = |seen: f64, share: f64| {
        if seen > 0.0 {
            seen * (seen / share).ln()
        } else {
            0.0
        }
    };
    n * (part(seen, share) + part(1.0 - seen, 1.0 - share)) >= BEYOND_CHANCE
}

#[cfg(test)]
mod tests {
    use super::is_more_than;

    #[test]
    fn a_single_hit_is_chance_and_many_are_not() {
        assert!(!is_more_than(0, 0, 0.1));
        assert!(!is_more_than(1, 1, 0.03));
        assert!(!is_more_than(1, 1, 0.01));
        assert!(!is_more_than(2, 20, 0.1));
        assert!(is_more_than(4, 4, 0.15));
        assert!(is_more_than(30, 30, 0.5));
        assert!(!is_more_than(30, 30, 1.0));
        assert!(!is_more_than(10, 100, 0.1));
    }
}
