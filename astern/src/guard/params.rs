//! Parameters of the guard: those of every stage in one place.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_detect::catalogue::{DetectionParams, Models};
use astern_detect::release::ReleaseJudgeParams;
use astern_graph_core::GraphParams;
use astern_rca::{DiagnoserParams, Symptom};
use astern_rollback_policy::{Mode, PlannerParams, PolicyParams, RunParams};
use astern_stats::ParamError;
use astern_stats::param::{duration, in_range};

/// Parameters of a [`Guard`](crate::Guard), checked when it is made.
///
/// A TOML or JSON file names what differs from the defaults; durations are text. `examples/data/astern.toml` in the
/// repository lists every parameter with its default.
///
/// ```
/// use astern::GuardParams;
///
/// let params: GuardParams = serde_json::from_str(r#"{"healthy_steps": 30, "watch": "2h"}"#)?;
/// assert_eq!(params, GuardParams::default().healthy_steps(30).watch(std::time::Duration::from_secs(7_200)));
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `healthy_steps` | 60 | steps that the baseline is learnt from, 11 to 100,000, and at least `steps_min` of each detector; twice as many, and again, while few subjects have too few values in them |
/// | `memory_steps` | 30 | steps that an assessment looks back, 3 to 100,000 |
/// | `watch` | one hour | how long a change is watched after its last step, or once it is no longer [open](astern_graph_core::view::Attempt::closed_since), at least 1 s |
/// | `clock_jump_max` | one hour | [how far](crate::ClockError) a time may lie from the one before it, at least 1 s |
/// | `mode` | dry run | whether requests change the platform |
/// | | | the graph keeps at least `healthy_steps` and `memory_steps` together |
/// | `symptom` | none | the service level indicator; without one the anomaly nearest to the users |
/// | `detectors` | `robust_z`: robust z of services | one or more by names of your choice, whose anomalies are united |
/// | `models` | none | the trained models that detectors name; not in files |
/// | `release` | new instances against old ones | the judge of watched changes |
/// | `diagnoser` | the fused ranker | any [ranker by its name](astern_rca::ranker::RankerParams), and what blames changes |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct GuardParams {
    pub(super) graph: GraphParams,
    pub(super) detectors: BTreeMap<Arc<str>, DetectionParams>,
    #[serde(skip)]
    pub(super) models: Models,
    pub(super) release: ReleaseJudgeParams,
    pub(super) diagnoser: DiagnoserParams,
    pub(super) policy: PolicyParams,
    pub(super) planner: PlannerParams,
    pub(super) run: RunParams,
    pub(super) healthy_steps: u32,
    pub(super) memory_steps: u32,
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(super) watch: Duration,
    #[serde(with = "duration")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub(super) clock_jump_max: Duration,
    pub(super) mode: Mode,
    pub(super) symptom: Option<Symptom>,
}

impl Default for GuardParams {
    fn default() -> Self {
        Self {
            graph: GraphParams::default(),
            detectors: BTreeMap::from([("robust_z".into(), DetectionParams::default())]),
            models: Models::default(),
            release: ReleaseJudgeParams::default(),
            diagnoser: DiagnoserParams::default(),
            policy: PolicyParams::default(),
            planner: PlannerParams::default(),
            run: RunParams::default(),
            healthy_steps: 60,
            memory_steps: 30,
            watch: Duration::from_secs(3_600),
            clock_jump_max: Duration::from_secs(3_600),
            mode: Mode::DryRun,
            symptom: None,
        }
    }
}

astern_stats::setters!(GuardParams {
    /// Sets the parameters of the graph: step, lateness, retention, meaning of metrics.
    graph: GraphParams,
    /// Sets the judge of releases, or the parameters of it.
    release: impl Into<ReleaseJudgeParams>,
    /// Sets the root-cause ranker, and the parameters of it, of change blame and of the rest of a diagnosis.
    diagnoser: DiagnoserParams,
    /// Sets the decision policy and the parameters of the risk.
    policy: PolicyParams,
    /// Sets the parameters of the planner.
    planner: PlannerParams,
    /// Sets the parameters of a run.
    run: RunParams,
    /// Sets the number of steps to learn the baseline from.
    healthy_steps: u32,
    /// Sets the number of steps that an assessment looks back.
    memory_steps: u32,
    /// Sets the time for which a change is watched once it is no longer open.
    watch: Duration,
    /// Sets how far a time may lie from the one before it.
    clock_jump_max: Duration,
    /// Sets the mode: [`Mode::Apply`] changes the platform.
    mode: Mode,
    /// Sets the service level indicator that diagnoses start from.
    symptom: Symptom,
});

impl GuardParams {
    /// The JSON Schema (draft 2020-12) of a parameter file, indented: for editors, and for checks of a file before it
    /// reaches a guard.
    #[cfg(feature = "schema")]
    pub fn schema() -> String {
        format!("{:#}", schemars::schema_for!(Self).as_value())
    }

    /// Sets the detectors in place of the present ones.
    #[must_use]
    pub fn detectors<N: Into<Arc<str>>>(
        mut self,
        detectors: impl IntoIterator<Item = (N, DetectionParams)>,
    ) -> Self {
        let named = detectors.into_iter().map(|(name, d)| (name.into(), d));
        self.detectors = named.collect();
        self
    }

    /// Adds the bytes of a trained model under the name by which a detector asks for it.
    #[must_use]
    pub fn model(mut self, name: impl Into<Arc<str>>, bytes: impl Into<Arc<[u8]>>) -> Self {
        self.models = self.models.with(name, bytes);
        self
    }

    pub(super) fn check(&self) -> Result<(), ParamError> {
        in_range("healthy_steps", f64::from(self.healthy_steps), 11.0, 1e5)?;
        in_range("memory_steps", f64::from(self.memory_steps), 3.0, 1e5)?;
        in_range("watch in seconds", self.watch.as_secs_f64(), 1.0, 1e9)?;
        let jump = self.clock_jump_max.as_secs_f64();
        in_range("clock_jump_max in seconds", jump, 1.0, 1e9)?;
        self.run.check()?;
        let looked_back = self.healthy_steps.saturating_add(self.memory_steps);
        let kept = self.graph.retained_steps();
        ordered(
            "healthy_steps + memory_steps",
            looked_back,
            "graph.retention_steps",
            kept,
        )
    }

    /// Checks that a detector which needs `steps` healthy steps gets them.
    pub(super) fn covers(&self, steps: u32) -> Result<(), ParamError> {
        let healthy = self.healthy_steps;
        ordered("least steps of a detector", steps, "healthy_steps", healthy)
    }
}

fn ordered(
    small: &'static str,
    small_value: u32,
    large: &'static str,
    large_value: u32,
) -> Result<(), ParamError> {
    if small_value <= large_value {
        return Ok(());
    }
    let (small_value, large_value) = (f64::from(small_value), f64::from(large_value));
    Err(ParamError::NotOrdered {
        small,
        small_value,
        large,
        large_value,
    })
}
