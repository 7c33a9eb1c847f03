//! Transfer entropy over many pairs of series.

use std::panic::resume_unwind;
use std::thread;

use astern_stats::multiplicity::benjamini_hochberg;

use super::embed::Series;
use super::error::TeError;
use super::estimate::{Estimate, Estimator, Triple, summarised};
use super::significance::{Surrogates, is_at_least, surrogate_test};

/// Transfer entropy of many pairs, with p-values that count how many were tested.
///
/// | setting | default | |
/// |---|---|---|
/// | `surrogates` | none | p-values are those of the estimator itself, where it has some |
/// | `multiplicity` | [`Multiplicity::FalseDiscoveries`] | |
/// | `threads` | 1 | the result is the same for any number, byte for byte; 0 counts as 1 |
///
/// Pairs are each on their own: an influence through a third series, or of a third one on both, shows
/// as well. Test what stands out again with [`Estimator::test_given`].
///
/// # Complexity
/// That of the estimator for each pair and each of its surrogates, over the number of threads.
///
/// # Example
/// ```
/// use astern_rca::te::{GaussianParams, Pairs, Series};
/// let noise = |f: u32| (0..300_u32).map(|t| f64::from(t * t * f % 101)).collect::<Vec<f64>>();
/// let a = noise(1);
/// // b follows a; c is on its own.
/// let b: Vec<f64> = (0..300_usize).map(|t| a[t.saturating_sub(1)] + f64::from((t % 7) as u8)).collect();
/// let c = noise(29);
/// let series: Vec<Series<f64>> = [&a, &b, &c].map(Series::from).into();
///
/// let edges = Pairs::new(GaussianParams::default().check()?).threads(2).all(&series);
/// assert_eq!(edges.len(), 6);
/// let found = edges.iter().find(|edge| (edge.source, edge.target) == (0, 1)).unwrap();
/// assert!(found.adjusted_p_value.unwrap() < 1e-6);
/// # Ok::<(), astern_rca::te::TeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pairs<E> {
    estimator: E,
    surrogates: Option<Surrogates>,
    multiplicity: Multiplicity,
    threads: usize,
    /// Step before which no sample counts.
    first: usize,
}

/// How p-values of many pairs are adjusted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Multiplicity {
    /// Benjamini and Hochberg (1995): among the pairs with an adjusted p-value of at most α, a share α is
    /// expected to be false.
    #[default]
    FalseDiscoveries,
    /// The maximum statistic (Nichols and Holmes 2002): an estimate counts against the greatest of all
    /// pairs in each round of surrogates, so that with probability 1 - α no pair at all is false at α.
    /// Takes surrogates, which never stop early here.
    ///
    /// A pair with fewer than half as many rounds as another, whose gaps leave few circular shifts,
    /// has no adjusted p-value and does not count; there are as many rounds as all the others have.
    Maximum,
}

/// What was found of one pair.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PairEstimate {
    /// Index of the source.
    pub source: usize,
    /// Index of the target.
    pub target: usize,
    /// The estimate, with the p-value of this pair alone.
    pub estimate: Result<Estimate, TeError>,
    /// The p-value that counts all pairs; `None` where there is no p-value, and for a pair that
    /// [`Multiplicity::Maximum`] leaves out.
    pub adjusted_p_value: Option<f64>,
}

impl<E: Estimator> Pairs<E> {
    /// With that estimator for all pairs.
    pub fn new(estimator: E) -> Self {
        Self {
            estimator,
            surrogates: None,
            multiplicity: Multiplicity::default(),
            threads: 1,
            first: 0,
        }
    }

    /// With p-values from surrogates. All pairs draw from the same seed.
    #[must_use]
    pub fn surrogates(mut self, surrogates: Surrogates) -> Self {
        self.surrogates = Some(surrogates);
        self
    }

    /// With another adjustment of p-values.
    #[must_use]
    pub fn multiplicity(mut self, multiplicity: Multiplicity) -> Self {
        self.multiplicity = multiplicity;
        self
    }

    /// On so many threads.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Without the samples before that step, so that several delays have the same.
    pub(crate) fn starting_at(mut self, first: usize) -> Self {
        self.first = first;
        self
    }

    /// All ordered pairs of different series, by source and then target.
    pub fn all(&self, series: &[Series<'_, E::Value>]) -> Vec<PairEstimate> {
        let indices = 0..series.len();
        let pairs = indices
            .clone()
            .flat_map(|source| indices.clone().map(move |target| (source, target)));
        let pairs: Vec<_> = pairs.filter(|(source, target)| source != target).collect();
        self.of(series, &pairs)
    }

    /// Those pairs (source, target), in their order.
    pub fn of(
        &self,
        series: &[Series<'_, E::Value>],
        pairs: &[(usize, usize)],
    ) -> Vec<PairEstimate> {
        let estimate = |at: usize| {
            let (source, target) = pairs[at];
            let known = |index: usize| series.get(index).ok_or(TeError::UnknownSeries { index });
            let (source, target) = (known(source)?, known(target)?);
            self.one(source.into(), target.into())
        };
        let found = on_threads(self.threads, pairs.len(), &estimate);
        let adjusted = self.adjusted(&found);
        let found = pairs.iter().zip(found).zip(adjusted);
        found
            .map(|((pair, found), adjusted)| PairEstimate {
                source: pair.0,
                target: pair.1,
                estimate: found.map(|(estimate, _)| estimate),
                adjusted_p_value: adjusted,
            })
            .collect()
    }

    /// One pair's estimate and its surrogates.
    fn one(
        &self,
        source: Series<'_, E::Value>,
        target: Series<'_, E::Value>,
    ) -> Result<(Estimate, Vec<f64>), TeError> {
        let all = Triple::new(&self.estimator, source, target, Series::none());
        let (information, _) = all.information(&self.estimator, self.first)?;
        match (self.surrogates, self.multiplicity) {
            (None, _) => Ok((summarised(&*information)?, Vec::new())),
            (Some(some), Multiplicity::FalseDiscoveries) => surrogate_test(&*information, &some),
            (Some(some), Multiplicity::Maximum) => {
                surrogate_test(&*information, &some.to_the_end())
            }
        }
    }

    fn adjusted(&self, found: &[Result<(Estimate, Vec<f64>), TeError>]) -> Vec<Option<f64>> {
        let estimates = found.iter().map(|found| found.as_ref().ok());
        match self.multiplicity {
            Multiplicity::FalseDiscoveries => {
                let p_value = |found: Option<&(Estimate, _)>| found.and_then(|(e, _)| e.p_value);
                let p_values: Vec<f64> = estimates
                    .map(|found| p_value(found).unwrap_or(f64::NAN))
                    .collect();
                let adjusted = benjamini_hochberg(&p_values).into_iter();
                adjusted.map(|p| (!p.is_nan()).then_some(p)).collect()
            }
            Multiplicity::Maximum => {
                let drawn = estimates.clone().flatten().map(|(_, drawn)| &drawn[..]);
                let rounds = rounds(drawn.clone().map(<[f64]>::len));
                let greatest = round_maxima(drawn, rounds);
                let adjust = |(estimate, drawn): &(Estimate, Vec<f64>)| {
                    let counts = rounds > 0 && drawn.len() >= rounds;
                    counts.then(|| beyond(&greatest, estimate.nats).1)
                };
                estimates.map(|found| found.and_then(adjust)).collect()
            }
        }
    }
}

/// As many rounds as all tests have but those with fewer than half of the most.
fn rounds(drawn: impl Iterator<Item = usize> + Clone) -> usize {
    let most = drawn.clone().max().unwrap_or(0);
    drawn.filter(|rounds| 2 * rounds >= most).min().unwrap_or(0)
}

/// The greatest value of each of so many rounds of surrogates, over the tests that have as many.
pub(super) fn round_maxima<'a>(drawn: impl Iterator<Item = &'a [f64]>, rounds: usize) -> Vec<f64> {
    let mut greatest = vec![f64::NEG_INFINITY; rounds];
    for values in drawn.filter_map(|drawn| drawn.get(..rounds)) {
        for (greatest, value) in greatest.iter_mut().zip(values) {
            *greatest = greatest.max(*value);
        }
    }
    greatest
}

/// `#{s >= value}`, and `(1 + #{s >= value}) / (1 + B)`.
pub(super) fn beyond(surrogates: &[f64], value: f64) -> (usize, f64) {
    let at_least = surrogates.iter().filter(|s| is_at_least(**s, value));
    let at_least = at_least.count();
    let p_value = (1 + at_least) as f64 / (1 + surrogates.len()) as f64;
    (at_least, p_value)
}

/// `work(0)` to `work(count - 1)` in order, whoever does it.
pub(crate) fn on_threads<T: Send>(
    threads: usize,
    count: usize,
    work: &(dyn Fn(usize) -> T + Sync),
) -> Vec<T> {
    let threads = threads.clamp(1, count.max(1));
    if threads == 1 {
        return (0..count).map(work).collect();
    }
    let parts: Vec<Vec<T>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|first| scope.spawn(move || (first..count).step_by(threads).map(work).collect()))
            .collect();
        let join = |worker: thread::ScopedJoinHandle<'_, Vec<T>>| worker.join();
        let parts = workers.into_iter().map(join);
        parts
            .map(|part| part.unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    });
    let mut parts: Vec<_> = parts.into_iter().map(Vec::into_iter).collect();
    (0..count)
        .filter_map(|at| parts[at % threads].next())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::te::tests::noise;
    use crate::te::{GaussianParams, KsgParams};

    #[test]
    fn threads_do_not_change_a_byte() {
        let data: Vec<Vec<f64>> = (0..5).map(|i| noise(i, 120)).collect();
        let series: Vec<Series<'_, f64>> = data.iter().map(Series::from).collect();
        let surrogates = Surrogates::circular(9).offset_min(5).seed(3);
        for multiplicity in [Multiplicity::FalseDiscoveries, Multiplicity::Maximum] {
            let ksg = Pairs::new(KsgParams::default().check().unwrap());
            let pairs = ksg.surrogates(surrogates).multiplicity(multiplicity);
            let alone = pairs.all(&series);
            assert_eq!(alone.len(), 20);
            for threads in [2, 3, 64] {
                assert_eq!(pairs.threads(threads).all(&series), alone);
            }
        }
    }

    #[test]
    fn a_pair_of_few_rounds_does_not_take_the_others_power() {
        let (a, c, mut gappy) = (noise(1, 300), noise(2, 300), noise(3, 300));
        let b: Vec<f64> = (0..300).map(|t| c[t] + 2.0 * a[t.max(1) - 1]).collect();
        // Some six shifts are left.
        gappy[46..].fill(f64::NAN);
        let mut shorter = noise(4, 300);
        shorter[120..].fill(f64::NAN);
        let series: Vec<Series<'_, f64>> = [&a, &b, &shorter, &gappy].map(Series::from).into();
        let gaussian = Pairs::new(GaussianParams::default().check().unwrap());
        let tested = gaussian.surrogates(Surrogates::circular(99));
        for pair in tested.multiplicity(Multiplicity::Maximum).all(&series) {
            assert!(pair.estimate.unwrap().p_value.is_some());
            let p_value = pair.adjusted_p_value;
            match (pair.source, pair.target) {
                (3, _) | (_, 3) => assert_eq!(p_value, None),
                // Of 80 rounds.
                (0, 1) => assert_eq!(p_value, Some(1.0 / 81.0)),
                _ => assert!(p_value > Some(0.05), "{p_value:?}"),
            }
        }
        assert_eq!(rounds([0, 0].into_iter()), 0);
        assert_eq!(rounds([99, 60, 49].into_iter()), 60);
    }

    #[test]
    fn adjusted_p_values_count_all_pairs() {
        let (a, c) = (noise(1, 300), noise(2, 300));
        let b: Vec<f64> = (0..300).map(|t| c[t] + 2.0 * a[t.max(1) - 1]).collect();
        let series: Vec<Series<'_, f64>> = [&a, &b].map(Series::from).into();
        let gaussian = Pairs::new(GaussianParams::default().check().unwrap());
        let fdr = gaussian.all(&series);
        let p = |edges: &[PairEstimate], i: usize| edges[i].estimate.as_ref().unwrap().p_value;
        assert!(fdr[0].adjusted_p_value >= p(&fdr, 0) && fdr[0].adjusted_p_value < Some(1e-9));
        // Without surrogates there is no maximum.
        let without = gaussian.multiplicity(Multiplicity::Maximum).all(&series);
        assert_eq!(without[0].adjusted_p_value, None);
        let tested = gaussian.surrogates(Surrogates::circular(99).stop_after(1));
        let most = tested.multiplicity(Multiplicity::Maximum).all(&series);
        assert_eq!(most[0].adjusted_p_value, Some(0.01));
        assert!(most[1].adjusted_p_value >= p(&most, 1));
        let unknown = gaussian.of(&series, &[(0, 7)]);
        assert_eq!(
            unknown[0].estimate,
            Err(TeError::UnknownSeries { index: 7 })
        );
    }
}
