//! `cargo xtask bench [filter]`.

use std::ffi::OsString;

use crate::run::{Failure, Runner};

// By pattern: `--benches` would start the library and the binaries too, which know none of
// criterion's options.
const BENCHES: [&str; 6] = ["bench", "-p", "astern-benches", "--bench", "*", "--"];

pub(crate) fn command(runner: &mut Runner, args: &[OsString]) -> Result<(), Failure> {
    runner.stage("bench", runner.cargo(BENCHES).args(args))
}

/// Each bench runs once, untimed: it is known to work.
pub(crate) fn once(runner: &mut Runner) -> Result<(), Failure> {
    runner.stage("benches, once", runner.cargo(BENCHES).arg("--test"))
}
