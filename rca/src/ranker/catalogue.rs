//! All rankers in one list: by name in a file of parameters, and to iterate over.

use std::fmt;
use std::sync::Arc;

use astern_graph_core::TemporalGraph;
use astern_stats::ParamError;
use serde::{Deserialize, Serialize};

use super::baseline::{
    Circa, CorrelationRanker, LinearCounterfactual, MicroHecl, MicroRank, MicroRca, MicroScope,
    NSigma, PageRank, Published, RandomWalk, RobustScorer, ScoreOrdering, SecondOrderWalk,
    SmoothTraversal, SpectrumRanker, TraceRca, TraversalRanker,
};
use super::{FusedParams, Ranker, Ranking};
use crate::contrast::ChangeContrasts;
use crate::error::RankError;
use crate::incident::Incident;

/// A ranker by its name, with its parameters; checked by [`check`](Self::check).
///
/// In a file it is a name, or a name with parameters: `"micro_rca"`, `{"fused": {"shift_half": 2.0}}`.
/// The [crate page](crate) lists the names.
///
/// ```
/// use astern_rca::Ranker;
/// use astern_rca::ranker::{FusedParams, RankerParams};
///
/// assert_eq!(RankerParams::default(), RankerParams::Fused(FusedParams::default()));
/// let ranker = RankerParams::MicroRca.check()?;
/// # let _: &dyn Ranker = &ranker;
/// # Ok::<(), astern_stats::ParamError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RankerParams {
    /// [`FusedRanker`](super::FusedRanker), the default.
    Fused(FusedParams),
    /// [`CorrelationRanker`].
    Correlation,
    /// [`TraversalRanker`].
    Traversal,
    /// [`RobustScorer`].
    RobustScorer,
    /// [`NSigma`].
    NSigma(NSigma),
    /// [`ScoreOrdering`].
    ScoreOrdering(ScoreOrdering),
    /// [`SmoothTraversal`].
    SmoothTraversal(SmoothTraversal),
    /// [`MicroScope`].
    MicroScope,
    /// [`MicroHecl`].
    MicroHecl,
    /// [`Circa`].
    Circa,
    /// [`LinearCounterfactual`].
    LinearCounterfactual,
    /// [`RandomWalk`].
    RandomWalk,
    /// [`SecondOrderWalk`].
    SecondOrderWalk,
    /// [`PageRank`].
    PageRank,
    /// [`MicroRca`].
    MicroRca,
    /// [`MicroRank`].
    MicroRank(MicroRank),
    /// [`TraceRca`].
    TraceRca,
    /// [`SpectrumRanker`].
    Spectrum(SpectrumRanker),
    /// A baseline as benchmarks ran it, to compare with their figures.
    Published(Published),
}

/// Every ranker with its default parameters, in the order of [`RankerParams`]: what tests and evaluations
/// iterate over. Forms of [`Published`] are not among them: [`Published::all`] lists those.
///
/// ```
/// use astern_rca::ranker::catalogue;
/// let names: Vec<&str> = catalogue().iter().map(|params| params.name()).collect();
/// assert!(names.contains(&"MicroRCA"));
/// ```
pub fn catalogue() -> Vec<RankerParams> {
    vec![
        RankerParams::Fused(FusedParams::default()),
        RankerParams::Correlation,
        RankerParams::Traversal,
        RankerParams::RobustScorer,
        RankerParams::NSigma(NSigma::default()),
        RankerParams::ScoreOrdering(ScoreOrdering::default()),
        RankerParams::SmoothTraversal(SmoothTraversal::default()),
        RankerParams::MicroScope,
        RankerParams::MicroHecl,
        RankerParams::Circa,
        RankerParams::LinearCounterfactual,
        RankerParams::RandomWalk,
        RankerParams::SecondOrderWalk,
        RankerParams::PageRank,
        RankerParams::MicroRca,
        RankerParams::MicroRank(MicroRank::default()),
        RankerParams::TraceRca,
        RankerParams::Spectrum(SpectrumRanker::default()),
    ]
}

/// Which nodes a ranker can name as causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Candidates {
    /// Any node that has the metrics that it looks at.
    All,
    /// The symptom's node and those from which a fault can have come to it.
    Origins,
    /// The services of the incident's traces, which it needs.
    Traced,
}

impl Default for RankerParams {
    fn default() -> Self {
        Self::Fused(FusedParams::default())
    }
}

impl From<FusedParams> for RankerParams {
    fn from(params: FusedParams) -> Self {
        Self::Fused(params)
    }
}

impl RankerParams {
    /// What people call it, in tables.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fused(_) => "fused",
            Self::Correlation => "correlation",
            Self::Traversal => "traversal",
            Self::RobustScorer => "robust scorer",
            Self::NSigma(_) => "N-sigma",
            Self::ScoreOrdering(_) => "score ordering",
            Self::SmoothTraversal(_) => "smooth traversal",
            Self::MicroScope => "MicroScope",
            Self::MicroHecl => "MicroHECL",
            Self::Circa => "CIRCA",
            Self::LinearCounterfactual => "linear counterfactual",
            Self::RandomWalk => "random walk",
            Self::SecondOrderWalk => "second-order walk",
            Self::PageRank => "PageRank",
            Self::MicroRca => "MicroRCA",
            Self::MicroRank(_) => "MicroRank",
            Self::TraceRca => "TraceRCA",
            Self::Spectrum(_) => "spectrum",
            Self::Published(_) => "as published",
        }
    }

    /// Which nodes it can name.
    pub fn candidates(&self) -> Candidates {
        match self {
            Self::Correlation
            | Self::RobustScorer
            | Self::NSigma(_)
            | Self::ScoreOrdering(_)
            | Self::PageRank
            | Self::MicroRca => Candidates::All,
            Self::Fused(_)
            | Self::Traversal
            | Self::SmoothTraversal(_)
            | Self::MicroScope
            | Self::MicroHecl
            | Self::Circa
            | Self::LinearCounterfactual
            | Self::RandomWalk
            | Self::SecondOrderWalk => Candidates::Origins,
            Self::MicroRank(_) | Self::TraceRca | Self::Spectrum(_) => Candidates::Traced,
            Self::Published(form) => form.candidates(),
        }
    }

    /// Checks the parameters and makes the ranker.
    ///
    /// # Errors
    /// [`ParamError`] for a parameter outside its rule.
    pub fn check(self) -> Result<AnyRanker, ParamError> {
        let ranker: Arc<dyn Ranker + Send + Sync> = match self {
            Self::Fused(params) => Arc::new(params.check()?),
            Self::Correlation => Arc::new(CorrelationRanker),
            Self::Traversal => Arc::new(TraversalRanker),
            Self::RobustScorer => Arc::new(RobustScorer),
            Self::NSigma(ranker) => Arc::new(ranker),
            Self::ScoreOrdering(ranker) => Arc::new(ranker),
            Self::SmoothTraversal(ranker) => Arc::new(ranker),
            Self::MicroScope => Arc::new(MicroScope),
            Self::MicroHecl => Arc::new(MicroHecl),
            Self::Circa => Arc::new(Circa),
            Self::LinearCounterfactual => Arc::new(LinearCounterfactual),
            Self::RandomWalk => Arc::new(RandomWalk),
            Self::SecondOrderWalk => Arc::new(SecondOrderWalk),
            Self::PageRank => Arc::new(PageRank),
            Self::MicroRca => Arc::new(MicroRca),
            Self::MicroRank(ranker) => Arc::new(ranker),
            Self::TraceRca => Arc::new(TraceRca),
            Self::Spectrum(ranker) => Arc::new(ranker),
            Self::Published(form) => Arc::new(form),
        };
        Ok(AnyRanker {
            params: self,
            ranker,
        })
    }
}

/// Any ranker of the [`catalogue`], with checked parameters; made by [`RankerParams::check`].
#[derive(Clone)]
pub struct AnyRanker {
    params: RankerParams,
    ranker: Arc<dyn Ranker + Send + Sync>,
}

impl fmt::Debug for AnyRanker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyRanker").field(&self.params).finish()
    }
}

impl Ranker for AnyRanker {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        self.ranker.rank(graph, incident)
    }

    fn rank_with(
        &self,
        graph: &TemporalGraph,
        incident: &Incident,
        contrasts: &ChangeContrasts,
    ) -> Result<Ranking, RankError> {
        self.ranker.rank_with(graph, incident, contrasts)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The name in a file.
    fn written(params: RankerParams) -> String {
        let value = serde_json::to_value(params).unwrap();
        match value {
            serde_json::Value::Object(fields) => fields.into_iter().next().unwrap().0,
            name => name.as_str().unwrap().to_owned(),
        }
    }

    #[test]
    fn every_variant_is_in_the_catalogue_and_on_the_crate_page() {
        let page = include_str!("../../README.md");
        let in_table = |name: &String| page.contains(&format!("| `{name}` |"));
        let names: Vec<String> = catalogue().into_iter().map(written).collect();
        let missing: Vec<&String> = names.iter().filter(|name| !in_table(name)).collect();
        assert!(missing.is_empty(), "not in the table: {missing:?}");
        // serde names all variants when it is given none of them.
        let refused = serde_json::from_str::<RankerParams>("\"\"")
            .unwrap_err()
            .to_string();
        let known = refused.matches('`').count() / 2 - 1;
        assert_eq!(known, names.len() + 1, "all but `published`: {refused}");
    }

    #[test]
    fn names_tell_rankers_apart() {
        let names: BTreeSet<&str> = catalogue().iter().map(RankerParams::name).collect();
        assert_eq!(names.len(), catalogue().len());
    }

    #[test]
    fn parameters_are_read_in_part_and_never_unchecked() {
        let read = serde_json::from_str::<RankerParams>;
        let half = read(r#"{"fused": {"shift_half": 2.0, "weights": {"gap": 1}}}"#).unwrap();
        let RankerParams::Fused(params) = half else {
            panic!("{half:?}");
        };
        assert_ne!(params, FusedParams::default());
        assert!(half.check().is_ok());
        let bad = read(r#"{"fused": {"shift_half": -2.0}}"#).unwrap();
        assert!(bad.check().is_err());
        assert_eq!(read(r#""micro_rca""#).unwrap(), RankerParams::MicroRca);
        for unknown in [
            r#"{"fused": {"shift": 2.0}}"#,
            r#"{"n_sigma": {"metric": "all"}}"#,
        ] {
            assert!(read(unknown).is_err(), "{unknown}");
        }
        assert_eq!(
            read(r#"{"n_sigma": {}}"#).unwrap(),
            RankerParams::NSigma(NSigma::default())
        );
    }
}
