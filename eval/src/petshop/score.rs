//! Ranks of the known causes, and the rows of the tables.

use astern_rca::Ranker;
use astern_stats::ranking::{chance_hits_at, hits_at, strict_rank};

use crate::EvalError;
use crate::case::Case;
use crate::table::{share, short};

const KS: [usize; 3] = [1, 3, 5];
const KINDS: [&str; 3] = ["latency", "availability", "all"];

/// Shares of hits at 1, 3 and 5 of public tools, and of methods re-made from their papers and code, on
/// the same cases. Methods of which Astern has no ranker are left out: RCD, ε-Diagnosis, IDI, and CIRCA
/// on a learned graph.
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
    pub(super) fn of(ranker: &dyn Ranker, cases: &[Case], ties: Ties) -> Result<Self, EvalError> {
        let mut scores = Self {
            kinds: Vec::new(),
            ranks: Vec::new(),
            firsts: Vec::new(),
        };
        for case in cases {
            let ranking = ranker.rank(&case.graph, &case.incident)?;
            let mut causes: Vec<_> = ranking
                .causes
                .iter()
                .map(|c| (c.subject.node(), c.score))
                .collect();
            if ties == Ties::ByColumn {
                causes.sort_by_key(|(key, _)| case.columns.iter().position(|k| k == *key));
                causes.sort_by(|a, b| astern_stats::order::descending(a.1, b.1));
            }
            let position = causes.iter().position(|(key, _)| **key == case.cause);
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

    /// Hits of a baseline beside those of a public one, by its name there.
    pub(super) fn agreement(&self, method: &str, public: &str, split: &str) -> Vec<Vec<String>> {
        let row = |kind: &&str| {
            let (cases, theirs) = hits_of(public, split, kind)?;
            let mut ranks = self.ranks_of(kind);
            if cases < ranks.len() {
                // A costly one was run on every second case.
                ranks = ranks.into_iter().step_by(2).collect();
            }
            let ours: Vec<usize> = KS.iter().map(|k| hits_at(&ranks, *k)).collect();
            let pairs = ours.iter().zip(&theirs);
            let apart = pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0);
            Some(vec![
                method.into(),
                public.into(),
                split.into(),
                (*kind).into(),
                ranks.len().to_string(),
                join(&ours),
                join(&theirs),
                apart.to_string(),
            ])
        };
        ["latency", "availability"].iter().filter_map(row).collect()
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
                    case.cause.to_string(),
                    rank.map_or_else(|| "-".into(), |r| r.to_string()),
                    if hit { String::new() } else { first.clone() },
                ]
            })
            .collect()
    }
}

/// Cases and hits at 1, 3 and 5 of a public method; `None` where it was not run.
fn hits_of(public: &str, split: &str, kind: &str) -> Option<(usize, Vec<usize>)> {
    let prefix = format!("{public},{split},{kind},");
    let line = PUBLIC.lines().find(|line| line.starts_with(&prefix))?;
    let (cases, shares) = line[prefix.len()..].split_once(',')?;
    let cases: u32 = cases.parse().ok()?;
    let shares = shares
        .split(',')
        .filter_map(|share| share.parse::<f64>().ok());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts"
    )]
    let hits = shares.map(|share| (share * f64::from(cases)).round() as usize);
    Some((usize::try_from(cases).ok()?, hits.collect()))
}

fn join(hits: &[usize]) -> String {
    let hits: Vec<String> = hits.iter().map(ToString::to_string).collect();
    hits.join(" ")
}

/// Expected hits of a random order of the nodes that have the symptom's metric in the issue.
pub(super) fn chance(cases: &[Case], split: &str) -> Vec<Vec<String>> {
    let row = |kind: &&str| {
        let of_kind = cases.iter().filter(|c| *kind == "all" || c.kind == **kind);
        let candidates: Vec<usize> = of_kind.map(|case| case.candidates).collect();
        let mut row = vec![
            "chance".into(),
            split.into(),
            (*kind).into(),
            candidates.len().to_string(),
        ];
        let n = candidates.len().max(1) as f64;
        row.extend(
            KS.iter()
                .map(|k| short(chance_hits_at(&candidates, *k) / n)),
        );
        row
    };
    KINDS.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_shares_are_read_as_hits() {
        let hits = |public, kind| hits_of(public, "test", kind);
        assert_eq!(hits("pagerank", "latency"), Some((10, vec![3, 8, 10])));
        assert_eq!(hits("pagerank", "availability"), Some((8, vec![5, 6, 7])));
        assert_eq!(
            hits("counterfactual_linear", "latency"),
            Some((5, vec![2, 3, 4]))
        );
        assert_eq!(hits("rcd", "latency"), None);
    }

    #[test]
    fn cases_apart_are_the_most_at_any_depth() {
        let ranks = [1, 2, 2, 9, 9, 9, 9, 1, 1, 1].map(Some).to_vec();
        let scores = Scores {
            kinds: vec!["latency".into(); 10],
            ranks,
            firsts: vec![String::new(); 10],
        };
        let rows = scores.agreement("ours", "pagerank", "test");
        let row: Vec<&str> = rows[0].iter().map(String::as_str).collect();
        let expected = [
            "ours", "pagerank", "test", "latency", "10", "4 6 6", "3 8 10", "4",
        ];
        assert_eq!(row, expected);
        // Every second: 1, 2, 9, 9 and 1.
        let half = scores.agreement("ours", "counterfactual_linear", "test");
        assert_eq!(half[0][4..], ["5", "2 3 3", "2 3 4", "1"]);
    }
}
