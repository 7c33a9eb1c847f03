//! `cargo xtask fuzz [TARGET] [--minutes N]`: the fuzz targets, on nightly.

use std::fs;
use std::process::Command;

use crate::run::{Failure, Runner};

/// Each target, and the folder of the package that it belongs to.
pub(crate) const TARGETS: [(&str, &str); 11] = [
    ("graph", CORE),
    ("builder", CORE),
    ("run", CORE),
    ("guard", CORE),
    ("plan-json", CORE),
    ("params-toml", CORE),
    ("jaeger", "adapters/traces"),
    ("zipkin", "adapters/traces"),
    ("otlp-json", "adapters/traces"),
    ("otlp-protobuf", "adapters/traces"),
    ("csv", "adapters/traces"),
];

/// The package whose tests write seeds of the formats of today.
const CORE: &str = "astern";

/// Where they are written.
const SEEDS: &str = "target/seeds";

/// The longest input in bytes, and the most megabytes that reading one may take at a time.
const LIMITS: [&str; 2] = ["-max_len=32768", "-malloc_limit_mb=64"];

pub(crate) fn command(
    runner: &mut Runner,
    target: Option<&str>,
    minutes: u32,
) -> Result<(), Failure> {
    if !runner.dry_run {
        is_there()?;
    }
    let wanted = || {
        TARGETS
            .iter()
            .filter(|(name, _)| target.is_none_or(|target| target == *name))
    };
    if wanted().any(|(_, package)| *package == CORE) {
        let seeds = runner.root.join(SEEDS);
        let mut test = runner.cargo(["test", "-p", CORE, "--test", "it", "seeds_keep"]);
        runner.stage("seeds", test.env("ASTERN_FUZZ_SEEDS", seeds))?;
    }
    for (name, package) in wanted() {
        fuzz(runner, name, package, minutes)?;
    }
    runner.summary();
    Ok(())
}

/// The cargo of nightly, which `CARGO` of the stable one that runs us cannot be.
fn nightly() -> Command {
    let mut rustup = Command::new("rustup");
    rustup.args(["run", "nightly", "cargo", "fuzz"]);
    rustup
}

/// cargo-fuzz is no part of the workspace: say what to install.
fn is_there() -> Result<(), Failure> {
    let found = nightly().arg("--version").output();
    if found.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    Err(Failure::new(
        3,
        "fuzzing needs nightly Rust and cargo-fuzz:\n\
         rustup toolchain install nightly && cargo install cargo-fuzz --locked",
    ))
}

/// Fuzzing starts from the documents that the package's tests read, one folder a target, and from seeds that they wrote.
fn fuzz(runner: &mut Runner, target: &str, package: &str, minutes: u32) -> Result<(), Failure> {
    let folder = format!("{package}/fuzz");
    let corpus = format!("{folder}/corpus/{target}");
    if !runner.dry_run {
        fs::create_dir_all(runner.root.join(&corpus)).map_err(Failure::io(corpus.clone()))?;
    }
    let mut run = nightly();
    run.current_dir(&runner.root)
        .args(["run", "--fuzz-dir", &folder, target, &corpus])
        .arg(format!("{package}/tests/documents/{target}"));
    if package == CORE {
        run.arg(format!("{SEEDS}/{target}"));
    }
    run.arg("--")
        .args(LIMITS)
        .arg(format!("-max_total_time={}", u64::from(minutes) * 60));
    runner.stage(&format!("fuzz {target}"), &mut run)
}
