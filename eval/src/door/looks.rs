//! What the judges say of a change, look after look, and when the oracle would.

use astern::detect::release::{AnyReleaseJudge, ReleaseJudge as _, ReleaseJudgeParams};
use astern_graph_core::signal::Verdict;
use astern_graph_core::{ChangeEvent, TemporalGraph, TimeRange};

use super::oracle::Oracle;
use crate::EvalError;

/// All judges of the catalogue, the default one first.
pub(super) fn judges() -> Result<Vec<AnyReleaseJudge>, EvalError> {
    let judges = ReleaseJudgeParams::all().into_iter();
    Ok(judges
        .map(ReleaseJudgeParams::check)
        .collect::<Result<_, _>>()?)
}

/// Their names.
pub(super) fn names() -> Vec<&'static str> {
    let judges = ReleaseJudgeParams::all();
    judges.iter().map(ReleaseJudgeParams::name).collect()
}

/// What became of one change in one run.
#[derive(Debug, Clone)]
pub(super) struct Played {
    /// Of each judge.
    pub(super) judged: Vec<Judged>,
    /// First look at which the oracle rejects.
    pub(super) oracle: Option<usize>,
    /// Whether it rejects at the last.
    pub(super) oracle_at_end: bool,
    /// Number of looks.
    pub(super) looks: usize,
}

/// What one judge said.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Judged {
    /// First look at which it said "regressed".
    pub(super) regressed: Option<usize>,
    /// The verdict at the last look; of a control, until it says "regressed".
    pub(super) last: Option<Verdict>,
}

/// A change that is looked at again and again.
pub(super) struct Looks<'a> {
    judges: &'a [AnyReleaseJudge],
    played: Played,
}

impl<'a> Looks<'a> {
    pub(super) fn new(judges: &'a [AnyReleaseJudge]) -> Self {
        let played = Played {
            judged: vec![Judged::default(); judges.len()],
            oracle: None,
            oracle_at_end: false,
            looks: 0,
        };
        Self { judges, played }
    }

    /// One look at all that was seen in `range`, which begins with the change.
    pub(super) fn look(
        &mut self,
        graph: &TemporalGraph,
        change: &ChangeEvent,
        range: TimeRange,
        healthy: TimeRange,
        oracle: &Oracle,
    ) -> Result<(), EvalError> {
        let played = &mut self.played;
        for (place, (judge, judged)) in self.judges.iter().zip(&mut played.judged).enumerate() {
            // Where a control ends does not count once it has called the change regressed.
            if place > 0 && judged.regressed.is_some() {
                continue;
            }
            let assessment = judge.judge(graph, change, range, healthy);
            let verdict = assessment.map_err(|e| EvalError::Guard(e.into()))?.verdict;
            if verdict == Verdict::Regressed {
                judged.regressed.get_or_insert(played.looks);
            }
            judged.last = Some(verdict);
        }
        if played.oracle.is_none() && oracle.rejects() {
            played.oracle = Some(played.looks);
        }
        played.looks += 1;
        Ok(())
    }

    /// The outcome after the last look.
    pub(super) fn end(mut self, oracle: &Oracle) -> Played {
        self.played.oracle_at_end = oracle.rejects();
        self.played
    }
}
