//! What cargo says about the workspace: which packages have the feature `torch`, which examples
//! there are. Read from cargo, so that a new crate or example is never forgotten here.

use serde_json::Value;

use crate::run::{Failure, Runner};

/// One example and whether it needs the feature `torch`.
#[derive(Debug, PartialEq)]
pub(crate) struct Example {
    pub(crate) name: String,
    pub(crate) torch: bool,
}

/// The output of `cargo metadata --no-deps`.
#[derive(Debug)]
pub(crate) struct Metadata(Value);

impl Metadata {
    pub(crate) fn read(runner: &Runner) -> Result<Self, Failure> {
        let output = runner
            .cargo(["metadata", "--no-deps", "--format-version", "1", "--quiet"])
            .stderr(std::process::Stdio::inherit())
            .output()
            .map_err(Failure::io("cannot start cargo"))?;
        if !output.status.success() {
            return Err(Failure::new(1, "cargo metadata failed"));
        }
        serde_json::from_slice(&output.stdout)
            .map(Self)
            .map_err(|reason| Failure::new(1, format!("cargo metadata: {reason}")))
    }

    /// Packages that have the feature `torch`, sorted.
    pub(crate) fn torch_packages(&self) -> Vec<String> {
        let has = |package: &&Value| package["features"].get("torch").is_some();
        let mut names: Vec<String> = self
            .packages()
            .filter(has)
            .filter_map(|package| text(&package["name"]))
            .collect();
        names.sort();
        names
    }

    /// The examples of `package`, sorted.
    pub(crate) fn examples(&self, package: &str) -> Vec<Example> {
        let mut examples: Vec<Example> = self
            .packages()
            .filter(|candidate| candidate["name"] == package)
            .flat_map(|package| list(&package["targets"]))
            .filter(|target| list(&target["kind"]).any(|kind| kind == "example"))
            .filter_map(|target| {
                let torch = list(&target["required-features"]).any(|feature| feature == "torch");
                Some(Example {
                    name: text(&target["name"])?,
                    torch,
                })
            })
            .collect();
        examples.sort_by(|a, b| a.name.cmp(&b.name));
        examples
    }

    fn packages(&self) -> impl Iterator<Item = &Value> {
        list(&self.0["packages"])
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> Metadata {
        Metadata(serde_json::json!({ "packages": [
            { "name": "b", "features": { "torch": [], "gnn": [] }, "targets": [
                { "name": "lib", "kind": ["lib"] },
                { "name": "train", "kind": ["example"], "required-features": ["torch"] },
                { "name": "quick", "kind": ["example"] },
            ] },
            { "name": "a", "features": { "torch": ["b/torch"] }, "targets": [
                { "name": "other", "kind": ["example"] },
            ] },
            { "name": "c", "features": {}, "targets": [] },
        ] }))
    }

    #[test]
    fn packages_with_the_feature_are_found() {
        assert_eq!(metadata().torch_packages(), ["a", "b"]);
    }

    #[test]
    fn examples_are_those_of_the_package_with_what_they_need() {
        let expected = [
            Example {
                name: "quick".to_owned(),
                torch: false,
            },
            Example {
                name: "train".to_owned(),
                torch: true,
            },
        ];
        assert_eq!(metadata().examples("b"), expected);
        assert_eq!(metadata().examples("c"), []);
    }
}
