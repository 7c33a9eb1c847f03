//! `cargo xtask eval <suite>`: the evaluation's own exit status is passed on, so that a caller can
//! tell "no data" (2) from a failure.

use std::ffi::{OsStr, OsString};

use crate::run::{Failure, Runner};

pub(crate) fn command(
    runner: &mut Runner,
    suite: &OsStr,
    args: &[OsString],
) -> Result<(), Failure> {
    let mut cargo = runner.cargo([
        "run",
        "--release",
        "-p",
        "astern-benches",
        "--bin",
        "eval",
        "--",
    ]);
    runner.passed_on("eval", cargo.arg(suite).args(args))
}
