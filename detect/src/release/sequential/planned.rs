//! The test at the ends of the stages that a change is scheduled to have.

use astern_graph_core::{ChangeEvent, TemporalGraph, Timestamp};
use astern_stats::sequential::{INFORMATION_GROWTH_MIN, PlannedLook, SideHits, critical_values};
use astern_stats::tail::normal_upper;

use super::metric::Metric;

/// Levels of the test, each with its part of the stake, as parts of the level that is spent. What is won at the first one is just
/// enough for a change on its own; among many, more is needed (e-BH), and is won at lower levels.
const STAKES: [(f64, f64); 4] = [
    (0.75, 0.75),
    (0.75 / 8.0, 0.125),
    (0.75 / 64.0, 0.0625),
    (0.75 / 512.0, 0.0625),
];

/// When it is looked, known before anything was seen, and at which level.
///
/// The ends of the scheduled stages are the looks, but for the last stage, whose end nobody knows and in which an old side is
/// seldom left. The schedule is the first that the attempt stated: one that a controller changes by what it sees is no plan.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PlannedLooks {
    /// Each with the part of the planned time that is over then.
    ends: Vec<(Timestamp, f64)>,
    /// Of all looks of one metric together, lower levels included.
    level: f64,
}

impl PlannedLooks {
    /// `None` where no stage is known to end.
    pub(super) fn of(graph: &TemporalGraph, change: &ChangeEvent, level: f64) -> Option<Self> {
        let mut steps = graph.attempt_steps(change).into_iter();
        let schedule = steps.find_map(|step| step.schedule.as_ref())?;
        let [first, ends @ ..] = schedule.stages() else {
            return None;
        };
        let whole = ends.last()?.at.since(first.at).as_secs_f64();
        let part = |at: Timestamp| at.since(first.at).as_secs_f64() / whole;
        let ends = ends.iter().map(|stage| (stage.at, part(stage.at).min(1.0)));
        Some(Self {
            ends: ends.collect(),
            level,
        })
    }

    /// Whether a metric is tested at these looks: calls whose durations are no guess, which are many and each by itself.
    pub(super) fn are_for(metric: &Metric) -> bool {
        match metric {
            Metric::Failed | Metric::Refused => true,
            Metric::Slow { is_guess, .. } => !is_guess,
            Metric::Sampled { .. } => false,
        }
    }

    /// Logarithm of the e-value that is won, so that it may be averaged with others: at each level all or nothing of what was
    /// staked on it; `-∞` where "hits are no likelier on the new side" is rejected at no look so far. By steps with their ends, the hits
    /// of both sides in them, and the dispersion of hits in the first so many steps: a look stays as it was.
    ///
    /// Given the hits of both sides, those of the new one are the sum of hypergeometric counts. Their signed root of the
    /// deviance, with half a hit less, is near a standard normal score also where hits are few; its growth with the variance
    /// of the sum is that of independent increments.
    pub(super) fn ln_e(
        &self,
        steps: &[(Timestamp, SideHits)],
        dispersion: impl Fn(usize) -> f64,
    ) -> f64 {
        let (looks, scores) = self.scores(steps, dispersion);
        let is_won = |(part, _): &&(f64, f64)| rejects(part * self.level, &looks, &scores);
        // What is rejected at a level is at every greater one.
        let won = STAKES.iter().take_while(is_won);
        let won: f64 = won.map(|(part, stake)| stake / part).sum();
        won.ln() - self.level.ln()
    }

    /// The looks so far with their scores.
    fn scores(
        &self,
        steps: &[(Timestamp, SideHits)],
        dispersion: impl Fn(usize) -> f64,
    ) -> (Vec<PlannedLook>, Vec<f64>) {
        let (mut looks, mut scores) = (Vec::<PlannedLook>::new(), Vec::new());
        let now = steps.last().map(|(now, _)| *now);
        for (end, time) in self.ends.iter().filter(|(end, _)| Some(*end) <= now) {
            let until = steps.partition_point(|(at, _)| at <= end);
            let seen = steps.iter().take(until);
            let sum = seen.fold(Sum::default(), |sum, (_, hits)| sum.and(hits));
            let dispersion = dispersion(until);
            let (time, information) = (*time, sum.variance / dispersion);
            let before = looks.last().map_or(0.0, |look| look.information);
            // What a look does not spend is left for the next one.
            if information > INFORMATION_GROWTH_MIN * before {
                looks.push(PlannedLook { time, information });
                scores.push(sum.score() / dispersion.sqrt());
            }
        }
        (looks, scores)
    }
}

/// Whether any score is beyond what its look is given of the level.
fn rejects(level: f64, looks: &[PlannedLook], scores: &[f64]) -> bool {
    // No critical value is below the one for a single look.
    if scores.iter().all(|score| normal_upper(*score) > level) {
        return false;
    }
    let critical = critical_values(level, looks).unwrap_or_default();
    let mut pairs = scores.iter().zip(&critical);
    pairs.any(|(score, critical)| score >= critical)
}

/// Hits over several steps in which both sides have trials.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    new_hits: f64,
    hits: f64,
    /// Of the hits on the new side, given those of both.
    expected: f64,
    variance: f64,
}

impl Sum {
    fn and(self, step: &SideHits) -> Self {
        let [new, old] = [step.new_trials, step.old_trials].map(|trials| trials as f64);
        if new < 1.0 || old < 1.0 {
            return self;
        }
        let hits = (step.new_hits + step.old_hits) as f64;
        let all = new + old;
        let share = new / all;
        Self {
            new_hits: self.new_hits + step.new_hits as f64,
            hits: self.hits + hits,
            expected: self.expected + hits * share,
            variance: self.variance + hits * share * (1.0 - share) * (all - hits) / (all - 1.0),
        }
    }

    /// 0 where hits are no likelier on the new side.
    fn score(&self) -> f64 {
        let new = self.new_hits - 0.5;
        if new <= self.expected || self.variance <= 0.0 {
            return 0.0;
        }
        let (old, expected_old) = (self.hits - new, self.hits - self.expected);
        let deviance = 2.0 * (new * (new / self.expected).ln() + old * (old / expected_old).ln());
        let independent = self.expected * expected_old / self.hits;
        (deviance * independent / self.variance).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use astern_graph_core::{
        GraphBuilder, GraphParams, NodeKey, PlannedShare, Schedule, TrafficShare,
    };
    use astern_stats::rng::{ChaCha8Rng, seeded};
    use astern_stats::sequential::onsets;
    use proptest::prelude::*;

    use super::*;

    const LEVEL: f64 = 0.02;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_secs(60 * minute)
    }

    fn planned() -> PlannedLooks {
        let ends = [(at(15), 0.25), (at(30), 0.5), (at(45), 0.75), (at(60), 1.0)];
        PlannedLooks {
            ends: ends.to_vec(),
            level: LEVEL / STAKES[0].0,
        }
    }

    fn reject(steps: &[(Timestamp, SideHits)], dispersion: f64) -> bool {
        planned().ln_e(steps, |_| dispersion).is_finite()
    }

    /// An hour in which each side's calls are hits with a probability of its own, `copies` at a time.
    fn hour(
        rng: &mut ChaCha8Rng,
        trials: [u64; 2],
        p: [f64; 2],
        copies: u64,
    ) -> Vec<(Timestamp, SideHits)> {
        let mut side = |i: usize| {
            let hit = |_: &u64| rng.random::<f64>() < p[i];
            copies * (0..trials[i] / copies).filter(hit).count() as u64
        };
        let step = |minute: i64| {
            let hits = SideHits {
                new_hits: side(0),
                new_trials: trials[0],
                old_hits: side(1),
                old_trials: trials[1],
            };
            (at(minute + 1), hits)
        };
        (0..60).map(step).collect()
    }

    #[test]
    fn the_level_is_kept_for_few_and_many_hits_unequal_sides_and_clusters() {
        let mut rng = seeded(5, 0);
        for (trials, p, copies) in [
            ([10, 90], 0.01, 1),
            ([4, 96], 0.05, 1),
            ([40, 40], 0.5, 1),
            ([20, 20], 0.05, 1),
            ([40, 120], 0.05, 4),
        ] {
            let runs = 1_500;
            let rejected = (0..runs).filter(|_| {
                let steps = hour(&mut rng, trials, [p, p], copies);
                reject(&steps, copies as f64)
            });
            let rejected = rejected.count();
            // 2 % of 1,500 are 30, with three standard deviations 46.
            assert!(
                rejected <= 46,
                "{rejected} of {runs}: {trials:?} {p} {copies}"
            );
        }
    }

    #[test]
    fn a_small_difference_is_found_more_often_than_by_evidence_at_every_look() {
        let mut rng = seeded(6, 0);
        let (mut by_plan, mut at_every_look, runs) = (0, 0, 200);
        for _ in 0..runs {
            let steps = hour(&mut rng, [40, 40], [0.075, 0.05], 1);
            by_plan += usize::from(reject(&steps, 1.0));
            let steps: Vec<(SideHits, f64)> = steps.iter().map(|(_, hits)| (*hits, 1.0)).collect();
            let most = onsets(&steps).into_iter().map(|onset| onset.ln_e);
            let most = most.fold(f64::NEG_INFINITY, f64::max);
            at_every_look += usize::from(most >= -LEVEL.ln());
        }
        assert!(
            by_plan > at_every_look + runs / 10,
            "{by_plan} {at_every_look} of {runs}"
        );
    }

    #[test]
    fn nothing_is_rejected_before_the_first_look_and_it_stays_rejected_after_it() {
        let bad = SideHits {
            new_hits: 20,
            new_trials: 40,
            old_hits: 2,
            old_trials: 40,
        };
        let good = SideHits { new_hits: 2, ..bad };
        let step = |minute: i64| (at(minute), if minute <= 30 { bad } else { good });
        let until = |minute: i64| (1..=minute).map(step).collect::<Vec<_>>();
        assert!(!reject(&until(14), 1.0));
        assert!(reject(&until(15), 1.0));
        assert!(reject(&until(60), 1.0));
        assert!(!reject(&[], 1.0));
    }

    #[test]
    fn what_is_won_is_an_e_value_and_grows_with_the_evidence() {
        let stakes: f64 = STAKES.iter().map(|(_, stake)| stake).sum();
        assert!((stakes - 1.0).abs() < 1e-12);
        let e = |new_hits, minutes| {
            let hits = |minute| SideHits {
                new_hits: if minute <= minutes { new_hits } else { 2 },
                new_trials: 40,
                old_hits: 2,
                old_trials: 40,
            };
            let steps: Vec<_> = (1..=60).map(|minute| (at(minute), hits(minute))).collect();
            planned().ln_e(&steps, |_| 1.0).exp() * planned().level
        };
        assert!(e(2, 60).abs() < 1e-12);
        // The level is won at once, and with a plain difference what fifty changes at once need.
        assert!((e(3, 40) - 1.0).abs() < 1e-9, "{}", e(3, 40));
        assert!(e(12, 60) > 50.0, "{}", e(12, 60));
    }

    #[test]
    fn a_look_is_not_tested_again_by_what_comes_after_it() {
        let hits = |new_hits| SideHits {
            new_hits,
            new_trials: 40,
            old_hits: 2,
            old_trials: 40,
        };
        let step = |minute: i64| (at(minute), hits(if minute <= 15 { 8 } else { 2 }));
        let until = |minute: i64| (1..=minute).map(step).collect::<Vec<_>>();
        let rising = |steps: usize| if steps <= 15 { 1.0 } else { 50.0 };
        let falling = |steps: usize| if steps <= 15 { 50.0 } else { 1.0 };
        for (dispersion, is_found) in [(&rising as &dyn Fn(usize) -> f64, true), (&falling, false)]
        {
            let found = |minute| planned().ln_e(&until(minute), dispersion).is_finite();
            assert_eq!([found(15), found(20), found(29)], [is_found; 3]);
        }
    }

    #[test]
    fn looks_are_the_ends_of_the_stages_that_were_stated_first() {
        let stage = |minute, percent| {
            PlannedShare::new(at(minute), TrafficShare::percent(percent).unwrap())
        };
        let schedule = |stages: &[PlannedShare]| Schedule::new(stages).unwrap();
        let change = |minute| {
            let cart = NodeKey::service("cart");
            ChangeEvent::new("cart@2", at(minute), cart, None, "v2".into())
        };
        let looks = |steps: Vec<ChangeEvent>| {
            let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
            let first = steps[0].clone();
            builder.extend(steps.into_iter().map(Into::into));
            PlannedLooks::of(&builder.build(), &first, LEVEL)
        };
        let stages = [stage(10, 5), stage(20, 25), stage(50, 100)];
        let first = change(10).scheduled(schedule(&stages));
        let found = looks(vec![first.clone()]).unwrap();
        assert_eq!(found.ends, [(at(20), 0.25), (at(50), 1.0)]);
        let later = change(15).scheduled(schedule(&[stage(60, 50), stage(70, 100)]));
        assert_eq!(looks(vec![first, later]), Some(found));
        assert_eq!(looks(vec![change(10)]), None);
        assert_eq!(
            looks(vec![change(10).scheduled(schedule(&stages[..1]))]),
            None
        );
    }
}
