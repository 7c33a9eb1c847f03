//! The rankers that stand in the tables: the frozen configuration, the same with one channel off,
//! and the methods of the literature.

use astern_graph_core::TemporalGraph;
use astern_graph_core::signal::Diagnosis;
use astern_rca::ranker::baseline::{
    AnomalyScore, Circa, CorrelationRanker, LinearCounterfactual, Metrics, MicroHecl, MicroRank,
    MicroRca, MicroScope, NSigma, PageRank, RandomWalk, RobustScorer, ScoreOrdering,
    SecondOrderWalk, SmoothTraversal, SpectrumRanker, TraceRca, TraversalRanker,
};
use astern_rca::ranker::{FusedParams, FusedRanker, FusedWeights};
use astern_rca::{Incident, RankError, Ranker};
use astern_stats::ParamError;

/// A ranker and its name in the tables.
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) ranker: Box<dyn Ranker>,
}

/// The name of Astern's own.
pub(super) const FUSED: &str = "astern fused";

/// A channel of [`FusedWeights`] and the way to its weight.
type Channel = (&'static str, fn(&mut FusedWeights) -> &mut f64);

const CHANNELS: [Channel; 12] = [
    ("- without shift", |w| &mut w.shift),
    ("- without correlation", |w| &mut w.correlation),
    ("- without origin", |w| &mut w.origin),
    ("- without reach", |w| &mut w.reach),
    ("- without influence", |w| &mut w.influence),
    ("- without gap", |w| &mut w.gap),
    ("- without own time", |w| &mut w.own_time),
    ("- without failure", |w| &mut w.failure),
    ("- without structure", |w| &mut w.structure),
    ("- without resource", |w| &mut w.resource),
    ("- without tenants", |w| &mut w.tenants),
    ("- without change", |w| &mut w.change),
];

/// Astern's ranker without the single traces, as a guard has none.
struct WithoutTraces(FusedRanker);

impl Ranker for WithoutTraces {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Diagnosis, RankError> {
        let mut incident = incident.clone();
        incident.traces = None;
        self.0.rank(graph, &incident)
    }
}

pub(super) fn all() -> Result<Vec<Method>, ParamError> {
    let mut methods = vec![Method {
        name: FUSED,
        ranker: Box::new(FusedParams::default().check()?),
    }];
    for (name, weight) in CHANNELS {
        let mut weights = FusedWeights::default();
        *weight(&mut weights) = 0.0;
        let ranker = Box::new(FusedParams::default().weights(weights).check()?);
        methods.push(Method { name, ranker });
    }
    let spectrum = FusedWeights {
        spectrum: 1.0,
        ..FusedWeights::default()
    };
    let median = FusedParams::default().upper_quantile(0.5);
    let others = [
        ("- with spectrum", FusedParams::default().weights(spectrum)),
        ("- by medians", median),
    ];
    for (name, params) in others {
        let ranker = Box::new(params.check()?);
        methods.push(Method { name, ranker });
    }
    let ranker = Box::new(FusedParams::default().external_prior(0.0).check()?);
    methods.push(Method {
        name: "- without prior",
        ranker,
    });
    let ranker = Box::new(WithoutTraces(FusedParams::default().check()?));
    methods.push(Method {
        name: "- without traces",
        ranker,
    });
    methods.extend(published());
    Ok(methods)
}

/// The methods of the literature.
fn published() -> Vec<Method> {
    let of_symptom = Metrics::Symptom;
    let published: [(&'static str, Box<dyn Ranker>); 20] = [
        ("correlation", Box::new(CorrelationRanker)),
        ("traversal", Box::new(TraversalRanker)),
        ("robust scorer", Box::new(RobustScorer)),
        ("N-sigma", Box::new(NSigma::default())),
        (
            "N-sigma, symptom's metric",
            Box::new(NSigma::over(of_symptom)),
        ),
        ("score ordering", Box::new(ScoreOrdering::default())),
        (
            "score ordering, symptom's metric",
            Box::new(ScoreOrdering::over(of_symptom)),
        ),
        ("smooth traversal", Box::new(SmoothTraversal::default())),
        (
            "smooth traversal, deviations",
            Box::new(SmoothTraversal::by(AnomalyScore::Deviations)),
        ),
        ("MicroScope", Box::new(MicroScope)),
        ("MicroHECL", Box::new(MicroHecl)),
        ("CIRCA", Box::new(Circa)),
        ("linear counterfactual", Box::new(LinearCounterfactual)),
        ("random walk", Box::new(RandomWalk)),
        ("second-order walk", Box::new(SecondOrderWalk)),
        ("personalised PageRank", Box::new(PageRank)),
        ("MicroRCA", Box::new(MicroRca)),
        ("MicroRank", Box::new(MicroRank::default())),
        ("TraceRCA", Box::new(TraceRca)),
        ("spectrum", Box::new(SpectrumRanker::default())),
    ];
    let named = published.map(|(name, ranker)| Method { name, ranker });
    named.into()
}

/// Those whose answers are asked for again with a wrong time: all but the rows with one channel off.
pub(super) fn swept() -> Result<Vec<Method>, ParamError> {
    let mut methods = vec![Method {
        name: FUSED,
        ranker: Box::new(FusedParams::default().check()?),
    }];
    methods.extend(published());
    Ok(methods)
}
