//! `cargo xtask demo`: the main example, as a user would run it.

use crate::libtorch;
use crate::run::{Failure, Runner, loud};
use crate::torch::TORCH;

pub(crate) const PAGE: &str = "target/astern-demo.html";

pub(crate) fn command(runner: &mut Runner, torch: bool) -> Result<(), Failure> {
    let torch = torch && had(runner);
    let mut cargo = runner.cargo(["run", "--release", "-p", "astern-examples"]);
    cargo.args(["--example", "quickstart"]);
    if torch {
        cargo.args(TORCH);
    }
    runner.passed_on("demo", cargo.args(["--", "--html", PAGE]))
}

/// The demo has something to show without libtorch, so its absence is reported and no error.
fn had(runner: &mut Runner) -> bool {
    match libtorch::set_up(runner) {
        Ok(()) => true,
        Err(failure) => {
            loud(&format!(
                "The demo runs without the graph neural networks:\n{}",
                failure.message
            ));
            false
        }
    }
}
