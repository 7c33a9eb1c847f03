//! More requests than any source has: real requests that come again and again, as batches with histograms.

use std::time::Duration;

use astern_graph_core::{CallBatch, CallStatus, Durations, Record};
use astern_sim::Feed;
use astern_stats::rng::ChaCha8Rng;
use rand_distr::{Binomial, Distribution as _, Poisson};

use super::play::{BEFORE, Run, minute};
use super::world::{Serving, World};

/// Minutes before and after the present one whose requests come as well, so that a quiet minute is not a single request
/// a thousand times.
const AROUND: usize = 7;

/// Calls of one instance in one minute, counted.
#[derive(Default)]
struct Counted {
    calls: u64,
    failed: u64,
    refused: u64,
    /// By the bound that is the first not to be exceeded.
    within: [u64; Feed::BUCKETS_MS.len()],
}

impl Counted {
    fn add(&mut self, ms: f64, status: CallStatus, calls: u64) {
        self.calls += calls;
        match status {
            CallStatus::Error => self.failed += calls,
            CallStatus::ClientError => self.refused += calls,
            _ => {}
        }
        let bound = Feed::BUCKETS_MS.partition_point(|bound| *bound < ms);
        if let Some(within) = self.within.get_mut(bound) {
            *within += calls;
        }
    }

    /// As cumulative counts.
    fn durations(&self) -> Durations {
        let mut up_to = 0;
        let buckets = Feed::BUCKETS_MS.iter().zip(self.within);
        let buckets = buckets.map(|(bound, calls)| {
            up_to += calls;
            (*bound, up_to)
        });
        Durations::Buckets(buckets.collect())
    }
}

/// One batch for each instance, of `rate` requests a second between all of them.
pub(super) fn of_minute(
    run: &Run<'_>,
    world: &mut World,
    blocks: &[usize],
    place: usize,
    rate: f64,
) -> Vec<Record> {
    let since = place.checked_sub(BEFORE);
    let end = (place + AROUND + 1).min(blocks.len());
    let around = &blocks[place.saturating_sub(AROUND)..end];
    let requests = around.iter().flat_map(|block| &run.source.blocks[*block]);
    let requests: Vec<Vec<(Duration, CallStatus)>> = requests
        .map(|request| {
            let calls = request.iter().filter(|call| call.service == world.service);
            calls.map(|call| (call.took, call.status)).collect()
        })
        .filter(|calls: &Vec<_>| !calls.is_empty())
        .collect();
    let mut records = Vec::new();
    for serving in world.serving(since) {
        let mean = 60.0 * rate * serving.share / requests.len() as f64;
        let mut counted = Counted::default();
        // No requests have no mean.
        let Ok(poisson) = Poisson::new(mean) else {
            break;
        };
        for request in &requests {
            let times = times(poisson, &mut world.rng);
            for call in request.iter().filter(|_| times > 0) {
                add(run, world, &serving, since, (*call, times), &mut counted);
            }
        }
        if counted.calls > 0 {
            let at = minute(place).plus(Duration::from_secs(30));
            let batch = CallBatch::new(at, world.party(&serving), counted.calls)
                .failed(counted.failed)
                .refused(counted.refused)
                .took(None, Some(counted.durations()));
            records.push(batch.into());
        }
    }
    records
}

/// A call that comes so many times.
fn add(
    run: &Run<'_>,
    world: &mut World,
    serving: &Serving,
    since: Option<usize>,
    ((took, status), times): ((Duration, CallStatus), u64),
    counted: &mut Counted,
) {
    let hits = binomial(&mut world.rng, times, run.situation.share());
    let drawn = (world.took(serving, took), status);
    for (calls, chance) in [(hits, 0.0), (times - hits, 1.0)] {
        let seen = run.situation.on(drawn, serving.is_new, since, chance);
        if let (Some((took, status)), true) = (seen, calls > 0) {
            counted.add(1e3 * took.as_secs_f64(), status, calls);
            world.show(serving.is_new, since, (took, status), calls);
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count that is not negative"
)]
fn times(poisson: Poisson<f64>, rng: &mut ChaCha8Rng) -> u64 {
    poisson.sample(rng) as u64
}

fn binomial(rng: &mut ChaCha8Rng, trials: u64, share: f64) -> u64 {
    if share >= 1.0 {
        return trials;
    }
    Binomial::new(trials, share).map_or(0, |binomial| binomial.sample(rng))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_hold_their_bound() {
        let mut counted = Counted::default();
        counted.add(5.0, CallStatus::Ok, 3);
        counted.add(5.1, CallStatus::Error, 2);
        counted.add(10_001.0, CallStatus::ClientError, 1);
        assert_eq!((counted.calls, counted.failed, counted.refused), (6, 2, 1));
        let Durations::Buckets(buckets) = counted.durations() else {
            panic!("not buckets");
        };
        assert_eq!(buckets[..2], [(5.0, 3), (10.0, 5)]);
        assert_eq!(buckets.last(), Some(&(10_000.0, 5)));
    }
}
