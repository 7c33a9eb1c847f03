//! Parameters of a graph: step, lateness, retention, limits, meaning of metrics.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_stats::ParamError;
use astern_stats::param::{duration, in_range, optional_duration, positive};

use crate::schema::FeatureCatalogue;
use crate::time::{Timestamp, nanos_of};

/// Parameters of a [`GraphBuilder`](crate::GraphBuilder), checked when the builder is made.
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `step` | 60 s | at least 1 ms |
/// | `lateness` | two steps | how long after its step a record is still taken; a change is taken as long as its step is kept |
/// | `retention_steps` | 2,880 | 1 to 1,000,000; older steps are dropped, nodes and edges unseen for as long are retired |
/// | `nodes_max` | 100,000 | for a further node the longest unseen instances and hosts make way; without any, it is counted as over the limit |
/// | `edges_max` | 1,000,000 | as `nodes_max`, for edges |
/// | `metrics_max` | 256 | distinct sampled metrics held; further ones are counted as over the limit |
/// | `changes_max` | 100,000 | change events held; further ones are counted as over the limit |
/// | `slices_max` | 64 | revisions, and user segments, that are distinguished for each service; calls of further ones are taken and counted as unsliced |
/// | `spans_max` | 4,000,000 | spans remembered to find duplicates (about 60 bytes each); calls of further ones are taken and counted as unchecked |
/// | `catalogue` | the metrics of this library | what metrics mean, see [`FeatureCatalogue`] |
///
/// Every limit is at least 1. What the user declares is not limited, but counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct GraphParams {
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(crate) step: Duration,
    #[serde(with = "optional_duration")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
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

astern_stats::setters!(GraphParams {
    /// Sets the length of a step.
    step: Duration,
    /// Sets how late a record may come.
    lateness: Duration,
    /// Sets the number of steps that are kept.
    retention_steps: u32,
    /// Sets the limit on the number of nodes.
    nodes_max: u32,
    /// Sets the limit on the number of edges.
    edges_max: u32,
    /// Sets the limit on the number of sampled metrics.
    metrics_max: u32,
    /// Sets the limit on the number of change events.
    changes_max: u32,
    /// Sets the limit on the revisions, and on the segments, that are distinguished for a service.
    slices_max: u32,
    /// Sets the limit on the spans that are remembered to find duplicates.
    spans_max: u32,
    /// Sets the meanings of metrics.
    catalogue: FeatureCatalogue,
});

impl GraphParams {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Feature, FeatureClass, Unit, Worse};

    fn read(json: &str) -> Result<GraphParams, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn each_rule_refuses() {
        let fine = GraphParams::default;
        fine().check().unwrap();
        for (what, bad) in [
            ("step", fine().step(Duration::ZERO)),
            ("retention_steps", fine().retention_steps(0)),
            ("retention_steps", fine().retention_steps(1_000_001)),
            ("nodes_max", fine().nodes_max(0)),
            ("edges_max", fine().edges_max(0)),
            ("metrics_max", fine().metrics_max(0)),
            ("changes_max", fine().changes_max(0)),
            ("slices_max", fine().slices_max(0)),
            ("spans_max", fine().spans_max(0)),
        ] {
            let text = bad.check().unwrap_err().to_string();
            assert!(text.contains(what), "{text}");
            // A file does not get around the check.
            let json = serde_json::to_string(&bad).unwrap();
            assert_eq!(read(&json).unwrap().check().unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn a_file_names_only_what_differs() {
        assert_eq!(read("{}").unwrap(), GraphParams::default());
        let json = r#"{"step": "30s", "lateness": "2m", "catalogue": {"jobs": {"unit": "count"}}}"#;
        let jobs = Feature::new("jobs", Unit::Other, FeatureClass::Application, Worse::Both);
        let unit = Unit::Count;
        let params = GraphParams::default()
            .step(Duration::from_secs(30))
            .lateness(Duration::from_secs(120))
            .catalogue(FeatureCatalogue::default().with(Feature { unit, ..jobs }));
        assert_eq!(read(json).unwrap(), params);
        let whole = serde_json::to_string(&params).unwrap();
        assert_eq!(read(&whole).unwrap(), params);
        for (bad, named) in [
            (r#"{"steps": "30s"}"#, "unknown field `steps`"),
            (r#"{"catalogue": {"jobs": {"units": 1}}}"#, "`units`"),
            (r#"{"step": 30}"#, "string"),
        ] {
            let text = read(bad).unwrap_err().to_string();
            assert!(text.contains(named), "{text}");
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
