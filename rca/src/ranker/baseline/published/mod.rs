//! Baselines as public tools compute them, to compare with.

mod chains;
mod deviation;
mod ends;
mod rows;
mod walk;

use std::collections::BTreeMap;

use astern_graph_core::signal::RankedCause;
use astern_graph_core::{NodeId, TemporalGraph};
use serde::{Deserialize, Serialize};

use super::traversal::anomalous;
use crate::candidates::symptom;
use crate::error::RankError;
use crate::incident::Incident;
use crate::ranker::{Candidates, Ranker, Ranking};
use rows::Rows;

/// Which side of the healthy level counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeviationSide {
    /// Only greater values, whatever the metric: `x - μ`.
    Above,
    /// Both: `|x - μ|`.
    #[default]
    Either,
}

/// What becomes of a series that does not vary in the healthy or in the abnormal range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Constant {
    /// It is no candidate.
    LeftOut,
    /// It is one; where its healthy spread is 0, deviations count in the unit of the metric (seconds for times).
    #[default]
    Kept,
}

/// Which nodes are preferred to others that correlate as much with the symptom.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Filter {
    /// None.
    #[default]
    All,
    /// Those that deviate by 5 scaled median absolute deviations or more at some abnormal step come
    /// first.
    AnomalousFirst,
    /// Those that are anomalous by [`TraversalRanker`](super::TraversalRanker) are the only ones, as in
    /// the ranked correlation of `PetShop` (Hardt et al. 2024).
    AnomalousOnly,
}

/// A baseline in the form that benchmarks have run, without the guards of this crate's own.
///
/// Use it to compare with published figures; for an answer use the ranker of the same name, which
/// knows the worse direction of each metric, has a noise floor and does not invent values. Here
///
/// - only the symptom's metric is looked at, in nodes that have it in both ranges;
/// - a missing value counts as the mean of its range;
/// - a deviation is judged on both sides unless stated otherwise, and a spread of 0 counts as 1 of the
///   metric's unit (a second for times), so that scores depend on the unit.
///
/// What a paper or tool leaves open, or what a benchmark did otherwise, was chosen so that the hits on the 26
/// issues of `PetShop` are those of public runs: docs/results says what.
///
/// # Errors
/// [`RankError`] when the graph does not hold the symptom.
///
/// # Complexity
/// `O(N · T log T + E)` in time and `O(N · T + E)` in memory, where nothing else is stated.
///
/// # Example
/// ```
#[doc = include_str!("../example.md")]
/// use astern_rca::Ranker;
/// use astern_rca::ranker::baseline::Published;
///
/// let ranking = Published::PageRank { correlated: false }.rank(&graph, &incident)?;
/// assert_eq!(ranking.causes[0].subject, cart.into());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Published {
    /// The absolute correlation with the symptom, as [`CorrelationRanker`](super::CorrelationRanker).
    Correlation {
        /// What is asked of the other nodes.
        #[serde(default)]
        filter: Filter,
    },
    /// The greatest deviation from the healthy mean in standard deviations of the population, as
    /// [`NSigma`](super::NSigma) (Pham et al., ASE 2024: signed, constant series left out).
    NSigma {
        /// Which deviations count.
        #[serde(default)]
        side: DeviationSide,
        /// What becomes of series that do not vary.
        #[serde(default)]
        constant: Constant,
    },
    /// The greatest deviation from the healthy median in interquartile ranges, as
    /// [`RobustScorer`](super::RobustScorer) (BARO, Pham, Ha and Zhang, FSE 2024).
    RobustScorer {
        /// Which deviations count.
        #[serde(default)]
        side: DeviationSide,
        /// What becomes of series that do not vary.
        #[serde(default)]
        constant: Constant,
    },
    /// [`ScoreOrdering`](super::ScoreOrdering) (Okati et al., `NeurIPS` 2025), where nodes with
    /// the same score are ordered by their deviation as in N-Sigma: less than `1e-6` in the score.
    ScoreOrdering,
    /// [`SmoothTraversal`](super::SmoothTraversal) (same paper), ties as in score ordering.
    SmoothTraversal,
    /// The same with the deviation in standard deviations at the third abnormal step (the last where
    /// there are fewer), the one at which `PetShop` (Hardt et al. 2024) looks.
    SmoothDeviations,
    /// [`Circa`](super::Circa) (Li et al., KDD 2022) over all nodes, as in `PyRCA` 1.0.1.
    /// `O(Σ_v T · d_v² + V · E)` in time for nodes with d callees.
    Circa {
        /// Whether a node with `z ≥ 3` gets the greatest score of what it may have hurt on top. That
        /// score is itself adjusted, so a chain adds up; the paper adds only the z of one node.
        #[serde(default)]
        adjusted: bool,
    },
    /// [`PageRank`](super::PageRank) with preferences in proportion to `|z|`.
    PageRank {
        /// Whether an edge weighs `.1 + |r|` of its ends over the abnormal steps, instead of 1.
        #[serde(default)]
        correlated: bool,
    },
    /// [`MicroScope`](super::MicroScope) (Lin et al., ICSOC 2018) in the form of CIRCA's authors,
    /// where nodes that are not blamed follow by their deviation.
    MicroScope,
    /// [`MicroHecl`](super::MicroHecl) (Liu et al., ICSE-SEIP 2021), else as `MicroScope`.
    MicroHecl,
    /// The walk of [`RandomWalk`](super::RandomWalk) as `PyRCA` 1.0.1 has it: ten steps from each node
    /// that is anomalous by [`TraversalRanker`](super::TraversalRanker), a step back weighs .1, and only
    /// the four nodes without a callee that it visits most are ranked. Visits are expected ones, not
    /// drawn. Without an anomalous symptom there is no answer. `O(N · A · T + A · E)` in time for A
    /// anomalous nodes.
    RandomWalk,
    /// As `MicroScope`, but what is blamed is ordered by its own deviation.
    DepthFirst,
}

impl Published {
    /// Every form, each in one of its variants.
    pub fn all() -> Vec<Self> {
        let (side, constant) = (DeviationSide::Either, Constant::Kept);
        vec![
            Self::Correlation {
                filter: Filter::AnomalousFirst,
            },
            Self::NSigma { side, constant },
            Self::RobustScorer { side, constant },
            Self::ScoreOrdering,
            Self::SmoothTraversal,
            Self::SmoothDeviations,
            Self::Circa { adjusted: true },
            Self::PageRank { correlated: true },
            Self::MicroScope,
            Self::MicroHecl,
            Self::RandomWalk,
            Self::DepthFirst,
        ]
    }

    /// Which nodes it can name.
    pub(in crate::ranker) fn candidates(self) -> Candidates {
        match self {
            Self::SmoothTraversal | Self::SmoothDeviations => Candidates::Origins,
            _ => Candidates::All,
        }
    }
}

impl Ranker for Published {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        let rows = Rows::of(graph, incident)?;
        let scores = match *self {
            Self::Correlation { filter } => {
                let target = symptom(graph, incident)?;
                let anomalous = anomalous(graph, incident, &target)?;
                ends::correlation(&rows, filter, &anomalous)
            }
            Self::NSigma { side, constant } => deviation::n_sigma(&rows, side, constant),
            Self::RobustScorer { side, constant } => deviation::robust(&rows, side, constant),
            Self::ScoreOrdering => deviation::information(&rows),
            Self::SmoothTraversal => chains::smooth_information(&rows, graph),
            Self::SmoothDeviations => chains::smooth_deviations(&rows, graph),
            Self::Circa { adjusted } => chains::circa(&rows, graph, adjusted),
            Self::PageRank { correlated } => chains::page_rank_of(&rows, graph, correlated),
            Self::MicroScope => ends::micro_scope(&rows, graph),
            Self::MicroHecl => ends::micro_hecl(&rows, graph),
            Self::RandomWalk => {
                let target = symptom(graph, incident)?;
                walk::random(&rows, graph, &anomalous(graph, incident, &target)?)
            }
            Self::DepthFirst => ends::by_deviation(&rows, graph),
        };
        Ok(ranking(graph, scores))
    }
}

fn ranking(graph: &TemporalGraph, scores: BTreeMap<NodeId, f64>) -> Ranking {
    let finite = scores.into_iter().filter(|(_, score)| score.is_finite());
    let causes = finite.filter_map(|(id, score)| {
        let key = graph.key(id)?.clone();
        Some(RankedCause::new(key, score))
    });
    Ranking::of(causes.collect())
}
