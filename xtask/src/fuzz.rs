//! `cargo xtask fuzz [TARGET] [--minutes N]`: the fuzz targets of the adapters, on nightly.

use std::fs;
use std::process::Command;

use crate::run::{Failure, Runner};

/// Each target, and the folder of the adapter that it belongs to.
pub(crate) const TARGETS: [(&str, &str); 5] = [
    ("jaeger", "adapters/traces"),
    ("zipkin", "adapters/traces"),
    ("otlp-json", "adapters/traces"),
    ("otlp-protobuf", "adapters/traces"),
    ("csv", "adapters/traces"),
];

pub(crate) fn command(
    runner: &mut Runner,
    target: Option<&str>,
    minutes: u32,
) -> Result<(), Failure> {
    if !runner.dry_run {
        is_there()?;
    }
    for (name, adapter) in TARGETS {
        if target.is_none_or(|target| target == name) {
            fuzz(runner, name, adapter, minutes)?;
        }
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

/// Fuzzing starts from the documents that the adapter's tests read, one folder a target.
fn fuzz(runner: &mut Runner, target: &str, adapter: &str, minutes: u32) -> Result<(), Failure> {
    let folder = format!("{adapter}/fuzz");
    let corpus = format!("{folder}/corpus/{target}");
    if !runner.dry_run {
        fs::create_dir_all(runner.root.join(&corpus)).map_err(Failure::io(corpus.clone()))?;
    }
    let mut run = nightly();
    run.current_dir(&runner.root)
        .args(["run", "--fuzz-dir", &folder, target, &corpus])
        .arg(format!("{adapter}/tests/documents/{target}"))
        .arg("--")
        .arg(format!("-max_total_time={}", u64::from(minutes) * 60));
    runner.stage(&format!("fuzz {target}"), &mut run)
}
