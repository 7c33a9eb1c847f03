//! Parameters of the guard: those of every stage in one place.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use astern_detect::AssessorParams;
use astern_detect::compare::ReleaseParams;
use astern_graph_core::{GraphParams, MetricName, NodeKey};
use astern_rca::DiagnoserParams;
use astern_rollback_policy::{Mode, PlannerParams, PolicyParams, RunParams};
use astern_stats::ParamError;
use astern_stats::param::in_range;

/// Parameters of a [`Guard`](crate::Guard), checked when it is made.
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `healthy_steps` | 60 | steps that the baseline is learnt from, 6 to 100,000 |
/// | `memory_steps` | 30 | steps that an assessment looks back, 3 to 100,000 |
/// | `watch` | one hour | how long a change is watched after its last step, at least 1 s |
/// | `mode` | dry run | whether requests change the platform |
/// | | | the graph keeps at least `healthy_steps` and `memory_steps` together; the assessor needs no more than `healthy_steps` |
/// | `symptom` | none | the service level indicator; without one the anomaly nearest to the users |
/// | `diagnoser` | the fused ranker | any [ranker by its name](astern_rca::ranker::RankerParams), and what blames changes |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GuardParams {
    pub(super) graph: GraphParams,
    pub(super) assessor: AssessorParams,
    pub(super) release: ReleaseParams,
    pub(super) diagnoser: DiagnoserParams,
    pub(super) policy: PolicyParams,
    pub(super) planner: PlannerParams,
    pub(super) run: RunParams,
    pub(super) healthy_steps: u32,
    pub(super) memory_steps: u32,
    pub(super) watch: Duration,
    pub(super) mode: Mode,
    pub(super) symptom: Option<(NodeKey, MetricName)>,
}

impl Default for GuardParams {
    fn default() -> Self {
        Self {
            graph: GraphParams::default(),
            assessor: AssessorParams::default(),
            release: ReleaseParams::default(),
            diagnoser: DiagnoserParams::default(),
            policy: PolicyParams::default(),
            planner: PlannerParams::default(),
            run: RunParams::default(),
            healthy_steps: 60,
            memory_steps: 30,
            watch: Duration::from_secs(3_600),
            mode: Mode::DryRun,
            symptom: None,
        }
    }
}

macro_rules! with {
    ($($(#[$doc:meta])* $field:ident: $type:ty),+ $(,)?) => {
        impl GuardParams {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $field(mut self, $field: $type) -> Self {
                    self.$field = $field;
                    self
                }
            )+
        }
    };
}

with! {
    /// With other parameters of the graph: step, lateness, retention, meaning of metrics.
    graph: GraphParams,
    /// With other parameters of the assessor.
    assessor: AssessorParams,
    /// With other parameters of the comparison of old and new instances.
    release: ReleaseParams,
    /// With another root-cause ranker, or other parameters of it, of change blame and of the rest of a
    /// diagnosis.
    diagnoser: DiagnoserParams,
    /// With another decision policy and other parameters of the risk.
    policy: PolicyParams,
    /// With other parameters of the planner.
    planner: PlannerParams,
    /// With other parameters of a run.
    run: RunParams,
    /// With another number of steps to learn the baseline from.
    healthy_steps: u32,
    /// With another number of steps that an assessment looks back.
    memory_steps: u32,
    /// With another time for which a change is watched.
    watch: Duration,
    /// With another mode: [`Mode::Apply`] changes the platform.
    mode: Mode,
}

impl GuardParams {
    /// With a service level indicator: the symptom that diagnoses start from.
    #[must_use]
    pub fn symptom(mut self, node: NodeKey, metric: MetricName) -> Self {
        self.symptom = Some((node, metric));
        self
    }

    pub(super) fn check(&self) -> Result<(), ParamError> {
        in_range("healthy_steps", f64::from(self.healthy_steps), 6.0, 1e5)?;
        in_range("memory_steps", f64::from(self.memory_steps), 3.0, 1e5)?;
        in_range("watch in seconds", self.watch.as_secs_f64(), 1.0, 1e9)?;
        self.assessor.check()?;
        self.run.check()?;
        let (least, healthy) = (self.assessor.least_steps(), self.healthy_steps);
        ordered("assessor.steps_min", least, "healthy_steps", healthy)?;
        let looked_back = healthy.saturating_add(self.memory_steps);
        let kept = self.graph.retained_steps();
        ordered(
            "healthy_steps + memory_steps",
            looked_back,
            "graph.retention_steps",
            kept,
        )
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
