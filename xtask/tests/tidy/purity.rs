//! The core and the codecs of adapters read no clock, open nothing and print nothing: time and data come as
//! arguments.

use crate::source::{Source, Token, all, starts_with, tokens};
use crate::{Finding, assert_tidy, root};

const CORE: [&str; 9] = [
    "stats",
    "graph-core",
    "gnn",
    "detect",
    "rca",
    "rollback-policy",
    "report",
    "astern",
    "sim",
];

/// Files of the core that may: each with its reason.
const EXCEPT: [(&str, &str); 2] = [
    (
        "gnn/src/torch/load.rs",
        "finds and loads libtorch's CUDA part at run time",
    ),
    (
        "gnn/src/file.rs",
        "writes checkpoints in one step, which callers easily get wrong",
    ),
];

/// Modules of `std` that reach outside.
const OUTSIDE: [&str; 4] = ["env", "fs", "net", "process"];

const PATHS: [(&[&str], &str); 6] = [
    (&["Instant", ":", ":", "now"], "reads the clock"),
    (&["SystemTime"], "is the system's clock"),
    (&["thread", ":", ":", "sleep"], "waits"),
    (&["io", ":", ":", "stdin"], "reads"),
    (&["io", ":", ":", "stdout"], "prints"),
    (&["io", ":", ":", "stderr"], "prints"),
];

const MACROS: [&str; 5] = ["print", "println", "eprint", "eprintln", "dbg"];

fn purity(source: &Source) -> Vec<Finding> {
    let shipped = source.shipped();
    let tokens = tokens(&shipped);
    let mut findings = Vec::new();
    for at in 0..tokens.len() {
        for what in named(&tokens[at..]) {
            findings.push(Finding::new(&source.path, tokens[at].line, what));
        }
    }
    findings
}

fn named(tokens: &[Token<'_>]) -> Vec<String> {
    let word = tokens[0].word;
    let mut found = Vec::new();
    for (path, does) in PATHS.iter().filter(|(path, _)| starts_with(tokens, path)) {
        found.push(format!(
            "`{}` {does}; time and data are arguments",
            path.concat()
        ));
    }
    if MACROS.contains(&word) && starts_with(&tokens[1..], &["!"]) {
        found.push(format!("`{word}!` prints; return data instead"));
    }
    if starts_with(tokens, &["std", ":", ":"]) {
        let outside = imported(&tokens[3..])
            .into_iter()
            .filter(|name| OUTSIDE.contains(name));
        found.extend(outside.map(|name| format!("`std::{name}` reaches outside the core")));
    }
    found
}

/// The names right after `std::`: one, or those of a `{…}` list.
fn imported<'a>(tokens: &[Token<'a>]) -> Vec<&'a str> {
    let mut names = Vec::new();
    let mut depth = 0_usize;
    for pair in tokens.windows(2) {
        match pair[0].word {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && matches!(pair[0].word, "{" | ",") {
            names.push(pair[1].word);
        }
    }
    names.extend(tokens.first().map(|token| token.word));
    names
}

fn is_core(path: &str) -> bool {
    let inside = |folder: &str| path.starts_with(&format!("{folder}/src/"));
    CORE.iter().any(|folder| inside(folder)) && EXCEPT.iter().all(|(file, _)| *file != path)
}

/// An adapter is a pure codec but for its client.
fn is_codec(path: &str) -> bool {
    let mut parts = path.split('/');
    (parts.next(), parts.nth(1)) == (Some("adapters"), Some("src"))
        && parts.next() != Some("client")
}

#[test]
fn the_core_is_pure() {
    let sources = all();
    let core = sources
        .iter()
        .filter(|source| is_core(&source.path) || is_codec(&source.path))
        .filter(|source| !source.is_test());
    let findings: Vec<_> = core.flat_map(purity).collect();
    assert_tidy("the core reads no clock and opens nothing", &findings);
}

#[test]
fn what_the_rule_names_exists() {
    let folders = CORE.iter().map(|folder| format!("{folder}/src/lib.rs"));
    for path in folders.chain(EXCEPT.iter().map(|(file, _)| (*file).to_owned())) {
        assert!(
            root().join(&path).is_file(),
            "{path} is named in purity.rs and is not there"
        );
    }
}

#[test]
fn a_planted_call_is_caught() {
    for (text, times) in [
        ("use std::fs;", 1),
        ("let x = ::std::env::var(y);", 1),
        (
            "use std::{collections::{BTreeMap, fs}, net::TcpStream,\n process};",
            2,
        ),
        ("use std::time::{Duration, SystemTime};", 1),
        ("let x = Instant::now();", 1),
        ("thread::sleep(x);", 1),
        ("writeln!(io::stdout(), x);", 1),
        ("println!(\"x\"); eprint!(\"x\");", 2),
        (
            "// std::fs println!\nlet x = \"std::fs\"; use std::fmt; x.print();",
            0,
        ),
        (
            "fn at(x: Instant) {}\n#[cfg(test)]\nmod tests { use std::fs; }",
            0,
        ),
    ] {
        let findings = purity(&Source::new("stats/src/a.rs", text));
        assert_eq!(findings.len(), times, "{text}\n{findings:?}");
    }
    let finding = &purity(&Source::new("stats/src/a.rs", "\n\nuse std::fs;"))[0];
    assert_eq!((finding.file.as_str(), finding.line), ("stats/src/a.rs", 3));
}

#[test]
fn exactly_the_core_and_the_codecs_are_looked_at() {
    assert!(is_core("gnn/src/torch/train.rs") && is_core("astern/src/lib.rs"));
    for path in [
        "gnn/src/torch/load.rs",
        "gnn/build.rs",
        "xtask/src/main.rs",
        "stats/tests/a.rs",
    ] {
        assert!(!is_core(path), "{path}");
    }
    assert!(is_codec("adapters/traces/src/otlp/json.rs") && is_codec("adapters/base/src/lib.rs"));
    for path in [
        "adapters/kube/src/client/mod.rs",
        "adapters/traces/tests/it/main.rs",
        "adapters/traces/fuzz/fuzz_targets/csv.rs",
        "astern/fuzz/fuzz_targets/run.rs",
        "sim/src/lib.rs",
    ] {
        assert!(!is_codec(path), "{path}");
    }
}
