//! `PetShop` (Hardt et al. 2024): 26 low-traffic issues with a known root cause.

pub(crate) mod data;
mod published;
mod score;

use std::path::Path;

use astern_rca::Ranker;
use astern_rca::ranker::baseline::{
    AnomalyScore, Metrics, NSigma, RobustScorer, ScoreOrdering, SmoothTraversal,
};
use astern_rca::ranker::{Candidates, FusedParams, FusedWeights, RankerParams, catalogue};
use astern_stats::ParamError;

use crate::EvalError;
use crate::table::markdown;
use data::Split;
use score::{Scores, Ties};

/// Which of the two splits to evaluate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Splits {
    /// The calibration half only: what may be looked at while a configuration is still open.
    Train,
    /// Both.
    All,
}

/// A ranker with its name in the table and the way its ties count.
struct Method {
    name: String,
    ranker: Box<dyn Ranker>,
    ties: Ties,
}

/// The frozen configuration of Astern's ranker, the same with one channel off, and the baselines.
fn methods() -> Result<Vec<Method>, EvalError> {
    let full = FusedWeights::default();
    let without = |change: fn(&mut FusedWeights)| {
        let mut weights = full;
        change(&mut weights);
        FusedParams::default().weights(weights)
    };
    let fused = [
        ("astern fused", FusedParams::default()),
        ("- without shift", without(|w| w.shift = 0.0)),
        ("- without correlation", without(|w| w.correlation = 0.0)),
        ("- without origin", without(|w| w.origin = 0.0)),
        ("- without reach", without(|w| w.reach = 0.0)),
        ("- without influence", without(|w| w.influence = 0.0)),
        (
            "- without prior",
            FusedParams::default().external_prior(0.0),
        ),
    ];
    let mut methods = Vec::new();
    for (name, params) in fused {
        let ranker = Box::new(params.check()?);
        methods.push(Method {
            name: name.to_owned(),
            ranker,
            ties: Ties::ShareTheWorst,
        });
    }
    methods.extend(published()?);
    methods.push(Method {
        name: "robust scorer, ties by column".to_owned(),
        ranker: Box::new(RobustScorer),
        ties: Ties::ByColumn,
    });
    Ok(methods)
}

/// The published methods with their published parameters.
fn published() -> Result<Vec<Method>, ParamError> {
    let has_data = |params: &RankerParams| {
        let is_published = !matches!(params, RankerParams::Fused(_));
        is_published && params.candidates() != Candidates::Traced
    };
    let rows = catalogue().into_iter().filter(has_data).flat_map(rows);
    rows.map(|(name, params)| {
        Ok(Method {
            name,
            ranker: Box::new(params.check()?),
            ties: Ties::ShareTheWorst,
        })
    })
    .collect()
}

/// The rows of a method. Those that can look at several metrics look at the symptom's, as the public tools
/// do on this data.
fn rows(params: RankerParams) -> Vec<(String, RankerParams)> {
    let named = |name: &str, params| (name.to_owned(), params);
    match params {
        RankerParams::NSigma(_) => {
            let over = |metrics| RankerParams::NSigma(NSigma::over(metrics));
            vec![
                named("n-sigma", over(Metrics::Symptom)),
                named("n-sigma, all metrics", over(Metrics::All)),
            ]
        }
        RankerParams::ScoreOrdering(_) => {
            let ordering = ScoreOrdering::over(Metrics::Symptom);
            vec![named(
                "score ordering",
                RankerParams::ScoreOrdering(ordering),
            )]
        }
        RankerParams::SmoothTraversal(_) => {
            let by = |score| RankerParams::SmoothTraversal(SmoothTraversal::by(score));
            vec![
                named("smooth traversal", by(AnomalyScore::Information)),
                named(
                    "smooth traversal of deviations",
                    by(AnomalyScore::Deviations),
                ),
            ]
        }
        other => vec![named(&other.name().to_lowercase(), other)],
    }
}

/// Evaluates all methods and returns the report as Markdown.
///
/// # Errors
/// [`EvalError`] when a file of the data set is missing or not as documented.
pub fn evaluate(root: &Path, splits: Splits) -> Result<String, EvalError> {
    let mut groups = vec![("train", data::read(root, Split::Train)?)];
    if splits == Splits::All {
        groups.push(("test", data::read(root, Split::Test)?));
        let pooled = groups.iter().flat_map(|(_, cases)| cases.clone()).collect();
        groups.push(("all", pooled));
    }
    let mut rows = Vec::new();
    let mut agreement = Vec::new();
    let mut details = Vec::new();
    for method in methods()? {
        for (split, cases) in &groups {
            let scores = Scores::of(&*method.ranker, cases, method.ties)?;
            rows.extend(scores.rows(&method.name, split));
            if *split != "all" && method.name.starts_with("astern") {
                details.extend(scores.details(split, cases));
            }
        }
    }
    for (split, cases) in &groups {
        rows.extend(score::chance(cases, split));
    }
    for compared in published::compared() {
        for (split, cases) in groups.iter().filter(|(split, _)| *split != "all") {
            let scores = Scores::of(&*compared.ranker, cases, compared.ties)?;
            agreement.extend(scores.agreement(compared.name, compared.public, split));
        }
    }
    let header = [
        "method", "split", "issues", "cases", "top-1", "top-3", "top-5",
    ];
    let case_header = ["case", "issues", "cause", "rank", "first instead"];
    let agree_header = [
        "baseline",
        "public name",
        "split",
        "issues",
        "cases",
        "ours",
        "public",
        "cases apart",
    ];
    Ok(format!(
        "## Accuracy\n\n95 % Wilson intervals; tied causes share the worst rank unless said \
         otherwise.\n\n{}\n\n## Agreement of the baselines with public figures\n\nHits at 1, 3 \
         and 5.\n\n{}\n\n## Cases of the fused ranker\n\n{}\n",
        markdown(&header, &rows),
        markdown(&agree_header, &agreement),
        markdown(&case_header, &details),
    ))
}
