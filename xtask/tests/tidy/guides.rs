//! Code in a guide is code that is compiled: each of its Rust blocks stands in an example.

use std::fs;
use std::path::Path;

use crate::{Finding, assert_tidy, root};

const GUIDES: &str = "docs/guides";
const EXAMPLES: &str = "examples/examples";

/// Lines without indentation; empty ones do not count.
fn lines(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty()).collect()
}

/// First line and text of each Rust block.
fn blocks(guide: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut inside = false;
    for (at, line) in guide.lines().enumerate() {
        match line.trim() {
            "```rust" => {
                inside = true;
                found.push((at + 1, String::new()));
            }
            "```" => inside = false,
            code if inside => {
                if let Some((_, text)) = found.last_mut() {
                    text.push_str(code);
                    text.push('\n');
                }
            }
            _ => {}
        }
    }
    found
}

/// Blocks that no example has, line by line.
fn strangers(name: &str, guide: &str, examples: &[String]) -> Vec<Finding> {
    let in_one = |block: &str| {
        let block = lines(block);
        let has = |example: &String| {
            lines(example)
                .windows(block.len().max(1))
                .any(|w| w == block)
        };
        examples.iter().any(has)
    };
    let blocks = blocks(guide).into_iter();
    blocks
        .filter(|(_, block)| !in_one(block))
        .map(|(line, _)| Finding::new(name, line, format!("this code is in no file of {EXAMPLES}")))
        .collect()
}

/// Names and texts of files that end so.
fn files(folder: &Path, end: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let mut found: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|found| found == end))
        .map(|path| {
            (
                path.display().to_string(),
                fs::read_to_string(&path).unwrap(),
            )
        })
        .collect();
    found.sort();
    found
}

#[test]
fn code_in_guides_is_in_an_example() {
    let examples = files(&root().join(EXAMPLES), "rs");
    let examples: Vec<String> = examples.into_iter().map(|(_, text)| text).collect();
    let guides = files(&root().join(GUIDES), "md");
    assert!(!guides.is_empty(), "no guides in {GUIDES}");
    let findings: Vec<_> = guides
        .iter()
        .flat_map(|(name, guide)| strangers(name, guide, &examples))
        .collect();
    assert_tidy("code in guides is compiled", &findings);
}

#[test]
fn planted_code_is_caught() {
    let examples = ["fn a() {\n    b();\n\n    c();\n}\n".to_owned()];
    let guide = |code: &str| format!("Text.\n\n```rust\n{code}\n```\n\n```python\nz()\n```\n");
    assert_eq!(strangers("g.md", &guide("b();\nc();"), &examples), []);
    for code in ["c();\nb();", "b();\nd();", "b()"] {
        let what = "this code is in no file of examples/examples";
        let expected = [Finding::new("g.md", 3, what)];
        assert_eq!(
            strangers("g.md", &guide(code), &examples),
            expected,
            "{code}"
        );
    }
}
