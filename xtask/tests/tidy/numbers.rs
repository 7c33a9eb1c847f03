//! What people store as JSON holds infinities too: JSON has none.

use crate::source::{Source, all};
use crate::{Finding, assert_tidy};

/// Numbers of stored types in the signals, which are what passes between the crates and to users.
fn plain_numbers(source: &Source) -> Vec<Finding> {
    if !source.path.starts_with("graph-core/src/signal/") {
        return Vec::new();
    }
    let (mut is_stored, mut is_real) = (false, false);
    let mut findings = Vec::new();
    let shipped = source.shipped();
    for (index, line) in shipped.lines().enumerate() {
        let text = line.trim();
        if line.starts_with("#[derive(") {
            is_stored = text.contains("Serialize");
        }
        is_stored &= line != "}";
        let is_number = text.ends_with(": f64,") || text.ends_with(": Option<f64>,");
        if is_stored && is_number && !is_real {
            findings.push(Finding::new(&source.path, index + 1, text));
        }
        // What stands in strings is blank here.
        is_real = text.starts_with("#[serde(with = ");
    }
    findings
}

#[test]
fn stored_numbers_may_be_infinite() {
    let findings: Vec<_> = all().iter().flat_map(plain_numbers).collect();
    assert_tidy(
        "JSON has no infinities: write `#[serde(with = \"astern_stats::real\")]`, or `…::option`, over each",
        &findings,
    );
}

#[test]
fn a_plain_number_is_found() {
    let text = "#[derive(Debug, Serialize)]\npub struct A {\n    #[serde(with = \"astern_stats::real\")]\n    pub a: f64,\n    pub b: f64,\n}\n\nstruct B {\n    c: f64,\n}\n";
    let source = Source::new("graph-core/src/signal/a.rs", text);
    let lines: Vec<usize> = plain_numbers(&source).iter().map(|f| f.line).collect();
    assert_eq!(lines, [5]);
}
