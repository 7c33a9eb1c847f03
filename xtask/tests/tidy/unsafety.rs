//! `unsafe` lives in two files, and every crate root but their crate's forbids it.

use std::path::Path;

use crate::manifest::Workspace;
use crate::source::{Source, all, tokens};
use crate::{Finding, assert_tidy, root};

/// What no safe call can do: load libtorch's CUDA part at run time, and call the C++ kernels.
const ALLOWED: [&str; 2] = ["gnn/src/torch/load.rs", "gnn/src/torch/kernel/mod.rs"];

/// The crate that holds them: `forbid` could not be lifted there for two files.
const CRATE: &str = "gnn/";

fn used(source: &Source) -> Vec<Finding> {
    if ALLOWED.contains(&source.path.as_str()) {
        return Vec::new();
    }
    let what = format!("`unsafe` is for {} alone", ALLOWED.join(" and "));
    let tokens = tokens(&source.code);
    let hits = tokens.iter().filter(|token| token.word == "unsafe");
    hits.map(|token| Finding::new(&source.path, token.line, what.clone()))
        .collect()
}

fn forbidden(crate_root: &Source) -> Vec<Finding> {
    let plain: String = crate_root.code.split_whitespace().collect();
    if crate_root.path.starts_with(CRATE) || plain.contains("#![forbid(unsafe_code)]") {
        return Vec::new();
    }
    vec![Finding::new(
        &crate_root.path,
        1,
        "a crate root says `#![forbid(unsafe_code)]`",
    )]
}

#[test]
fn unsafe_is_in_two_files() {
    let findings: Vec<_> = all().iter().flat_map(used).collect();
    assert_tidy("unsafe code", &findings);
    for allowed in ALLOWED {
        assert!(
            root().join(allowed).is_file(),
            "{allowed} is named in unsafety.rs and is not there"
        );
    }
}

#[test]
fn crate_roots_forbid_unsafe() {
    let mut findings = Vec::new();
    for path in Workspace::read().roots(&["lib", "bin"]) {
        let text = std::fs::read_to_string(root().join(Path::new(&path))).unwrap();
        findings.extend(forbidden(&Source::new(&path, &text)));
    }
    assert_tidy("crate roots", &findings);
}

#[test]
fn a_planted_block_is_caught() {
    let text = "// unsafe\nfn a() {\n    unsafe { b() }\n}";
    assert_eq!(used(&Source::new("gnn/src/lib.rs", text))[0].line, 3);
    assert_eq!(used(&Source::new(ALLOWED[1], text)), []);
    assert_eq!(
        used(&Source::new("a.rs", "#![forbid(unsafe_code)] // unsafe")),
        []
    );
}

#[test]
fn a_planted_root_is_caught() {
    assert_eq!(
        forbidden(&Source::new("a/src/lib.rs", "// #![forbid(unsafe_code)]")).len(),
        1
    );
    assert_eq!(
        forbidden(&Source::new(
            "a/src/lib.rs",
            "//! A.\n#![forbid(unsafe_code)]"
        )),
        []
    );
    assert_eq!(forbidden(&Source::new("gnn/src/lib.rs", "")), []);
}
