//! The baselines that are compared with public runs, by the names that those have.

use astern_graph_core::TemporalGraph;
use astern_rca::ranker::baseline::{
    Constant, CorrelationRanker, DeviationSide, Filter, LinearCounterfactual, Published,
    TraversalRanker,
};

use astern_rca::ranker::Ranking;
use astern_rca::{Incident, RankError, Ranker};

use super::score::Ties;

/// A baseline and its name in the table of public figures.
pub(super) struct Compared {
    pub(super) name: &'static str,
    pub(super) public: &'static str,
    pub(super) ranker: Box<dyn Ranker>,
    pub(super) ties: Ties,
}

/// The same ranking without the node at which the incident was noticed.
struct WithoutSymptom<R>(R);

impl<R: Ranker> Ranker for WithoutSymptom<R> {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        let mut ranking = self.0.rank(graph, incident)?;
        let symptom = &incident.symptom.node;
        ranking
            .causes
            .retain(|cause| cause.subject.node() != symptom);
        Ok(ranking)
    }
}

pub(super) fn compared() -> Vec<Compared> {
    let strict = |name, public, ranker| Compared {
        name,
        public,
        ranker,
        ties: Ties::ShareTheWorst,
    };
    let mut all = vec![
        strict(
            "traversal",
            "traversal",
            Box::new(TraversalRanker) as Box<dyn Ranker>,
        ),
        strict("correlation", "corr_nofilter", Box::new(CorrelationRanker)),
        strict(
            "linear counterfactual, symptom left out",
            "counterfactual_linear",
            Box::new(WithoutSymptom(LinearCounterfactual)),
        ),
    ];
    all.extend(published().into_iter().map(|(public, method)| Compared {
        name: "as published",
        public,
        ranker: Box::new(method),
        // The robust scorer ties at 0 wherever availability only falls.
        ties: if matches!(method, Published::RobustScorer { .. }) {
            Ties::ByColumn
        } else {
            Ties::ShareTheWorst
        },
    }));
    all
}

fn published() -> Vec<(&'static str, Published)> {
    let correlation = |filter| Published::Correlation { filter };
    let sigma = |side, constant| Published::NSigma { side, constant };
    let robust = |side, constant| Published::RobustScorer { side, constant };
    vec![
        ("correlation", correlation(Filter::AnomalousOnly)),
        ("corr_filter", correlation(Filter::AnomalousFirst)),
        ("nsigma", sigma(DeviationSide::Above, Constant::LeftOut)),
        ("nsigma_abs", sigma(DeviationSide::Either, Constant::Kept)),
        (
            "nsigma_abs_constdrop",
            sigma(DeviationSide::Either, Constant::LeftOut),
        ),
        (
            "nsigma_signed_noconstdrop",
            sigma(DeviationSide::Above, Constant::Kept),
        ),
        ("baro", robust(DeviationSide::Above, Constant::LeftOut)),
        ("baro_abs", robust(DeviationSide::Either, Constant::LeftOut)),
        (
            "baro_abs_noconstdrop",
            robust(DeviationSide::Either, Constant::Kept),
        ),
        (
            "baro_signed_noconstdrop",
            robust(DeviationSide::Above, Constant::Kept),
        ),
        ("score_ordering", Published::ScoreOrdering),
        ("smooth_traversal", Published::SmoothTraversal),
        ("smooth_z", Published::SmoothDeviations),
        ("circa_callgraph", Published::Circa { adjusted: true }),
        (
            "circa_callgraph_noadj",
            Published::Circa { adjusted: false },
        ),
        ("pagerank", Published::PageRank { correlated: false }),
        ("pagerank_corr", Published::PageRank { correlated: true }),
        ("microscope", Published::MicroScope),
        ("microhecl", Published::MicroHecl),
        ("dfs_score", Published::DepthFirst),
        ("random_walk", Published::RandomWalk),
    ]
}
