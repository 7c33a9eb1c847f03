//! A simulated system, fed to a guard step by step.

use std::time::Duration;

use astern::GuardParams;
use astern::graph::{GraphParams, Record, Timestamp};
use astern_sim::{FaultKind, Scenario};

pub(crate) const STEP: Duration = Duration::from_secs(30);

pub(crate) fn params() -> GuardParams {
    GuardParams::default().graph(GraphParams::default().step(STEP))
}

/// Records of a run in batches of one step, each with the time at which it is fed in.
pub(crate) fn batches(
    records: Vec<Record>,
    start: Timestamp,
    end: Timestamp,
) -> Vec<(Timestamp, Vec<Record>)> {
    let mut records = records.into_iter().peekable();
    let mut batches = Vec::new();
    let mut now = start;
    while now < end {
        now = now.plus(STEP);
        let mut batch = Vec::new();
        while let Some(record) = records.next_if(|record| record.at() < now) {
            batch.push(record);
        }
        batches.push((now, batch));
    }
    batches
}

/// A seed whose bad release is found; which one does not matter to these tests.
pub(crate) fn scenario() -> Scenario {
    let mut scenario = Scenario::releases(1);
    scenario.fault.as_mut().unwrap().kind = FaultKind::Errors { share: 0.5 };
    scenario
}

/// The same for so long that its rollback is verified.
pub(crate) fn long_scenario() -> Scenario {
    let mut scenario = scenario();
    scenario.span = Duration::from_secs(70 * 60);
    scenario
}
