//! What each piece of evidence about changes is good for: the last incident of every run by the same
//! ranker with one of them off.

use std::cell::RefCell;

use astern_graph_core::TemporalGraph;
use astern_rca::blame::BlameParams;
use astern_rca::ranker::{FusedParams, FusedRanker, Ranking};
use astern_rca::{Diagnoser, DiagnoserParams, Incident, RankError, Ranker};
use astern_stats::ParamError;

use super::incidents::{Plot, Run};
use crate::EvalError;
use crate::table::markdown;

/// Probability from which on a change counts as blamed.
pub(super) const BLAMED: f64 = 0.5;

/// The blame with one of its terms off.
type Off = (&'static str, fn(BlameParams) -> BlameParams);

const OFF: [Off; 9] = [
    ("all", |p| p),
    ("- without lead", |p| p.cause_limit(0.0)),
    ("- without new against old", |p| {
        p.contrast_limit(0.0).uncontrolled_limit(0.0).healthy(0.0)
    }),
    ("- without dose", |p| p.dose(0.0)),
    ("- without time", |p| p.recent(0.0)),
    ("- without veto", |p| p.steps_slack(1_000)),
    ("- without depth", |p| p.depth(0.0)),
    ("- without influence", |p| p.influence(0.0)),
    ("- without between", |p| p.between(0.0)),
];

/// Astern's ranker, which remembers what it was last asked.
pub(super) struct Remembering {
    ranker: FusedRanker,
    asked: RefCell<Option<(TemporalGraph, Incident)>>,
}

impl Remembering {
    pub(super) fn new() -> Result<Self, ParamError> {
        Ok(Self {
            ranker: FusedParams::default().check()?,
            asked: RefCell::new(None),
        })
    }
}

impl Ranker for Remembering {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        *self.asked.borrow_mut() = Some((graph.clone(), incident.clone()));
        self.ranker.rank(graph, incident)
    }
}

/// How one form of the blame did.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    first: usize,
    blamed: usize,
    /// By plot, in the order of [`Plot::ALL`].
    wrongly: [usize; Plot::ALL.len()],
}

/// The forms of the blame, and how each did.
pub(super) struct Evidences {
    forms: Vec<(&'static str, Diagnoser, Tally)>,
    runs: [usize; Plot::ALL.len()],
}

impl Evidences {
    pub(super) fn new() -> Result<Self, ParamError> {
        let form = |(name, off): Off| {
            let blame = off(BlameParams::default());
            let diagnoser = DiagnoserParams::default().blame(blame).check()?;
            Ok((name, diagnoser, Tally::default()))
        };
        Ok(Self {
            forms: OFF.into_iter().map(form).collect::<Result<_, _>>()?,
            runs: [0; Plot::ALL.len()],
        })
    }

    pub(super) fn add(&mut self, run: &Run, asked: &Remembering) -> Result<(), EvalError> {
        let Some(place) = Plot::ALL.iter().position(|plot| *plot == run.plot) else {
            return Ok(());
        };
        self.runs[place] += 1;
        let asked = asked.asked.borrow();
        let Some((graph, incident)) = asked.as_ref() else {
            return Ok(());
        };
        let culprit = run.simulation.truth.culprit.as_ref();
        for (_, diagnoser, tally) in &mut self.forms {
            let diagnosis = diagnoser.diagnose(graph, incident)?;
            let Some(first) = diagnosis.changes.first() else {
                continue;
            };
            let right = culprit == Some(&first.change);
            let blamed = first.probability.unwrap_or(0.0) >= BLAMED;
            tally.first += usize::from(right);
            tally.blamed += usize::from(right && blamed);
            tally.wrongly[place] += usize::from(!right && blamed);
        }
        Ok(())
    }

    pub(super) fn table(&self) -> String {
        let bad = |plot: &Plot| matches!(plot, Plot::Single | Plot::Concurrent);
        let runs = Plot::ALL.iter().zip(self.runs);
        let culprits: usize = runs
            .clone()
            .filter(|(plot, _)| bad(plot))
            .map(|(_, n)| n)
            .sum();
        let mut header = vec![
            "evidence about changes".to_owned(),
            format!("bad one first, of {culprits}"),
            "and blamed".to_owned(),
        ];
        header.extend(runs.map(|(plot, n)| format!("wrongly: {} ({n})", plot.name())));
        let row = |(name, _, tally): &(&str, Diagnoser, Tally)| {
            let counts = [tally.first, tally.blamed].into_iter().chain(tally.wrongly);
            let counts = counts.map(|n| n.to_string());
            std::iter::once((*name).to_owned()).chain(counts).collect()
        };
        let rows: Vec<Vec<String>> = self.forms.iter().map(row).collect();
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        format!(
            "The last incident of every run, by the blame with one piece of evidence off:\n\n{}\n",
            markdown(&header, &rows),
        )
    }
}
