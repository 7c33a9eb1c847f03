//! `cargo xtask bench [filter]`.

use std::ffi::OsString;

use crate::run::{Failure, Runner};

pub(crate) fn command(runner: &mut Runner, args: &[OsString]) -> Result<(), Failure> {
    let mut cargo = runner.cargo(["bench", "-p", "astern-benches", "--benches", "--"]);
    runner.stage("bench", cargo.args(args))
}
