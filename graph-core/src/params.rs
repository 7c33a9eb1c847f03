//! Parameters of a graph: step, lateness, retention, limits, meaning of metrics.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_stats::ParamError;
use astern_stats::param::{in_range, positive};

use crate::schema::FeatureCatalogue;

/// Parameters of a [`GraphBuilder`](crate::GraphBuilder), checked when the builder is made.
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `step` | 60 s | at least 1 ms |
/// | `lateness` | two steps | how long after its step a record is still taken |
/// | `retention_steps` | 2,880 | 1 to 1,000,000; older steps are dropped, nodes unseen for as long are retired |
/// | `nodes_max` | 100,000 | further nodes are counted as over the limit |
/// | `metrics_max` | 256 | distinct sampled metrics |
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphParams {
    pub(crate) step: Duration,
    pub(crate) lateness: Option<Duration>,
    pub(crate) retention_steps: u32,
    pub(crate) nodes_max: u32,
    pub(crate) metrics_max: u32,
    pub(crate) catalogue: FeatureCatalogue,
}

impl Default for GraphParams {
    fn default() -> Self {
        Self {
            step: Duration::from_secs(60),
            lateness: None,
            retention_steps: 2_880,
            nodes_max: 100_000,
            metrics_max: 256,
            catalogue: FeatureCatalogue::default(),
        }
    }
}

impl GraphParams {
    /// With another length of a step.
    #[must_use]
    pub fn step(mut self, step: Duration) -> Self {
        self.step = step;
        self
    }

    /// With another bound on how late a record may come.
    #[must_use]
    pub fn lateness(mut self, lateness: Duration) -> Self {
        self.lateness = Some(lateness);
        self
    }

    /// With another number of steps that are kept.
    #[must_use]
    pub fn retention_steps(mut self, steps: u32) -> Self {
        self.retention_steps = steps;
        self
    }

    /// With other limits on the number of nodes and of sampled metrics.
    #[must_use]
    pub fn limits(mut self, nodes_max: u32, metrics_max: u32) -> Self {
        self.nodes_max = nodes_max;
        self.metrics_max = metrics_max;
        self
    }

    /// With other meanings of metrics.
    #[must_use]
    pub fn catalogue(mut self, catalogue: FeatureCatalogue) -> Self {
        self.catalogue = catalogue;
        self
    }

    pub(crate) fn check(&self) -> Result<(), ParamError> {
        in_range("step in seconds", self.step.as_secs_f64(), 1e-3, 1e9)?;
        in_range("retention_steps", f64::from(self.retention_steps), 1.0, 1e6)?;
        positive("nodes_max", f64::from(self.nodes_max))?;
        positive("metrics_max", f64::from(self.metrics_max))?;
        Ok(())
    }

    /// The lateness bound in force.
    pub(crate) fn lateness_bound(&self) -> Duration {
        self.lateness.unwrap_or(self.step * 2)
    }
}
