//! Calls and samples of one node, edge or slice over several steps.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::slice;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::cell::{Cell, rate};
use crate::feature::Timing;
use crate::name::MetricName;
use crate::sketch::Sketch;

/// Calls and samples of one node, edge or slice over several steps.
///
/// Durations are summed up when they are first asked for, each kind by itself.
#[derive(Debug, Clone)]
pub struct CallSummary {
    /// Number of calls.
    pub calls: u64,
    /// Number of calls that failed by the fault of the callee.
    pub errors: u64,
    /// Number of calls that the callee refused by the fault of the caller.
    pub client_errors: u64,
    /// Those with calls or samples.
    cells: Held,
    /// Most summaries are of one step, and are asked for counts only.
    sums: OnceLock<Box<Sums>>,
}

/// Cells; a single one, as of one step, takes no memory of its own.
#[derive(Debug, Clone)]
enum Held {
    One(Arc<Cell>),
    Any(Vec<Arc<Cell>>),
}

impl FromIterator<Arc<Cell>> for Held {
    fn from_iter<I: IntoIterator<Item = Arc<Cell>>>(cells: I) -> Self {
        let mut cells = cells.into_iter();
        match (cells.next(), cells.next()) {
            (Some(cell), None) => Self::One(cell),
            (first, second) => Self::Any(first.into_iter().chain(second).chain(cells).collect()),
        }
    }
}

impl Deref for Held {
    type Target = [Arc<Cell>];

    fn deref(&self) -> &[Arc<Cell>] {
        match self {
            Self::One(cell) => slice::from_ref(cell),
            Self::Any(cells) => cells,
        }
    }
}

/// Durations of all cells together.
#[derive(Debug, Clone, Default)]
struct Sums {
    latency: OnceLock<Sketch>,
    server: OnceLock<Sketch>,
    gap: OnceLock<Sketch>,
    exclusive: OnceLock<Sketch>,
}

impl Sums {
    fn of(&self, timing: Timing) -> &OnceLock<Sketch> {
        match timing {
            Timing::Latency => &self.latency,
            Timing::Server => &self.server,
            Timing::Gap => &self.gap,
            Timing::Exclusive => &self.exclusive,
        }
    }
}

impl CallSummary {
    pub(crate) fn of<'a>(cells: impl Iterator<Item = &'a Arc<Cell>>) -> Self {
        Self::of_cells(cells.filter(|cell| cell.is_measured()).cloned().collect())
    }

    /// The calls of all of these together, of several instances for example; they must not overlap.
    pub fn joined<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let cells = parts
            .into_iter()
            .flat_map(|part| part.cells.iter().cloned());
        Self::of_cells(cells.collect())
    }

    fn of_cells(cells: Held) -> Self {
        Self {
            calls: total(cells.iter().map(|cell| cell.calls())),
            errors: total(cells.iter().map(|cell| cell.errors())),
            client_errors: total(cells.iter().map(|cell| cell.client_errors())),
            cells,
            sums: OnceLock::new(),
        }
    }

    /// The same with the calls of steps of which only samples speak, each `step` long: as many as the sampled request rate says,
    /// with the sampled error rates and quantiles of latency. Without a sampled error rate nothing is counted.
    ///
    /// ```
    /// use std::time::Duration;
    /// use astern_graph_core::{GraphBuilder, GraphParams, NodeKey, Sample, TimeRange, Timestamp};
    ///
    /// let cart = NodeKey::service("cart");
    /// let sample = |metric: &str, value| {
    ///     Sample::new(Timestamp::from_secs(30), cart.clone(), metric, value).into()
    /// };
    /// let mut builder = GraphBuilder::new(GraphParams::default())?;
    /// builder.extend([sample("request_rate", 5.0), sample("error_rate", 0.1)]);
    /// let minute = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(60))?;
    /// let calls = builder.build().calls_received(&cart, minute).unwrap();
    /// assert_eq!(calls.calls, 0);
    /// let counted = calls.counted(Duration::from_secs(60));
    /// assert_eq!((counted.calls, counted.errors), (300, 30));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn counted(self, step: Duration) -> Self {
        let by_rate = |cell: &Arc<Cell>| cell.counted(step.as_secs_f64()).map(Arc::new);
        if self.cells.iter().all(|cell| cell.samples() == 0) {
            return self;
        }
        let cells = self.cells.iter();
        let counted = cells.map(|cell| by_rate(cell).unwrap_or_else(|| Arc::clone(cell)));
        Self::of_cells(counted.collect())
    }

    /// The samples without the calls.
    #[must_use]
    pub fn only_samples(self) -> Self {
        let cells = self.cells.iter().filter(|cell| cell.samples() > 0);
        Self::of_cells(cells.map(|cell| Arc::new(cell.only_samples())).collect())
    }

    /// The same without the samples of metrics that are not kept.
    #[must_use]
    pub fn with_metrics(self, is_kept: impl Fn(&MetricName) -> bool) -> Self {
        if self
            .cells
            .iter()
            .flat_map(|cell| cell.metrics())
            .all(&is_kept)
        {
            return self;
        }
        let cells = self.cells.iter();
        let kept = cells.map(|cell| Arc::new(cell.with_metrics(&is_kept)));
        Self::of_cells(kept.filter(|cell| cell.is_measured()).collect())
    }

    /// Whether there is neither a call nor a sample.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Names of the metrics that were sampled.
    pub fn sampled_metrics(&self) -> BTreeSet<&MetricName> {
        self.cells.iter().flat_map(|cell| cell.metrics()).collect()
    }

    /// Values of a sampled metric: of each step, and of each node or slice where several are joined, the mean of its
    /// samples.
    pub fn sampled<'a>(&'a self, metric: &'a MetricName) -> impl Iterator<Item = f64> + 'a {
        self.cells.iter().filter_map(|cell| cell.sampled(metric))
    }

    /// Of each step.
    fn latencies(&self) -> impl Iterator<Item = &Sketch> {
        self.cells
            .iter()
            .map(|cell| cell.durations(Timing::Latency))
    }

    fn durations(&self, timing: Timing) -> &Sketch {
        let sum = self.sums.get_or_init(Box::default).of(timing);
        sum.get_or_init(|| {
            let mut all = Sketch::default();
            for cell in self.cells.iter() {
                all.merge(cell.durations(timing));
            }
            all
        })
    }

    /// Share of calls that failed; `None` without calls.
    pub fn error_rate(&self) -> Option<f64> {
        rate(self.errors, self.calls)
    }

    /// Quantile `q` of the latency, within 1 % of its value, or within what is known of it where it
    /// [is approximate](Self::is_approximate): as the callee saw it for calls that a
    /// node received, as the caller saw it for calls over an edge, or as the other where that side
    /// is silent. `None` when none was seen.
    pub fn latency_ms(&self, q: f64) -> Option<f64> {
        self.durations(Timing::Latency).quantile_ms(q)
    }

    /// How many calls took longer than `ms`, and of how many it is known how long they took. Durations within 1 % of
    /// `ms` may count on either side, the same ones for every summary.
    pub fn latency_above(&self, ms: f64) -> (u64, u64) {
        let sum = self.sums.get().and_then(|sums| sums.latency.get());
        if sum.is_some() || self.is_approximate() {
            return self.durations(Timing::Latency).above_ms(ms);
        }
        // Counts add up without a sum of the sketches.
        let counts = self.latencies().map(|sketch| sketch.above_ms(ms));
        counts.fold((0, 0), |(above, all), (x, n)| (above + x, all + n))
    }

    /// The least latency of at least `ms` above which calls are counted without a guess: the next bound of the histogram
    /// where they came as one, else `ms`. `None` beyond the last bound.
    pub fn latency_bound_ms(&self, ms: f64) -> Option<f64> {
        if self.is_approximate() {
            self.durations(Timing::Latency).bound_ms(ms)
        } else {
            Some(ms)
        }
    }

    /// Whether some of the latencies are only known to lie in a range, as a bucket of a histogram or between quantiles.
    pub fn is_approximate(&self) -> bool {
        self.latencies().any(Sketch::is_approximate)
    }

    /// How many calls there are for each batch whose distribution of latency is a guess, since only quantiles or a mean are
    /// known of it: so many are no better known than one. 1 where none is.
    pub fn calls_per_guess(&self) -> f64 {
        if self.is_approximate() {
            self.durations(Timing::Latency).durations_per_guess()
        } else {
            1.0
        }
    }

    /// Over an edge: quantile `q` of the latency as the callee saw it; `None` when none was seen.
    pub fn server_latency_ms(&self, q: f64) -> Option<f64> {
        self.durations(Timing::Server).quantile_ms(q)
    }

    /// Over an edge: quantile `q` of what the caller waited beyond what the callee took (network,
    /// connection, queue in front of the callee's own clock); 0 where clocks say less than nothing.
    /// `None` where no call had both durations.
    pub fn gap_ms(&self, q: f64) -> Option<f64> {
        self.durations(Timing::Gap).quantile_ms(q)
    }

    /// Of a node: quantile `q` of the time that it did not wait for callees of its own; `None` when
    /// none was seen.
    pub fn exclusive_ms(&self, q: f64) -> Option<f64> {
        self.durations(Timing::Exclusive).quantile_ms(q)
    }
}

fn total(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

/// The same counts and durations are the same, whatever was asked of them.
impl PartialEq for CallSummary {
    fn eq(&self, other: &Self) -> bool {
        let durations = [
            Timing::Latency,
            Timing::Server,
            Timing::Gap,
            Timing::Exclusive,
        ];
        (self.calls, self.errors, self.client_errors)
            == (other.calls, other.errors, other.client_errors)
            && durations
                .into_iter()
                .all(|timing| self.durations(timing) == other.durations(timing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Observation;
    use crate::key::NodeKey;
    use crate::record::{Call, CallStatus, Party};
    use crate::sketch::Bins;
    use crate::time::Timestamp;

    fn cell(ms: std::ops::Range<u64>) -> Arc<Cell> {
        let mut cell = Cell::default();
        for ms in ms {
            let took = |ms| Some(Duration::from_millis(ms));
            let status = if ms % 10 == 0 {
                CallStatus::Error
            } else {
                CallStatus::Ok
            };
            let call = Call::new(Timestamp::from_secs(0), Party::new(NodeKey::service("a")));
            let call = call.took(took(2 * ms), took(ms)).ended(status);
            cell.carry(&Observation::of(&call, &Bins::default()));
        }
        Arc::new(cell)
    }

    #[test]
    fn parts_are_joined_and_counted_above_a_threshold() {
        let parts =
            [cell(1..40), cell(40..101)].map(|cell| CallSummary::of(std::iter::once(&cell)));
        let joined = CallSummary::joined(&parts);
        assert_eq!(
            (joined.calls, joined.errors, joined.client_errors),
            (100, 10, 0)
        );
        // Twice as long as the callee saw.
        let (above, all) = joined.latency_above(101.0);
        assert!((49..=51).contains(&above) && all == 100);
        assert_eq!(joined.latency_above(f64::INFINITY), (0, 100));
        assert_eq!(CallSummary::joined([]).latency_above(1.0), (0, 0));
    }

    #[test]
    fn sums_are_those_of_all_steps_whatever_is_asked_first() {
        let parts = [cell(1..40), Arc::default(), cell(40..101)];
        let (split, whole) = (CallSummary::of(parts.iter()), cell(1..101));
        assert_eq!((split.calls, split.errors), (100, 10));
        assert!((split.error_rate().unwrap() - 0.1).abs() < 1e-12);
        assert_eq!(
            split.gap_ms(0.5),
            whole.durations(Timing::Gap).quantile_ms(0.5)
        );
        assert!((split.latency_ms(0.5).unwrap() - 100.0).abs() < 2.0);
        assert!((split.server_latency_ms(0.5).unwrap() - 50.0).abs() < 1.0);
        assert_eq!(split.exclusive_ms(0.5), None);
        // One that was asked nothing yet is the same.
        assert_eq!(split, CallSummary::of([whole].iter()));
        assert_ne!(split, CallSummary::of([cell(1..100)].iter()));
        let none = CallSummary::of([].iter());
        assert_eq!(
            (none.calls, none.error_rate(), none.latency_ms(0.5)),
            (0, None, None)
        );
    }
}
