//! Scenarios in files: what is left out has its default, what is misspelt is named.

use std::time::Duration;

use astern_graph_core::NodeKey;
use astern_sim::{CallSpec, Scenario, ServiceSpec, Simulator, TimeLaw, Topology};

const FILE: &str = r#"
healthy = "10m"
span = "20m"

[topology]
entry = "web"

[[topology.services]]
key = "service/web"
revision = "web@1"
work = { exponential = { mean_ms = 5.0 } }
steps = [[{ to = "cart", operation = "get", timeout = "1s 500ms", retries = { first = "10ms" } }]]

[[topology.services]]
key = "service/cart"
revision = "cart@1"
work = { exponential = { mean_ms = 2.0 } }
instances = 3
"#;

#[test]
fn a_file_names_only_what_differs() {
    let mut call = CallSpec::new("cart", "get").timeout(Duration::from_millis(1_500));
    let retries = call.retries.insert(astern_sim::Retries::default());
    retries.first = Duration::from_millis(10);
    let service = |name: &str, mean_ms| {
        let work = TimeLaw::Exponential { mean_ms };
        let mut spec = ServiceSpec::new(NodeKey::service(name), work);
        spec.revision = format!("{name}@1").as_str().into();
        spec
    };
    let topology = Topology::new("web")
        .with(service("web", 5.0).then(call))
        .with(service("cart", 2.0).instances(3));
    let mut scenario = Scenario::new(topology, 0);
    scenario.healthy = Duration::from_secs(10 * 60);
    scenario.span = Duration::from_secs(20 * 60);
    assert_eq!(toml::from_str::<Scenario>(FILE).unwrap(), scenario);
}

#[test]
fn a_misspelt_field_is_named() {
    for (right, wrong) in [
        ("span =", "spam ="),
        ("entry =", "enter ="),
        ("instances =", "instance ="),
        ("timeout =", "time_out ="),
        ("first =", "fist ="),
    ] {
        let error = toml::from_str::<Scenario>(&FILE.replacen(right, wrong, 1)).unwrap_err();
        let named = format!("unknown field `{}`", &wrong[..wrong.len() - 2]);
        assert!(error.to_string().contains(&named), "{error}");
    }
}

#[test]
fn what_a_file_may_not_leave_out_is_refused_by_the_check() {
    let empty: Scenario = toml::from_str("").unwrap();
    assert!(Simulator::new(&empty).is_err());
    let idle = format!("{FILE}[load]\ntrend_per_hour = 0.5\n");
    let idle: Scenario = toml::from_str(&idle).unwrap();
    let refused = Simulator::new(&idle).unwrap_err().to_string();
    assert!(refused.contains("`per_second` is 0"), "{refused}");
}
