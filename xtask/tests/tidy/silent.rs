//! No test is silently empty, no code is silently unfinished.

use crate::source::{Source, all, starts_with, tokens};
use crate::{Finding, assert_tidy};

const BANNED: [(&[&str], &str); 4] = [
    (
        &["#", "[", "ignore"],
        "an ignored test tests nothing: fix it or remove it",
    ),
    (
        &["#", "[", "should_panic"],
        "any panic would do: assert on the error instead",
    ),
    (&["todo", "!"], "unfinished"),
    (&["unimplemented", "!"], "unfinished"),
];

fn silent(source: &Source) -> Vec<Finding> {
    let tokens = tokens(&source.code);
    let mut findings = Vec::new();
    for at in 0..tokens.len() {
        for (pattern, why) in BANNED {
            if starts_with(&tokens[at..], pattern) {
                let what = format!("`{}`: {why}", pattern.concat());
                findings.push(Finding::new(&source.path, tokens[at].line, what));
            }
        }
    }
    findings.extend(fences(source));
    findings.extend(test_modules(source));
    findings
}

/// Doctests are tests too.
fn fences(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        let line = line.trim_start();
        let doc = line
            .strip_prefix("///")
            .or_else(|| line.strip_prefix("//!"));
        let Some(tags) = doc.and_then(|doc| doc.trim_start().strip_prefix("```")) else {
            continue;
        };
        for tag in tags.split(',').map(str::trim) {
            if tag.starts_with("ignore") || tag == "should_panic" {
                let what = format!("a doctest marked `{tag}` tests nothing; `text` shows no code");
                findings.push(Finding::new(&source.path, index + 1, what));
            }
        }
    }
    findings
}

/// Other rules take a file named `tests.rs` for test code: so must the compiler.
fn test_modules(source: &Source) -> Vec<Finding> {
    let shipped = source.shipped();
    let tokens = tokens(&shipped);
    let declared = |at: &usize| starts_with(&tokens[*at..], &["mod", "tests", ";"]);
    let what = "`mod tests;` without `#[cfg(test)]` ships test code";
    (0..tokens.len())
        .filter(declared)
        .map(|at| Finding::new(&source.path, tokens[at].line, what))
        .collect()
}

#[test]
fn nothing_is_left_out_in_silence() {
    let findings: Vec<_> = all().iter().flat_map(silent).collect();
    assert_tidy("finish or remove these", &findings);
}

#[test]
fn a_planted_omission_is_caught() {
    for text in [
        "#[test]\n#[ignore]\nfn a() {}",
        "#[test]\n#[ignore = \"slow\"]\nfn a() {}",
        "#[test]\n#[should_panic(expected = \"x\")]\nfn a() {}",
        "fn a() {\n    todo!()\n}",
        "fn a() {\n    unimplemented!(\"later\")\n}",
        "/// A.\n/// ```ignore\n/// ```\nfn a() {}",
        "//! A.\n//! ```rust,should_panic\n//! ```",
        "fn a() {}\nmod tests;",
    ] {
        let findings = silent(&Source::new("a.rs", text));
        assert_eq!(findings.len(), 1, "{text}");
        assert_eq!(findings[0].line, 2, "{text}");
    }
    let innocent = "// todo!\nlet x = \"#[ignore]\";\nfn ignore() {}\n/// ```text\n/// ```\n\
                    #[cfg(test)]\nmod tests;";
    assert_eq!(silent(&Source::new("a.rs", innocent)), []);
}
