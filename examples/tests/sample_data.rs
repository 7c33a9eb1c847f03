//! The committed sample data is what `cargo xtask sample-data` writes, byte for byte.
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use astern_examples::{sample, simulated};
use astern_sim::export::records_to_csv;
use astern_sim::{Scenario, run};

#[test]
fn the_committed_files_are_those_of_seed_1() {
    let simulation = run(&Scenario::releases(1)).unwrap();
    let tables = records_to_csv(&simulation.records).unwrap();
    assert!(tables.parties == include_str!("../data/parties.csv"));
    assert!(tables.calls == include_str!("../data/calls.csv"));
    assert!(tables.samples == include_str!("../data/samples.csv"));
    assert!(tables.changes == include_str!("../data/changes.csv"));
    assert_eq!(
        simulation.truth.to_json().unwrap(),
        include_str!("../data/truth.json")
    );
}

#[test]
fn reading_them_gives_the_run_back() {
    let (read, made) = (sample().unwrap(), simulated(1, true).unwrap());
    assert!(read.records == made.records);
    assert_eq!(read.truth, made.truth);
    assert_eq!(read.healthy_until, made.healthy_until);
}
