//! Calls, queues and who calls whom.

use std::sync::Arc;

use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};

use super::place::kind_to;
use super::{Cache, CallTo, Model};
use crate::error::SimError;
use crate::event::ticks;
use crate::load::Segment;
use crate::topology::{CallSpec, ServiceSpec};
use astern_graph_core::NodeKind;

impl Model {
    /// Adds a call that the service at `from` makes, after the one to the store behind it.
    pub(super) fn add_call(
        &mut self,
        from: usize,
        call: &CallSpec,
        specs: &[ServiceSpec],
        segments: &[Segment],
    ) -> Result<usize, SimError> {
        let by = || format!("service `{}`", specs[from].key.name);
        let service = find(specs, &call.to, &by())?;
        let cache = match &call.cache {
            Some(cache) => Some(Cache {
                hit_ratio: cache.hit_ratio,
                warm: ticks(cache.warm),
                store: self.add_call(from, &cache.store, specs, segments)?,
            }),
            None => None,
        };
        let pair = (from, service);
        let link = self.links.iter().position(|link| *link == pair);
        let link = link.unwrap_or_else(|| {
            self.links.push(pair);
            self.links.len() - 1
        });
        let favour = |segment: &Segment| segment.favours.get(&call.operation).copied();
        let favours = if segments.iter().any(|segment| favour(segment).is_some()) {
            segments.iter().map(|s| favour(s).unwrap_or(1.0)).collect()
        } else {
            Vec::new()
        };
        self.calls.push(CallTo {
            service,
            link,
            operation: call.operation.clone(),
            probability: call.probability,
            favours,
            kind: call.kind.unwrap_or_else(|| kind_to(&specs[service].key)),
            timeout: call.timeout.map(ticks),
            retries: call.retries,
            breaker: call.breaker,
            connections: call.connections,
            cache,
        });
        Ok(self.calls.len() - 1)
    }

    pub(super) fn add_consumers(&mut self, specs: &[ServiceSpec]) -> Result<(), SimError> {
        for (consumer, spec) in specs.iter().enumerate() {
            for consumption in &spec.consumes {
                let by = format!("service `{}`", spec.key.name);
                let queue = find(specs, &consumption.queue, &by)?;
                if specs[queue].key.kind != NodeKind::Queue {
                    let name = consumption.queue.clone();
                    return Err(SimError::NoQueue { name, by });
                }
                let consumers = &mut self.services[queue].consumers;
                consumers.push((consumer, consumption.operation.clone()));
            }
        }
        Ok(())
    }

    /// Synchronous callers in a circle could hold every worker that one of them waits for.
    pub(super) fn refuse_circles(&self) -> Result<(), SimError> {
        let mut graph = DiGraph::<(), ()>::new();
        for _ in &self.services {
            graph.add_node(());
        }
        for (from, to) in &self.links {
            graph.update_edge(NodeIndex::new(*from), NodeIndex::new(*to), ());
        }
        toposort(&graph, None).map(drop).map_err(|circle| {
            let service = &self.services[circle.node_id().index()];
            SimError::Cycle {
                service: service.key.name.clone(),
            }
        })
    }
}

pub(super) fn find(specs: &[ServiceSpec], name: &Arc<str>, by: &str) -> Result<usize, SimError> {
    specs
        .iter()
        .position(|spec| spec.key.name == *name)
        .ok_or_else(|| SimError::UnknownService {
            name: name.clone(),
            by: by.to_owned(),
        })
}
