//! Ranks of the known causes, and the rows of the tables.

use astern_rca::Ranker;
use astern_stats::ranking::{chance_hits_at, hits_at, strict_rank};

use super::data::{Case, DataError};
use crate::table::{share, short};

const KS: [usize; 3] = [1, 3, 5];
const KINDS: [&str; 3] = ["latency", "availability", "all"];

/// Hits at 1, 3 and 5 of public tools on the same cases: `PetShop`'s traversal, ranked correlation
/// without filter, BARO 0.2.2's robust scorer.
const PUBLIC: &str = include_str!("../../data/petshop_baselines.csv");

/// How ties count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ties {
    /// Tied causes share the worst rank.
    ShareTheWorst,
    /// Tied causes keep the order of the data's columns, as a stable sort leaves them.
    ByColumn,
}

/// Rank of the known cause in each case.
pub(super) struct Scores {
    kinds: Vec<String>,
    ranks: Vec<Option<usize>>,
    firsts: Vec<String>,
}

impl Scores {
    pub(super) fn of(ranker: &dyn Ranker, cases: &[Case], ties: Ties) -> Result<Self, DataError> {
        let mut scores = Self {
            kinds: Vec::new(),
            ranks: Vec::new(),
            firsts: Vec::new(),
        };
        for case in cases {
            let diagnosis = ranker.rank(&case.graph, &case.incident)?;
            let mut causes: Vec<_> = diagnosis
                .causes
                .iter()
                .map(|c| (c.subject.node(), c.score))
                .collect();
            if ties == Ties::ByColumn {
                causes.sort_by_key(|(key, _)| case.columns.iter().position(|k| k == *key));
                causes.sort_by(|a, b| astern_stats::order::descending(a.1, b.1));
            }
            let position = causes.iter().position(|(key, _)| **key == case.root_cause);
            let values: Vec<f64> = causes.iter().map(|(_, score)| *score).collect();
            scores.kinds.push(case.kind.clone());
            scores.ranks.push(match ties {
                Ties::ShareTheWorst => position.and_then(|p| strict_rank(&values, p)),
                Ties::ByColumn => position.map(|p| p + 1),
            });
            scores.firsts.push(
                causes
                    .first()
                    .map_or_else(|| "-".into(), |(k, _)| k.to_string()),
            );
        }
        Ok(scores)
    }

    fn ranks_of(&self, kind: &str) -> Vec<Option<usize>> {
        let with_kind = self.kinds.iter().zip(&self.ranks);
        with_kind
            .filter(|(k, _)| kind == "all" || *k == kind)
            .map(|(_, rank)| *rank)
            .collect()
    }

    pub(super) fn rows(&self, method: &str, split: &str) -> Vec<Vec<String>> {
        let row = |kind: &&str| {
            let ranks = self.ranks_of(kind);
            let mut row = vec![
                method.into(),
                split.into(),
                (*kind).into(),
                ranks.len().to_string(),
            ];
            row.extend(KS.iter().map(|k| share(hits_at(&ranks, *k), ranks.len())));
            row
        };
        KINDS.iter().map(row).collect()
    }

    /// Hits of a baseline beside those of the public tool; empty for methods that it lacks.
    pub(super) fn agreement(&self, method: &str, split: &str) -> Vec<Vec<String>> {
        let public = match method {
            "correlation" => "corr_nofilter",
            "traversal" => "traversal",
            "robust scorer, ties by column" => "baro",
            _ => return Vec::new(),
        };
        let mut rows = Vec::new();
        for kind in ["latency", "availability"] {
            let prefix = format!("{public},{split},{kind},");
            let Some(line) = PUBLIC.lines().find(|line| line.starts_with(&prefix)) else {
                continue;
            };
            let numbers: Vec<f64> = line[prefix.len()..]
                .split(',')
                .filter_map(|x| x.parse().ok())
                .collect();
            let Some((cases, shares)) = numbers.split_first() else {
                continue;
            };
            let ranks = self.ranks_of(kind);
            let ours: Vec<usize> = KS.iter().map(|k| hits_at(&ranks, *k)).collect();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "counts"
            )]
            let theirs: Vec<usize> = shares
                .iter()
                .map(|s| (s * cases).round() as usize)
                .collect();
            let apart = ours
                .iter()
                .zip(&theirs)
                .map(|(a, b)| a.abs_diff(*b))
                .max()
                .unwrap_or(0);
            let join = |hits: &[usize]| {
                hits.iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            rows.push(vec![
                method.into(),
                split.into(),
                kind.into(),
                join(&ours),
                join(&theirs),
                apart.to_string(),
            ]);
        }
        rows
    }

    pub(super) fn details(&self, split: &str, cases: &[Case]) -> Vec<Vec<String>> {
        let ranks = self.ranks.iter().zip(&self.firsts);
        cases
            .iter()
            .zip(ranks)
            .map(|(case, (rank, first))| {
                let hit = *rank == Some(1);
                vec![
                    format!("{split}/{}", case.name),
                    case.kind.clone(),
                    case.root_cause.to_string(),
                    rank.map_or_else(|| "-".into(), |r| r.to_string()),
                    if hit { String::new() } else { first.clone() },
                ]
            })
            .collect()
    }
}

/// Expected hits of a random order of the nodes that have the symptom's metric in the issue.
pub(super) fn chance(cases: &[Case], split: &str) -> Vec<Vec<String>> {
    let row = |kind: &&str| {
        let of_kind: Vec<&Case> = cases
            .iter()
            .filter(|c| *kind == "all" || c.kind == **kind)
            .collect();
        let candidates: Vec<usize> = of_kind.iter().map(|case| candidates(case)).collect();
        let mut row = vec![
            "chance".into(),
            split.into(),
            (*kind).into(),
            of_kind.len().to_string(),
        ];
        let n = of_kind.len().max(1) as f64;
        row.extend(
            KS.iter()
                .map(|k| short(chance_hits_at(&candidates, *k) / n)),
        );
        row
    };
    KINDS.iter().map(row).collect()
}

/// Number of nodes but the symptom's that have the symptom's metric in the issue.
pub(crate) fn candidates(case: &Case) -> usize {
    let symptom = &case.incident.symptom;
    let seen = |key: &&astern_graph_core::NodeKey| {
        let series = case
            .graph
            .series(key, &symptom.metric, case.incident.abnormal);
        **key != symptom.node && series.is_ok_and(|s| s.iter().any(|x| x.is_finite()))
    };
    case.columns.iter().filter(seen).count()
}
