//! Scenarios by name: one for each way in which a system gets worse, and for what only looks so.

mod benign;
mod placed;
mod released;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use astern_stats::rng::{ChaCha8Rng, seeded};
use rand::RngExt;

use crate::scenario::Scenario;
use crate::streams::PRESET;

/// A named scenario on [`Topology::boutique`](crate::Topology::boutique), drawn by seed.
///
/// | preset | what is wrong | truth |
/// |---|---|---|
/// | `cpu` | workers of a release compute 2 to 4 times as long | the release |
/// | `memory_leak` | work under a release grows by 30 to 60 % per minute | the release |
/// | `latency` | requests under a release wait 2 to 4 times their work | the release |
/// | `errors` | 20 to 50 % of the requests under a release fail | the release |
/// | `client_errors` | a release answers 30 to 100 % of the requests with a client error (4xx), where others do 2 to 5 % | the release |
/// | `wrong_values` | 20 to 50 % of a release's answers make their callers fail | the release |
/// | `slow_start` | instances of a release are 6 to 12 times as slow at first, for 3 to 5 minutes | the release |
/// | `tail` | 2 to 5 % of the requests under a release take 15 to 30 times their work | the release |
/// | `operation` | one operation waits under a release | the release |
/// | `segment` | one user segment waits under a release | the release |
/// | `retry_storm` | a release calls with a timeout that is too short, 4 to 6 times | the release |
/// | `fewer_workers` | instances of a release have one worker | the release |
/// | `forward_only` | as `errors`; the release has changed the data, so that the old revision fails | the release |
/// | `canary` | as `errors`, in a canary of 5, 20 and 50 % of the traffic | the release |
/// | `blue_green` | as `latency`, in a second set of instances | the release |
/// | `flag` | as `errors`, where a flag is on: 10, 30 and 100 % of the calls | the flag |
/// | `not_ready` | the canary of a release gets no calls: its instance never becomes ready | the release |
/// | `refused_calls` | instances of a canary of 5, 20 and 50 % of the traffic refuse every call | the release |
/// | `two_incidents` | as `errors`, while another service gets slower by itself | the release, and the service |
/// | `noisy_neighbour` | other processes take the cores of one of three machines | the machine |
/// | `network_delay` | messages over an edge take 80 to 200 ms more | the edge |
/// | `lost_calls` | 20 to 50 % of the calls over an edge never arrive | the edge |
/// | `dependency` | a service gets slower by itself | the service |
/// | `outage` | an instance takes no calls | the instance |
/// | `cache_flush` | a cache forgets all it has | the cache |
/// | `metastable` | a service is slow for a minute, and retries keep it overloaded | the service |
/// | `benign_releases` | nothing | nothing |
/// | `surge` | nothing: three times as many requests for some minutes | nothing |
/// | `trend` | nothing: requests grow by a half in an hour | nothing |
/// | `daily_curve` | nothing: the load of a day in 40 minutes | nothing |
/// | `metric_outage` | nothing: the telemetry of a service is lost for some minutes | nothing |
/// | `telemetry_outage` | nothing: all telemetry is lost for some minutes | nothing |
/// | `telemetry_stops` | nothing: a new revision reports nothing any more, for good | nothing |
/// | `start_up` | nothing: fresh instances are 2 to 4 times as slow and fail 5 to 15 % of the requests at first | nothing |
/// | `small_differences` | nothing: requests are 2 to 5 % more work under each release | nothing |
/// | `unequal_instances` | nothing: instances of a service compute at speeds of 0.6 to 1.4 | nothing |
/// | `heavy_tails` | nothing: work is bimodal, 2 to 4 % of it 20 to 40 times as long as the rest | nothing |
///
/// Beside a bad release, and in presets whose truth is no release, there are benign ones, as
/// [`Scenario::benign`] draws them. Incidents start at the end of the healthy phase or within two
/// minutes of it, and last to the end or for some minutes.
///
/// ```
/// use astern_sim::{Preset, Scenario, run};
///
/// for preset in Preset::ALL {
///     let scenario = Scenario::preset(preset, 1);
///     assert_eq!(preset.is_benign(), scenario.fault.is_none() && scenario.incident.is_none());
///     assert_eq!(preset.to_string().parse(), Ok(preset));
/// }
/// # Ok::<(), astern_sim::SimError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the table above says what each is")]
pub enum Preset {
    Cpu,
    MemoryLeak,
    Latency,
    Errors,
    ClientErrors,
    WrongValues,
    SlowStart,
    Tail,
    Operation,
    Segment,
    RetryStorm,
    FewerWorkers,
    ForwardOnly,
    Canary,
    BlueGreen,
    Flag,
    NotReady,
    RefusedCalls,
    TwoIncidents,
    NoisyNeighbour,
    NetworkDelay,
    LostCalls,
    Dependency,
    Outage,
    CacheFlush,
    Metastable,
    BenignReleases,
    Surge,
    Trend,
    DailyCurve,
    MetricOutage,
    TelemetryOutage,
    TelemetryStops,
    StartUp,
    SmallDifferences,
    UnequalInstances,
    HeavyTails,
}

/// A name that no preset has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no preset `{name}`")]
pub struct UnknownPreset {
    /// The name.
    pub name: String,
}

impl Preset {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 37] = [
        Self::Cpu,
        Self::MemoryLeak,
        Self::Latency,
        Self::Errors,
        Self::ClientErrors,
        Self::WrongValues,
        Self::SlowStart,
        Self::Tail,
        Self::Operation,
        Self::Segment,
        Self::RetryStorm,
        Self::FewerWorkers,
        Self::ForwardOnly,
        Self::Canary,
        Self::BlueGreen,
        Self::Flag,
        Self::NotReady,
        Self::RefusedCalls,
        Self::TwoIncidents,
        Self::NoisyNeighbour,
        Self::NetworkDelay,
        Self::LostCalls,
        Self::Dependency,
        Self::Outage,
        Self::CacheFlush,
        Self::Metastable,
        Self::BenignReleases,
        Self::Surge,
        Self::Trend,
        Self::DailyCurve,
        Self::MetricOutage,
        Self::TelemetryOutage,
        Self::TelemetryStops,
        Self::StartUp,
        Self::SmallDifferences,
        Self::UnequalInstances,
        Self::HeavyTails,
    ];

    /// Its name, as the table has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::MemoryLeak => "memory_leak",
            Self::Latency => "latency",
            Self::Errors => "errors",
            Self::ClientErrors => "client_errors",
            Self::WrongValues => "wrong_values",
            Self::SlowStart => "slow_start",
            Self::Tail => "tail",
            Self::Operation => "operation",
            Self::Segment => "segment",
            Self::RetryStorm => "retry_storm",
            Self::FewerWorkers => "fewer_workers",
            Self::ForwardOnly => "forward_only",
            Self::Canary => "canary",
            Self::BlueGreen => "blue_green",
            Self::Flag => "flag",
            Self::NotReady => "not_ready",
            Self::RefusedCalls => "refused_calls",
            Self::TwoIncidents => "two_incidents",
            Self::NoisyNeighbour => "noisy_neighbour",
            Self::NetworkDelay => "network_delay",
            Self::LostCalls => "lost_calls",
            Self::Dependency => "dependency",
            Self::Outage => "outage",
            Self::CacheFlush => "cache_flush",
            Self::Metastable => "metastable",
            Self::BenignReleases => "benign_releases",
            Self::Surge => "surge",
            Self::Trend => "trend",
            Self::DailyCurve => "daily_curve",
            Self::MetricOutage => "metric_outage",
            Self::TelemetryOutage => "telemetry_outage",
            Self::TelemetryStops => "telemetry_stops",
            Self::StartUp => "start_up",
            Self::SmallDifferences => "small_differences",
            Self::UnequalInstances => "unequal_instances",
            Self::HeavyTails => "heavy_tails",
        }
    }

    /// Whether nothing is wrong in it, so that whoever blames anything errs.
    pub fn is_benign(self) -> bool {
        matches!(
            self,
            Self::BenignReleases
                | Self::Surge
                | Self::Trend
                | Self::DailyCurve
                | Self::MetricOutage
                | Self::TelemetryOutage
                | Self::TelemetryStops
                | Self::StartUp
                | Self::SmallDifferences
                | Self::UnequalInstances
                | Self::HeavyTails
        )
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(name: &str) -> Result<Self, UnknownPreset> {
        let found = Self::ALL.into_iter().find(|preset| preset.name() == name);
        found.ok_or_else(|| UnknownPreset {
            name: name.to_owned(),
        })
    }
}

impl Scenario {
    /// A scenario by name; see [`Preset`].
    pub fn preset(preset: Preset, seed: u64) -> Self {
        let mut draw = Draw {
            rng: seeded(seed, PRESET),
            seed,
        };
        match preset {
            Preset::Cpu
            | Preset::MemoryLeak
            | Preset::Latency
            | Preset::Errors
            | Preset::ClientErrors
            | Preset::WrongValues
            | Preset::SlowStart
            | Preset::Tail
            | Preset::Operation
            | Preset::Segment
            | Preset::RetryStorm
            | Preset::FewerWorkers
            | Preset::ForwardOnly
            | Preset::Canary
            | Preset::BlueGreen
            | Preset::Flag
            | Preset::NotReady
            | Preset::RefusedCalls
            | Preset::TwoIncidents => released::scenario(preset, &mut draw),
            Preset::NoisyNeighbour
            | Preset::NetworkDelay
            | Preset::LostCalls
            | Preset::Dependency
            | Preset::Outage
            | Preset::CacheFlush
            | Preset::Metastable => placed::scenario(preset, &mut draw),
            Preset::BenignReleases
            | Preset::Surge
            | Preset::Trend
            | Preset::DailyCurve
            | Preset::MetricOutage
            | Preset::TelemetryOutage
            | Preset::TelemetryStops
            | Preset::StartUp
            | Preset::SmallDifferences
            | Preset::UnequalInstances
            | Preset::HeavyTails => benign::scenario(preset, &mut draw),
        }
    }
}

/// Where the values of a preset come from.
#[derive(Debug)]
struct Draw {
    rng: ChaCha8Rng,
    seed: u64,
}

impl Draw {
    /// A value with three decimals, because people read it.
    fn between(&mut self, low: f64, high: f64) -> f64 {
        let value = low + self.rng.random::<f64>() * (high - low);
        (value * 1e3).round() / 1e3
    }

    fn seconds(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_secs(self.rng.random_range(low..=high))
    }

    /// One of a list that is not empty.
    fn one<T: Copy, const N: usize>(&mut self, of: [T; N]) -> T {
        of[self.rng.random_range(0..N)]
    }

    /// When an incident starts.
    fn onset(&mut self, scenario: &Scenario) -> Duration {
        scenario.healthy + self.seconds(0, 120)
    }
}
