//! What-if: how far a change of one node moves the others.

use std::fmt;

use astern_stats::rng::seeded;
use ndarray::Array2;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use super::ExplainError;
use super::ball::{Cause, Scorer, per_feature};
use crate::error::ConfigError;
use crate::graph::{Graph, k_hop};

/// Largest number of layers.
const MAX_REACH: usize = 10_000;
/// Largest number of draws.
const MAX_DRAWS: usize = 1_000_000;

/// Disturbs one node and measures how far the scores of the others move.
///
/// For node `v` and draw `k`, `x̃_v = x_v + σ · scale ⊙ ε_k` with `ε_k ~ N(0, I)`, the other rows as
/// they are, and
///
/// `cascade(v) = mean_k Σ_{u ≠ v} |s_u(X̃) − s_u(X)|`.
///
/// Every node is disturbed by the same draws, so that differences between nodes are not those of
/// luck. The mean over draws has a normal interval, `mean ± z · sd / √K`.
///
/// | setting | default | meaning |
/// |---|---|---|
/// | `reach` | | number of message-passing layers of the scorer |
/// | `sigma` | 1 | size of the disturbance, in units of `scale` |
/// | `scale` | standard deviation over nodes | one a feature |
/// | `draws` | 32 | K |
/// | `confidence` | .95 | of the interval |
/// | `hops` | all of the graph | what the score of a node depends on: only that is scored |
/// | `seed` | 0 | of the draws |
///
/// # What it does not say
///
/// A network of L layers moves nothing beyond L hops, whatever a failure would do: results state
/// this as `reach`. Messages must run as faults do, from the called service to its caller
/// ([`MessageFlow`](crate::graph::MessageFlow)); the cascade follows them. Central nodes score higher by
/// their degree alone, and means shrink what hubs say: hold a cascade against
/// [`per_edge`](Cascade::per_edge), and against the same on a network with random weights
/// ([`run_with_control`](Self::run_with_control)).
///
/// # Complexity
///
/// `K + 1` forwards a node, over the whole graph or, with `hops`, over what the nodes within `reach`
/// receive from.
///
/// # Source
///
/// This crate's; the question is that of influence by perturbation, as by Jacobian in Xu et al.,
/// 2018 (arXiv 1806.03536), with draws of finite size in place of derivatives.
///
/// # Example
///
/// `web` calls `cart`, which calls `db`: a change of `db` moves both.
///
/// ```
/// use astern_gnn::explain::{CascadeParams, ExplainError};
/// use astern_gnn::{Graph, ndarray::array};
///
/// let (web, cart, db) = (0, 1, 2);
/// let graph = Graph::new(array![[0.0], [1.0], [5.0]], [(cart, web), (db, cart)])?;
/// let score = |g: &Graph| {
///     let mut h = g.x().column(0).to_vec();
///     for _ in 0..2 {
///         let before = h.clone();
///         g.edges().pairs().for_each(|(j, i)| h[i as usize] += before[j as usize]);
///     }
///     Ok::<_, ExplainError>(h)
/// };
/// let report = CascadeParams::new(2).run(&graph, &[web, cart, db], score)?;
/// let [web, cart, db] = report.cascades.as_slice() else { unreachable!() };
/// assert_eq!(web.mean, 0.0);
/// assert!(db.mean > cart.mean);
/// // db itself, cart at one hop, web at two.
/// assert!(db.by_hop.len() == 3 && db.by_hop[2] > 0.0);
/// println!("{report}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default = "CascadeParams::unset", deny_unknown_fields)]
#[non_exhaustive]
pub struct CascadeParams {
    /// Number of message-passing layers of the scorer.
    pub reach: usize,
    /// Size of the disturbance, in units of `scale`.
    pub sigma: f64,
    /// Unit of each feature; `None` is its standard deviation over the nodes.
    pub scale: Option<Vec<f64>>,
    /// Draws a node.
    pub draws: usize,
    /// Confidence of the interval.
    pub confidence: f64,
    /// The hops that the score of a node depends on; `None` is all of the graph.
    pub hops: Option<usize>,
    /// Seed of the draws.
    pub seed: u64,
}

/// How far a change of one node moves the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cascade {
    /// The node that is disturbed.
    pub node: u32,
    /// Mean over draws of the summed change of all other nodes.
    pub mean: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Mean summed change of the nodes at each number of hops along the messages, `[reach + 1]`;
    /// hop 0 is the node itself and not part of the cascade.
    pub by_hop: Vec<f64>,
    /// Mean summed change further away than `reach`. Above 0 the scorer has more layers than
    /// `reach`; 0 where `hops` is set, as nothing is scored there.
    pub beyond: f64,
    /// `mean` divided by the edges that leave the node; `None` where there are none.
    pub per_edge: Option<f64>,
}

/// Cascades of several nodes, in the order asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CascadeReport {
    /// Number of message-passing layers: nothing can move further away than this many hops.
    pub reach: usize,
    /// Size of the disturbance.
    pub sigma: f64,
    /// Draws a node.
    pub draws: usize,
    /// Confidence of the intervals.
    pub confidence: f64,
    /// Of the model.
    pub cascades: Vec<Cascade>,
    /// Of the control, under the same draws; none without one.
    pub control: Vec<Cascade>,
}

astern_stats::setters!(CascadeParams {
    /// Sets the size of the disturbance.
    sigma: f64,
    /// Sets the unit of each feature.
    scale: Vec<f64>,
    /// Sets the number of draws.
    draws: usize,
    /// Sets the confidence of the interval.
    confidence: f64,
    /// Sets what reaches the score of a node: the number of layers, one more for a GCN.
    hops: usize,
    /// Sets the seed.
    seed: u64,
});

impl CascadeParams {
    /// For a scorer of `reach` message-passing layers.
    pub fn new(reach: usize) -> Self {
        Self {
            reach,
            sigma: 1.0,
            scale: None,
            draws: 32,
            confidence: 0.95,
            hops: None,
            seed: 0,
        }
    }

    /// What a file leaves out; the check refuses the reach.
    fn unset() -> Self {
        Self::new(usize::MAX)
    }

    /// Disturbs each of `nodes`; `scorer` gives every node of a graph its score.
    ///
    /// # Errors
    ///
    /// [`ExplainError`] for a node that is not there or asked for twice, draws or a reach out of range, a `sigma`
    /// that is negative or not finite, a confidence outside (0, 1), a scale that does not fit, and
    /// what the scorer says.
    pub fn run<E: Into<Cause>>(
        &self,
        graph: &Graph,
        nodes: &[u32],
        scorer: impl FnMut(&Graph) -> Result<Vec<f64>, E>,
    ) -> Result<CascadeReport, ExplainError> {
        Ok(CascadeReport {
            reach: self.reach,
            sigma: self.sigma,
            draws: self.draws,
            confidence: self.confidence,
            cascades: self.cascades(graph, nodes, scorer)?,
            control: Vec::new(),
        })
    }

    /// The same for a second scorer under the same draws: a network of the same settings with random
    /// weights. What it shows too is the graph's doing, not what the model learned. Scores may have
    /// another unit: compare rankings or shares.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run).
    pub fn run_with_control<E: Into<Cause>, C: Into<Cause>>(
        &self,
        graph: &Graph,
        nodes: &[u32],
        scorer: impl FnMut(&Graph) -> Result<Vec<f64>, E>,
        control: impl FnMut(&Graph) -> Result<Vec<f64>, C>,
    ) -> Result<CascadeReport, ExplainError> {
        let mut report = self.run(graph, nodes, scorer)?;
        report.control = self.cascades(graph, nodes, control)?;
        Ok(report)
    }

    fn cascades<E: Into<Cause>>(
        &self,
        graph: &Graph,
        nodes: &[u32],
        scorer: impl FnMut(&Graph) -> Result<Vec<f64>, E>,
    ) -> Result<Vec<Cascade>, ExplainError> {
        let z = self.check()?;
        // Checks the nodes.
        k_hop(graph.edges(), nodes, 0)?;
        let scale = per_feature("scale", self.scale.as_deref(), graph, || deviations(graph))?;
        let shape = (self.draws, scale.len());
        let mut rng = seeded(self.seed, 0);
        let noise = Array2::from_shape_simple_fn(shape, || StandardNormal.sample(&mut rng));
        let shifts = noise * &ndarray::Array1::from(scale) * self.sigma;
        let receivers = receivers(graph);
        let mut scorer = Scorer::new(scorer);
        let one = |&node: &u32| self.cascade(graph, node, &receivers, &shifts, z, &mut scorer);
        nodes.iter().map(one).collect()
    }

    /// Quantile of the normal distribution for the interval.
    fn check(&self) -> Result<f64, ConfigError> {
        let refuse = |name, value, allowed| ConfigError::OutOfRange {
            name,
            value,
            allowed,
        };
        if self.reach > MAX_REACH {
            return Err(refuse("reach", self.reach as f64, "at most 10,000"));
        }
        if !(2..=MAX_DRAWS).contains(&self.draws) {
            return Err(refuse("draws", self.draws as f64, "2 to 1,000,000"));
        }
        if !(self.sigma.is_finite() && self.sigma >= 0.0) {
            return Err(refuse("sigma", self.sigma, "finite and at least 0"));
        }
        if !(self.confidence > 0.0 && self.confidence < 1.0) {
            return Err(refuse("confidence", self.confidence, "above 0, below 1"));
        }
        Ok(Normal::standard().inverse_cdf(f64::midpoint(1.0, self.confidence)))
    }

    fn scene(
        &self,
        graph: &Graph,
        node: u32,
        receivers: &[Vec<u32>],
    ) -> Result<Scene, ExplainError> {
        let hop = hops_from(node, receivers, self.reach);
        let all = (0u32..).take(graph.n_nodes());
        let Some(hops) = self.hops else {
            return Ok(Scene {
                graph: graph.clone(),
                names: all.collect(),
                hop,
                row: node as usize,
            });
        };
        // Those that can move come first, then what they receive from.
        let movable: Vec<u32> = all.filter(|&u| hop[u as usize].is_some()).collect();
        let ball = k_hop(graph.edges(), &movable, hops)?;
        let names = ball.nodes();
        Ok(Scene {
            graph: graph.subgraph(&ball)?,
            hop: names.iter().map(|&u| hop[u as usize]).collect(),
            row: movable.partition_point(|&u| u < node),
            names: names.to_vec(),
        })
    }

    fn cascade<S, E>(
        &self,
        graph: &Graph,
        node: u32,
        receivers: &[Vec<u32>],
        shifts: &Array2<f64>,
        z: f64,
        scorer: &mut Scorer<S>,
    ) -> Result<Cascade, ExplainError>
    where
        S: FnMut(&Graph) -> Result<Vec<f64>, E>,
        E: Into<Cause>,
    {
        let Scene {
            graph: mut part,
            names,
            hop,
            row,
        } = self.scene(graph, node, receivers)?;
        let x = part.x().clone();
        let undisturbed = scorer.all(&part, |row| names[row])?;
        let (mut by_hop, mut beyond) = (vec![0.0; self.reach + 1], 0.0);
        let mut sums = Vec::with_capacity(self.draws);
        for shift in shifts.rows() {
            let mut moved = x.clone();
            let mut own = moved.row_mut(row);
            own += &shift;
            part = part.with_x(moved)?;
            let scores = scorer.all(&part, |row| names[row])?;
            let mut sum = 0.0;
            for (u, (score, undisturbed)) in scores.iter().zip(&undisturbed).enumerate() {
                let change = (score - undisturbed).abs();
                match hop[u] {
                    Some(hops) => by_hop[hops] += change,
                    // Rows that do not receive enough to be scored rightly are left out.
                    None if self.hops.is_some() => continue,
                    None => beyond += change,
                }
                if u != row {
                    sum += change;
                }
            }
            sums.push(sum);
        }
        let count = self.draws as f64;
        let by_hop = by_hop.into_iter().map(|sum| sum / count).collect();
        let mean = sums.iter().sum::<f64>() / count;
        let squares = sums.iter().map(|sum| (sum - mean).powi(2)).sum::<f64>();
        let half = z * (squares / (count - 1.0) / count).sqrt();
        let out = receivers[node as usize].len();
        Ok(Cascade {
            node,
            mean,
            low: mean - half,
            high: mean + half,
            by_hop,
            beyond: beyond / count,
            per_edge: (out > 0).then(|| mean / out as f64),
        })
    }
}

/// What is scored when one node is disturbed.
struct Scene {
    graph: Graph,
    /// Name of each row.
    names: Vec<u32>,
    /// Number of hops of each row from the node; `None` beyond reach.
    hop: Vec<Option<usize>>,
    /// Row of the node.
    row: usize,
}

/// Standard deviation of each feature over the nodes, divisor N.
fn deviations(graph: &Graph) -> Vec<f64> {
    let columns = graph.x().columns().into_iter();
    columns.map(|column| column.std(0.0)).collect()
}

/// The receivers of each node: targets of its edges.
fn receivers(graph: &Graph) -> Vec<Vec<u32>> {
    let mut receivers = vec![Vec::new(); graph.n_nodes()];
    for (source, target) in graph.edges().pairs() {
        receivers[source as usize].push(target);
    }
    receivers
}

/// Number of hops from `node` along the messages, up to `reach`.
fn hops_from(node: u32, receivers: &[Vec<u32>], reach: usize) -> Vec<Option<usize>> {
    let mut hop = vec![None; receivers.len()];
    hop[node as usize] = Some(0);
    let mut front = vec![node];
    for distance in 1..=reach {
        let mut next = Vec::new();
        for &u in front.iter().flat_map(|&u| &receivers[u as usize]) {
            let slot = &mut hop[u as usize];
            if slot.is_none() {
                *slot = Some(distance);
                next.push(u);
            }
        }
        if next.is_empty() {
            break;
        }
        front = next;
    }
    hop
}

impl fmt::Display for CascadeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sigma, draws, reach) = (self.sigma, self.draws, self.reach);
        write!(
            f,
            "what-if: {sigma} sigma, {draws} draws, at most {reach} hops"
        )?;
        for (i, c) in self.cascades.iter().enumerate() {
            let (node, mean, low, high) = (c.node, c.mean, c.low, c.high);
            write!(f, "\n  node {node}: {mean:.4} [{low:.4}, {high:.4}]")?;
            if let Some(per_edge) = c.per_edge {
                write!(f, ", per edge {per_edge:.4}")?;
            }
            if let Some(control) = self.control.get(i) {
                write!(f, ", control {:.4}", control.mean)?;
            }
        }
        Ok(())
    }
}
