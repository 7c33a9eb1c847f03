//! What the first time of a fresh instance costs.

use std::time::Duration;

use astern_stats::ParamError;
use astern_stats::param::{duration, in_range};
use serde::{Deserialize, Serialize};

use crate::event::{Tick, ticks};

/// How instances of a service start: slower, or failing, until caches are warm and connections
/// open. It heals by itself and is no fault: nothing is to be blamed.
///
/// An instance is fresh when it gets a revision, forwards or back, is restarted, or comes back
/// after it was down. Those that run at the start of a scenario have long been warm. A start that
/// a release makes worse, or that does not heal, is a [`FaultKind`](crate::FaultKind).
///
/// | field | default | rule |
/// |---|---|---|
/// | `lasts` | 60 s | 1 ms to 1 day |
/// | `factor` | 1 | 1 to 1,000; how many times as long work takes at first; falls to 1 on a straight line |
/// | `errors` | 0 | 0 to 1; share of the requests that fails for as long as it lasts |
///
/// # Example
/// ```
/// use std::time::Duration;
/// use astern_sim::{Scenario, StartUp, run};
///
/// let mut scenario = Scenario::benign(7);
/// let start_up = StartUp::default().lasts(Duration::from_secs(90)).factor(4.0).errors(0.1);
/// for service in &mut scenario.topology.services {
///     service.start_up = Some(start_up);
/// }
/// assert_eq!(run(&scenario)?.truth.culprit, None);
/// # Ok::<(), astern_sim::SimError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct StartUp {
    /// How long an instance is fresh.
    #[serde(with = "duration")]
    pub lasts: Duration,
    /// How many times as long work takes at first.
    pub factor: f64,
    /// Share of the requests that fails.
    pub errors: f64,
}

impl Default for StartUp {
    fn default() -> Self {
        Self {
            lasts: Duration::from_secs(60),
            factor: 1.0,
            errors: 0.0,
        }
    }
}

astern_stats::setters!(StartUp {
    /// Sets how long an instance is fresh.
    lasts: Duration,
    /// Sets how many times as long work takes at first.
    factor: f64,
    /// Sets the share of the requests that fails.
    errors: f64,
});

impl StartUp {
    pub(crate) fn check(self) -> Result<(), ParamError> {
        let lasts = self.lasts.as_secs_f64();
        in_range("start-up in seconds", lasts, 1e-3, 86_400.0)?;
        in_range("factor of a start-up", self.factor, 1.0, 1e3)?;
        in_range("errors of a start-up", self.errors, 0.0, 1.0).map(drop)
    }

    /// By how much work is longer at this age, and which share of the requests fails.
    pub(crate) fn at(self, age: Tick) -> (f64, f64) {
        let left = 1.0 - age as f64 / ticks(self.lasts) as f64;
        if left > 0.0 {
            (1.0 + (self.factor - 1.0) * left, self.errors)
        } else {
            (1.0, 0.0)
        }
    }
}
