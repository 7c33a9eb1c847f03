//! Parameters of a guard in files: partial, checked, and held to the commented file of defaults and to the schema.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use astern::graph::{GraphParams, NodeKey};
use astern::policy::{Mode, RunParams};
use astern::rca::Symptom;
use astern::{Error, Guard, GuardParams};
use serde_json::Value;

const DEFAULTS: &str = include_str!("../../../examples/data/astern.toml");

fn json(text: &str) -> Result<GuardParams, serde_json::Error> {
    serde_json::from_str(text)
}

#[test]
fn a_file_names_only_what_differs() {
    let default = GuardParams::default;
    assert_eq!(json("{}").unwrap(), default());
    assert_eq!(
        json(r#"{"healthy_steps": 30}"#).unwrap(),
        default().healthy_steps(30)
    );
    let toml = r#"
        mode = "apply"
        watch = "30m"
        symptom = { node = "service/web", metric = "latency_ms_p95" }
        graph.step = "30s"
        [run]
        reply_within = "5s"
    "#;
    let params = default()
        .mode(Mode::Apply)
        .watch(Duration::from_secs(1_800))
        .symptom(Symptom::new(NodeKey::service("web"), "latency_ms_p95"))
        .graph(GraphParams::default().step(Duration::from_secs(30)))
        .run(RunParams::default().reply_within(Duration::from_secs(5)));
    assert_eq!(toml::from_str::<GuardParams>(toml).unwrap(), params);
    for params in [default(), params] {
        let text = serde_json::to_string(&params).unwrap();
        assert_eq!(json(&text).unwrap(), params);
        let text = toml::to_string(&params).unwrap();
        assert_eq!(toml::from_str::<GuardParams>(&text).unwrap(), params);
    }
}

#[test]
fn an_unknown_parameter_is_named_wherever_it_stands() {
    for (file, named) in [
        (r#"{"healthy_step": 30}"#, "healthy_step"),
        (r#"{"graph": {"steps": "30s"}}"#, "steps"),
        (r#"{"policy": {"risk": {"tick": 3}}}"#, "tick"),
        (
            r#"{"symptom": {"node": "service/web", "metrics": "x"}}"#,
            "metrics",
        ),
        (r#"{"diagnoser": {"blame": {"prio": 1}}}"#, "prio"),
        (
            r#"{"release": {"comparison": {"alpha_max": 1}}}"#,
            "alpha_max",
        ),
        (
            r#"{"detectors": {"a": {"pipeline": {"scoremin": 1}}}}"#,
            "scoremin",
        ),
    ] {
        let text = json(file).unwrap_err().to_string();
        assert!(text.contains(&format!("unknown field `{named}`")), "{text}");
    }
}

#[test]
fn what_was_read_is_checked_by_the_guard() {
    for file in [
        r#"{"healthy_steps": 1}"#,
        r#"{"graph": {"step": "0s"}}"#,
        r#"{"graph": {"nodes_max": 0}}"#,
        r#"{"policy": {"risk": {"ticks": 0}}}"#,
        r#"{"planner": {"settle_within": "0s"}}"#,
        r#"{"run": {"max_attempts": 0}}"#,
        r#"{"diagnoser": {"blame": {"prior": 99}}}"#,
        r#"{"release": {"comparison": {"alpha": 2}}}"#,
        r#"{"detectors": {"a": {"pipeline": {"ema_weight": 0}}}}"#,
    ] {
        let refused = Guard::new(json(file).unwrap()).unwrap_err();
        assert!(
            refused.to_string().starts_with("parameter `"),
            "{file}: {refused}"
        );
    }
    let refused = Guard::new(json(r#"{"healthy_steps": 1}"#).unwrap());
    assert!(matches!(refused, Err(Error::Param(_))));
}

/// What a commented file says in each table: keys, and those that stand in a comment.
fn keys(toml: &str) -> BTreeMap<String, BTreeSet<&str>> {
    let mut tables: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut table = String::new();
    for line in toml.lines() {
        let line = line.strip_prefix("# ").unwrap_or(line);
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            name.clone_into(&mut table);
        } else if let Some((key, _)) = line.split_once(" = ") {
            tables.entry(table.clone()).or_default().insert(key);
        }
    }
    tables
}

/// Every parameter of a value, as table and key. What users name themselves is no parameter.
fn parameters(table: &str, value: &Value, found: &mut Vec<(String, String)>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let below = [table, key].join(".").trim_start_matches('.').to_owned();
        if value.is_object() && below != "graph.catalogue" {
            parameters(&below, value, found);
        } else if below != "graph.catalogue" {
            found.push((table.to_owned(), key.clone()));
        }
    }
}

#[test]
fn the_commented_file_is_the_defaults_and_names_every_parameter() {
    assert_eq!(
        toml::from_str::<GuardParams>(DEFAULTS).unwrap(),
        GuardParams::default()
    );
    let tables = keys(DEFAULTS);
    let mut all = Vec::new();
    parameters(
        "",
        &serde_json::to_value(GuardParams::default()).unwrap(),
        &mut all,
    );
    assert!(all.len() > 60, "{}", all.len());
    let named = |(table, key): &&(String, String)| {
        tables
            .get(table)
            .is_some_and(|keys| keys.contains(key.as_str()))
    };
    let missing: Vec<_> = all.iter().filter(|parameter| !named(parameter)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    // What stands in a comment can be taken as it is.
    let uncommented: Vec<&str> = DEFAULTS
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.contains(" = ") => rest,
            _ => line,
        })
        .collect();
    let all = toml::from_str::<GuardParams>(&uncommented.join("\n")).unwrap();
    assert_ne!(all, GuardParams::default());
    assert!(Guard::new(all).is_ok());
}

/// Holds a schema against a value: the same properties and no others, all the way down.
fn hold(schema: &Value, root: &Value, value: &Value, path: &str) {
    let target = schema.get("$ref").and_then(Value::as_str);
    let schema = target.map_or(schema, |target| root.pointer(&target[1..]).unwrap());
    let Some(fields) = value.as_object() else {
        return;
    };
    if let Some(branches) = schema.get("oneOf").and_then(Value::as_array) {
        // A catalogue: the entry that the value names.
        let name = fields.keys().next().unwrap();
        let entry = |branch: &&Value| branch["properties"].get(name).is_some();
        let branch = branches.iter().find(entry).unwrap();
        return hold(branch, root, value, path);
    }
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        // Named by the user.
        let each = &schema["additionalProperties"];
        return fields
            .values()
            .for_each(|value| hold(each, root, value, path));
    };
    let names = |map: &serde_json::Map<String, Value>| map.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(properties), names(fields), "{path}");
    assert_eq!(schema["additionalProperties"], false, "{path}");
    for (name, value) in fields {
        hold(&properties[name], root, value, &format!("{path}.{name}"));
    }
}

#[test]
fn the_schema_is_that_of_the_code() {
    let schema: Value = serde_json::from_str(&GuardParams::schema()).unwrap();
    let mut default = serde_json::to_value(GuardParams::default()).unwrap();
    hold(&schema, &schema, &default, "");
    assert_eq!(schema["properties"]["watch"]["type"], "string");
    // It says what the default is, so that editors can show it.
    assert_eq!(schema["properties"]["healthy_steps"]["default"], 60);
    // A field that the schema does not know would be found.
    default["graph"]["unknown"] = Value::Null;
    let found = std::panic::catch_unwind(|| hold(&schema, &schema, &default, ""));
    assert!(found.is_err());
}
