//! How requests spread over a topology.

use std::collections::BTreeMap;

use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::check;
use crate::error::SimError;
use crate::topology::{CallSpec, ServiceSpec, Topology};

/// A topology with its names resolved and its services in the order of calls.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    /// Index of the service that takes requests from outside.
    pub(crate) entry: usize,
    /// Indices of all services, callers before callees.
    pub(crate) order: Vec<usize>,
    /// For each service its steps of calls: callee and probability; what a cache does not have is a
    /// call to its store.
    pub(crate) steps: Vec<Vec<Vec<(usize, f64)>>>,
}

impl Flow {
    /// # Errors
    /// [`SimError`] for a service that breaks a rule, a name that occurs twice or leads nowhere,
    /// and calls in a circle.
    ///
    /// # Complexity
    /// `O((n + m) log n)` for n services and m calls.
    pub(crate) fn of(topology: &Topology) -> Result<Self, SimError> {
        let specs = &topology.services;
        let mut places = BTreeMap::new();
        for (index, spec) in specs.iter().enumerate() {
            check::service(spec).map_err(|cause| SimError::Param {
                part: format!("service `{}`", spec.key.name),
                cause,
            })?;
            if places.insert(&*spec.key.name, index).is_some() {
                let name = spec.key.name.to_string();
                return Err(SimError::Duplicate {
                    what: "service",
                    name,
                });
            }
        }
        let find = |name: &str, by: &dyn Fn() -> String| {
            let unknown = || SimError::UnknownService {
                name: name.into(),
                by: by(),
            };
            places.get(name).copied().ok_or_else(unknown)
        };
        let resolve = |spec: &ServiceSpec| {
            let by = || format!("service `{}`", spec.key.name);
            let call = |call: &CallSpec, probability| Ok((find(&call.to, &by)?, probability));
            let step = |step: &Vec<CallSpec>| {
                let calls = step.iter().flat_map(|made| {
                    let miss = made.cache.as_ref().map(|cache| {
                        let store = &cache.store;
                        let misses = made.probability * (1.0 - cache.hit_ratio);
                        call(store, misses * store.probability)
                    });
                    [call(made, made.probability)].into_iter().chain(miss)
                });
                calls.collect()
            };
            spec.steps
                .iter()
                .map(step)
                .collect::<Result<Vec<Vec<_>>, SimError>>()
        };
        let steps = specs.iter().map(resolve).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            entry: find(&topology.entry, &|| "the entry".to_owned())?,
            order: order(specs, &steps)?,
            steps,
        })
    }

    /// Calls of a service, whatever their step.
    pub(crate) fn calls(&self, service: usize) -> impl Iterator<Item = (usize, f64)> {
        self.steps[service].iter().flatten().copied()
    }

    /// Indices of all services that call one, directly or not, in order.
    pub(crate) fn callers(&self, service: usize) -> Vec<usize> {
        let mut reaches = vec![false; self.steps.len()];
        reaches[service] = true;
        // Callees come after their callers, so from the back each is settled before its callers.
        for caller in self.order.iter().rev() {
            if self.calls(*caller).any(|(callee, _)| reaches[callee]) {
                reaches[*caller] = true;
            }
        }
        let callers = (0..reaches.len()).filter(|index| reaches[*index] && *index != service);
        callers.collect()
    }

    /// Expected calls of each service for one request from outside, where nothing fails.
    pub(crate) fn visits(&self) -> Vec<f64> {
        let mut visits = vec![0.0; self.steps.len()];
        if let Some(entry) = visits.get_mut(self.entry) {
            *entry = 1.0;
        }
        for &caller in &self.order {
            for (callee, probability) in self.calls(caller) {
                visits[callee] += visits[caller] * probability;
            }
        }
        visits
    }
}

fn order(specs: &[ServiceSpec], steps: &[Vec<Vec<(usize, f64)>>]) -> Result<Vec<usize>, SimError> {
    let mut graph = DiGraph::<(), ()>::with_capacity(specs.len(), specs.len());
    for _ in specs {
        graph.add_node(());
    }
    for (caller, steps) in steps.iter().enumerate() {
        for (callee, _) in steps.iter().flatten() {
            graph.add_edge(NodeIndex::new(caller), NodeIndex::new(*callee), ());
        }
    }
    let sorted = toposort(&graph, None).map_err(|circle| SimError::Cycle {
        service: specs[circle.node_id().index()].key.name.clone(),
    })?;
    Ok(sorted.into_iter().map(NodeIndex::index).collect())
}

impl Topology {
    /// Expected calls of each service for one request from outside, in the order of
    /// [`services`](Self::services), where nothing fails: a call counts its probability, and
    /// visits add up along every path from the entry.
    ///
    /// # Errors
    /// [`SimError`] for a topology that breaks a rule.
    ///
    /// # Complexity
    /// `O((n + m) log n)` for n services and m calls.
    ///
    /// # Example
    /// ```
    /// use astern_graph_core::NodeKey;
    /// use astern_sim::{CallSpec, ServiceSpec, TimeLaw, Topology};
    ///
    /// let work = TimeLaw::Exponential { mean_ms: 5.0 };
    /// let web = ServiceSpec::new(NodeKey::service("web"), work)
    ///     .then(CallSpec::new("cart", "get").probability(0.5))
    ///     .then(CallSpec::new("cart", "put").probability(0.25));
    /// let cart = ServiceSpec::new(NodeKey::service("cart"), work);
    /// let topology = Topology::new("web").with(web).with(cart);
    /// assert_eq!(topology.visits()?, [1.0, 0.75]);
    /// # Ok::<(), astern_sim::SimError>(())
    /// ```
    pub fn visits(&self) -> Result<Vec<f64>, SimError> {
        Ok(Flow::of(self)?.visits())
    }
}
