//! `TraceRCA`: services whose presence and abnormal calls go with abnormal traces.

use std::collections::BTreeMap;

use astern_graph_core::signal::{Abstention, Evidence, RankedCause};
use astern_graph_core::{NodeKey, TemporalGraph};

use super::by_trace::pair;
use super::spectrum::Formula;
use crate::error::RankError;
use crate::incident::Incident;
use crate::ranker::{Ranker, Ranking};
use crate::table::moments;
use crate::trace::coverage::ms;
use crate::trace::{Trace, TracedCall, Traces};

/// How much a feature must stray beyond its healthy straying to be looked at, in standard
/// deviations.
const STRAY: f64 = 1.0;
/// Standard deviations beyond which a call is abnormal in a feature that is looked at.
const ABNORMAL: f64 = 1.0;
/// Least standard deviation.
const SIGMA_MIN: f64 = 0.1;
/// Least share of the abnormal traces that a service must be in.
const SUPPORT_MIN: f64 = 0.1;

/// Ranks services by the overlap of the traces that they are in with the abnormal ones, times how
/// many more abnormal traces call them abnormally than have them call so.
///
/// **Features.** Of the calls from one service to another: duration in milliseconds, and failure as
/// 0 or 1. With μ and σ of the [healthy traces](Incident::traced), a feature is looked at when
/// `(mean |x - μ| now - mean |x - μ| then) / σ > mean |x - μ| then / σ + 1`, where σ is at least
/// `.01 μ + .01` here. A pair of services without healthy calls has none.
///
/// **Traces.** A call of the abnormal range is abnormal when `|x - μ| > σ` in such a feature, where
/// σ is at least .1 here; a trace is abnormal when one of its calls is.
///
/// **Services.** With the share s of the abnormal traces that the service is in (as caller or
/// called) and the share c of its traces that are abnormal, the score is
/// `1 / (1/s + 1/c - 1) · |in - out|`, where *in* and *out* count the traces with an abnormal call
/// to it and from it: a service that only passes the fault on has as many of both. A service in
/// less than 10 % of the abnormal traces is left out.
///
/// `TraceRCA` (Li et al., `IWQoS` 2021), as in its code: it mines sets of services by FP-growth and
/// then scores services by the sets of one alone; so only those are made here. There, metrics of
/// hosts and containers are features of a call too. Abstains when no trace is abnormal.
///
/// # Errors
/// [`RankError`] when the graph does not hold the symptom or the incident carries no traces.
///
/// # Complexity
/// `O(n log n)` in time and `O(n)` in memory for n calls.
///
/// # Example
/// ```
#[doc = include_str!("example.md")]
#[doc = include_str!("example_traces.md")]
/// use astern_rca::Ranker;
/// use astern_rca::ranker::baseline::TraceRca;
///
/// // `cart` was slow, and every second request went through it.
/// let ranking = TraceRca.rank(&graph, &incident.traced(healthy, abnormal))?;
/// assert_eq!(ranking.causes[0].subject, cart.into());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TraceRca;

/// Who calls whom; `None` for a caller from outside.
type Pair<'a> = (Option<&'a NodeKey>, &'a NodeKey);

/// Duration and failure of the calls between two services.
type Features = [Vec<f64>; 2];

/// Healthy mean and standard deviation of each feature that is looked at.
type Bounds = [Option<(f64, f64)>; 2];

fn features(call: &TracedCall) -> [f64; 2] {
    [
        call.duration().map_or(f64::NAN, ms),
        f64::from(u8::from(call.failed)),
    ]
}

fn pair_of<'a>(traces: &'a Traces, call: &TracedCall) -> Pair<'a> {
    let services = traces.services();
    (
        call.caller.map(|caller| &services[caller]),
        &services[call.service],
    )
}

fn by_pair(traces: &Traces) -> BTreeMap<Pair<'_>, Features> {
    let mut by_pair: BTreeMap<Pair<'_>, Features> = BTreeMap::new();
    for call in traces.calls() {
        let of_pair = by_pair.entry(pair_of(traces, call)).or_default();
        for (values, x) in of_pair.iter_mut().zip(features(call)) {
            values.extend(Some(x).filter(|x| x.is_finite()));
        }
    }
    by_pair
}

/// The bounds of a feature if it strays now more than it did.
fn bounds(healthy: &[f64], now: &[f64]) -> Option<(f64, f64)> {
    let (mean, deviation) = moments(healthy)?;
    let stray = |values: &[f64]| {
        let total: f64 = values.iter().map(|x| (x - mean).abs()).sum();
        total / values.len() as f64 / deviation.max(0.01 * mean + 0.01)
    };
    let (then, now) = (stray(healthy), stray(now));
    (now - then > STRAY * then + 1.0).then_some((mean, deviation.max(SIGMA_MIN)))
}

fn is_abnormal(call: &TracedCall, bounds: &Bounds) -> bool {
    let within = |(x, bound): (f64, &Option<(f64, f64)>)| {
        bound.is_some_and(|(mean, sigma)| (x - mean).abs() > ABNORMAL * sigma)
    };
    features(call).into_iter().zip(bounds).any(within)
}

/// What the traces say of one service.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    abnormal: usize,
    normal: usize,
    /// Traces with an abnormal call to it, and from it.
    into: usize,
    from: usize,
}

/// Counts one trace for each of its services; whether it is abnormal.
fn count(trace: &Trace<'_>, abnormal: &[bool], counts: &mut [Counts]) -> bool {
    // Per service: whether an abnormal call leads to it, and from it.
    let mut seen: BTreeMap<usize, (bool, bool)> = BTreeMap::new();
    for (call, abnormal) in trace.calls().iter().zip(abnormal) {
        seen.entry(call.service).or_default().0 |= abnormal;
        if let Some(caller) = call.caller {
            seen.entry(caller).or_default().1 |= abnormal;
        }
    }
    let is_abnormal = abnormal.contains(&true);
    for (service, (into, from)) in seen {
        let counts = &mut counts[service];
        counts.abnormal += usize::from(is_abnormal);
        counts.normal += usize::from(!is_abnormal);
        counts.into += usize::from(into);
        counts.from += usize::from(from);
    }
    is_abnormal
}

impl Ranker for TraceRca {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        let pair = pair(graph, incident)?;
        let healthy = by_pair(&pair.healthy);
        let now = by_pair(&pair.abnormal);
        let limits: BTreeMap<Pair<'_>, Bounds> = now
            .iter()
            .filter_map(|(link, now)| {
                let healthy = healthy.get(link)?;
                Some((*link, [0, 1].map(|i| bounds(&healthy[i], &now[i]))))
            })
            .collect();
        let mut counts = vec![Counts::default(); pair.abnormal.services().len()];
        let mut abnormal = 0;
        for trace in pair.abnormal.iter() {
            let verdict = |call: &TracedCall| {
                let limits = limits.get(&pair_of(&pair.abnormal, call));
                limits.is_some_and(|bounds| is_abnormal(call, bounds))
            };
            let verdicts: Vec<bool> = trace.calls().iter().map(verdict).collect();
            abnormal += usize::from(count(&trace, &verdicts, &mut counts));
        }
        if abnormal == 0 {
            return Ok(Ranking::abstain(Abstention::NoAnomaly));
        }
        let normal = pair.abnormal.len() - abnormal;
        let supported = |(_, counts): &(&NodeKey, &Counts)| {
            counts.abnormal as f64 >= SUPPORT_MIN * abnormal as f64
        };
        let services = pair.abnormal.services().iter().zip(&counts);
        let causes = services.filter(supported).map(|(service, counts)| {
            let past = abnormal - counts.abnormal;
            let (ef, ep, nf) = (counts.abnormal as f64, counts.normal as f64, past as f64);
            let overlap = Formula::Jaccard.score(ef, ep, nf);
            let spectrum = Evidence::Spectrum {
                operation: None,
                abnormal_through: counts.abnormal,
                abnormal,
                normal_through: counts.normal,
                normal,
            };
            let score = overlap * counts.into.abs_diff(counts.from) as f64;
            RankedCause::new(service.clone(), score).because([spectrum])
        });
        Ok(Ranking::of(causes.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{assert_scores, trace_scores};

    const HEALTHY: [(&str, u64); 3] = [("cart", 10), ("stock", 10), ("", 0)];

    #[test]
    fn overlap_counts_where_abnormal_calls_end() {
        let abnormal = [("cart", 500), ("cart", 500), ("stock", 10), ("cart", 10)];
        // Of the cart's 3 traces 2 are abnormal, of which both have an abnormal call to it and none
        // from it. web has as many to it as from it. No abnormal trace has the stock.
        let ranked = trace_scores(&TraceRca, &HEALTHY, &abnormal);
        assert_scores(&ranked, &[("cart", 2.0 / 3.0 * 2.0), ("web", 0.0)]);
    }

    #[test]
    fn a_feature_counts_when_it_strays_more_than_it_did() {
        // Straying 1 on average then, with a deviation of 1: now it must stray by more than 3.
        let healthy = [9.0, 11.0, 9.0, 11.0];
        assert_eq!(bounds(&healthy, &[13.0, 7.0]), None);
        assert_eq!(bounds(&healthy, &[13.1, 6.9]), Some((10.0, 1.0)));
        // Constant: .01 · 10 + .01 to stray, .1 to be abnormal.
        assert_eq!(bounds(&[10.0; 3], &[10.11]), None);
        assert_eq!(bounds(&[10.0; 3], &[10.12]), Some((10.0, 0.1)));
        assert_eq!(bounds(&[], &[10.0]), None);
        assert_eq!(bounds(&[10.0], &[]), None);
    }

    #[test]
    fn without_an_abnormal_trace_it_abstains() {
        assert!(trace_scores(&TraceRca, &HEALTHY, &HEALTHY).is_empty());
        // A call that was never seen healthy has no bounds.
        assert!(trace_scores(&TraceRca, &[], &[("cart", 500)]).is_empty());
    }
}
