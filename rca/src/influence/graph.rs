//! The directed graph of influences between nodes.

use serde::{Deserialize, Serialize};

use astern_graph_core::signal::Evidence;
use astern_graph_core::{GraphError, MetricName, NodeKey, TemporalGraph, TimeRange};
use astern_stats::multiplicity::benjamini_hochberg;
use astern_stats::param::in_range;
use astern_stats::{ParamError, correlation::pearson};

use super::blend::{BlendParams, Tie};
use super::edge::{SAMPLES_MIN, explained, fallback};
use crate::te::{
    Estimate, GaussianParams, KsgParams, Lags, Pairs, Series, Surrogates, TeError, best_delay_of,
    differenced,
};

/// Parameters of an [`InfluenceGraph`].
///
/// | parameter | default | rule |
/// |---|---|---|
/// | `scope` | [`InfluenceScope::Edges`] | which pairs are estimated |
/// | `method` | [`InfluenceMethod::Gaussian`] | |
/// | `history` | 3 | own past values of the target, 1 to 16; see below |
/// | `delay_max` | 1 | delays tried, in steps, 1 to 100; the greatest estimate counts; see below |
/// | `alpha` | .05 | rate of false discoveries over all pairs, 0 to 1 |
/// | `samples_min` | 50 | fewest complete samples of a pair, 12 to 1,000,000 |
/// | `threads` | 1 | the result is the same for any number |
/// | `blend` | see [`BlendParams`] | |
///
/// Differences of a series that returns to its level follow each other for several steps. With one own past
/// value the rest of that passes for influence: the test at 5 % finds 7 % in independent noise.
///
/// All delays of a pair are estimated on the same steps but for gaps, so a long `delay_max` takes samples
/// from the short ones. Delays that would leave fewer than `samples_min` of the range are not tried, nor are
/// those of a pair whose gaps leave fewer; where that is all of them, half as many are tried, and so on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InfluenceParams {
    scope: InfluenceScope,
    method: InfluenceMethod,
    history: u8,
    delay_max: u16,
    alpha: f64,
    samples_min: u32,
    threads: usize,
    blend: BlendParams,
}

/// Which pairs of nodes are estimated, each in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum InfluenceScope {
    /// Those joined by an edge of the graph.
    Edges,
    /// All nodes that have the metric: N (N - 1) estimates. What is found may be indirect.
    AllPairs,
}

/// How transfer entropy is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum InfluenceMethod {
    /// [`Gaussian`](crate::te::Gaussian), with p-values by χ², times the number of delays tried
    /// (Bonferroni).
    Gaussian,
    /// [`Ksg`](crate::te::Ksg) with its defaults, and p-values from surrogates against the greatest of all
    /// delays. For influence that is not linear; takes some hundred samples and far longer.
    Ksg(Surrogates),
}

impl Default for InfluenceParams {
    fn default() -> Self {
        Self {
            scope: InfluenceScope::Edges,
            method: InfluenceMethod::Gaussian,
            history: 3,
            delay_max: 1,
            alpha: 0.05,
            samples_min: SAMPLES_MIN,
            threads: 1,
            blend: BlendParams::default(),
        }
    }
}

astern_stats::setters!(InfluenceParams {
    /// Sets the pairs.
    scope: InfluenceScope,
    /// Sets the method.
    method: InfluenceMethod,
    /// Sets how many own past values of the target are known.
    history: u8,
    /// Sets the greatest delay, in steps.
    delay_max: u16,
    /// Sets the rate of false discoveries.
    alpha: f64,
    /// Sets the least number of complete samples.
    samples_min: u32,
    /// Sets the number of threads.
    threads: usize,
    /// Sets the weights of the blend.
    blend: BlendParams,
});

impl InfluenceParams {
    fn check(&self) -> Result<(), ParamError> {
        in_range("history", f64::from(self.history), 1.0, 16.0)?;
        in_range("delay_max", f64::from(self.delay_max), 1.0, 100.0)?;
        in_range("alpha", self.alpha, 0.0, 1.0)?;
        in_range("samples_min", f64::from(self.samples_min), 12.0, 1e6)?;
        self.blend.check()
    }
}

/// Who drives whom by how much, how long it takes and how sure that is.
///
/// Each pair of one metric's series is differenced, which removes level shifts, and estimated over a
/// healthy range; p-values are adjusted over all pairs (Benjamini and Hochberg 1995). Pairwise estimates
/// see indirect influence too.
///
/// Without enough samples a pair has no estimate, and its evidence is an [`Evidence::Fallback`]; the blend
/// then rests on the other two parts.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct InfluenceGraph {
    /// Sorted by `from`, then `to`.
    pub edges: Vec<InfluenceEdge>,
}

/// Influence of `from` on `to`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct InfluenceEdge {
    /// Source of the influence.
    pub from: NodeKey,
    /// Target of it.
    pub to: NodeKey,
    /// Steps from the source's change to the target's; `None` without an estimate.
    pub delay_steps: Option<u16>,
    /// Transfer entropy of the differenced series, with the p-value of this pair alone.
    pub estimate: Option<Estimate>,
    /// The p-value that counts all pairs.
    pub q_value: Option<f64>,
    /// Share of the target's unexplained variance that the source's past explains, `1 - exp(-2 TE)`; 0
    /// where it is not significant, `None` without an estimate.
    pub weight: Option<f64>,
    /// Blend of transfer entropy, correlation and topology; those into one target sum to 1. See
    /// [`BlendParams`].
    pub blended: f64,
    /// The estimate, or the fallback with its reason.
    pub evidence: Evidence,
}

impl InfluenceGraph {
    /// Estimates the influences between nodes in one metric over a healthy range.
    ///
    /// # Errors
    /// [`InfluenceError`] for a parameter outside its rule or a range that the graph cannot answer.
    ///
    /// # Complexity
    /// `O(P · D · T)` for P pairs, D delays and T steps with the Gaussian method.
    ///
    /// # Example
    /// ```
    /// use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey, Sample, TimeRange, Timestamp};
    /// use astern_rca::influence::{InfluenceGraph, InfluenceParams};
    ///
    /// let (web, cart) = (NodeKey::service("web"), NodeKey::service("cart"));
    /// let mut builder = GraphBuilder::new(GraphParams::default())?;
    /// builder.declare_edge(web.clone(), cart.clone(), EdgeKind::Calls);
    /// let cart_ms = |minute: i64| (minute * minute % 53) as f64;
    /// for minute in 0..120 {
    ///     let at = Timestamp::from_secs(60 * minute);
    ///     // The web front end is slow two minutes after the cart was.
    ///     let web_ms = 2.0 * cart_ms(minute - 2) + (minute % 7) as f64;
    ///     builder.extend([
    ///         Sample::new(at, cart.clone(), "latency_ms", cart_ms(minute)).into(),
    ///         Sample::new(at, web.clone(), "latency_ms", web_ms).into(),
    ///     ]);
    /// }
    /// let range = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(7_200))?;
    /// let params = InfluenceParams::default().delay_max(5);
    /// let found = InfluenceGraph::estimate(&builder.build(), &"latency_ms".into(), range, &params)?;
    ///
    /// let there = found.between(&cart, &web).unwrap();
    /// assert_eq!(there.delay_steps, Some(2));
    /// assert!(there.weight > Some(0.5) && there.q_value < Some(1e-6));
    /// assert!(there.weight > found.between(&web, &cart).unwrap().weight);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn estimate(
        graph: &TemporalGraph,
        metric: &MetricName,
        healthy: TimeRange,
        params: &InfluenceParams,
    ) -> Result<Self, InfluenceError> {
        params.check()?;
        let keys = graph.keys();
        let mut series = Vec::with_capacity(keys.len());
        for key in keys {
            series.push(differenced(&graph.series(key, metric, healthy)?));
        }
        let pairs = pairs(graph, &series, params.scope);
        let found = delayed(&series, &pairs, params)?;
        let p_value = |found: &Result<Delayed, TeError>| {
            let estimate = found
                .as_ref()
                .ok()
                .and_then(|(_, estimate)| estimate.p_value);
            estimate.unwrap_or(f64::NAN)
        };
        let adjusted = benjamini_hochberg(&found.iter().map(p_value).collect::<Vec<_>>());
        let mut edges = Vec::with_capacity(pairs.len());
        for ((pair, found), q_value) in pairs.iter().zip(found).zip(adjusted) {
            edges.push(edge(
                (&keys[pair.0], &keys[pair.1]),
                found,
                q_value,
                params.alpha,
            ));
        }
        let ties: Vec<Tie> = pairs
            .iter()
            .zip(&edges)
            .map(|(pair, edge)| Tie {
                target: pair.1,
                transfer_entropy: edge.weight,
                correlation: pearson(&series[pair.0], &series[pair.1]).map(f64::abs),
                carries_faults: carries_faults(graph, (&keys[pair.0], &keys[pair.1])),
            })
            .collect();
        for (edge, blended) in edges.iter_mut().zip(params.blend.weights(&ties)) {
            edge.blended = blended;
        }
        Ok(Self { edges })
    }

    /// The influence of one node on another, where the pair was estimated.
    pub fn between(&self, from: &NodeKey, to: &NodeKey) -> Option<&InfluenceEdge> {
        let found = self
            .edges
            .binary_search_by(|edge| (&edge.from, &edge.to).cmp(&(from, to)));
        found.ok().map(|at| &self.edges[at])
    }
}

/// Influences could not be estimated at all.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InfluenceError {
    /// A parameter is outside its rule.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// A parameter of the estimator or of its surrogates is outside its rule.
    #[error(transparent)]
    Estimator(#[from] TeError),
    /// The graph cannot answer.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

type Delayed = (u16, Estimate);

/// Pairs of indices of keys (which are sorted), source first, in ascending order.
fn pairs(graph: &TemporalGraph, series: &[Vec<f64>], scope: InfluenceScope) -> Vec<(usize, usize)> {
    let keys = graph.keys();
    let index = |id| graph.key(id).and_then(|key| keys.binary_search(key).ok());
    let seen: Vec<bool> = series
        .iter()
        .map(|s| s.iter().any(|x| x.is_finite()))
        .collect();
    let mut pairs: Vec<(usize, usize)> = match scope {
        InfluenceScope::Edges => graph
            .edges()
            .filter_map(|(from, to, _)| index(from).zip(index(to)))
            .flat_map(|(a, b)| [(a, b), (b, a)])
            .collect(),
        InfluenceScope::AllPairs => {
            let all = 0..keys.len();
            all.clone()
                .flat_map(|a| all.clone().map(move |b| (a, b)))
                .collect()
        }
    };
    pairs.retain(|(a, b)| a != b && seen[*a] && seen[*b]);
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// The estimate at the best delay of each pair.
fn delayed(
    series: &[Vec<f64>],
    pairs: &[(usize, usize)],
    params: &InfluenceParams,
) -> Result<Vec<Result<Delayed, TeError>>, TeError> {
    // The first difference is always missing.
    let series: Vec<&[f64]> = series.iter().map(|s| s.get(1..).unwrap_or(&[])).collect();
    let (steps, need) = (series.first().map_or(0, |s| s.len()), params.samples_min);
    let spare = steps.saturating_sub(need as usize).max(1);
    let mut delay_max = u16::try_from(spare).map_or(params.delay_max, |s| s.min(params.delay_max));
    let mut best = at_best(&series, pairs, delay_max, params)?;
    let mut short: Vec<usize> = (0..pairs.len()).collect();
    loop {
        short.retain(|at| matches!(best[*at], Err(TeError::TooFew { .. })));
        if short.is_empty() || delay_max == 1 {
            return Ok(best);
        }
        delay_max /= 2;
        let again: Vec<(usize, usize)> = short.iter().map(|at| pairs[*at]).collect();
        let found = at_best(&series, &again, delay_max, params)?;
        for (at, found) in short.iter().zip(found) {
            best[*at] = found;
        }
    }
}

/// The estimate at the best of so many delays of each pair, [`TeError::TooFew`] where each has too few
/// samples.
fn at_best(
    series: &[&[f64]],
    pairs: &[(usize, usize)],
    delay_max: u16,
    params: &InfluenceParams,
) -> Result<Vec<Result<Delayed, TeError>>, TeError> {
    let delays = 1..=delay_max;
    let need = params.samples_min as usize;
    let lags = Lags::default().target_history(params.history);
    Ok(match params.method {
        InfluenceMethod::Gaussian => {
            let mut best: Vec<Option<Result<Delayed, TeError>>> = vec![None; pairs.len()];
            let columns: Vec<Series<'_, f64>> = series.iter().map(|s| Series::from(*s)).collect();
            for delay in delays {
                let te = GaussianParams::default().lags(lags.delay(delay));
                let found = Pairs::new(te.check()?).threads(params.threads);
                let found = found.starting_at(delay_max.into()).of(&columns, pairs);
                for (best, found) in best.iter_mut().zip(found) {
                    let found = enough(found.estimate, need).map(|estimate| (delay, estimate));
                    *best = Some(greater(best.take(), found));
                }
            }
            let corrected = |found: Result<Delayed, TeError>| {
                found.map(|(delay, mut estimate)| {
                    let tried = f64::from(delay_max);
                    estimate.p_value = estimate.p_value.map(|p| (p * tried).min(1.0));
                    (delay, estimate)
                })
            };
            best.into_iter().flatten().map(corrected).collect()
        }
        InfluenceMethod::Ksg(surrogates) => {
            let te = KsgParams::default().lags(lags).check()?;
            surrogates.check()?;
            crate::te::on_threads(params.threads, pairs.len(), &|at| {
                let pair = [pairs[at].0, pairs[at].1].map(|at| Series::from(series[at]));
                let best = best_delay_of(&te, pair, delays.clone(), &surrogates, need)?;
                Ok((best.delay, best.estimate))
            })
        }
    })
}

/// The estimate, if it is of so many samples.
fn enough(found: Result<Estimate, TeError>, need: usize) -> Result<Estimate, TeError> {
    let have = match &found {
        Ok(estimate) => estimate.samples,
        // The estimator itself is content with fewer.
        Err(TeError::TooFew { have, .. }) => *have,
        Err(_) => return found,
    };
    if have < need {
        return Err(TeError::TooFew { have, need });
    }
    found
}

/// The greater estimate; the first of equal ones, and any before an error.
fn greater(
    best: Option<Result<Delayed, TeError>>,
    next: Result<Delayed, TeError>,
) -> Result<Delayed, TeError> {
    match (best, next) {
        (Some(Ok(best)), Ok(next)) if next.1.nats > best.1.nats => Ok(next),
        (Some(Ok(best)), _) => Ok(best),
        (Some(Err(error)), Err(_)) => Err(error),
        (_, next) => next,
    }
}

fn edge(
    (from, to): (&NodeKey, &NodeKey),
    found: Result<Delayed, TeError>,
    q_value: f64,
    alpha: f64,
) -> InfluenceEdge {
    let (from, to) = (from.clone(), to.clone());
    match found {
        Ok((delay, estimate)) => InfluenceEdge {
            delay_steps: Some(delay),
            q_value: (!q_value.is_nan()).then_some(q_value),
            weight: Some(if q_value <= alpha {
                explained(&estimate)
            } else {
                0.0
            }),
            blended: 0.0,
            evidence: Evidence::Influence {
                from: from.clone(),
                to: to.clone(),
                te_nats: estimate.effective_nats,
                p_value: estimate.p_value.unwrap_or(1.0),
            },
            estimate: Some(estimate),
            from,
            to,
        },
        Err(error) => InfluenceEdge {
            from,
            to,
            delay_steps: None,
            estimate: None,
            q_value: None,
            weight: None,
            blended: 0.0,
            evidence: fallback(&error, "correlation and topology"),
        },
    }
}

/// Whether the graph has an edge over which faults travel from the one to the other.
fn carries_faults(graph: &TemporalGraph, (from, to): (&NodeKey, &NodeKey)) -> bool {
    let ids = graph.id(from).zip(graph.id(to));
    ids.is_some_and(|(from, to)| graph.fault_origins(to).any(|id| id == from))
}
