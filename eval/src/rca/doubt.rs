//! When the ranker says that nothing of this is at fault, and how true its probabilities are.

use astern_graph_core::signal::{Abstention, Diagnosis};
use astern_graph_core::{NodeKey, TemporalGraph};
use astern_rca::{Diagnoser, DiagnoserParams};
use astern_stats::reliability::reliability;

use super::incidents::{Plot, Run};
use crate::EvalError;
use crate::table::{calibration, markdown, share};

/// Bins of the reliability tables.
const BINS: usize = 5;

/// What a diagnosis says, in the order of the columns.
const SAID: [&str; 6] = [
    "a cause",
    "a cause, and no change",
    "no regression",
    "load",
    "outside",
    "cannot tell",
];

/// What the ranker reported of the runs of each plot, in the order of [`Plot::ALL`].
pub(super) struct Doubt {
    diagnoser: Diagnoser,
    said: [[usize; SAID.len()]; Plot::ALL.len()],
    /// Probability of each of the four that may be the matter, and whether it was.
    matters: Vec<(f64, bool)>,
    /// Probability of the first cause, and whether it was the one.
    causes: Vec<(f64, bool)>,
}

impl Doubt {
    pub(super) fn new() -> Result<Self, EvalError> {
        Ok(Self {
            diagnoser: DiagnoserParams::default().check()?,
            said: Default::default(),
            matters: Vec::new(),
            causes: Vec::new(),
        })
    }

    pub(super) fn add(&mut self, run: &Run, graph: &TemporalGraph) -> Result<(), EvalError> {
        let Some(place) = Plot::ALL.iter().position(|plot| *plot == run.plot) else {
            return Ok(());
        };
        // Who ranks nothing says nothing: there is no symptom.
        let Ok(diagnosis) = self.diagnoser.diagnose(graph, &run.incident(graph, 0)?) else {
            return Ok(());
        };
        self.said[place][said(&diagnosis)] += 1;
        let cause = run.simulation.truth.service.as_ref();
        self.of_matters(run.plot, &diagnosis);
        self.of_first(cause, &diagnosis);
        Ok(())
    }

    fn of_matters(&mut self, plot: Plot, diagnosis: &Diagnosis) {
        let truth = plot.instead_of_a_cause();
        let all = &diagnosis.alternatives;
        if all.is_empty() {
            return;
        }
        let each = all
            .iter()
            .map(|a| (a.probability, truth.as_ref() == Some(&a.reason)));
        self.matters.extend(each);
        let others: f64 = all.iter().map(|a| a.probability).sum();
        self.matters.push((1.0 - others, truth.is_none()));
    }

    fn of_first(&mut self, cause: Option<&NodeKey>, diagnosis: &Diagnosis) {
        let first = diagnosis.causes.first();
        if let Some((first, p)) = first.and_then(|first| Some((first, first.probability?))) {
            self.causes.push((p, cause == Some(first.subject.node())));
        }
    }

    pub(super) fn report(&self) -> Result<String, EvalError> {
        let rows: Vec<Vec<String>> = Plot::ALL
            .iter()
            .zip(&self.said)
            .map(|(plot, counts)| {
                let all = counts.iter().sum();
                let cells = counts.iter().map(|n| share(*n, all));
                std::iter::once(plot.name().to_owned())
                    .chain(cells)
                    .collect()
            })
            .collect();
        let mut header = vec!["what happened"];
        header.extend(SAID);
        let table = |stated: &[(f64, bool)]| -> Result<String, EvalError> {
            let found = reliability(stated, BINS)?;
            Ok(found.map_or_else(String::new, |found| calibration(&found)))
        };
        Ok(format!(
            "What the diagnosis says at the onset, by what happened:\n\n{}\n\nProbabilities of what is the \
             matter (a node at fault, no regression, load, outside the graph), all plots:\n\n{}\n\nProbability \
             of the first cause, all plots (where nothing is at fault, no cause is right):\n\n{}\n",
            markdown(&header, &rows),
            table(&self.matters)?,
            table(&self.causes)?,
        ))
    }
}

/// The place in [`SAID`].
fn said(diagnosis: &Diagnosis) -> usize {
    match &diagnosis.abstained {
        None => 0,
        Some(Abstention::NoChangeExplains) => 1,
        Some(Abstention::NoRegression) => 2,
        Some(Abstention::Load) => 3,
        Some(Abstention::OutsideGraph) => 4,
        Some(_) => 5,
    }
}
