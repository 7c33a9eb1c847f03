//! A scenario with its names resolved: what the engine works on.

use std::ops::Range;
use std::sync::Arc;

use astern_graph_core::{NodeKey, Party, Revision};
use astern_stats::param::in_range;
use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::check::check;
use crate::error::SimError;
use crate::fault::FaultKind;
use crate::law::TimeLaw;
use crate::scenario::{Release, Scenario};
use crate::topology::{CallSpec, ServiceSpec};

#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) entry: usize,
    pub(crate) services: Vec<Service>,
    /// Instances of all services, those of one service side by side.
    pub(crate) instances: Vec<Instance>,
    pub(crate) changes: Vec<Change>,
    pub(crate) bad: Option<BadRevision>,
}

#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) key: NodeKey,
    pub(crate) workers: u32,
    pub(crate) work: TimeLaw,
    pub(crate) steps: Vec<Vec<CallTo>>,
    pub(crate) instances: Range<usize>,
    /// The revision at the start, and those that releases bring.
    pub(crate) revisions: Vec<Revision>,
}

#[derive(Debug, Clone)]
pub(crate) struct CallTo {
    pub(crate) service: usize,
    pub(crate) operation: Arc<str>,
    pub(crate) probability: f64,
}

#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) key: NodeKey,
    /// It as a party of a call, under each revision of its service.
    pub(crate) parties: Vec<Party>,
}

#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) release: Release,
    pub(crate) service: usize,
    pub(crate) revision: usize,
}

/// The revision that carries the fault.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BadRevision {
    pub(crate) service: usize,
    pub(crate) revision: usize,
    pub(crate) kind: FaultKind,
}

impl Model {
    pub(crate) fn new(scenario: &Scenario) -> Result<Self, SimError> {
        check(scenario)?;
        let specs = &scenario.topology.services;
        let mut model = Self {
            entry: find(specs, &scenario.topology.entry, "the entry")?,
            services: Vec::with_capacity(specs.len()),
            instances: Vec::new(),
            changes: Vec::new(),
            bad: None,
        };
        for spec in specs {
            let service = model.service(spec, specs)?;
            model.services.push(service);
        }
        model.refuse_circles()?;
        for release in &scenario.releases {
            let change = model.change(release, specs)?;
            model.changes.push(change);
        }
        model.add_instances(specs);
        if let Some(fault) = &scenario.fault {
            let bad = model
                .changes
                .iter()
                .find(|c| c.release.id == fault.change)
                .ok_or_else(|| SimError::UnknownChange {
                    change: fault.change.clone(),
                })?;
            model.bad = Some(BadRevision {
                service: bad.service,
                revision: bad.revision,
                kind: fault.kind,
            });
        }
        Ok(model)
    }

    fn service(&self, spec: &ServiceSpec, specs: &[ServiceSpec]) -> Result<Service, SimError> {
        let by = || format!("service `{}`", spec.key.name);
        let call = |call: &CallSpec| {
            Ok(CallTo {
                service: find(specs, &call.to, &by())?,
                operation: call.operation.clone(),
                probability: call.probability,
            })
        };
        let step = |step: &Vec<CallSpec>| step.iter().map(call).collect();
        let first = self.services.last().map_or(0, |s| s.instances.end);
        Ok(Service {
            key: spec.key.clone(),
            workers: spec.workers,
            work: spec.work,
            steps: spec.steps.iter().map(step).collect::<Result<_, _>>()?,
            instances: first..first + spec.instances as usize,
            revisions: vec![spec.revision.clone()],
        })
    }

    /// Synchronous callers in a circle could hold every worker that one of them waits for.
    fn refuse_circles(&self) -> Result<(), SimError> {
        let mut graph = DiGraph::<(), ()>::new();
        for _ in &self.services {
            graph.add_node(());
        }
        for (index, service) in self.services.iter().enumerate() {
            for call in service.steps.iter().flatten() {
                graph.update_edge(NodeIndex::new(index), NodeIndex::new(call.service), ());
            }
        }
        toposort(&graph, None).map(drop).map_err(|circle| {
            let service = &self.services[circle.node_id().index()];
            SimError::Cycle {
                service: service.key.name.clone(),
            }
        })
    }

    fn change(&mut self, release: &Release, specs: &[ServiceSpec]) -> Result<Change, SimError> {
        let part = format!("change `{}`", release.id);
        let index = find(specs, &release.service.name, &part)?;
        let service = &mut self.services[index];
        if service.key != release.service {
            let name = release.service.to_string().into();
            return Err(SimError::UnknownService { name, by: part });
        }
        if service.revisions.contains(&release.to) {
            return Err(SimError::SameRevision {
                change: release.id.clone(),
                revision: release.to.clone(),
            });
        }
        let asked: f64 = release.batches.iter().copied().map(f64::from).sum();
        let most = service.instances.len() as f64;
        in_range("instances of all batches", asked, 1.0, most)
            .map_err(|source| SimError::Param { part, source })?;
        service.revisions.push(release.to.clone());
        Ok(Change {
            release: release.clone(),
            service: index,
            revision: service.revisions.len() - 1,
        })
    }

    fn add_instances(&mut self, specs: &[ServiceSpec]) {
        for (service, spec) in self.services.iter().zip(specs) {
            for number in 0..spec.instances {
                let key = NodeKey::instance(format!("{}-v1-{number}", spec.key.name));
                let party = |revision: &Revision| {
                    Party::new(spec.key.clone()).on(key.clone(), revision.clone())
                };
                self.instances.push(Instance {
                    parties: service.revisions.iter().map(party).collect(),
                    key,
                });
            }
        }
    }
}

fn find(specs: &[ServiceSpec], name: &Arc<str>, by: &str) -> Result<usize, SimError> {
    specs
        .iter()
        .position(|spec| spec.key.name == *name)
        .ok_or_else(|| SimError::UnknownService {
            name: name.clone(),
            by: by.to_owned(),
        })
}
