//! `cargo xtask ci`: everything but the tests.

use crate::bench;
use crate::eval;
use crate::metadata::Metadata;
use crate::run::{Failure, Runner, loud};
use crate::torch::{self, TORCH, selected};

const EXAMPLES: &str = "astern-examples";

pub(crate) fn command(runner: &mut Runner, torch: bool) -> Result<(), Failure> {
    let torch = torch::set_up(runner, torch)?;
    let metadata = Metadata::read(runner)?;
    let mut format = runner.cargo(["fmt", "--all", "--check"]);
    runner.stage("format", &mut format)?;
    lints(runner, torch, &metadata.torch_packages())?;
    docs(runner, torch, &metadata.torch_packages())?;
    examples(runner, torch, &metadata)?;
    eval::cases(runner)?;
    bench::once(runner)?;
    dependencies(runner)?;
    runner.summary();
    Ok(())
}

fn lints(runner: &mut Runner, torch: bool, packages: &[String]) -> Result<(), Failure> {
    let mut clippy = runner.cargo(["clippy", "--workspace", "--all-targets"]);
    runner.stage("lints", clippy.args(["--", "-D", "warnings"]))?;
    if torch && !packages.is_empty() {
        let mut clippy = runner.cargo(["clippy", "--all-targets"]);
        clippy
            .args(selected(packages))
            .args(TORCH)
            .args(["--", "-D", "warnings"]);
        runner.stage("torch lints", &mut clippy)?;
    }
    Ok(())
}

/// Links between pages are checked; modules behind `torch` have pages too.
fn docs(runner: &mut Runner, torch: bool, packages: &[String]) -> Result<(), Failure> {
    let mut doc = runner.cargo(["doc", "--workspace", "--no-deps"]);
    runner.stage("docs", doc.env("RUSTDOCFLAGS", "-D warnings"))?;
    if torch && !packages.is_empty() {
        let mut doc = runner.cargo(["doc", "--no-deps"]);
        doc.args(selected(packages))
            .args(TORCH)
            .env("RUSTDOCFLAGS", "-D warnings");
        runner.stage("torch docs", &mut doc)?;
    }
    Ok(())
}

/// Each example checks its own result with asserts, so running it is a test.
fn examples(runner: &mut Runner, torch: bool, metadata: &Metadata) -> Result<(), Failure> {
    for example in metadata.examples(EXAMPLES) {
        let mut run = runner.cargo(["run", "--quiet", "-p", EXAMPLES, "--example", &example.name]);
        match (example.torch, torch) {
            // Release, as the benches below: they share what is compiled.
            (false, _) => run.arg("--release"),
            // The tests' profile: its build is there, and the work is libtorch's anyway.
            (true, true) => run.args(TORCH),
            (true, false) => {
                eprintln!("example {}: left out, it needs libtorch", example.name);
                continue;
            }
        };
        runner.stage(&format!("example {}", example.name), &mut run)?;
    }
    Ok(())
}

/// Advisories are not among the checks: their database changes by itself, and comes from a network that the gate
/// does without.
fn dependencies(runner: &mut Runner) -> Result<(), Failure> {
    let found = runner.cargo(["deny", "--version"]).output();
    if found.is_ok_and(|output| output.status.success()) {
        let mut deny = runner.cargo(["deny", "check", "bans", "licenses", "sources"]);
        runner.stage("dependency rules", &mut deny)?;
        eprintln!("advisories: not checked; `cargo deny check advisories` fetches their database");
        return Ok(());
    }
    loud(
        "cargo-deny is not installed: bans, licences and sources are NOT CHECKED.\n\
         To check them: cargo install cargo-deny --locked",
    );
    Ok(())
}
