//! `cargo xtask sample-data`: writes the examples' committed data again, from its seeds.

use crate::run::{Failure, Runner};

pub(crate) fn command(runner: &mut Runner) -> Result<(), Failure> {
    let mut cargo = runner.cargo([
        "run",
        "--release",
        "-p",
        "astern-examples",
        "--bin",
        "sample_data",
    ]);
    runner.stage("sample-data", &mut cargo)
}
