//! Which operations abnormal traces went through, and which the others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use astern_graph_core::signal::Evidence;

use super::{Operation, Trace, TracedCall, Traces};
use crate::incident::TracePair;
use crate::table::moments;

/// What a trace may take longer than expected.
const TOLERANCE_MS: f64 = 50.0;

/// Traces of one kind.
#[derive(Debug, Default)]
pub(crate) struct Side {
    /// The operations of each trace, each once, ascending.
    pub(crate) traces: Vec<Vec<usize>>,
    /// By operation: the number of traces through it.
    pub(crate) through: Vec<usize>,
    /// By operation: those that were called on its behalf, ascending.
    pub(crate) callees: Vec<Vec<usize>>,
}

/// Abnormal and normal traces by operation.
#[derive(Debug)]
pub(crate) struct Coverage<'a> {
    pub(crate) operations: Vec<&'a Operation>,
    pub(crate) abnormal: Side,
    pub(crate) normal: Side,
}

impl<'a> Coverage<'a> {
    /// Splits the traces of the abnormal range: one is abnormal when its first call took more
    /// than 50 ms longer than the sum over its calls of `μ + σ`, the mean and standard deviation of
    /// the operation's self time when all was well. Where none of that range is normal, those of the
    /// healthy range stand for them. `O(n log n)` for n calls.
    pub(crate) fn of(pair: &'a TracePair) -> Self {
        let all = pair
            .healthy
            .operations()
            .iter()
            .chain(pair.abnormal.operations());
        let mut places: BTreeMap<&Operation, usize> = all.map(|operation| (operation, 0)).collect();
        for (i, place) in places.values_mut().enumerate() {
            *place = i;
        }
        let place_in = |traces: &'a Traces| -> Vec<usize> {
            traces
                .operations()
                .iter()
                .map(|operation| places[operation])
                .collect()
        };
        let (in_healthy, in_abnormal) = (place_in(&pair.healthy), place_in(&pair.abnormal));
        let expected = expected_ms(&pair.healthy, &in_healthy, places.len());
        let is_abnormal = |trace: &Trace<'_>| {
            let calls = trace
                .calls()
                .iter()
                .map(|call| expected[in_abnormal[call.operation]]);
            let took = trace.calls().first().and_then(TracedCall::duration);
            took.is_some_and(|took| ms(took) > calls.sum::<f64>() + TOLERANCE_MS)
        };
        let (abnormal, normal): (Vec<_>, Vec<_>) = pair.abnormal.iter().partition(is_abnormal);
        let normal = if normal.is_empty() {
            Side::of(pair.healthy.iter(), &in_healthy, places.len())
        } else {
            Side::of(normal.into_iter(), &in_abnormal, places.len())
        };
        Self {
            abnormal: Side::of(abnormal.into_iter(), &in_abnormal, places.len()),
            normal,
            operations: places.into_keys().collect(),
        }
    }

    /// The evidence on an operation.
    pub(crate) fn evidence(&self, operation: usize) -> Evidence {
        Evidence::Spectrum {
            operation: self.operations[operation].name.clone(),
            abnormal_through: self.abnormal.through[operation],
            abnormal: self.abnormal.traces.len(),
            normal_through: self.normal.through[operation],
            normal: self.normal.traces.len(),
        }
    }
}

impl Side {
    fn of<'t>(
        traces: impl Iterator<Item = Trace<'t>>,
        places: &[usize],
        operations: usize,
    ) -> Self {
        let mut side = Self {
            traces: Vec::new(),
            through: vec![0; operations],
            callees: vec![Vec::new(); operations],
        };
        let mut called = BTreeSet::new();
        for trace in traces {
            let mut covered: Vec<usize> = trace.operations().iter().map(|i| places[*i]).collect();
            covered.sort_unstable();
            for operation in &covered {
                side.through[*operation] += 1;
            }
            side.traces.push(covered);
            for call in trace.calls() {
                let parent = call.parent.map(|parent| trace.calls()[parent].operation);
                called.extend(parent.map(|parent| (places[parent], places[call.operation])));
            }
        }
        for (parent, child) in called {
            side.callees[parent].push(child);
        }
        side
    }
}

/// Mean and one standard deviation of each operation's self time; 0 for one that was never seen.
fn expected_ms(traces: &Traces, places: &[usize], operations: usize) -> Vec<f64> {
    let mut times = vec![Vec::new(); operations];
    for trace in traces.iter() {
        for (call, own) in trace.calls().iter().zip(trace.self_times()) {
            times[places[call.operation]].extend(own.map(ms));
        }
    }
    let expected = |times: &Vec<f64>| moments(times).map_or(0.0, |(mean, sigma)| mean + sigma);
    times.iter().map(expected).collect()
}

pub(crate) fn ms(span: Duration) -> f64 {
    1e3 * span.as_secs_f64()
}
