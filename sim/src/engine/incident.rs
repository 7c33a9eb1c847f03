//! What starts and ends with an incident, beside what it does to single calls.

use super::Engine;
use crate::fault::FaultKind;
use crate::model::Place;

impl Engine {
    /// An incident starts or ends.
    pub(super) fn incident(&mut self) {
        let Some(bad) = &self.model.bad else {
            return;
        };
        let (place, kind) = (bad.place, bad.kind);
        let active = bad.during.contains(&self.clock);
        match (place, kind) {
            (Place::Host(host), FaultKind::Hogs { workers }) => {
                let hogs = if active { workers } else { 0.0 };
                self.machines[host].set_hogs(hogs, self.clock);
                self.announce(host);
            }
            (Place::Service(service), FaultKind::Flush) if active => {
                self.flushed[service] = Some(self.clock);
            }
            (Place::Service(service), FaultKind::Down) => {
                for instance in self.model.services[service].instances.clone() {
                    self.set_away(instance, active);
                }
            }
            (Place::Instance(instance), FaultKind::Down) => self.set_away(instance, active),
            (Place::Service(service), FaultKind::NotReady) if active => {
                for instance in self.model.services[service].instances.clone() {
                    self.refuse_queue(instance);
                }
            }
            (Place::Instance(instance), FaultKind::NotReady) if active => {
                self.refuse_queue(instance);
            }
            (_, FaultKind::Workers { .. }) if !active => self.pump_all(),
            _ => {}
        }
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
