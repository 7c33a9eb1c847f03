//! Code in a guide is code that is compiled: each of its Rust blocks stands in an example.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Finding, assert_tidy, root};

const GUIDES: &str = "docs/guides";
/// Where examples stand, beside those of each adapter in `adapters/*/examples`.
const EXAMPLES: &str = "examples/examples";
const ADAPTERS: &str = "adapters";

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
        .map(|(line, _)| Finding::new(name, line, "this code is in no example"))
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

/// The texts of all examples below a root.
fn examples(root: &Path) -> Vec<String> {
    let adapters = fs::read_dir(root.join(ADAPTERS))
        .into_iter()
        .flatten()
        .flatten();
    let of_adapters = adapters.map(|entry| entry.path().join("examples"));
    let mut folders: Vec<PathBuf> = of_adapters.chain([root.join(EXAMPLES)]).collect();
    folders.sort();
    let files = folders.iter().flat_map(|folder| files(folder, "rs"));
    files.map(|(_, text)| text).collect()
}

#[test]
fn code_in_guides_is_in_an_example() {
    let examples = examples(&root());
    let guides = files(&root().join(GUIDES), "md");
    assert!(!guides.is_empty(), "no guides in {GUIDES}");
    let findings: Vec<_> = guides
        .iter()
        .flat_map(|(name, guide)| strangers(name, guide, &examples))
        .collect();
    assert_tidy("code in guides is compiled", &findings);
}

#[test]
fn an_example_of_an_adapter_counts() {
    let root = std::env::temp_dir().join(format!("astern-guides-{}", std::process::id()));
    let put = |folder: &str| {
        let folder = root.join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("a.rs"), folder.display().to_string()).unwrap();
    };
    put(EXAMPLES);
    put("adapters/kube/examples");
    put("adapters/kube/src");
    let found = examples(&root);
    fs::remove_dir_all(&root).unwrap();
    let ends = |end: &str| found.iter().filter(|text| text.ends_with(end)).count();
    assert_eq!(
        (found.len(), ends(EXAMPLES), ends("kube/examples")),
        (2, 1, 1)
    );
}

#[test]
fn planted_code_is_caught() {
    let examples = ["fn a() {\n    b();\n\n    c();\n}\n".to_owned()];
    let guide = |code: &str| format!("Text.\n\n```rust\n{code}\n```\n\n```python\nz()\n```\n");
    assert_eq!(strangers("g.md", &guide("b();\nc();"), &examples), []);
    for code in ["c();\nb();", "b();\nd();", "b()"] {
        let what = "this code is in no example";
        let expected = [Finding::new("g.md", 3, what)];
        assert_eq!(
            strangers("g.md", &guide(code), &examples),
            expected,
            "{code}"
        );
    }
}
