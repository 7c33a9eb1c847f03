//! The rankers that stand in the tables: the frozen configuration, the same with one channel off,
//! and the methods of the literature.

use astern_graph_core::TemporalGraph;
use astern_rca::ranker::baseline::{AnomalyScore, Metrics, NSigma, ScoreOrdering, SmoothTraversal};
use astern_rca::ranker::{
    FusedParams, FusedRanker, FusedWeights, RankerParams, Ranking, catalogue,
};
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
    ("- without own time", |w| &mut w.self_time),
    ("- without failure", |w| &mut w.failure),
    ("- without structure", |w| &mut w.structure),
    ("- without resource", |w| &mut w.resource),
    ("- without tenants", |w| &mut w.co_located),
    ("- without change", |w| &mut w.change),
];

/// Astern's ranker without the single traces, as a guard has none.
struct WithoutTraces(FusedRanker);

impl Ranker for WithoutTraces {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
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
    methods.extend(published()?);
    Ok(methods)
}

/// The methods of the literature.
fn published() -> Result<Vec<Method>, ParamError> {
    let is_published = |params: &RankerParams| !matches!(params, RankerParams::Fused(_));
    let rows = catalogue().into_iter().filter(is_published).flat_map(rows);
    rows.map(|(name, params)| {
        let ranker = Box::new(params.check()?);
        Ok(Method { name, ranker })
    })
    .collect()
}

/// The rows of a method: one more where it can look at one metric only or go by another score.
fn rows(params: RankerParams) -> Vec<(&'static str, RankerParams)> {
    let other = match params {
        RankerParams::NSigma(_) => (
            "N-sigma, symptom's metric",
            RankerParams::NSigma(NSigma::over(Metrics::Symptom)),
        ),
        RankerParams::ScoreOrdering(_) => (
            "score ordering, symptom's metric",
            RankerParams::ScoreOrdering(ScoreOrdering::over(Metrics::Symptom)),
        ),
        RankerParams::SmoothTraversal(_) => (
            "smooth traversal, deviations",
            RankerParams::SmoothTraversal(SmoothTraversal::by(AnomalyScore::Deviations)),
        ),
        RankerParams::PageRank => return vec![("personalised PageRank", params)],
        _ => return vec![(params.name(), params)],
    };
    vec![(params.name(), params), other]
}

/// Those whose answers are asked for again with a wrong time: all but the rows with one channel off.
pub(super) fn swept() -> Result<Vec<Method>, ParamError> {
    let mut methods = vec![Method {
        name: FUSED,
        ranker: Box::new(FusedParams::default().check()?),
    }];
    methods.extend(published()?);
    Ok(methods)
}
