//! `cargo xtask test`: every test, default features first, then the packages that have `torch`.

use crate::metadata::Metadata;
use crate::run::{Failure, Runner};
use crate::torch::{self, TORCH, selected};

pub(crate) fn command(runner: &mut Runner, torch: bool) -> Result<(), Failure> {
    let torch = torch::set_up(runner, torch)?;
    let packages = Metadata::read(runner)?.torch_packages();
    let nextest = has_nextest(runner);
    pass(runner, nextest, "tests", &["--workspace"])?;
    if torch && !packages.is_empty() {
        let args: Vec<&str> = selected(&packages).chain(TORCH).collect();
        // A process for each test would load libtorch's 450 MB as often: 46 s instead of 10.
        pass(runner, false, "torch tests", &args)?;
    }
    runner.summary();
    Ok(())
}

/// All tests of one feature set. nextest runs no doctests; `cargo test` runs them along.
fn pass(runner: &mut Runner, nextest: bool, name: &str, args: &[&str]) -> Result<(), Failure> {
    if nextest {
        let mut run = runner.cargo(["nextest", "run", "--no-fail-fast", "--no-tests", "pass"]);
        runner.stage(name, run.args(args))?;
        let mut doc = runner.cargo(["test", "--doc", "--no-fail-fast"]);
        runner.stage(&format!("{name}, in docs"), doc.args(args))
    } else {
        let mut test = runner.cargo(["test", "--no-fail-fast"]);
        runner.stage(name, test.args(args))
    }
}

fn has_nextest(runner: &Runner) -> bool {
    let output = runner.cargo(["nextest", "--version"]).output();
    output.is_ok_and(|output| output.status.success())
}
