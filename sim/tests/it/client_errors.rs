//! Client errors, and wrong values that callers reject.

use approx::assert_relative_eq;
use astern_graph_core::{Call, CallStatus, NodeKey, Revision};
use astern_sim::{
    Breaker, CallSpec, Fault, FaultKind, Release, Retries, Scenario, Simulation, Topology, run,
};

use crate::{calls, constant, failed, of, quiet, seconds, server_ms, share};

/// `front` calls `back`, then `store`; two of four instances of `back` get a revision at 300 s.
fn scenario() -> Scenario {
    let call = CallSpec::new("back", "get")
        .retries(Retries::at_once(3))
        .breaker(Breaker::new(2, seconds(60)));
    let front = constant("front", 5.0).workers(500).then(call);
    let topology = Topology::new("front")
        .with(front.then(CallSpec::new("store", "read")))
        .with(constant("back", 10.0).instances(4).workers(50))
        .with(constant("store", 1.0).workers(50));
    let mut scenario = quiet(topology, 40.0, 900);
    let release = Release::new("back-2", NodeKey::service("back"), new(), seconds(300), [2]);
    scenario.releases = vec![release];
    scenario
}

fn new() -> Revision {
    Revision::from("back@2")
}

fn refused(call: &Call) -> bool {
    call.status == CallStatus::ClientError
}

fn late<'a>(simulation: &'a Simulation, name: &'a str) -> Vec<&'a Call> {
    let onset = simulation.start.plus(seconds(301));
    of(simulation, name).filter(|c| c.at >= onset).collect()
}

#[test]
fn client_errors_are_passed_on_and_not_tried_again() {
    let mut scenario = scenario();
    scenario.topology.services[1].client_errors = 0.1;
    scenario.propagation = 0.5;
    let simulation = run(&scenario).unwrap();
    let count = |name| of(&simulation, name).count();
    assert!(
        count("back").abs_diff(count("front")) < 3,
        "no retry, no breaker"
    );
    assert_relative_eq!(
        share(of(&simulation, "back"), refused),
        0.1,
        max_relative = 0.05
    );
    assert_relative_eq!(
        share(of(&simulation, "front"), refused),
        0.05,
        max_relative = 0.08
    );
    for call in of(&simulation, "back") {
        assert_relative_eq!(server_ms(call), 10.0);
    }
    // A caller that passes it on calls nobody else.
    let ended = of(&simulation, "front").filter(|c| refused(c)).count();
    assert!((count("front") - ended).abs_diff(count("store")) < 3);
    assert!(!calls(&simulation.records).any(failed));
}

#[test]
fn a_failure_outlasts_a_client_error() {
    let mut scenario = scenario();
    scenario.topology.services[1].client_errors = 1.0;
    scenario.background_errors = 0.2;
    scenario.topology.services[0].steps[0][0].retries = None;
    scenario.topology.services[0].steps[0][0].breaker = None;
    let simulation = run(&scenario).unwrap();
    let back = share(of(&simulation, "back"), failed);
    assert_relative_eq!(back, 0.2, max_relative = 0.05);
    assert!(of(&simulation, "back").all(|c| failed(c) || refused(c)));
}

#[test]
fn client_errors_of_a_release_are_those_of_its_revision() {
    let mut scenario = scenario();
    scenario.fault = Some(Fault::new("back-2", FaultKind::ClientErrors { share: 1.0 }));
    let simulation = run(&scenario).unwrap();
    for call in late(&simulation, "back") {
        assert_eq!(refused(call), call.callee.revision == Some(new()));
    }
    assert_relative_eq!(
        share(late(&simulation, "front"), refused),
        0.5,
        max_relative = 0.01
    );
    assert!(!calls(&simulation.records).any(failed));
    assert_eq!(simulation.truth.culprit, Some("back-2".into()));
}

#[test]
fn wrong_values_show_in_the_outcomes_of_callers_by_the_revision_that_they_called() {
    let mut scenario = scenario();
    scenario.fault = Some(Fault::new("back-2", FaultKind::WrongValues { share: 0.6 }));
    let simulation = run(&scenario).unwrap();
    let back = late(&simulation, "back");
    assert!(back.iter().all(|c| c.status == CallStatus::Ok));
    let failing: std::collections::BTreeSet<_> = late(&simulation, "front")
        .into_iter()
        .filter(|c| failed(c))
        .map(|c| c.id.unwrap().trace)
        .collect();
    let of_callers = |is_new: bool| {
        let asked = back.iter().copied();
        let asked = asked.filter(|c| (c.callee.revision == Some(new())) == is_new);
        share(asked, |c| failing.contains(&c.id.unwrap().trace))
    };
    assert_relative_eq!(of_callers(true), 0.6, max_relative = 0.05);
    assert_relative_eq!(of_callers(false), 0.0);
}
