//! What every member's manifest says: shared lints, and libtorch only on demand.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::{Finding, assert_tidy, root};

/// `cargo metadata --no-deps`: renames, targets and optional dependencies are resolved in it.
#[derive(Debug)]
pub(crate) struct Workspace(Value);

/// One declared dependency.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) dev: bool,
    pub(crate) optional: bool,
    features: Vec<String>,
}

impl Workspace {
    pub(crate) fn read() -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args([
                "metadata",
                "--no-deps",
                "--format-version",
                "1",
                "--offline",
            ])
            .current_dir(root())
            .output()
            .expect("cargo starts");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Self(serde_json::from_slice(&output.stdout).unwrap())
    }

    /// A workspace made up for a test of the checkers.
    pub(crate) fn planted(packages: &Value) -> Self {
        Self(serde_json::json!({ "packages": packages }))
    }

    pub(crate) fn packages(&self) -> impl Iterator<Item = &Value> {
        list(&self.0["packages"])
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.packages()
            .filter_map(|package| package["name"].as_str())
            .collect()
    }

    /// The root files of targets of these kinds, from the checkout's root.
    pub(crate) fn roots(&self, kinds: &[&str]) -> Vec<String> {
        let wanted =
            |target: &&Value| list(&target["kind"]).any(|kind| kinds.contains(&text(kind)));
        let targets = self
            .packages()
            .flat_map(|package| list(&package["targets"]));
        targets
            .filter(wanted)
            .map(|target| relative(text(&target["src_path"])))
            .collect()
    }
}

/// Everything that a package declares, for every platform.
pub(crate) fn dependencies(package: &Value) -> Vec<Dependency> {
    list(&package["dependencies"])
        .map(|dependency| Dependency {
            name: text(&dependency["name"]).to_owned(),
            dev: dependency["kind"] == "dev",
            optional: dependency["optional"] == true,
            features: list(&dependency["features"])
                .map(|name| text(name).to_owned())
                .collect(),
        })
        .collect()
}

pub(crate) fn manifest_of(package: &Value) -> String {
    relative(package["manifest_path"].as_str().unwrap_or("Cargo.toml"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn relative(path: &str) -> String {
    let path = Path::new(path);
    path.strip_prefix(root())
        .unwrap_or(path)
        .to_string_lossy()
        .replace('\\', "/")
}

fn shared_lints(path: &str, manifest: &str) -> Vec<Finding> {
    let table: toml::Table = manifest.parse().unwrap();
    let shared = table.get("lints").and_then(|lints| lints.get("workspace"));
    if shared.and_then(toml::Value::as_bool) == Some(true) {
        return Vec::new();
    }
    let what =
        "a member says `[lints] workspace = true`; a crate that prints allows that in its root";
    vec![Finding::new(path, 1, what)]
}

/// Whether a feature turns libtorch on, by itself or through others.
fn turns_on_torch(package: &Value, feature: &str, seen: &mut Vec<String>) -> bool {
    if seen.iter().any(|name| name == feature) {
        return false;
    }
    seen.push(feature.to_owned());
    let here = feature == "torch" || feature.ends_with("/torch") || feature == "dep:tch";
    here || list(&package["features"][feature]).any(|on| turns_on_torch(package, text(on), seen))
}

fn torch_by_default(package: &Value) -> Vec<Finding> {
    let path = manifest_of(package);
    let mut findings = Vec::new();
    if turns_on_torch(package, "default", &mut Vec::new()) {
        findings.push(Finding::new(&path, 1, "`torch` is default nowhere"));
    }
    for dependency in dependencies(package) {
        let name = &dependency.name;
        if dependency.features.iter().any(|feature| feature == "torch") {
            let what = format!("{name} is asked for with `torch`; forward the feature instead");
            findings.push(Finding::new(&path, 1, what));
        }
        if matches!(name.as_str(), "tch" | "torch-sys") {
            if package["name"] != "astern-gnn" {
                findings.push(Finding::new(
                    &path,
                    1,
                    format!("{name} belongs to astern-gnn alone"),
                ));
            } else if !dependency.optional {
                findings.push(Finding::new(&path, 1, format!("{name} is optional")));
            }
        }
    }
    findings
}

#[test]
fn lints_are_shared() {
    let mut findings = Vec::new();
    for package in Workspace::read().packages() {
        let path = manifest_of(package);
        findings.extend(shared_lints(
            &path,
            &fs::read_to_string(root().join(&path)).unwrap(),
        ));
    }
    assert_tidy("lints live in the workspace's manifest", &findings);
}

#[test]
fn torch_is_default_nowhere() {
    let findings: Vec<_> = Workspace::read()
        .packages()
        .flat_map(torch_by_default)
        .collect();
    assert_tidy("a plain build never needs libtorch", &findings);
}

#[test]
fn a_planted_manifest_without_lints_is_caught() {
    assert_eq!(shared_lints("a", "[lints]\nworkspace = true\n"), []);
    for manifest in [
        "[package]\nname = \"a\"",
        "[lints.rust]\nx = \"allow\"",
        "# [lints]\n",
    ] {
        assert_eq!(shared_lints("a", manifest).len(), 1, "{manifest}");
    }
}

#[test]
fn planted_torch_is_caught() {
    let innocent = serde_json::json!({ "name": "astern-gnn", "features": {
        "default": ["gnn"], "gnn": [], "torch": ["gnn", "dep:tch"]
    }, "dependencies": [{ "name": "tch", "optional": true, "features": [] }] });
    assert_eq!(torch_by_default(&innocent), []);
    for package in [
        serde_json::json!({ "features": { "default": ["torch"], "torch": [] } }),
        serde_json::json!({ "features": { "default": ["all"], "all": ["astern-gnn?/torch"] } }),
        serde_json::json!({ "dependencies": [{ "name": "astern-gnn", "features": ["torch"] }] }),
        serde_json::json!({ "dependencies": [{ "name": "tch", "optional": true }] }),
        serde_json::json!({ "name": "astern-gnn", "dependencies": [{ "name": "tch" }] }),
    ] {
        assert_eq!(torch_by_default(&package).len(), 1, "{package}");
    }
}
