//! Size: a file is read in one sitting, a function on one screen.

use crate::source::{Source, Token, all, closing, head_end, tokens};
use crate::{Finding, assert_tidy};

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 70;

/// The one counter: lines that hold code outside `#[cfg(test)]` items.
fn code_lines(tokens: &[Token<'_>]) -> usize {
    let mut lines: Vec<usize> = tokens.iter().map(|token| token.line).collect();
    lines.dedup();
    lines.len()
}

fn file(source: &Source) -> Vec<Finding> {
    // A file of tests is code too: too long to read is too long.
    let shipped = source.shipped();
    let lines = code_lines(&tokens(&shipped));
    let what = || format!("{lines} lines of code; {FILE_LINES} at most");
    (lines > FILE_LINES)
        .then(|| Finding::new(&source.path, 1, what()))
        .into_iter()
        .collect()
}

fn functions(source: &Source) -> Vec<Finding> {
    // A test may list its cases; what ships may not.
    if source.is_test() {
        return Vec::new();
    }
    let shipped = source.shipped();
    let tokens = tokens(&shipped);
    let mut findings = Vec::new();
    for at in 0..tokens.len() {
        let Some((name, lines)) = function(&tokens[at..]) else {
            continue;
        };
        if lines > FUNCTION_LINES {
            let what = format!("fn {name} has {lines} lines; {FUNCTION_LINES} at most");
            findings.push(Finding::new(&source.path, tokens[at].line, what));
        }
    }
    findings
}

/// Name and code lines of the function that starts here, if one with a body does.
fn function<'a>(tokens: &[Token<'a>]) -> Option<(&'a str, usize)> {
    let name = tokens.get(1).filter(|_| tokens[0].word == "fn")?.word;
    // `fn(u8)` is a type, `fn $name` belongs to a macro.
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return None;
    }
    let head = head_end(tokens)?;
    let body = (tokens[head].word == "{")
        .then(|| closing(&tokens[head..]))
        .flatten()?;
    Some((name, code_lines(&tokens[..=head + body])))
}

#[test]
fn files_are_short() {
    let findings: Vec<_> = all().iter().flat_map(file).collect();
    assert_tidy("split these files", &findings);
}

#[test]
fn functions_are_short() {
    let findings: Vec<_> = all().iter().flat_map(functions).collect();
    assert_tidy("split these functions", &findings);
}

#[test]
fn a_planted_long_file_is_caught() {
    let just = "const A: u8 = 1;\n\n// why\n".repeat(FILE_LINES);
    assert_eq!(file(&Source::new("a.rs", &just)), []);
    let tested = format!("{just}#[cfg(test)]\nmod tests {{\n{just}}}\n");
    assert_eq!(file(&Source::new("a.rs", &tested)), []);
    let over = format!("{just}#[cfg(test)]\nmod tests {{}}\nconst B: u8 = 2;\n");
    let what = "501 lines of code; 500 at most";
    assert_eq!(
        file(&Source::new("a.rs", &over)),
        [Finding::new("a.rs", 1, what)]
    );
}

#[test]
fn a_planted_long_function_is_caught() {
    let body = |n: usize| "    b('{', \"}\");\n    // why\n".repeat(n);
    let text = |n: usize| format!("\nconst fn a<T>(b: [T; 2])\nwhere\n{{\n{}}}\n", body(n));
    assert_eq!(functions(&Source::new("a/src/lib.rs", &text(66))), []);
    let findings = functions(&Source::new("a/src/lib.rs", &text(67)));
    let what = "fn a has 71 lines; 70 at most";
    assert_eq!(findings, [Finding::new("a/src/lib.rs", 2, what)]);
    assert_eq!(functions(&Source::new("a/tests/b.rs", &text(67))), []);
}

#[test]
fn types_of_functions_and_heads_without_a_body_are_not_counted() {
    let tail = "\n".repeat(80);
    let text = format!("trait A {{ fn a(b: fn(u8) -> u8);{tail}c }}");
    assert_eq!(functions(&Source::new("a/src/lib.rs", &text)), []);
}
