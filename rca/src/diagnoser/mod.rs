//! From a ranking to a diagnosis: changes, alternatives, explanations.

mod params;

use astern_graph_core::TemporalGraph;
use astern_graph_core::signal::{Abstention, Diagnosis};

use crate::abstain::Abstainer;
use crate::blame::ChangeBlame;
use crate::contrast::ChangeContrasts;
use crate::error::RankError;
use crate::explain::CauseExplainer;
use crate::incident::Incident;
use crate::ranker::{AnyRanker, Ranker};

pub use params::DiagnoserParams;

/// Makes a full diagnosis of what a ranker answers, whichever it is; made by [`DiagnoserParams::check`].
///
/// ```text
/// graph, incident ─► Ranker ─► Ranking ─┬─► causes, with their probability
///                                       ├─► blame: changes, with their probability
///                                       ├─► alternatives: what it may be instead
///                                       └─► explanations: how the fault came to the symptom
/// ```
///
/// Blame compares what each change did whatever ranker is asked. What it takes from the ranking is the lead
/// of a change's service where [scores are log-odds](crate::ranker::ScoreScale), the evidence about the
/// service, and the path to the symptom. Causes have probabilities where the fitted numbers are of their
/// scores.
///
/// # Complexity
/// That of the ranker, of [`ChangeContrasts`], [`ChangeBlame`] and [`CauseExplainer`].
///
/// # Example
/// With a ranker of one's own, which ranks nodes by their name:
/// ```
/// use astern_graph_core::signal::RankedCause;
/// use astern_graph_core::{
///     EdgeKind, GraphBuilder, GraphParams, NodeKey, Sample, TemporalGraph, TimeRange, Timestamp,
/// };
/// use astern_rca::ranker::Ranking;
/// use astern_rca::{DiagnoserParams, Incident, RankError, Ranker};
///
/// struct ByName;
///
/// impl Ranker for ByName {
///     fn rank(&self, graph: &TemporalGraph, _: &Incident) -> Result<Ranking, RankError> {
///         let causes = graph.keys().iter().map(|key| RankedCause::new(key.clone(), 0.0));
///         Ok(Ranking::of(causes.collect()))
///     }
/// }
/// # let (web, cart) = (NodeKey::service("web"), NodeKey::service("cart"));
/// # let mut builder = GraphBuilder::new(GraphParams::default())?;
/// # builder.declare_edge(web.clone(), cart.clone(), EdgeKind::Calls);
/// # for minute in 0..40_i64 {
/// #     let at = Timestamp::from_secs(60 * minute);
/// #     let slow = if minute < 35 { 0.0 } else { 50.0 };
/// #     let ms = 40.0 + slow + (minute % 5) as f64;
/// #     builder.extend([Sample::new(at, web.clone(), "latency_ms", ms).into()]);
/// # }
/// # let graph = builder.build();
/// # let minutes = |from: i64, to: i64| TimeRange::new(Timestamp::from_secs(60 * from), Timestamp::from_secs(60 * to));
/// # let incident = Incident::new(web, "latency_ms".into(), minutes(0, 30)?, minutes(30, 40)?);
///
/// let diagnoser = DiagnoserParams::default().check()?.with_ranker(ByName);
/// let diagnosis = diagnoser.diagnose(&graph, &incident)?;
/// assert_eq!(diagnosis.causes[0].subject, cart.into());
/// assert_eq!(diagnosis.alternatives.len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Diagnoser<R = AnyRanker> {
    ranker: R,
    blame: ChangeBlame,
    alternatives: Abstainer,
    explain: CauseExplainer,
}

impl<R> Diagnoser<R> {
    /// The same with another ranker, which may be the caller's own.
    pub fn with_ranker<S: Ranker>(self, ranker: S) -> Diagnoser<S> {
        Diagnoser {
            ranker,
            blame: self.blame,
            alternatives: self.alternatives,
            explain: self.explain,
        }
    }
}

impl<R: Ranker> Diagnoser<R> {
    /// Ranks causes and blames changes, best first; says what else it may be, and how the fault came to
    /// the symptom. With no change that is likelier than "no change" it says so.
    ///
    /// # Errors
    /// [`RankError`] where the ranker has no answer.
    pub fn diagnose(
        &self,
        graph: &TemporalGraph,
        incident: &Incident,
    ) -> Result<Diagnosis, RankError> {
        let contrasts = ChangeContrasts::of(graph, incident);
        let mut ranking = self.ranker.rank_with(graph, incident, &contrasts)?;
        let blamed = self.blame.weigh_all(graph, incident, &contrasts, &ranking);
        let weighed = self.alternatives.weigh(graph, incident, &ranking, &blamed);
        let explanations = self.explain.explain(graph, incident, &ranking.causes);
        for (cause, probability) in ranking
            .causes
            .iter_mut()
            .zip(weighed.causes.iter().flatten())
        {
            cause.probability = Some(*probability);
        }
        let unexplained = blamed
            .explains_nothing()
            .then_some(Abstention::NoChangeExplains);
        let mut diagnosis = Diagnosis::new(ranking.causes, blamed.changes);
        diagnosis.abstained = ranking.abstained.or(weighed.abstained).or(unexplained);
        diagnosis.alternatives = weighed.alternatives;
        diagnosis.explanations = explanations;
        Ok(diagnosis)
    }
}
