//! Which crate may depend on which. Detection, root-cause analysis and rollback never name each
//! other; nothing in the core names an adapter.

use serde_json::Value;

use crate::manifest::{Dependency, Workspace, dependencies, manifest_of, text};
use crate::{Finding, assert_tidy};

/// A member, and those of ours that it may depend on; `?` marks an edge that must be optional.
const EDGES: [(&str, &[&str]); 14] = [
    ("astern-stats", &[]),
    ("astern-graph-core", &["astern-stats"]),
    ("astern-gnn", &["astern-graph-core", "astern-stats"]),
    (
        "astern-detect",
        &["astern-graph-core", "astern-stats", "astern-gnn?"],
    ),
    ("astern-rca", &["astern-graph-core", "astern-stats"]),
    (
        "astern-rollback-policy",
        &["astern-graph-core", "astern-stats"],
    ),
    (
        "astern-report",
        &[
            "astern-graph-core",
            "astern-rollback-policy",
            "astern-stats",
        ],
    ),
    ("astern", CORE),
    (
        "astern-sim",
        &[
            "astern-graph-core",
            "astern-rollback-policy",
            "astern-stats",
        ],
    ),
    (
        "astern-adapters-base",
        &[
            "astern-graph-core",
            "astern-rollback-policy?",
            "astern-stats",
        ],
    ),
    ("astern-eval", ALL),
    ("astern-examples", ALL),
    ("astern-benches", BENCHES),
    ("xtask", &[]),
];

const CORE: &[&str] = &[
    "astern-stats",
    "astern-graph-core",
    "astern-gnn?",
    "astern-detect",
    "astern-rca",
    "astern-rollback-policy",
    "astern-report?",
];

/// For what is not published; adapters too.
const ALL: &[&str] = &[
    "astern-stats",
    "astern-graph-core",
    "astern-gnn",
    "astern-detect",
    "astern-rca",
    "astern-rollback-policy",
    "astern-report",
    "astern",
    "astern-sim",
];

/// The peers' programs train what a suite of the evaluation trains.
const BENCHES: &[&str] = &[
    "astern-stats",
    "astern-graph-core",
    "astern-gnn",
    "astern-detect",
    "astern-rca",
    "astern-rollback-policy",
    "astern",
    "astern-sim",
    "astern-eval?",
];

/// Edges for tests only.
const DEV: [(&str, &[&str]); 1] = [("astern", &["astern-sim"])];

/// An adapter makes records or carries out plans; its parameters break rules as all others do. What
/// adapters share lies below them, and no adapter depends on another.
const ADAPTER: &[&str] = &[
    "astern-adapters-base",
    "astern-graph-core",
    "astern-rollback-policy",
    "astern-stats",
];

fn is_adapter(package: &Value) -> bool {
    manifest_of(package).starts_with("adapters/")
}

fn edges(workspace: &Workspace) -> Vec<Finding> {
    let ours = workspace.names();
    let adapters: Vec<&str> = workspace
        .packages()
        .filter(|p| is_adapter(p))
        .map(|p| text(&p["name"]))
        .collect();
    let mut findings = Vec::new();
    for package in workspace.packages() {
        let (name, path) = (text(&package["name"]), manifest_of(package));
        let row = EDGES
            .iter()
            .find(|(member, _)| *member == name)
            .map(|(_, to)| *to);
        let Some(allowed) = row.or_else(|| is_adapter(package).then_some(ADAPTER)) else {
            findings.push(Finding::new(
                &path,
                1,
                format!("{name} has no row in edges.rs"),
            ));
            continue;
        };
        for dependency in dependencies(package) {
            if !ours.contains(&dependency.name.as_str()) {
                continue;
            }
            let adapter =
                adapters.contains(&dependency.name.as_str()) && [ALL, BENCHES].contains(&allowed);
            let fault = fault(name, allowed, &dependency).filter(|_| !adapter);
            findings.extend(fault.map(|what| Finding::new(&path, 1, what)));
        }
    }
    findings
}

fn fault(name: &str, allowed: &[&str], dependency: &Dependency) -> Option<String> {
    let to = dependency.name.as_str();
    let dev = DEV
        .iter()
        .any(|(member, more)| *member == name && more.contains(&to));
    // A crate may turn features of its own on for its tests.
    let own = dependency.dev && to == name;
    if allowed.contains(&to) || (dependency.dev && dev) || own {
        return None;
    }
    if allowed
        .iter()
        .any(|edge| edge.strip_suffix('?') == Some(to))
    {
        let plain = !dependency.optional && !dependency.dev;
        return plain.then(|| format!("{name} depends on {to} without `optional = true`"));
    }
    let how = if dependency.dev {
        ", not even in tests"
    } else {
        ""
    };
    Some(format!("{name} may not depend on {to}{how}"))
}

/// Names in the tables that are no member: a misspelt row would allow what it means to forbid.
fn strangers(members: &[&str]) -> Vec<&'static str> {
    let rows = EDGES
        .iter()
        .chain(&DEV)
        .flat_map(|(from, to)| to.iter().chain([from]));
    let mut names: Vec<&str> = rows
        .chain(ADAPTER)
        .map(|name| name.trim_end_matches('?'))
        .collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| !members.contains(name));
    names
}

#[test]
fn crates_depend_in_one_direction() {
    assert_tidy("edges between crates", &edges(&Workspace::read()));
}

#[test]
fn every_name_in_the_tables_is_a_member() {
    assert_eq!(strangers(&Workspace::read().names()), [""; 0]);
}

#[test]
fn a_misspelt_name_is_caught() {
    let workspace = Workspace::read();
    let mut members = workspace.names();
    members.retain(|name| *name != "astern-rca");
    assert_eq!(strangers(&members), ["astern-rca"]);
}

#[test]
fn a_planted_edge_is_caught() {
    let manifest = |name: &str| {
        let adapters = ["astern-adapters-base", "astern-haproxy", "astern-kube"];
        let folder = if adapters.contains(&name) {
            "adapters/"
        } else {
            ""
        };
        format!("{folder}{name}/Cargo.toml")
    };
    let found = |from: &str, dependency: Value| {
        let target = text(&dependency["name"]).to_owned();
        let packages = serde_json::json!([
            { "name": from, "manifest_path": manifest(from), "dependencies": [dependency] },
            { "name": target, "manifest_path": manifest(&target) },
        ]);
        let mut findings = edges(&Workspace::planted(&packages));
        findings.pop().map(|finding| finding.what)
    };
    let edge = |to: &str| serde_json::json!({ "name": to });
    let dev = |to: &str| serde_json::json!({ "name": to, "kind": "dev" });
    let optional = |to: &str| serde_json::json!({ "name": to, "optional": true });
    for (from, dependency, legal) in [
        ("astern-rca", edge("astern-detect"), false),
        ("astern-detect", dev("astern-rollback-policy"), false),
        ("astern-detect", edge("astern-gnn"), false),
        ("astern-detect", optional("astern-gnn"), true),
        ("astern", edge("astern-sim"), false),
        ("astern", dev("astern-sim"), true),
        ("astern", edge("astern-report"), false),
        ("astern", optional("astern-report"), true),
        ("astern-report", edge("astern"), false),
        ("astern-rca", dev("astern-sim"), false),
        ("astern-rca", edge("astern-kube"), false),
        ("astern-rca", edge("astern-adapters-base"), false),
        ("astern-kube", edge("astern-adapters-base"), true),
        ("astern-kube", edge("astern-haproxy"), false),
        ("astern-adapters-base", edge("astern-kube"), false),
        (
            "astern-adapters-base",
            edge("astern-rollback-policy"),
            false,
        ),
        ("astern-examples", edge("astern-kube"), true),
        ("astern-examples", edge("astern-eval"), false),
        ("astern-benches", optional("astern-eval"), true),
        ("astern-new", edge("astern-stats"), false),
        ("xtask", edge("astern-stats"), false),
    ] {
        let fault = found(from, dependency.clone());
        assert_eq!(fault.is_none(), legal, "{from} {dependency}: {fault:?}");
    }
}
