//! Ranks of the known causes, and the rows of the tables.

use astern_stats::ranking::{chance_hits_at, hits_at, strict_rank};

use super::methods::{FUSED, Method};
use crate::case::Case;
use crate::table::{markdown, share, short};

const KS: [usize; 3] = [1, 3, 5];

/// A case without what it was ranked from.
struct Known {
    name: String,
    kind: String,
    cause: String,
    candidates: usize,
}

/// How rankers did on the cases of one suite.
pub(super) struct Board<'a> {
    methods: &'a [Method],
    cases: Vec<Known>,
    /// By method: the strict rank of the cause of each case, and what was ranked first. Tied causes
    /// share the worst rank; a case that a method refuses to rank is one whose cause it does not name.
    found: Vec<Vec<(Option<usize>, String)>>,
}

impl<'a> Board<'a> {
    pub(super) fn new(methods: &'a [Method]) -> Self {
        Self {
            methods,
            cases: Vec::new(),
            found: methods.iter().map(|_| Vec::new()).collect(),
        }
    }

    pub(super) fn of(methods: &'a [Method], cases: &[Case]) -> Self {
        let mut board = Self::new(methods);
        for case in cases {
            board.add(case);
        }
        board
    }

    /// Ranks a case by all methods.
    pub(super) fn add(&mut self, case: &Case) {
        for (method, found) in self.methods.iter().zip(&mut self.found) {
            let ranking = method.ranker.rank(&case.graph, &case.incident);
            let causes = ranking.map(|ranking| ranking.causes).unwrap_or_default();
            let scores: Vec<f64> = causes.iter().map(|cause| cause.score).collect();
            let place = causes.iter().position(|c| *c.subject.node() == case.cause);
            let first = causes.first().map(|cause| cause.subject.to_string());
            let rank = place.and_then(|place| strict_rank(&scores, place));
            found.push((rank, first.unwrap_or_else(|| "-".to_owned())));
        }
        self.cases.push(Known {
            name: case.name.clone(),
            kind: case.kind.clone(),
            cause: case.cause.to_string(),
            candidates: case.candidates,
        });
    }

    /// Shares at 1, 3 and 5 of all cases: a row for each method, and one for chance.
    pub(super) fn table(&self) -> String {
        let mut rows = Vec::new();
        for (method, found) in self.methods.iter().zip(&self.found) {
            let ranks: Vec<Option<usize>> = found.iter().map(|(rank, _)| *rank).collect();
            let shares = KS.iter().map(|k| share(hits_at(&ranks, *k), ranks.len()));
            rows.push(
                std::iter::once(method.name.to_owned())
                    .chain(shares)
                    .collect(),
            );
        }
        let candidates: Vec<usize> = self.cases.iter().map(|case| case.candidates).collect();
        let n = self.cases.len().max(1) as f64;
        let by_chance = KS
            .iter()
            .map(|k| short(chance_hits_at(&candidates, *k) / n));
        rows.push(
            std::iter::once("chance".to_owned())
                .chain(by_chance)
                .collect(),
        );
        markdown(&["method", "top-1", "top-3", "top-5"], &rows)
    }

    /// Hits at 1 and at 3 of the cases of each kind, a row for each method.
    pub(super) fn by_kind(&self) -> String {
        let mut kinds: Vec<(&str, usize)> = Vec::new();
        let mut names: Vec<&str> = self.cases.iter().map(|case| &*case.kind).collect();
        names.sort_unstable();
        for name in names {
            match kinds.last_mut() {
                Some((last, count)) if *last == name => *count += 1,
                _ => kinds.push((name, 1)),
            }
        }
        let mut header = vec!["method".to_owned()];
        header.extend(
            kinds
                .iter()
                .map(|(kind, cases)| format!("{kind} ({cases})")),
        );
        let mut rows = Vec::new();
        for (method, found) in self.methods.iter().zip(&self.found) {
            let mut row = vec![method.name.to_owned()];
            for (kind, _) in &kinds {
                let of_kind = self
                    .cases
                    .iter()
                    .zip(found)
                    .filter(|(c, _)| c.kind == *kind);
                let ranks: Vec<Option<usize>> = of_kind.map(|(_, (rank, _))| *rank).collect();
                row.push(format!("{} {}", hits_at(&ranks, 1), hits_at(&ranks, 3)));
            }
            rows.push(row);
        }
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        markdown(&header, &rows)
    }

    /// A row for each case whose cause Astern's own ranker does not put first.
    pub(super) fn misses(&self) -> String {
        let own = self
            .methods
            .iter()
            .zip(&self.found)
            .filter(|(m, _)| m.name == FUSED);
        let mut rows = Vec::new();
        for (case, (rank, first)) in own.flat_map(|(_, found)| self.cases.iter().zip(found)) {
            if *rank != Some(1) {
                rows.push(vec![
                    case.name.clone(),
                    case.kind.clone(),
                    case.cause.clone(),
                    rank.map_or_else(|| "-".to_owned(), |rank| rank.to_string()),
                    first.clone(),
                ]);
            }
        }
        markdown(&["case", "kind", "cause", "rank", "first instead"], &rows)
    }

    /// Share at 1 of each method, in their order.
    pub(super) fn firsts(&self) -> Vec<String> {
        let hits = self.found.iter().map(|found| {
            let hits = found.iter().filter(|(rank, _)| *rank == Some(1)).count();
            share(hits, found.len())
        });
        hits.collect()
    }
}
