//! Every example can be found: the README names it.

use std::fs;
use std::path::Path;

use crate::{Finding, assert_tidy, root};

const FOLDER: &str = "examples/examples";

/// Example names in a folder: files, or folders with a `main.rs`.
fn examples(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let path = entry.path();
            let is_one =
                path.extension().is_some_and(|end| end == "rs") || path.join("main.rs").is_file();
            is_one.then(|| path.file_stem().unwrap().to_string_lossy().into_owned())
        })
        .collect();
    names.sort();
    names
}

fn unlisted(readme: &str, names: &[String]) -> Vec<Finding> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let words: Vec<&str> = readme.split(|c| !is_word(c)).collect();
    let missing = names.iter().filter(|name| !words.contains(&name.as_str()));
    missing
        .map(|name| Finding::new("README.md", 1, format!("example `{name}` is not named")))
        .collect()
}

#[test]
fn every_example_is_in_the_readme() {
    let names = examples(&root().join(FOLDER));
    assert!(!names.is_empty(), "no examples in {FOLDER}");
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    assert_tidy("the README lists the examples", &unlisted(&readme, &names));
}

#[test]
fn a_planted_example_is_caught() {
    let names = ["quick".to_owned(), "start".to_owned()];
    let findings = unlisted("Run `--example quick`, a quickstart.", &names);
    assert_eq!(
        findings,
        [Finding::new("README.md", 1, "example `start` is not named")]
    );
}
