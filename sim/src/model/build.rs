//! How a model is made of a scenario.

use std::sync::Arc;

use astern_graph_core::{NodeKey, NodeKind, Party, Revision};

use super::calls::find;
use super::{Host, Instance, Model, Service};
use crate::check::check;
use crate::error::SimError;
use crate::fault::AnyFault;
use crate::load::Segment;
use crate::scenario::Scenario;
use crate::topology::{ServiceSpec, Topology};

impl Model {
    pub(crate) fn new(scenario: &Scenario) -> Result<Self, SimError> {
        check(scenario)?;
        let (topology, segments) = (&scenario.topology, &scenario.load.segments);
        let specs = &topology.services;
        let host = |host: &crate::topology::HostSpec| Host {
            key: NodeKey::new(NodeKind::Host, host.name.clone()),
            cores: host.cores,
        };
        let mut model = Self {
            entry: find(specs, &topology.entry, "the entry")?,
            services: specs.iter().map(|spec| service(spec, segments)).collect(),
            instances: Vec::new(),
            calls: Vec::new(),
            links: Vec::new(),
            hosts: topology.hosts.iter().map(host).collect(),
            changes: Vec::new(),
            bads: Vec::new(),
            blackouts: Vec::new(),
        };
        for (from, spec) in specs.iter().enumerate() {
            for step in &spec.steps {
                let add = |call| model.add_call(from, call, specs, segments);
                let step = step.iter().map(add).collect::<Result<_, _>>()?;
                model.services[from].steps.push(step);
            }
        }
        model.add_consumers(specs)?;
        model.refuse_circles()?;
        for release in &scenario.releases {
            let change = model.change(release, specs)?;
            model.changes.push(change);
        }
        model.add_instances(topology, segments)?;
        for incident in scenario.faults() {
            model.bads.push(match incident {
                AnyFault::Release(fault) => model.released(&fault, segments)?,
                AnyFault::Place(fault) => model.placed(&fault, segments)?,
            });
        }
        for lost in &scenario.blackouts {
            model.blackouts.push(model.blackout(lost, specs)?);
        }
        Ok(model)
    }

    fn add_instances(&mut self, topology: &Topology, segments: &[Segment]) -> Result<(), SimError> {
        for (service, spec) in self.services.iter_mut().zip(&topology.services) {
            let mut hosts = Vec::with_capacity(spec.hosts.len());
            for name in &spec.hosts {
                let host = topology.hosts.iter().position(|host| host.name == *name);
                hosts.push(host.ok_or_else(|| SimError::UnknownHost {
                    name: name.clone(),
                    service: spec.key.name.clone(),
                })?);
            }
            let (first, count) = (self.instances.len(), service.instances.len());
            service.instances = first..first + count;
            service.green = first + spec.instances as usize;
            for number in 0..count {
                let host = hosts.get(number % hosts.len().max(1)).copied();
                let speed = spec.speeds.get(number % spec.speeds.len().max(1)).copied();
                let green = number.checked_sub(spec.instances as usize);
                let (set, number) = green.map_or((1, number), |number| (2, number));
                let key = NodeKey::instance(format!("{}-v{set}-{number}", spec.key.name));
                let machine = host.map(|host| self.hosts[host].key.clone());
                let party = |segment: Option<&Arc<str>>, revision: &Revision| {
                    let party = of_segment(spec.key.clone(), segment);
                    let party = party.on(key.clone(), revision.clone());
                    match &machine {
                        Some(machine) => party.hosted(machine.clone()),
                        None => party,
                    }
                };
                let of = |segment| {
                    service
                        .revisions
                        .iter()
                        .map(|r| party(segment, r))
                        .collect()
                };
                self.instances.push(Instance {
                    parties: names(segments).map(of).collect(),
                    key,
                    host,
                    speed: speed.unwrap_or(1.0),
                });
            }
        }
        Ok(())
    }
}

fn service(spec: &ServiceSpec, segments: &[Segment]) -> Service {
    Service {
        key: spec.key.clone(),
        workers: spec.workers,
        queue_limit: spec.queue_limit.map_or(usize::MAX, |limit| limit as usize),
        work: spec.work,
        start_up: spec.start_up,
        client_errors: spec.client_errors,
        steps: Vec::with_capacity(spec.steps.len()),
        consumers: Vec::new(),
        instances: 0..spec.instances as usize,
        green: 0,
        revisions: vec![spec.revision.clone()],
        work_factors: vec![1.0],
        parties: names(segments)
            .map(|name| of_segment(spec.key.clone(), name))
            .collect(),
    }
}

/// The names of the segments; one that has none where there are no segments.
fn names(segments: &[Segment]) -> impl Iterator<Item = Option<&Arc<str>>> {
    let nobody = segments.is_empty().then_some(None);
    nobody
        .into_iter()
        .chain(segments.iter().map(|s| Some(&s.name)))
}

fn of_segment(service: NodeKey, segment: Option<&Arc<str>>) -> Party {
    let party = Party::new(service);
    match segment {
        Some(name) => party.segment(name.clone()),
        None => party,
    }
}
