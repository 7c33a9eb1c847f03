//! What starts and ends with an incident, beside what it does to single calls.

use std::ops::Range;

use super::Engine;
use crate::fault::FaultKind;
use crate::model::Place;

impl Engine {
    /// The fault of a place starts or ends.
    pub(super) fn incident(&mut self, index: usize) {
        let Some(bad) = self.model.bads.get(index) else {
            return;
        };
        let (place, kind) = (bad.place, bad.kind);
        let active = bad.during.contains(&self.clock);
        match (place, kind) {
            (Place::Host(host), FaultKind::Hogs { .. }) => {
                let hogs = self.hogs(host);
                self.machines[host].set_hogs(hogs, self.clock);
                self.announce(host);
            }
            (Place::Service(service), FaultKind::Flush) if active => {
                self.flushed[service] = Some(self.clock);
            }
            (_, FaultKind::Down) => {
                for instance in self.instances_of(place) {
                    let away = self.is_down(instance) || self.is_to_come(instance);
                    self.set_away(instance, away);
                }
            }
            (_, FaultKind::NotReady) if active => {
                for instance in self.instances_of(place) {
                    self.refuse_queue(instance);
                }
            }
            (_, FaultKind::Workers { .. }) if !active => self.pump_all(),
            _ => {}
        }
    }

    /// The instances of a service, or the one that is the place.
    fn instances_of(&self, place: Place) -> Range<usize> {
        match place {
            Place::Instance(instance) => instance..instance + 1,
            Place::Service(service) => self.model.services[service].instances.clone(),
            _ => 0..0,
        }
    }

    /// Processes beside the simulated ones that compute on a machine now.
    fn hogs(&self, host: usize) -> f64 {
        let here = self
            .model
            .bads
            .iter()
            .filter(|bad| bad.place == Place::Host(host) && bad.during.contains(&self.clock));
        let workers = here.map(|bad| match bad.kind {
            FaultKind::Hogs { workers } => workers,
            _ => 0.0,
        });
        workers.sum()
    }

    /// Whether any fault keeps an instance down now.
    fn is_down(&self, instance: usize) -> bool {
        self.model.bads.iter().any(|bad| {
            bad.kind == FaultKind::Down
                && bad.during.contains(&self.clock)
                && self.instances_of(bad.place).contains(&instance)
        })
    }

    /// Whether an instance is of a second set that has not started.
    fn is_to_come(&self, instance: usize) -> bool {
        let mut services = self.model.services.iter();
        services.any(|service| (service.green..service.instances.end).contains(&instance))
            && self.servers[instance].started.is_none()
    }

    /// Takes an instance away, so that what waits in it is refused, or brings it back afresh.
    fn set_away(&mut self, instance: usize, away: bool) {
        let server = &mut self.servers[instance];
        if away {
            server.away = true;
            self.refuse_queue(instance);
        } else if server.away {
            server.away = false;
            server.started = Some(self.clock);
        }
    }

    /// Refuses what waits in an instance.
    pub(super) fn refuse_queue(&mut self, instance: usize) {
        for id in std::mem::take(&mut self.servers[instance].queue) {
            self.refuse(id);
        }
    }

    fn pump_all(&mut self) {
        for service in 0..self.model.services.len() {
            for instance in self.model.services[service].instances.clone() {
                self.pump(service, instance);
            }
        }
    }

    /// Restarts all instances of a service at once: they are fresh, and a cache is empty. Says how
    /// many there are.
    pub(crate) fn restart(&mut self, service: usize) -> usize {
        let mut restarted = 0;
        for instance in self.model.services[service].instances.clone() {
            let server = &mut self.servers[instance];
            if !server.away {
                server.started = Some(self.clock);
                restarted += 1;
            }
        }
        self.flushed[service] = Some(self.clock);
        restarted
    }
}
