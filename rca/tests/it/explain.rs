//! The way of a fault, and the symptom without it.

use astern_graph_core::signal::{Diagnosis, Evidence};
use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, NodeKey, Sample};
use astern_rca::{DiagnoserParams, Incident};
use astern_stats::rng::seeded;
use rand_chacha::rand_core::Rng;

use crate::world::{minute, minutes};

/// `web → cart → db`; each waits for its callee and adds its own work. `db` gets 100 ms slower at
/// minute 120. Independent: the healthy values do not depend on each other.
fn diagnosis(independent: bool) -> Diagnosis {
    let mut rng = seeded(3, 0);
    let mut uniform = |ms: f64| ms * f64::from(rng.next_u32()) / 4_294_967_296.0;
    let [web, cart, db] = ["web", "cart", "db"].map(NodeKey::service);
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    builder.declare_edge(web.clone(), cart.clone(), EdgeKind::Calls);
    builder.declare_edge(cart.clone(), db.clone(), EdgeKind::Calls);
    for at in 0..135 {
        let slow = if at < 120 { 0.0 } else { 100.0 };
        let own = [uniform(10.0), uniform(2.0), uniform(4.0)];
        let of_db = 10.0 + own[0] + slow;
        let passed = if independent {
            15.0 + slow + uniform(4.0)
        } else {
            of_db
        };
        let of_cart = passed + 5.0 + own[1];
        let of_web = if independent {
            of_cart - own[1] + uniform(9.0)
        } else {
            of_cart
        } + 5.0
            + own[2];
        for (key, value) in [(&db, of_db), (&cart, of_cart), (&web, of_web)] {
            builder.extend([Sample::new(minute(at), key.clone(), "latency_ms", value).into()]);
        }
    }
    let incident = Incident::new(web, "latency_ms".into(), minutes(0, 118), minutes(118, 135));
    DiagnoserParams::default()
        .check()
        .unwrap()
        .diagnose(&builder.build(), &incident)
        .unwrap()
}

#[test]
fn the_way_of_a_fault_is_given_with_what_speaks_for_it() {
    let found = diagnosis(false);
    assert_eq!(found.causes[0].subject, NodeKey::service("db").into());
    let explanation = &found.explanations[0];
    let names: Vec<&str> = explanation.hops.iter().map(|hop| &*hop.node.name).collect();
    assert_eq!(names, ["db", "cart", "web"]);
    assert!(
        explanation
            .hops
            .iter()
            .all(|hop| hop.observed > hop.healthy)
    );
    let shift = |e: &Evidence| matches!(e, Evidence::Shift { .. });
    assert!(
        explanation
            .hops
            .iter()
            .all(|hop| hop.supporting.iter().any(shift)),
        "{explanation}"
    );
    let origin = |e: &Evidence| matches!(e, Evidence::OriginOfFault { .. });
    assert!(explanation.hops[0].supporting.iter().any(origin));
    // The symptom itself is explained as a cause too: it has a dependency that is hit.
    let of_web = found
        .explanations
        .iter()
        .find(|e| e.hops.len() == 1)
        .unwrap();
    assert!(of_web.hops[0].opposing.iter().any(origin), "{of_web}");
    assert_eq!(of_web.counterfactual, None);
}

#[test]
fn the_symptom_without_the_cause_is_its_healthy_level() {
    let found = diagnosis(false);
    let counterfactual = found.explanations[0].counterfactual.as_ref().unwrap();
    // Without the 100 ms it is 20 to 36 ms; its 90 % quantile lies in the upper part.
    assert!(
        counterfactual.low < counterfactual.expected
            && counterfactual.expected < counterfactual.high
    );
    assert!(
        (20.0..=40.0).contains(&counterfactual.expected),
        "{counterfactual}"
    );
    assert!(
        counterfactual.observed > 110.0 && counterfactual.low < 36.0 && counterfactual.high > 24.0,
        "{counterfactual}"
    );
    assert!(
        counterfactual
            .to_string()
            .starts_with("were service/db normal, latency_ms would be ")
    );
}

#[test]
fn where_healthy_steps_do_not_tell_no_figure_is_made_up() {
    let found = diagnosis(true);
    let explanation = found
        .explanations
        .iter()
        .find(|e| e.hops.len() == 3)
        .unwrap();
    assert_eq!(explanation.counterfactual, None, "{explanation}");
    assert!(
        matches!(explanation.fallbacks[..], [Evidence::Fallback { .. }]),
        "{explanation}"
    );
}
