//! Requests from outside, and which instance takes a call.

use rand::RngExt;

use super::Engine;
use crate::event::{Event, Tick, ticks_of_ms};
use crate::fault::FaultKind;
use crate::jobs::{JobId, NewJob, Origin, Stage};
use crate::law::TimeLaw;
use crate::model::Place;
use crate::scenario::Balance;
use crate::streams::chance;

const TICKS_PER_SECOND: f64 = 1e6;

impl Engine {
    /// Where the rate moves, requests come at the highest rate and some are dropped (thinning).
    pub(super) fn await_arrival(&mut self) {
        let highest = self.rules.load.per_second * self.rules.highest_factor;
        let mean_ms = 1e3 / highest;
        let law = TimeLaw::Exponential { mean_ms };
        let wait = ticks_of_ms(law.draw_ms(&mut self.streams.arrivals));
        self.after(wait, Event::Arrival);
    }

    pub(super) fn arrive(&mut self) {
        self.await_arrival();
        let load = &self.rules.load;
        if !load.steady() {
            let secs = self.clock as f64 / TICKS_PER_SECOND;
            let factor = load.factor(secs, self.rules.span_secs);
            let share = factor / self.rules.highest_factor;
            if !chance(&mut self.streams.arrivals, share) {
                return;
            }
        }
        let segment = if load.segments.is_empty() {
            0
        } else {
            load.segment(self.streams.segments.random())
        };
        self.started += 1;
        let trace = self.jobs.trace(segment);
        self.dispatch(NewJob {
            origin: Origin::Outside,
            parent: None,
            trace,
            service: self.model.entry,
            instance: 0,
            sent: self.clock,
        });
    }

    /// Sends a job to an instance that is chosen for it.
    pub(super) fn dispatch(&mut self, new: NewJob) -> JobId {
        let instance = self.route(new.service);
        let id = self.jobs.add(NewJob {
            instance: instance.unwrap_or(self.model.services[new.service].instances.start),
            ..new
        });
        let travel = self.travel().saturating_add(self.detour(id));
        if self.loses(id) {
            self.jobs.get_mut(id).stage = Stage::Lost;
        } else if instance.is_some() {
            self.after(travel, Event::Received(id));
        } else {
            self.refuse(id);
        }
        id
    }

    /// How much longer a fault of its edge lets the messages of a call travel.
    pub(super) fn detour(&self, id: JobId) -> Tick {
        let delays = (0..self.model.bads.len()).map(|bad| match self.edge_fault(bad, id) {
            Some(FaultKind::NetworkDelay { ms }) => ticks_of_ms(ms),
            _ => 0,
        });
        delays.fold(0, Tick::saturating_add)
    }

    /// Whether a fault of its edge loses a call.
    fn loses(&mut self, id: JobId) -> bool {
        (0..self.model.bads.len()).any(|bad| match self.edge_fault(bad, id) {
            Some(FaultKind::Lost { share }) => chance(&mut self.streams.losses, share),
            _ => false,
        })
    }

    /// What one of the faults does now to the edge of a call, if it does anything.
    fn edge_fault(&self, bad: usize, id: JobId) -> Option<FaultKind> {
        let bad = self.model.bads.get(bad)?;
        let (Origin::Call { call, .. }, Place::Link(link)) = (self.jobs.get(id).origin, bad.place)
        else {
            return None;
        };
        let concerned = bad.during.contains(&self.clock)
            && self.model.calls[call].link == link
            && bad.concerns(self.operation(id), self.jobs.segment(id));
        concerned.then_some(bad.kind)
    }

    pub(super) fn travel(&mut self) -> Tick {
        ticks_of_ms(self.rules.network.draw_ms(&mut self.streams.network))
    }

    /// An instance for a call; none where all are away.
    fn route(&mut self, service: usize) -> Option<usize> {
        let (model, clock) = (&self.model, self.clock);
        let all = model.services[service].instances.clone();
        let router = &mut self.routers[service];
        let rng = &mut self.streams.routes;
        let split = router
            .split
            .map(|split| (split.revision, chance(rng, split.share)));
        let servers = &self.servers;
        let there = |instance: &usize| {
            let server = &servers[*instance];
            !server.away && model.is_ready(service, *instance, server.revision, clock)
        };
        let wanted = |instance: &usize| {
            there(instance)
                && split
                    .is_none_or(|(revision, on)| (servers[*instance].revision == revision) == on)
        };
        // Traffic for a side that has no instance goes to all.
        let count = all.clone().filter(wanted).count();
        let among = match count {
            0 => all.clone().filter(there).count(),
            count => count,
        };
        if among == 0 {
            return None;
        }
        let turn = &mut router.turns[usize::from(split.is_some_and(|(_, on)| on))];
        let nth = match self.rules.balance {
            Balance::InTurn => *turn % among,
            Balance::Random => rng.random_range(0..among),
        };
        *turn = turn.wrapping_add(1);
        all.filter(|instance| {
            if count == 0 {
                there(instance)
            } else {
                wanted(instance)
            }
        })
        .nth(nth)
    }
}
