//! The house rules, executable: crate edges, budgets, a pure core, no silent tests, little unsafe,
//! no compiled-in paths, guides whose code is compiled.
//!
//! Each rule is a test that lists every breach as `file:line: what`. The checkers take text, so
//! that a test beside each shows them catching a planted fault.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot read stops"
)]

mod budget;
mod compiled_in;
mod edges;
mod errors;
mod guides;
mod manifest;
mod numbers;
mod purity;
mod readme;
mod setters;
mod silent;
mod source;
mod unsafety;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// One breach of a rule.
#[derive(Debug, PartialEq)]
struct Finding {
    file: String,
    line: usize,
    what: String,
}

impl Finding {
    fn new(file: &str, line: usize, what: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            what: what.into(),
        }
    }
}

/// Fails with one line per finding.
#[track_caller]
fn assert_tidy(rule: &str, findings: &[Finding]) {
    let mut list = String::new();
    for Finding { file, line, what } in findings {
        let _ = write!(list, "\n{file}:{line}: {what}");
    }
    assert!(findings.is_empty(), "{rule}{list}\n");
}

/// The root of the checkout, as cargo says when it runs the test.
fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the test");
    Path::new(&package).parent().unwrap().to_path_buf()
}
