//! Requests from outside, and which instance takes a call.

use std::f64::consts::TAU;
use std::sync::Arc;

use rand::RngExt;

use super::Engine;
use crate::event::{Event, Tick, ticks, ticks_of_ms};
use crate::jobs::JobId;
use crate::law::TimeLaw;
use crate::scenario::{Balance, Load};
use crate::streams::chance;

impl Engine {
    /// Under drift, requests come at the highest rate and some are dropped (thinning).
    pub(super) fn await_arrival(&mut self) {
        let Load { per_second, drift } = self.rules.load;
        let highest = per_second * (1.0 + drift.map_or(0.0, |drift| drift.amplitude));
        let mean_ms = 1e3 / highest;
        let law = TimeLaw::Exponential { mean_ms };
        let wait = ticks_of_ms(law.draw_ms(&mut self.streams.arrivals));
        self.after(wait, Event::Arrival);
    }

    pub(super) fn arrive(&mut self) {
        self.await_arrival();
        if let Some(drift) = self.rules.load.drift {
            let waves = self.clock as f64 / ticks(drift.period) as f64;
            let sine = (TAU * waves).sin();
            let share = (1.0 + drift.amplitude * sine) / (1.0 + drift.amplitude);
            if !chance(&mut self.streams.arrivals, share) {
                return;
            }
        }
        self.started += 1;
        self.send(None, self.model.entry, None);
    }

    /// Sends a call that `parent` makes, or a request from outside.
    pub(super) fn send(
        &mut self,
        parent: Option<JobId>,
        service: usize,
        operation: Option<Arc<str>>,
    ) {
        let instance = self.route(service);
        let job = self
            .jobs
            .add(parent, operation, service, instance, self.clock);
        let travel = self.travel();
        self.after(travel, Event::Received(job));
    }

    pub(super) fn travel(&mut self) -> Tick {
        ticks_of_ms(self.rules.network.draw_ms(&mut self.streams.network))
    }

    fn route(&mut self, service: usize) -> usize {
        let all = self.model.services[service].instances.clone();
        let router = &mut self.routers[service];
        let rng = &mut self.streams.routes;
        let split = router
            .split
            .map(|split| (split.revision, chance(rng, split.share)));
        let servers = &self.servers;
        let wanted = |instance: &usize| {
            split.is_none_or(|(revision, on)| (servers[*instance].revision == revision) == on)
        };
        // Traffic for a side that has no instance goes to all.
        let count = all.clone().filter(wanted).count();
        let among = if count == 0 { all.len() } else { count };
        let turn = &mut router.turns[usize::from(split.is_some_and(|(_, on)| on))];
        let nth = match self.rules.balance {
            Balance::InTurn => *turn % among,
            Balance::Random => rng.random_range(0..among),
        };
        *turn = turn.wrapping_add(1);
        let first = all.start;
        let chosen = all
            .filter(|instance| count == 0 || wanted(instance))
            .nth(nth);
        chosen.unwrap_or(first)
    }
}
