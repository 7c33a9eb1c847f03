//! An error shows its cause in its own text, so that a reader of one line has the whole of it, and
//! does not return the same cause again as its source.

use crate::source::{Source, Token, all, closing, head_end, starts_with, tokens};
use crate::{Finding, assert_tidy};

const WHY: &str = "an error is `transparent`, or shows its cause in its text and has no source";

/// Sources of errors beside those that are passed on whole.
fn sources(source: &Source) -> Vec<Finding> {
    let code = source.shipped();
    let tokens = tokens(&code);
    let derive = ["thiserror", ":", ":", "Error", ")", "]"];
    let mut findings = Vec::new();
    for at in (0..tokens.len()).filter(|at| starts_with(&tokens[*at..], &derive)) {
        let item = &tokens[at + derive.len()..];
        let Some(head) = head_end(item) else { continue };
        // The attribute of a struct stands before its head.
        let end = head + closing(&item[head..]).unwrap_or(0);
        findings.extend(within(&item[..=end]).map(|line| Finding::new(&source.path, line, WHY)));
    }
    findings
}

/// Lines of fields that are sources, but for those of transparent variants.
fn within<'a>(item: &'a [Token<'a>]) -> impl Iterator<Item = usize> + 'a {
    let mut transparent = false;
    (0..item.len()).filter_map(move |at| {
        let rest = &item[at..];
        if starts_with(rest, &["#", "[", "error", "("]) {
            transparent = rest.get(4).is_some_and(|t| t.word == "transparent");
        }
        let named = starts_with(rest, &["source", ":"]) && rest.get(2)?.word != ":";
        let marked = starts_with(rest, &["#", "[", "source", "]"]);
        let from = starts_with(rest, &["#", "[", "from", "]"]) && !transparent;
        (named || marked || from).then_some(rest[0].line)
    })
}

#[test]
fn errors_show_their_cause_once() {
    let findings: Vec<_> = all().iter().flat_map(sources).collect();
    assert_tidy("errors", &findings);
}

#[test]
fn a_planted_source_is_caught() {
    let lines = |item: &str| {
        let text = format!("#[derive(Debug, thiserror::Error)]\n{item}");
        let findings = sources(&Source::new("a/src/b.rs", &text)).into_iter();
        findings.map(|finding| finding.line).collect::<Vec<_>>()
    };
    assert_eq!(lines("enum E {\n#[error(\"a\")]\nA(#[from] B),\n}"), [4]);
    assert_eq!(lines("enum E {\n#[error(\"a\")]\nA { source: B },\n}"), [4]);
    assert_eq!(
        lines("#[error(\"a\")]\nstruct E {\n#[source]\nb: B,\n}"),
        [4]
    );
    let transparent =
        "enum E {\n#[error(transparent)]\nA(#[from] B),\n#[error(\"{cause}\")]\nC { cause: B },\n}";
    assert_eq!(lines(transparent), [0; 0]);
    let other = "#[error(\"a\")]\nstruct E { b: u8 }\nstruct F { source: B }";
    assert_eq!(lines(other), [0; 0]);
}
