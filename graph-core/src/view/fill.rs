//! Cells into series.

use ndarray::ArrayViewMut1;

use crate::feature::Computed;
use crate::graph::TemporalGraph;
use crate::name::MetricName;
use crate::store::Cells;

/// The steps of a series or window, and in which of them any call was seen in the whole graph.
pub(super) struct Steps {
    first: i64,
    end: i64,
    secs: f64,
    with_calls: Vec<bool>,
}

impl Steps {
    pub(super) fn new(graph: &TemporalGraph, first: i64, count: usize) -> Self {
        let end = first.saturating_add(i64::try_from(count).unwrap_or(i64::MAX));
        let mut with_calls = vec![false; count];
        for step in graph.call_steps.range(first..end) {
            if let Some(place) = place(first, *step, count) {
                with_calls[place] = true;
            }
        }
        Self {
            first,
            end,
            secs: graph.params.step.as_secs_f64(),
            with_calls,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.with_calls.len()
    }

    /// Writes the values of one metric into a series of `NaN`. A sample under the name of a
    /// computed feature wins over the calls: the user measured it.
    pub(super) fn fill(
        &self,
        cells: &Cells,
        metric: &MetricName,
        mut series: ArrayViewMut1<'_, f64>,
    ) {
        let computed = Computed::of(metric);
        let counts = computed == Some(Computed::RequestRate);
        if counts && cells.iter().any(|(_, cell)| cell.calls() > 0) {
            for (value, seen) in series.iter_mut().zip(&self.with_calls) {
                if *seen {
                    *value = 0.0;
                }
            }
        }
        for (step, cell) in cells.range(self.first, self.end) {
            let of_calls = |feature| cell.computed(feature, self.secs);
            let seen = cell.sampled(metric).or_else(|| computed.and_then(of_calls));
            let value = place(self.first, step, series.len()).and_then(|p| series.get_mut(p));
            if let Some((value, seen)) = value.zip(seen) {
                *value = seen;
            }
        }
    }
}

impl Steps {
    /// Series of every metric that was sampled in these steps, by name.
    pub(super) fn sampled(&self, cells: &Cells) -> Vec<(MetricName, Vec<f64>)> {
        let mut all: Vec<(MetricName, Vec<f64>)> = Vec::new();
        for (step, cell) in cells.range(self.first, self.end) {
            let Some(place) = place(self.first, step, self.len()) else {
                continue;
            };
            // Both are sorted by name, and most cells hold the same metrics: one walk finds them all.
            let mut at = 0;
            for (metric, mean) in cell.means() {
                while all.get(at).is_some_and(|(known, _)| known < metric) {
                    at += 1;
                }
                if all.get(at).is_none_or(|(known, _)| known != metric) {
                    all.insert(at, (metric.clone(), vec![f64::NAN; self.len()]));
                }
                all[at].1[place] = mean;
                at += 1;
            }
        }
        all
    }
}

/// Place of a step in a series of this length.
fn place(first: i64, step: i64, len: usize) -> Option<usize> {
    let place = usize::try_from(step.checked_sub(first)?).ok()?;
    (place < len).then_some(place)
}
