//! `cargo xtask eval <suite>`: the evaluation's own exit status is passed on, so that a caller can
//! tell "no data" (2) from a failure.

use std::ffi::{OsStr, OsString};

use crate::libtorch;
use crate::run::{Failure, Runner};
use crate::torch::TORCH;

/// Suites that train networks.
const ON_TORCH: [&str; 2] = ["explain", "pretrain"];

pub(crate) fn command(
    runner: &mut Runner,
    suite: &OsStr,
    args: &[OsString],
) -> Result<(), Failure> {
    let mut cargo = runner.cargo(["run", "--release", "-p", "astern-eval", "--bin", "eval"]);
    if ON_TORCH.iter().any(|name| suite == *name) {
        libtorch::set_up(runner)?;
        cargo.args(TORCH);
    }
    runner.passed_on("eval", cargo.arg("--").arg(suite).args(args))
}
