//! The edges that a layer runs on: those of the graph, with its rule about loops applied.

use serde::{Deserialize, Serialize};

use super::EdgeIndex;
use super::edge_index::offsets;

/// Whether a node receives its own features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SelfLoops {
    /// Edges as given (`add_self_loops=False`).
    AsGiven,
    /// A loop of weight 1 for every node without one; of several loops at a node the last stays
    /// (`add_remaining_self_loops`, GCN's rule).
    #[default]
    Add,
    /// [`Add`](Self::Add) with loops of weight 2 (`improved=True`; `PyTorch` Geometric 2.8.1 does so
    /// only where edge weights are given, and adds weight 1 where they are not).
    AddDouble,
    /// Loops are removed and every node gets a new one, whose attributes are the mean over the
    /// other edges into the node, 0 where there are none (the rule of GAT and `GATv2`).
    Replace,
}

/// Edges with loops by a rule, sorted by (target, source).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Propagation {
    source: Vec<u32>,
    target: Vec<u32>,
    offsets: Vec<u32>,
    origin: Vec<Option<u32>>,
}

impl Propagation {
    /// Applies `loops` to `edges`. `O(N + E)` in time and memory.
    pub fn new(edges: &EdgeIndex, loops: SelfLoops) -> Self {
        let (mut source, mut target, mut origin) = (Vec::new(), Vec::new(), Vec::new());
        let mut push = |pair: (u32, u32), from| {
            source.push(pair.0);
            target.push(pair.1);
            origin.push(from);
        };
        for i in (0u32..).take(edges.n_nodes()) {
            let into = edges.incoming(i);
            let into = into.map(|e| (edges.source()[e], u32::try_from(e).ok()));
            if loops == SelfLoops::AsGiven {
                into.for_each(|(j, from)| push((j, i), from));
                continue;
            }
            let own = into.clone().rfind(|&(j, _)| j == i);
            let own = own.filter(|_| loops != SelfLoops::Replace);
            let below = into.clone().filter(|&(j, _)| j < i);
            below.for_each(|(j, from)| push((j, i), from));
            push((i, i), own.and_then(|(_, from)| from));
            into.filter(|&(j, _)| j > i)
                .for_each(|(j, from)| push((j, i), from));
        }
        let offsets = offsets(edges.n_nodes(), &target);
        Self {
            source,
            target,
            offsets,
            origin,
        }
    }

    /// Number of nodes, N.
    pub fn n_nodes(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Number of edges with loops, E'.
    pub fn n_edges(&self) -> usize {
        self.source.len()
    }

    /// Senders `[E']`.
    pub fn source(&self) -> &[u32] {
        &self.source
    }

    /// Receivers `[E']`, ascending.
    pub fn target(&self) -> &[u32] {
        &self.target
    }

    /// Where the edges into each node begin, `[N + 1]`.
    pub fn offsets(&self) -> &[u32] {
        &self.offsets
    }

    /// The edge of the [`EdgeIndex`] that each edge is, `[E']`; `None` for a loop that was added.
    pub fn origin(&self) -> &[Option<u32>] {
        &self.origin
    }

    /// Coefficients of the GCN propagation, `[E']`: `c_ji = w_ji / sqrt(deg_j deg_i)` where
    /// `deg_i` is the sum of the weights of the edges *into* `i`; a node of degree 0 has
    /// coefficient 0.
    ///
    /// `weights` has one entry an edge of the index, each at least 0; without it every edge has
    /// weight 1. Both factors use the in-degree, as `PyTorch` Geometric does, so on a directed
    /// graph this is not the symmetric normaliser of Kipf and Welling (2017). `O(N + E)`.
    pub fn gcn_coefficients(&self, weights: Option<&[f64]>, loops: SelfLoops) -> Vec<f64> {
        let fill = if loops == SelfLoops::AddDouble {
            2.0
        } else {
            1.0
        };
        let weight = |origin: &Option<u32>| match (origin, weights) {
            (None, _) => fill,
            (Some(_), None) => 1.0,
            (Some(e), Some(weights)) => weights.get(*e as usize).copied().unwrap_or(1.0),
        };
        let mut coefficient: Vec<f64> = self.origin.iter().map(weight).collect();
        let mut degree = vec![0.0; self.n_nodes()];
        for (&i, &w) in self.target.iter().zip(&coefficient) {
            degree[i as usize] += w;
        }
        let root = |&d: &f64| if d > 0.0 { 1.0 / d.sqrt() } else { 0.0 };
        let root: Vec<f64> = degree.iter().map(root).collect();
        for ((&j, &i), c) in self.source.iter().zip(&self.target).zip(&mut coefficient) {
            *c *= root[j as usize] * root[i as usize];
        }
        coefficient
    }

    /// Edge attributes `[E', D]` in row-major order from those of the index, `[E, D]`: a loop that
    /// was added has the mean of the other edges into its node.
    pub fn attributes(&self, given: &[f64], width: usize) -> Vec<f64> {
        let row = |e: u32| {
            let start = e as usize * width;
            given.get(start..start + width).unwrap_or_default()
        };
        let mut attributes = Vec::with_capacity(self.n_edges() * width);
        for (e, origin) in self.origin.iter().enumerate() {
            if let Some(origin) = origin {
                attributes.extend_from_slice(row(*origin));
                continue;
            }
            let i = self.target[e] as usize;
            let into = &self.origin[self.offsets[i] as usize..self.offsets[i + 1] as usize];
            let count = into.iter().flatten().count().max(1) as f64;
            for f in 0..width {
                let sum: f64 = into.iter().flatten().filter_map(|&e| row(e).get(f)).sum();
                attributes.push(sum / count);
            }
        }
        attributes
    }
}
