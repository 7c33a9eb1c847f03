//! New instances that should receive calls and do not, while others of the new side do.

use std::collections::{BTreeMap, BTreeSet};

use astern_graph_core::signal::MissingEvidence;
use astern_graph_core::{ChangeEvent, NodeKey, TemporalGraph, TimeRange};

use super::{SequentialParams, dispersion, silence};
use crate::release::sides::Observed;

/// An instance of which no weight is known is expected to receive at least one call for so many of its neighbour with the
/// fewest: instances are weighted unequally, and neighbours may all be of the greater ones.
pub(super) const FEWEST_PER_CALL: f64 = 4.0;

/// Variance of the calls of an instance over that of independent ones where no instances were seen before the change:
/// sessions that stick to an instance come and go together.
const DISPERSION_UNKNOWN: f64 = 4.0;

/// The new instances whose silence is beyond chance, by their names.
///
/// Whether an instance has become silent is asked of the calls to it and to neighbours that receive calls before
/// and after: while nothing changes, each order of these calls is as likely as any other. So with `k` calls to the
/// instance among `K`, the probability that none of the `M` that follow is for it is at most `(K / (K + M))^k` and
/// `(1 - k / (K + M))^M`, whatever the weights of the instances are and however the traffic rises and falls. How much the
/// shares of instances varied before the change divides the logarithm, since calls of a session stay together.
///
/// An instance that never received calls has no such share. It is expected to receive a fourth of what its neighbour
/// with the fewest calls does.
///
/// Each of `I` instances at look `n` has the level `alpha / (I n (n + 1))`, so that all looks together keep `alpha`.
pub(super) fn silent_instances(
    params: &SequentialParams,
    observed: &Observed,
    graph: &TemporalGraph,
    change: &ChangeEvent,
) -> Vec<MissingEvidence> {
    let history = History::of(observed);
    let looks = observed.steps.len() as f64;
    let instances = history.parts.len() as f64;
    let level = (params.alpha / (instances * looks * (looks + 1.0))).ln();
    let silent = history.parts.keys();
    let silent = silent.filter_map(|place| Some((*place, history.silence(observed, *place)?)));
    let mut silent: Vec<(usize, Silence)> = silent.collect();
    if silent.is_empty() {
        return Vec::new();
    }
    let dispersion = dispersion_of_shares(observed);
    silent.retain(|(_, silence)| silence.ln_chance / dispersion <= level);
    let keys: Vec<&NodeKey> = graph.instances(&change.service).collect();
    let announced: BTreeSet<&NodeKey> = graph
        .attempt_steps(change)
        .into_iter()
        .flat_map(|step| &step.instances)
        .collect();
    let is_unannounced =
        |place: &usize| keys.get(*place).is_some_and(|key| !announced.contains(key));
    let missed = silent.into_iter().filter_map(|(place, silence)| {
        let since = observed.steps.get(silence.from)?.range.start;
        let end = observed.steps.last()?.range.end;
        let has_replacement = history
            .came_after(place)
            .any(|other| is_unannounced(&other));
        let is_released_again = TimeRange::new(change.at, end).is_ok_and(|time| {
            let mut later = graph.changes(time).iter();
            later.any(|step| step.service == change.service && step.id != change.id)
        });
        if has_replacement || is_released_again {
            return None;
        }
        let instance = (*keys.get(place)?).clone();
        let expected = silence.expected;
        Some(if silence.has_served {
            MissingEvidence::InstanceTelemetry {
                instance,
                expected,
                since,
            }
        } else {
            MissingEvidence::InstanceTraffic {
                instance,
                expected,
                since,
            }
        })
    });
    missed.collect()
}

/// The silence of one instance up to the end of the time.
struct Silence {
    /// The step since which it counts.
    from: usize,
    expected: f64,
    /// Logarithm of the probability of such a silence by chance, were calls independent.
    ln_chance: f64,
    /// Whether it has received calls since it runs the change.
    has_served: bool,
}

/// Calls of one instance.
#[derive(Debug, Default)]
struct Part {
    /// In each healthy step before the change, the oldest first, and then in each step since.
    calls: Vec<u64>,
    /// The step of the range since which it is on the new side.
    new_from: usize,
    /// Whether it was seen before the change, with calls or without.
    is_known_before: bool,
}

impl Part {
    /// Its calls between two times.
    fn sum(&self, times: std::ops::Range<usize>) -> u64 {
        self.calls.get(times).map_or(0, |calls| calls.iter().sum())
    }

    /// The time by which it had received half of its calls.
    fn half(&self) -> usize {
        let all: u64 = self.calls.iter().sum();
        let mut sum = 0;
        let is_half = |calls: &u64| {
            sum += calls;
            2 * sum >= all
        };
        self.calls.iter().position(is_half).unwrap_or(0)
    }

    fn last(&self) -> Option<usize> {
        self.calls.iter().rposition(|calls| *calls > 0)
    }

    fn first(&self) -> Option<usize> {
        self.calls.iter().position(|calls| *calls > 0)
    }
}

/// The instances that are on the new side at the end, with what they received on either side.
struct History {
    parts: BTreeMap<usize, Part>,
    /// Times before the range.
    before: usize,
}

impl History {
    fn of(observed: &Observed) -> Self {
        let before = observed.before.len();
        let times = before + observed.steps.len();
        let last = observed.steps.last().map(|step| &step.new_instances);
        let last = last.map_or(&[][..], Vec::as_slice);
        let is_silent = last.iter().any(|(_, calls)| *calls == 0);
        let mut parts = BTreeMap::new();
        // The usual case costs nothing.
        if last.len() < 2 || !is_silent {
            return Self { parts, before };
        }
        for (place, _) in last {
            let part = Part {
                calls: vec![0; times],
                new_from: observed.steps.len(),
                is_known_before: false,
            };
            parts.insert(*place, part);
        }
        for (i, step) in observed.steps.iter().enumerate().rev() {
            for (place, _) in &step.new_instances {
                let part = parts.get_mut(place);
                if let Some(part) = part.filter(|part| part.new_from == i + 1) {
                    part.new_from = i;
                }
            }
        }
        for (time, step) in observed.before.iter().rev().enumerate() {
            for (place, calls) in &step.instances {
                if let Some(part) = parts.get_mut(place) {
                    part.calls[time] = calls.calls;
                    part.is_known_before = true;
                }
            }
        }
        for (time, step) in (before..).zip(&observed.steps) {
            let old = step.old_instances.iter();
            let old = old.map(|(place, calls)| (*place, calls.calls));
            for (place, calls) in old.chain(step.new_instances.iter().copied()) {
                if let Some(part) = parts.get_mut(&place) {
                    part.calls[time] = calls;
                }
            }
        }
        Self { parts, before }
    }

    /// The first time at which an instance has started that receives calls since `time`.
    fn started(&self, observed: &Observed, time: usize) -> usize {
        let Some(first) = time.checked_sub(self.before) else {
            return time;
        };
        let steps = observed.steps.get(first..).unwrap_or_default();
        let Some(from) = steps.first().map(|step| step.range.start) else {
            return time;
        };
        let until = from.plus(observed.start_up);
        time + steps
            .iter()
            .take_while(|step| step.range.start < until)
            .count()
    }

    /// The silence of an instance at the end; `None` while it receives calls, starts up, or no other new one is seen.
    fn silence(&self, observed: &Observed, place: usize) -> Option<Silence> {
        let part = self.parts.get(&place)?;
        let end = part.calls.len();
        let last = part.last();
        let started = self.started(observed, self.before + part.new_from);
        let from = started.max(last.map_or(0, |last| last + 1));
        let others = || self.parts.iter().filter(|(other, _)| **other != place);
        let neighbours: Vec<&Part> = others()
            .map(|(_, part)| part)
            .filter(|part| part.sum(from..end) > 0)
            .collect();
        let steps = observed.steps.get(from.checked_sub(self.before)?..)?;
        if neighbours.is_empty() || steps.iter().any(|step| step.later > 0) {
            return None;
        }
        let (expected, ln_chance) = match self.by_its_share(observed, part, &neighbours, from) {
            Some(known) => known,
            // One that stood by before the change still does.
            None if last.is_none() && part.is_known_before => return None,
            None => {
                let fewest = neighbours.iter().map(|other| other.sum(from..end)).min()?;
                let expected = fewest as f64 / FEWEST_PER_CALL;
                (expected, -expected)
            }
        };
        Some(Silence {
            from: from - self.before,
            expected,
            ln_chance,
            has_served: last.is_some_and(|last| last >= self.before + part.new_from),
        })
    }

    /// Calls that the instance should have received since `from`, and the logarithm of the probability of none, by its share of
    /// the calls to neighbours that were there before it had received half of its own. `None` where it has no such share.
    fn by_its_share(
        &self,
        observed: &Observed,
        part: &Part,
        neighbours: &[&Part],
        from: usize,
    ) -> Option<(f64, f64)> {
        let started = |part: &Part| Some(self.started(observed, part.first()?));
        let half = part.half();
        let lasting = neighbours
            .iter()
            .filter_map(|other| Some((*other, started(other)?)))
            .filter(|(_, since)| *since <= half);
        let lasting: Vec<(&Part, usize)> = lasting.collect();
        let since = lasting.iter().map(|(_, since)| *since).max()?;
        let since = since.max(started(part)?);
        let until = part.last()? + 1;
        let sum = |times: std::ops::Range<usize>| {
            let calls = lasting.iter().map(|(other, _)| other.sum(times.clone()));
            calls.sum::<u64>() as f64
        };
        let of_part = part.sum(since..until.max(since)) as f64;
        let (beside, after) = (sum(since..until.max(since)), sum(from..part.calls.len()));
        if of_part < 1.0 || beside < 1.0 {
            return None;
        }
        let all = of_part + beside + after;
        let by_instance = of_part * (1.0 - after / all).ln();
        let by_calls = after * (-of_part / all).ln_1p();
        Some((after * of_part / beside, by_instance.min(by_calls)))
    }

    /// Instances that received their first call after the last one of this one.
    fn came_after(&self, place: usize) -> impl Iterator<Item = usize> {
        let part = self.parts.get(&place);
        let since = part.map_or(0, |part| part.last().unwrap_or(self.before + part.new_from));
        let others = self.parts.iter();
        let later = others.filter(move |(_, other)| other.first().is_some_and(|at| at > since));
        later.map(|(place, _)| *place)
    }
}

/// By how much more the shares of instances vary over the healthy steps than by chance.
fn dispersion_of_shares(observed: &Observed) -> f64 {
    let steps = || observed.before.iter().map(|before| &before.instances);
    let places: BTreeSet<usize> = steps().flatten().map(|(place, _)| *place).collect();
    if places.len() < 2 {
        return DISPERSION_UNKNOWN;
    }
    let of = |place: &usize| {
        let shares = steps().map(|instances| {
            let calls = |is: &dyn Fn(usize) -> bool| {
                let of = instances.iter().filter(|(other, _)| is(*other));
                of.map(|(_, calls)| calls.calls).sum::<u64>()
            };
            (calls(&|other| other == *place), calls(&|_| true))
        });
        dispersion::over_time(&shares.collect::<Vec<_>>())
    };
    places
        .iter()
        .map(of)
        .fold(silence::DISPERSION_MIN, f64::max)
}
