//! Runs of many seeds on two threads.

use std::ops::RangeInclusive;

use crate::EvalError;

/// Plays all seeds, half of them beside the other half; in the order of the seeds.
pub(crate) fn play_all<T: Send>(
    seeds: RangeInclusive<u64>,
    play: impl Fn(u64) -> Result<T, EvalError> + Sync,
) -> Result<Vec<T>, EvalError> {
    let middle = u64::midpoint(*seeds.start(), *seeds.end());
    let half = |seeds: RangeInclusive<u64>| seeds.map(&play).collect::<Vec<_>>();
    let halves = std::thread::scope(|scope| {
        let second = scope.spawn(|| half(middle + 1..=*seeds.end()));
        let first = half(*seeds.start()..=middle);
        second.join().map(|second| (first, second))
    });
    match halves {
        Ok((first, second)) => first.into_iter().chain(second).collect(),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
