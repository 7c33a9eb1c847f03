//! No path is compiled in. With one target folder for several checkouts, a common setting, a program
//! may have been compiled in another checkout than the one that it runs for; cargo sets
//! `CARGO_MANIFEST_DIR` at run time as well.

use crate::source::{Source, all};
use crate::{Finding, assert_tidy};

/// Variables whose values at compile time are paths of a checkout.
const PATHS: [&str; 3] = ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "OUT_DIR"];

fn compiled_in(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, (text, code)) in source.text.lines().zip(source.code.lines()).enumerate() {
        // The code says whether it is one, the text what it reads: literals are blank in the code.
        let reads = code.contains("env!(") || code.contains("file!(");
        let path = PATHS
            .iter()
            .find(|name| text.contains(&format!("env!(\"{name}\")")));
        let path = path
            .copied()
            .or_else(|| code.contains("file!()").then_some("file!()"));
        if let Some(path) = path.filter(|_| reads) {
            let what = format!("`{path}` is read at compile time; read it when the program runs");
            findings.push(Finding::new(&source.path, at + 1, what));
        }
    }
    findings
}

#[test]
fn no_path_is_compiled_in() {
    let findings: Vec<_> = all().iter().flat_map(compiled_in).collect();
    assert_tidy("paths are read when a program runs", &findings);
}

#[test]
fn a_planted_path_is_caught() {
    for text in [
        "\nlet a = Path::new(env!(\"CARGO_MANIFEST_DIR\"));",
        "\nconst A: &str = concat!(env!(\"OUT_DIR\"), \"/a\");",
        "\nlet a = option_env!(\"CARGO_MANIFEST_PATH\");",
        "\nlet a = file!();",
    ] {
        let findings = compiled_in(&Source::new("a.rs", text));
        assert_eq!(findings.len(), 1, "{text}");
        assert_eq!(findings[0].line, 2, "{text}");
    }
    let innocent = "let a = env!(\"CARGO_PKG_VERSION\");\n// env!(\"OUT_DIR\")\n\
                    let b = std::env::var_os(\"CARGO_MANIFEST_DIR\");";
    assert_eq!(compiled_in(&Source::new("a.rs", innocent)), []);
}
