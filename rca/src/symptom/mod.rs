//! From what is known, be it that something is wrong since about some time, to the incident to explain.

mod nearest;

use astern_graph_core::signal::Assessment;
use astern_graph_core::{GraphError, TemporalGraph, TimeRange, Timestamp};

use crate::incident::{Incident, Symptom};
use nearest::{detected, measured};

/// What is known of an incident. All of it may be left out.
///
/// | what | default |
/// |---|---|
/// | `symptom` | what is nearest to the users: of the application anomalies that detectors reported or, without any, of the application metrics that deviate by 3 healthy standard deviations or more |
/// | `healthy` | from the first telemetry on; whatever is given, it ends where the incident begins |
/// | `until` | the end of the telemetry |
/// | `assessments` | none |
/// | `steps_before` | 8; a cause moves with the symptom, which shows only where both are seen before and after the onset |
///
/// # Example
/// Something is wrong since about half past one, and nobody knows what:
/// ```
/// use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey, Sample, Timestamp};
/// use astern_rca::{Incident, Symptom};
///
/// let (web, cart) = (NodeKey::service("web"), NodeKey::service("cart"));
/// let minute = |minute: i64| Timestamp::from_secs(60 * minute);
/// let mut builder = GraphBuilder::new(GraphParams::default())?;
/// builder.declare_edge(web.clone(), cart.clone(), EdgeKind::Calls);
/// for at in 0..100_i64 {
///     let slow = if at < 90 { 0.0 } else { 80.0 };
///     for (service, ms) in [(&web, 40.0), (&cart, 10.0)] {
///         let ms = ms + slow + (at % 5) as f64;
///         builder.extend([Sample::new(minute(at), service.clone(), "latency_ms", ms).into()]);
///     }
/// }
/// let graph = builder.build();
///
/// let incident = Incident::builder().since(&graph, minute(90))?;
/// assert_eq!(incident.symptom, Symptom::new(web, "latency_ms"));
/// assert_eq!((incident.healthy.end, incident.abnormal.end), (minute(82), minute(100)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentBuilder {
    symptom: Option<Symptom>,
    healthy: Option<TimeRange>,
    until: Option<Timestamp>,
    assessments: Vec<Assessment>,
    steps_before: u32,
}

impl Default for IncidentBuilder {
    fn default() -> Self {
        Self {
            symptom: None,
            healthy: None,
            until: None,
            assessments: Vec::new(),
            steps_before: 8,
        }
    }
}

astern_stats::setters!(IncidentBuilder {
    /// Sets what users notice: the service level indicator.
    symptom: Symptom,
    /// Sets when all was well.
    healthy: TimeRange,
    /// Sets the time up to which to look.
    until: Timestamp,
    /// Sets what detectors reported, the newest last.
    assessments: Vec<Assessment>,
    /// Sets how many steps from before the onset are looked at with the incident.
    steps_before: u32,
});

/// Why there is no incident to explain.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IncidentError {
    /// The graph holds no telemetry.
    #[error("there is no telemetry")]
    NoTelemetry,
    /// The telemetry ends before the incident begins.
    #[error("the incident begins at {onset}, and telemetry is looked at until {until}")]
    AfterTelemetry {
        /// When it begins.
        onset: Timestamp,
        /// Up to when telemetry is looked at.
        until: Timestamp,
    },
    /// No time before the incident is left to compare with.
    #[error("nothing is known from before {onset}: telemetry begins at {first}")]
    NoHealthyTime {
        /// When the incident begins.
        onset: Timestamp,
        /// When telemetry begins.
        first: Timestamp,
    },
    /// Nothing that users feel deviates, so that the symptom has to be named.
    #[error("no application metric of a service deviates from {range}; name the symptom")]
    NoSymptom {
        /// Where it was looked for.
        range: TimeRange,
    },
    /// The graph cannot answer.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl Incident {
    /// An incident from what is known of it, be it that something is wrong since about some time.
    pub fn builder() -> IncidentBuilder {
        IncidentBuilder::default()
    }
}

/// The two ranges that an incident compares.
#[derive(Clone, Copy)]
struct Ranges {
    healthy: TimeRange,
    abnormal: TimeRange,
}

impl IncidentBuilder {
    /// The incident of something that is wrong since about `onset`. It may be off by some minutes.
    ///
    /// # Errors
    /// [`IncidentError`] where too little is known before or after the onset, and where no symptom is named and
    /// none shows.
    pub fn since(self, graph: &TemporalGraph, onset: Timestamp) -> Result<Incident, IncidentError> {
        let ranges = self.ranges(graph, onset)?;
        let symptom = match &self.symptom {
            Some(named) => Some(named.clone()),
            None => match detected(graph, &self.assessments) {
                Some(sighting) => Some(sighting.symptom),
                None => measured(graph, ranges.healthy, ranges.abnormal)?,
            },
        };
        let range = ranges.abnormal;
        let symptom = symptom.ok_or(IncidentError::NoSymptom { range })?;
        Ok(self.of(symptom, ranges))
    }

    /// The incident that detectors see, from the onset of the earliest anomaly on that users feel; `None` where
    /// they see none.
    ///
    /// # Errors
    /// [`IncidentError`] where too little is known before or after the onset.
    pub fn detected(self, graph: &TemporalGraph) -> Result<Option<Incident>, IncidentError> {
        let Some(sighting) = detected(graph, &self.assessments) else {
            return Ok(None);
        };
        let ranges = self.ranges(graph, sighting.onset)?;
        let symptom = self.symptom.clone().unwrap_or(sighting.symptom);
        Ok(Some(self.of(symptom, ranges)))
    }

    fn of(self, symptom: Symptom, ranges: Ranges) -> Incident {
        let Symptom { node, metric } = symptom;
        Incident::new(node, metric, ranges.healthy, ranges.abnormal).assessed(self.assessments)
    }

    fn ranges(&self, graph: &TemporalGraph, onset: Timestamp) -> Result<Ranges, IncidentError> {
        let extent = || graph.extent().ok_or(IncidentError::NoTelemetry);
        let until = self.until.map_or_else(|| extent().map(|all| all.end), Ok)?;
        let start = onset.minus(graph.step().saturating_mul(self.steps_before));
        let abnormal = TimeRange::new(start, until)
            .ok()
            .filter(|_| onset < until)
            .ok_or(IncidentError::AfterTelemetry { onset, until })?;
        let healthy = if let Some(given) = self.healthy {
            // Where all of it is later there is nothing better to compare with.
            TimeRange::new(given.start, given.end.min(start)).unwrap_or(given)
        } else {
            let first = extent()?.start;
            let before = TimeRange::new(first, start);
            before.map_err(|_| IncidentError::NoHealthyTime { onset, first })?
        };
        Ok(Ranges { healthy, abnormal })
    }
}
