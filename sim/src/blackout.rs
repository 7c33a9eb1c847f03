//! Telemetry that is lost while the system works.

use std::time::Duration;

use astern_graph_core::{NodeKey, Revision};
use astern_stats::ParamError;
use astern_stats::param::{duration, in_range, optional_duration};
use serde::{Deserialize, Serialize};

/// A time in which telemetry is lost while the system works as ever: nothing to be blamed.
///
/// What is named loses its spans and metrics: all of it where nothing is named, and otherwise what
/// fits every name that is given. Of a call to a side whose telemetry is lost the caller's duration
/// is left, and the caller knows the service, but neither instance nor revision; of a call that it
/// makes the callee's duration is left.
///
/// | field | default of `new` | rule |
/// |---|---|---|
/// | `service` | any | in the topology |
/// | `revision` | any | one of the service, which is named too; none of a flag |
/// | `instance` | any | in the topology, and of the service where one is named |
/// | `starts` | | at most the span |
/// | `lasts` | for good | at least 1 ms |
///
/// # Example
/// The new version reports nothing any more after ten minutes, for good:
/// ```
/// use std::time::Duration;
/// use astern_sim::{Blackout, Scenario, run};
///
/// let mut scenario = Scenario::benign(7);
/// let (service, to) = (scenario.releases[0].service.clone(), scenario.releases[0].to.clone());
/// let stops = scenario.healthy + Duration::from_secs(600);
/// scenario.blackouts = vec![Blackout::new(stops).service(service).revision(to)];
/// assert_eq!(run(&scenario)?.truth.culprit, None);
/// # Ok::<(), astern_sim::SimError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Blackout {
    /// The service whose telemetry is lost.
    #[serde(default)]
    pub service: Option<NodeKey>,
    /// Only of instances that run this revision.
    #[serde(default)]
    pub revision: Option<Revision>,
    /// Only of this instance.
    #[serde(default)]
    pub instance: Option<NodeKey>,
    /// When it starts, from the start of the run.
    #[serde(with = "duration")]
    pub starts: Duration,
    /// How long it lasts.
    #[serde(default, with = "optional_duration")]
    pub lasts: Option<Duration>,
}

astern_stats::setters!(Blackout {
    /// Sets the service whose telemetry is lost.
    service: NodeKey,
    /// Loses only what instances of this revision report.
    revision: Revision,
    /// Loses only what this instance reports.
    instance: NodeKey,
    /// Sets after which time it ends.
    lasts: Duration,
});

impl Blackout {
    /// Loses all telemetry for good.
    pub fn new(starts: Duration) -> Self {
        Self {
            service: None,
            revision: None,
            instance: None,
            starts,
            lasts: None,
        }
    }

    pub(crate) fn check(&self, span: Duration) -> Result<(), ParamError> {
        let (starts, span) = (self.starts.as_secs_f64(), span.as_secs_f64());
        in_range("starts in seconds", starts, 0.0, span)?;
        let lasts = self.lasts.map_or(1.0, |lasts| lasts.as_secs_f64());
        in_range("lasts in seconds", lasts, 1e-3, f64::INFINITY).map(drop)
    }
}
