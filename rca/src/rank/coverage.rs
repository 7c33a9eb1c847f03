//! Which operations abnormal traces went through, and which the others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use astern_graph_core::signal::{Abstention, Diagnosis, Evidence, RankedCause};
use astern_graph_core::{NodeKey, TemporalGraph};
use astern_stats::order;

use crate::candidates::symptom;
use crate::error::RankError;
use crate::incident::{Incident, TracePair};
use crate::rank::ranked;
use crate::table::moments;
use crate::trace::{Operation, Trace, TracedCall, Traces};

/// What a trace may take longer than expected.
const TOLERANCE_MS: f64 = 50.0;

/// Traces of one kind.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// The operations of each trace, each once, ascending.
    pub(super) traces: Vec<Vec<usize>>,
    /// By operation: the number of traces through it.
    pub(super) through: Vec<usize>,
    /// By operation: those that were called on its behalf, ascending.
    pub(super) callees: Vec<Vec<usize>>,
}

/// Abnormal and normal traces by operation.
#[derive(Debug)]
pub(super) struct Coverage<'a> {
    pub(super) operations: Vec<&'a Operation>,
    pub(super) abnormal: Side,
    pub(super) normal: Side,
}

/// The traces of an incident.
pub(super) fn pair<'a>(
    graph: &TemporalGraph,
    incident: &'a Incident,
) -> Result<&'a TracePair, RankError> {
    symptom(graph, incident)?;
    incident.traces.as_ref().ok_or(RankError::NoTraces)
}

impl<'a> Coverage<'a> {
    /// Tells the traces of the abnormal range apart: one is abnormal when its first call took more
    /// than 50 ms longer than the sum over its calls of `μ + σ`, the mean and standard deviation of the
    /// operation's own time when all was well. Where none of that range is normal, those of the
    /// healthy range stand for them. `O(n log n)` for n calls.
    pub(super) fn of(pair: &'a TracePair) -> Self {
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

    /// Blames services by their operation with the greatest score. Without an abnormal trace there is
    /// nothing to explain.
    pub(super) fn blame(&self, scores: &[f64]) -> Diagnosis {
        if self.abnormal.traces.is_empty() {
            return Diagnosis::abstain(Abstention::NoAnomaly);
        }
        let mut best: BTreeMap<&NodeKey, usize> = BTreeMap::new();
        for (i, operation) in self.operations.iter().enumerate() {
            let seen = self.abnormal.through[i] + self.normal.through[i] > 0;
            let known = best
                .get(&operation.service)
                .map_or(f64::NAN, |known| scores[*known]);
            if seen && order::ascending(known, scores[i]).is_lt() {
                best.insert(&operation.service, i);
            }
        }
        let causes = best.into_iter().map(|(service, i)| {
            let spectrum = Evidence::Spectrum {
                operation: self.operations[i].name.clone(),
                abnormal_through: self.abnormal.through[i],
                abnormal: self.abnormal.traces.len(),
                normal_through: self.normal.through[i],
                normal: self.normal.traces.len(),
            };
            RankedCause::new(service.clone(), scores[i]).because([spectrum])
        });
        ranked(causes.collect())
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

/// Mean and one standard deviation of each operation's own time; 0 for one that was never seen.
fn expected_ms(traces: &Traces, places: &[usize], operations: usize) -> Vec<f64> {
    let mut times = vec![Vec::new(); operations];
    for trace in traces.iter() {
        for (call, own) in trace.calls().iter().zip(trace.own_times()) {
            times[places[call.operation]].extend(own.map(ms));
        }
    }
    let expected = |times: &Vec<f64>| moments(times).map_or(0.0, |(mean, sigma)| mean + sigma);
    times.iter().map(expected).collect()
}

pub(super) fn ms(span: Duration) -> f64 {
    1e3 * span.as_secs_f64()
}
