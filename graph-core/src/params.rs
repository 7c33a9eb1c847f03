//! Parameters of a graph: step, lateness, retention, limits, meaning of metrics.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_stats::ParamError;
use astern_stats::param::{in_range, positive};

use crate::schema::FeatureCatalogue;
use crate::time::{Timestamp, nanos_of};

/// Parameters of a [`GraphBuilder`](crate::GraphBuilder), checked when the builder is made and when
/// they are deserialised.
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `step` | 60 s | at least 1 ms |
/// | `lateness` | two steps | how long after its step a record is still taken |
/// | `retention_steps` | 2,880 | 1 to 1,000,000; older steps are dropped, nodes and edges unseen for as long are retired |
/// | `nodes_max` | 100,000 | further nodes are counted as over the limit |
/// | `edges_max` | 1,000,000 | further edges are counted as over the limit |
/// | `metrics_max` | 256 | distinct sampled metrics held; further ones are counted as over the limit |
/// | `changes_max` | 100,000 | change events held; further ones are counted as over the limit |
/// | `slices_max` | 64 | revisions, and user segments, that are told apart for each service; calls of further ones are taken and counted as unsliced |
/// | `spans_max` | 4,000,000 | spans remembered to find duplicates (about 40 bytes each); calls of further ones are taken and counted as unchecked |
///
/// Every limit is at least 1. What the user declares is not limited, but counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct GraphParams {
    pub(crate) step: Duration,
    pub(crate) lateness: Option<Duration>,
    pub(crate) retention_steps: u32,
    pub(crate) nodes_max: u32,
    pub(crate) edges_max: u32,
    pub(crate) metrics_max: u32,
    pub(crate) changes_max: u32,
    pub(crate) slices_max: u32,
    pub(crate) spans_max: u32,
    pub(crate) catalogue: FeatureCatalogue,
}

impl Default for GraphParams {
    fn default() -> Self {
        Self {
            step: Duration::from_secs(60),
            lateness: None,
            retention_steps: 2_880,
            nodes_max: 100_000,
            edges_max: 1_000_000,
            metrics_max: 256,
            changes_max: 100_000,
            slices_max: 64,
            spans_max: 4_000_000,
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

    /// With another limit on the number of edges.
    #[must_use]
    pub fn edges_max(mut self, edges_max: u32) -> Self {
        self.edges_max = edges_max;
        self
    }

    /// With another limit on the number of change events.
    #[must_use]
    pub fn changes_max(mut self, changes_max: u32) -> Self {
        self.changes_max = changes_max;
        self
    }

    /// With another limit on the revisions, and on the segments, that are told apart for a service.
    #[must_use]
    pub fn slices_max(mut self, slices_max: u32) -> Self {
        self.slices_max = slices_max;
        self
    }

    /// With another limit on the spans that are remembered to find duplicates.
    #[must_use]
    pub fn spans_max(mut self, spans_max: u32) -> Self {
        self.spans_max = spans_max;
        self
    }

    /// With other meanings of metrics.
    #[must_use]
    pub fn catalogue(mut self, catalogue: FeatureCatalogue) -> Self {
        self.catalogue = catalogue;
        self
    }

    /// End of the last step that is over at `now`: `now` itself where a step ends there, else the
    /// start of the step that holds it.
    ///
    /// Steps lie on multiples of their length since the Unix epoch. Where the last step that is over
    /// would end before [`Timestamp::MIN`], it is that.
    ///
    /// ```
    /// use astern_graph_core::{GraphParams, Timestamp};
    /// let minutes = GraphParams::default();
    /// let end = |secs| minutes.step_end(Timestamp::from_secs(secs));
    /// assert_eq!(end(59), Timestamp::from_secs(0));
    /// assert_eq!(end(60), Timestamp::from_secs(60));
    /// ```
    pub fn step_end(&self, now: Timestamp) -> Timestamp {
        self.start_of(self.step_of(now))
    }

    /// Number of steps that are kept: what [`retention_steps`](Self::retention_steps) sets.
    pub fn retained_steps(&self) -> u32 {
        self.retention_steps
    }

    /// Number of the step that holds `at`.
    pub(crate) fn step_of(&self, at: Timestamp) -> i64 {
        at.nanos().div_euclid(self.step_nanos())
    }

    /// Start of a step.
    pub(crate) fn start_of(&self, step: i64) -> Timestamp {
        Timestamp::from_nanos(step.saturating_mul(self.step_nanos()))
    }

    /// Length of a step. Parameters that were not checked yet may have none.
    fn step_nanos(&self) -> i64 {
        nanos_of(self.step).max(1)
    }

    pub(crate) fn check(&self) -> Result<(), ParamError> {
        in_range("step in seconds", self.step.as_secs_f64(), 1e-3, 1e9)?;
        in_range("retention_steps", f64::from(self.retention_steps), 1.0, 1e6)?;
        positive("nodes_max", f64::from(self.nodes_max))?;
        positive("edges_max", f64::from(self.edges_max))?;
        positive("metrics_max", f64::from(self.metrics_max))?;
        positive("changes_max", f64::from(self.changes_max))?;
        positive("slices_max", f64::from(self.slices_max))?;
        positive("spans_max", f64::from(self.spans_max))?;
        Ok(())
    }

    /// The lateness bound in force.
    pub(crate) fn lateness_bound(&self) -> Duration {
        self.lateness.unwrap_or(self.step * 2)
    }
}

/// Parameters as they are stored; fields in the same order.
#[derive(Deserialize)]
struct Unchecked {
    step: Duration,
    lateness: Option<Duration>,
    retention_steps: u32,
    nodes_max: u32,
    edges_max: u32,
    metrics_max: u32,
    changes_max: u32,
    slices_max: u32,
    spans_max: u32,
    catalogue: FeatureCatalogue,
}

impl TryFrom<Unchecked> for GraphParams {
    type Error = ParamError;

    fn try_from(stored: Unchecked) -> Result<Self, ParamError> {
        let params = Self {
            step: stored.step,
            lateness: stored.lateness,
            retention_steps: stored.retention_steps,
            nodes_max: stored.nodes_max,
            edges_max: stored.edges_max,
            metrics_max: stored.metrics_max,
            changes_max: stored.changes_max,
            slices_max: stored.slices_max,
            spans_max: stored.spans_max,
            catalogue: stored.catalogue,
        };
        params.check()?;
        Ok(params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(params: &GraphParams) -> Result<GraphParams, postcard::Error> {
        postcard::from_bytes(&postcard::to_stdvec(params).unwrap())
    }

    #[test]
    fn stored_parameters_are_checked() {
        let fine = GraphParams::default().lateness(Duration::from_secs(1));
        assert_eq!(stored(&fine).unwrap(), fine);
        let json = serde_json::to_string(&fine).unwrap();
        assert_eq!(serde_json::from_str::<GraphParams>(&json).unwrap(), fine);
        for bad in [
            fine.clone().step(Duration::ZERO),
            fine.clone().retention_steps(0),
            fine.clone().retention_steps(1_000_001),
            fine.clone().limits(0, 1),
            fine.clone().limits(1, 0),
            fine.clone().edges_max(0),
            fine.clone().changes_max(0),
            fine.clone().slices_max(0),
            fine.clone().spans_max(0),
        ] {
            assert!(stored(&bad).is_err(), "{bad:?}");
            let json = serde_json::to_string(&bad).unwrap();
            let refused = serde_json::from_str::<GraphParams>(&json).unwrap_err();
            assert!(refused.to_string().contains("parameter `"), "{refused}");
        }
    }

    #[test]
    fn the_retention_can_be_read() {
        let params = GraphParams::default().retention_steps(7);
        assert_eq!(params.retained_steps(), 7);
    }

    #[test]
    fn a_step_ends_at_its_border() {
        let params = GraphParams::default().step(Duration::from_secs(10));
        let end = |nanos| params.step_end(Timestamp::from_nanos(nanos)).nanos();
        assert_eq!(end(20_000_000_000), 20_000_000_000);
        assert_eq!(end(20_000_000_000 - 1), 10_000_000_000);
        assert_eq!(end(-1), -10_000_000_000);
        assert_eq!(end(i64::MIN), i64::MIN);
        assert!(end(i64::MAX) > i64::MAX - 10_000_000_000);
        // Before the check, a step may have no length.
        let none = GraphParams::default().step(Duration::ZERO);
        assert_eq!(none.step_end(Timestamp::MAX), Timestamp::MAX);
    }
}
