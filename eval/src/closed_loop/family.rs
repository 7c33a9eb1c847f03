//! What happens in an incident, and which changes it is right to undo.

use std::collections::BTreeSet;
use std::time::Duration;

use astern_graph_core::{ChangeId, Reversibility, Revision, Subject, TrafficShare};
use astern_sim::{Fault, FaultKind, PlaceFault, Release, Scenario, Surge};
use astern_stats::rng::{ChaCha8Rng, seeded};
use rand::RngExt as _;

use crate::EvalError;
use crate::systems::{Busy, PER_SECOND, SYSTEMS, busy_services, fault, sized, system};

/// Stream of the draws of a scenario.
const STREAM: u64 = 83;

/// From the first release on.
const WATCHED: Duration = Duration::from_secs(30 * 60);

/// What happens in a run; each is as often as any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// One release, a bad one.
    Single,
    /// Three releases at once, of which one is bad.
    Concurrent,
    /// A bad canary of 5, 20 and 50 % of the traffic beside two benign releases.
    Canary,
    /// A bad flag beside two benign releases.
    Flag,
    /// A bad release after which the old revision fails, beside a benign one.
    ForwardOnly,
    /// Two bad releases at once, and a benign one.
    TwoBad,
    /// A bad release, while another service gets worse by itself; and a benign one.
    Beside,
    /// A service gets worse by itself; two benign releases.
    Outage,
    /// Three benign releases.
    Benign,
    /// Three times as many requests for some minutes, and two benign releases.
    Surge,
}

impl Family {
    pub(super) const ALL: [Self; 10] = [
        Self::Single,
        Self::Concurrent,
        Self::Canary,
        Self::Flag,
        Self::ForwardOnly,
        Self::TwoBad,
        Self::Beside,
        Self::Outage,
        Self::Benign,
        Self::Surge,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Single => "single bad release",
            Self::Concurrent => "one bad of three releases",
            Self::Canary => "bad canary beside releases",
            Self::Flag => "bad flag beside releases",
            Self::ForwardOnly => "bad forward-only release",
            Self::TwoBad => "two bad of three releases",
            Self::Beside => "bad release and an outage",
            Self::Outage => "outage beside releases",
            Self::Benign => "benign releases",
            Self::Surge => "load surge beside releases",
        }
    }

    /// Whether nothing is wrong.
    pub(super) fn is_benign(self) -> bool {
        matches!(self, Self::Benign | Self::Surge)
    }

    /// Bad releases and all releases.
    fn releases(self) -> (usize, usize) {
        match self {
            Self::Single => (1, 1),
            Self::Concurrent | Self::Canary | Self::Flag => (1, 3),
            Self::ForwardOnly | Self::Beside => (1, 2),
            Self::TwoBad => (2, 3),
            Self::Outage | Self::Surge => (0, 2),
            Self::Benign => (0, 3),
        }
    }
}

/// A run to play.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) family: Family,
    pub(super) scenario: Scenario,
    /// Changes that it is right to undo; any other it is wrong to.
    pub(super) culprits: BTreeSet<ChangeId>,
}

/// The run of a seed: families take turns, and systems once all families were had.
pub(super) fn story(seed: u64) -> Result<Story, EvalError> {
    let turn = |n: usize, every: u64| usize::try_from(seed / every).map_or(0, |i| i % n);
    let family = Family::ALL[turn(Family::ALL.len(), 1)];
    let number = turn(SYSTEMS, Family::ALL.len() as u64);
    let (_, topology) = system(number);
    let mut rng = seeded(seed, STREAM);
    let mut scenario = Scenario::new(sized(topology)?, seed);
    scenario.load.per_second = PER_SECOND;
    scenario.span = scenario.healthy + WATCHED;
    let mut left = busy_services(&scenario.topology)?;
    let mut culprits = BTreeSet::new();
    let (bad, all) = family.releases();
    for place in 0..all {
        let busy = left.swap_remove(rng.random_range(0..left.len()));
        let is_bad = place < bad;
        let release = release(family, is_bad, &busy, &scenario, &mut rng)?;
        if is_bad {
            let fault = Fault::new(release.id.clone(), fault(busy.work_ms, &mut rng));
            scenario = scenario.also(fault);
            if family != Family::ForwardOnly {
                culprits.insert(release.id.clone());
            }
        }
        scenario.releases.push(release);
    }
    let starts = onset(&scenario, &mut rng);
    match family {
        Family::Outage | Family::Beside => {
            let busy = left.swap_remove(rng.random_range(0..left.len()));
            let kind = outage(&mut rng);
            let place = PlaceFault::new(Subject::Node(busy.service), kind, starts);
            scenario = scenario.also(place);
        }
        Family::Surge => scenario.load.surges.push(Surge {
            starts,
            lasts: Duration::from_secs(rng.random_range(240..=480)),
            factor: 2.5 + rng.random::<f64>(),
        }),
        _ => {}
    }
    Ok(Story {
        family,
        scenario,
        culprits,
    })
}

fn onset(scenario: &Scenario, rng: &mut ChaCha8Rng) -> Duration {
    scenario.healthy + Duration::from_secs(rng.random_range(0..=120))
}

fn release(
    family: Family,
    is_bad: bool,
    busy: &Busy,
    scenario: &Scenario,
    rng: &mut ChaCha8Rng,
) -> Result<Release, EvalError> {
    let starts = onset(scenario, rng);
    let (service, instances) = (busy.service.clone(), busy.instances);
    let id = format!("{}-release-{}", service.name, scenario.seed);
    let to = Revision::from(format!("sha256:{:016x}", rng.random::<u64>()).as_str());
    let slowly = Duration::from_secs(240);
    let pause = Duration::from_secs(rng.random_range(60..=120));
    let new = |batches: Vec<u32>| {
        Release::new(id.as_str(), service.clone(), to.clone(), starts, batches).pause(pause)
    };
    Ok(match family {
        Family::Canary if is_bad && instances >= 3 => new(vec![1, 1, instances - 2])
            .canary(shares([5, 20, 50])?)
            .pause(slowly),
        Family::Flag if is_bad => new(vec![])
            .flag(format!("new-{}", service.name), shares([10, 30, 100])?)
            .pause(slowly),
        // All at once: the old revision fails as soon as the data is changed.
        Family::ForwardOnly if is_bad => new(vec![instances]).undo(Reversibility::ForwardOnly {
            min_compatible: to.clone(),
        }),
        _ => new(vec![1; instances as usize]),
    })
}

fn shares(percent: [u8; 3]) -> Result<Vec<TrafficShare>, EvalError> {
    let shares = percent.into_iter().map(TrafficShare::percent);
    Ok(shares.collect::<Result<_, _>>()?)
}

/// What befalls a service by itself.
fn outage(rng: &mut ChaCha8Rng) -> FaultKind {
    if rng.random::<bool>() {
        let factor = ((2.0 + 2.0 * rng.random::<f64>()) * 1e3).round() / 1e3;
        FaultKind::Slower { factor }
    } else {
        let share = ((0.1 + 0.3 * rng.random::<f64>()) * 1e3).round() / 1e3;
        FaultKind::Errors { share }
    }
}

#[cfg(test)]
mod tests {
    use astern_sim::Simulator;

    use super::*;

    #[test]
    fn every_family_can_be_simulated_on_every_system() {
        for seed in 0..30 {
            let story = story(seed).unwrap();
            let truth = Simulator::new(&story.scenario).unwrap().truth().clone();
            let (bad, all) = story.family.releases();
            assert_eq!(truth.changes.len(), all, "seed {seed}");
            assert_eq!(truth.culprit.is_some(), bad > 0, "seed {seed}");
            let is_undone = story.family != Family::ForwardOnly;
            assert_eq!(story.culprits.len(), if is_undone { bad } else { 0 });
        }
    }
}
