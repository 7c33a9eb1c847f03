//! Which change it was, as a guard says that watches a run without knowledge of when anything began.

use astern_graph_core::ChangeId;

use super::evidence::{BLAMED, Evidences, Remembering};
use super::incidents::{Plot, Run};
use crate::EvalError;
use crate::simulated::watch_by;
use crate::table::{markdown, share};

/// Bins of the reliability table.
const BINS: usize = 5;

/// Tallies of the runs of each plot, in the order of [`Plot::ALL`].
pub(super) struct Changes {
    evidences: Evidences,
    tallies: [Tally; Plot::ALL.len()],
    /// Runs by the probability of the first change, and of those in how many it was to blame.
    bins: [(usize, usize); BINS],
}

#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    runs: usize,
    diagnosed: usize,
    first: usize,
    blamed: usize,
}

impl Changes {
    pub(super) fn new() -> Result<Self, EvalError> {
        Ok(Self {
            evidences: Evidences::new()?,
            tallies: Default::default(),
            bins: Default::default(),
        })
    }

    pub(super) fn add(&mut self, run: &Run) -> Result<(), EvalError> {
        let remembering = Remembering::new()?;
        let watched = watch_by(&run.simulation, run.step, &remembering)?;
        self.evidences.add(run, &remembering)?;
        let Some(place) = Plot::ALL.iter().position(|plot| *plot == run.plot) else {
            return Ok(());
        };
        let culprit: Option<&ChangeId> = run.simulation.truth.culprit.as_ref();
        let tally = &mut self.tallies[place];
        tally.runs += 1;
        tally.diagnosed += usize::from(watched.diagnosis.is_some());
        let Some(first) = watched.diagnosis.as_ref().and_then(|d| d.changes.first()) else {
            return Ok(());
        };
        let right = culprit == Some(&first.change);
        let probability = first.probability.unwrap_or(0.0);
        tally.first += usize::from(right);
        tally.blamed += usize::from(probability >= BLAMED && !right);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to BINS - 1"
        )]
        let bin = ((probability.clamp(0.0, 1.0) * BINS as f64) as usize).min(BINS - 1);
        self.bins[bin].0 += 1;
        self.bins[bin].1 += usize::from(right);
        Ok(())
    }

    pub(super) fn table(&self) -> String {
        let rows: Vec<Vec<String>> = Plot::ALL
            .iter()
            .zip(&self.tallies)
            .map(|(plot, tally)| {
                let first = if matches!(plot, Plot::Single | Plot::Concurrent) {
                    share(tally.first, tally.runs)
                } else {
                    "-".to_owned()
                };
                vec![
                    plot.name().to_owned(),
                    share(tally.diagnosed, tally.runs),
                    first,
                    share(tally.blamed, tally.runs),
                ]
            })
            .collect();
        let header = [
            "runs watched by a guard",
            "something is diagnosed",
            "the bad change is first",
            "a change is blamed wrongly",
        ];
        let bins: Vec<Vec<String>> = self
            .bins
            .iter()
            .enumerate()
            .map(|(i, (runs, right))| {
                let edge = |i: usize| format!("{:.1}", i as f64 / BINS as f64);
                vec![
                    format!("{} to {}", edge(i), edge(i + 1)),
                    runs.to_string(),
                    share(*right, *runs),
                ]
            })
            .collect();
        let reliability = [
            "probability of the first change",
            "runs",
            "it is the bad one",
        ];
        format!(
            "Blamed: with a probability of {BLAMED} or more.\n\n{}\n\n{}\n\n{}",
            markdown(&header, &rows),
            markdown(&reliability, &bins),
            self.evidences.table(),
        )
    }
}
