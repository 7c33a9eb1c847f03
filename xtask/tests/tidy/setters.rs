//! Plain setters are written by `astern_stats::setters`, not by hand.

use crate::source::{Source, Token, all, closing, head_end, starts_with, tokens};
use crate::{Finding, assert_tidy};

/// Public setters by hand in the implementations of types without generic parameters, which the macro does
/// not take.
fn by_hand(source: &Source) -> Vec<Finding> {
    if source.is_test() {
        return Vec::new();
    }
    let code = source.shipped();
    let tokens = tokens(&code);
    let mut findings = Vec::new();
    for at in (0..tokens.len()).filter(|at| tokens[*at].word == "impl") {
        let Some(head) = head_end(&tokens[at..]) else {
            continue;
        };
        let generic = tokens[at..at + head].iter().any(|t| t.word == "<");
        let body = &tokens[at + head..];
        if generic || body[0].word != "{" {
            continue;
        }
        let end = closing(body).unwrap_or(body.len());
        for at in 0..end {
            if let Some(name) = setter(&body[at..]) {
                let what = format!("`{}` can be written by `astern_stats::setters`", name.word);
                findings.push(Finding::new(&source.path, name.line, what));
            }
        }
    }
    findings
}

/// The name of a public method that does nothing but set the field of its name.
fn setter<'a>(tokens: &[Token<'a>]) -> Option<Token<'a>> {
    let name = tokens.get(2)?;
    let public = starts_with(tokens, &["pub", "fn"]);
    if !public || !starts_with(&tokens[3..], &["(", "mut", "self", ","]) {
        return None;
    }
    let argument = tokens.get(7)?.word;
    let head = head_end(tokens)?;
    let sets = |value: &[&str]| {
        let (before, after) = (["{", "self", ".", name.word, "="], [";", "self", "}"]);
        starts_with(&tokens[head..], &[&before, value, &after].concat())
    };
    (sets(&[argument]) || sets(&["Some", "(", argument, ")"])).then_some(*name)
}

#[test]
fn setters_are_written_by_the_macro() {
    let findings: Vec<_> = all().iter().flat_map(by_hand).collect();
    assert_tidy("setters", &findings);
}

#[test]
fn a_planted_setter_is_caught() {
    let lines = |text: &str| {
        let findings = by_hand(&Source::new("a/src/b.rs", text)).into_iter();
        findings.map(|finding| finding.line).collect::<Vec<_>>()
    };
    let by_hand = "impl A {\n  pub fn b(mut self, x: u8) -> Self {\n    self.b = x;\n    self\n  }\n\
                   pub fn c(mut self, c: [u8; 2]) -> Self { self.c = Some(c); self }\n}";
    assert_eq!(lines(by_hand), [2, 6]);
    // Builders add, or set more than one field, or another one.
    let adds = "impl A { pub fn b(mut self, x: u8) -> Self { self.b.push(x); self } }";
    let other = "impl A { pub fn b(mut self, x: u8) -> Self { self.c = x; self } }";
    let generic = "impl<'a> A<'a> { pub fn b(mut self, b: &'a u8) -> Self { self.b = b; self } }";
    let hidden = "impl A { fn b(mut self, b: u8) -> Self { self.b = b; self } }";
    for fine in [adds, other, generic, hidden] {
        assert_eq!(lines(fine), [0; 0], "{fine}");
    }
}
