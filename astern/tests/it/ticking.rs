//! The whole loop in one call.

use std::cell::RefCell;

use astern::policy::{Executor, Mode, Outcome, Request, RunState};
use astern::{Error, Event, Guard};
use astern_sim::{SimExecutor, Simulator};

use crate::support::{STEP, long_scenario, params};

/// A platform that is asked for nothing that whoever goes on from the stored state does not know of.
struct Checked<'a> {
    platform: &'a SimExecutor,
    stored: &'a RefCell<Vec<u8>>,
    now: astern::graph::Timestamp,
}

impl Executor for Checked<'_> {
    fn execute(&self, request: &Request) -> Outcome {
        let outcome = self.platform.execute(request);
        let apply = params().mode(Mode::Apply);
        let mut next = Guard::from_bytes(&self.stored.borrow(), apply, 2).unwrap();
        next.report(&request.key, outcome.clone(), self.now)
            .unwrap();
        outcome
    }
}

#[test]
fn a_tick_stores_before_it_sends_and_rolls_back() {
    let scenario = long_scenario();
    let platform = SimExecutor::new(Simulator::new(&scenario).unwrap());
    let mut guard = Guard::new(params().mode(Mode::Apply)).unwrap();
    let stored = RefCell::new(Vec::new());
    let (mut now, end) = (scenario.start, scenario.start.plus(scenario.span));
    let (mut finished, mut sent) = (Vec::new(), 0);
    while now < end {
        now = now.plus(STEP);
        let records = platform.advance(now).unwrap();
        let executor = Checked {
            platform: &platform,
            stored: &stored,
            now,
        };
        let store = |state: &[u8]| {
            *stored.borrow_mut() = state.to_vec();
            Ok::<(), String>(())
        };
        for event in guard.tick(records, now, &executor, store) {
            match event {
                Event::Execute(_) => sent += 1,
                Event::Finished(summary) => finished.push(summary),
                Event::Failed(error) => panic!("{error}"),
                _ => {}
            }
        }
    }
    assert!(sent > 4, "{sent}");
    let states: Vec<RunState> = finished.iter().map(|summary| summary.state).collect();
    assert_eq!(states, [RunState::Succeeded]);
}

#[test]
fn a_tick_that_cannot_store_sends_nothing() {
    let scenario = long_scenario();
    let platform = SimExecutor::new(Simulator::new(&scenario).unwrap());
    let mut guard = Guard::new(params().mode(Mode::Apply)).unwrap();
    let (mut now, end) = (scenario.start, scenario.start.plus(scenario.span));
    let mut withheld = 0;
    while now < end {
        now = now.plus(STEP);
        let records = platform.advance(now).unwrap();
        for event in guard.tick(records, now, &platform, |_| Err("full")) {
            match event {
                Event::Failed(Error::Store { withheld: some, .. }) => withheld += some,
                Event::Execute(request) => panic!("{request:?}"),
                _ => {}
            }
        }
    }
    assert!(withheld > 0);
    assert_eq!(platform.applied().len(), 0);
}
