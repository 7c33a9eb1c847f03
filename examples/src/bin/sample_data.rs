//! Writes the examples' committed data: what one simulated run reports of itself, as CSV.
//!
//! Seed 1, because it is the first, and not for what it gives.
#![forbid(unsafe_code)]

use std::error::Error;
use std::fs;
use std::io::{Write as _, stdout};

use astern_examples::data;
use astern_sim::export::records_to_csv;
use astern_sim::{Scenario, run};

const SEED: u64 = 1;

fn main() -> Result<(), Box<dyn Error>> {
    let simulation = run(&Scenario::releases(SEED))?;
    let tables = records_to_csv(&simulation.records)?;
    let mut out = stdout().lock();
    for (name, text) in [
        ("parties.csv", &tables.parties),
        ("calls.csv", &tables.calls),
        ("samples.csv", &tables.samples),
        ("changes.csv", &tables.changes),
        ("truth.json", &simulation.truth.to_json()?),
    ] {
        fs::write(data(name), text)?;
        let (lines, bytes) = (text.lines().count(), text.len());
        writeln!(out, "{name:<12} {lines:>6} lines {bytes:>8} bytes")?;
    }
    Ok(())
}
