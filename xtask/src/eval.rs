//! `cargo xtask eval <suite>`: the evaluation's own exit status is passed on, so that a caller can
//! tell "no data" (2) from a failure.

use std::ffi::{OsStr, OsString};

use crate::libtorch;
use crate::run::{Failure, Runner};
use crate::torch::TORCH;

/// Suites that train networks.
const ON_TORCH: [&str; 2] = ["explain", "pretrain"];

/// Starts the evaluation.
const EVAL: [&str; 6] = ["run", "--release", "-p", "astern-eval", "--bin", "eval"];

/// The situations that have a wrong outcome today.
const WRONG: &str = "eval/cases-wrong.txt";

pub(crate) fn command(
    runner: &mut Runner,
    suite: &OsStr,
    args: &[OsString],
) -> Result<(), Failure> {
    let mut cargo = runner.cargo(EVAL);
    if ON_TORCH.iter().any(|name| suite == *name) {
        libtorch::set_up(runner)?;
        cargo.args(TORCH);
    }
    runner.passed_on("eval", cargo.arg("--").arg(suite).args(args))
}

/// What is wrong is what is listed: nothing got worse, and what was mended left the list.
pub(crate) fn cases(runner: &mut Runner) -> Result<(), Failure> {
    let mut cargo = runner.cargo(EVAL);
    runner.stage("cases", cargo.args(["--", "cases", "--wrong", WRONG]))
}
