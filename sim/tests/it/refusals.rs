//! Each rule of a scenario, broken.

use std::time::Duration;

use astern_graph_core::{NodeKey, NodeKind, Revision, Timestamp, TrafficShare};
use astern_sim::{
    CallSpec, Drift, Fault, FaultKind, Release, Scenario, SimError, Simulator, StartUp, TimeLaw,
    Topology, run,
};
use astern_stats::ParamError;

use crate::{alone, exponential, seconds};

pub(crate) fn refused(change: impl FnOnce(&mut Scenario)) -> SimError {
    let mut scenario = Scenario::releases(1);
    change(&mut scenario);
    Simulator::new(&scenario).map(drop).unwrap_err()
}

/// The part and the name of the parameter that is refused.
pub(crate) fn wrong(change: impl FnOnce(&mut Scenario)) -> (String, &'static str) {
    match refused(change) {
        SimError::Param { part, cause } => match cause {
            ParamError::OutOfRange { name, .. } | ParamError::NotPositive { name, .. } => {
                (part, name)
            }
            other => panic!("{other}"),
        },
        other => panic!("{other}"),
    }
}

#[test]
fn services_without_instances_or_workers_are_refused() {
    let of = |name| ("service `checkout`".to_owned(), name);
    for bad in [0, 1_001, u32::MAX] {
        let found = wrong(|s| s.topology.services[1].instances = bad);
        assert_eq!(found, of("instances"));
    }
    for bad in [0, 10_001] {
        let found = wrong(|s| s.topology.services[1].workers = bad);
        assert_eq!(found, of("workers"));
    }
}

#[test]
fn client_errors_beyond_all_are_refused() {
    for bad in [-0.1, 1.1, f64::NAN] {
        let found = wrong(|s| s.topology.services[1].client_errors = bad);
        assert_eq!(found, ("service `checkout`".to_owned(), "client_errors"));
    }
}

#[test]
fn speeds_and_tails_that_are_none_are_refused() {
    for bad in [0.0, 11.0, f64::NAN] {
        let found = wrong(|s| s.topology.services[1].speeds = vec![1.0, bad]);
        assert_eq!(found.1, "speed of an instance");
    }
    let (mean_ms, alpha) = (1.0, 1.0);
    let found = wrong(|s| s.topology.services[0].work = TimeLaw::Pareto { mean_ms, alpha });
    assert_eq!(found.1, "alpha");
}

#[test]
fn starts_that_are_none_are_refused() {
    let start = |start_up: StartUp| {
        let (part, name) = wrong(|s| s.topology.services[1].start_up = Some(start_up));
        assert_eq!(part, "service `checkout`");
        name
    };
    let none = StartUp::default;
    for bad in [Duration::ZERO, seconds(86_401)] {
        assert_eq!(start(none().lasts(bad)), "start-up in seconds");
    }
    assert_eq!(start(none().factor(0.5)), "factor of a start-up");
    assert_eq!(start(none().errors(1.5)), "errors of a start-up");
}

#[test]
fn a_system_of_nothing_or_of_too_much_is_refused() {
    let crowd = (0..101).fold(Topology::new("0"), |topology, name| {
        topology.with(exponential(&name.to_string(), 1.0).instances(1_000))
    });
    for topology in [Topology::new("web"), crowd] {
        let found = wrong(|s| s.topology = topology);
        assert_eq!(found, ("the topology".to_owned(), "instances of all"));
    }
}

#[test]
fn times_that_are_none_are_refused() {
    for mean_ms in [-1.0, f64::NAN, f64::INFINITY] {
        let law = TimeLaw::Exponential { mean_ms };
        let found = wrong(|s| s.topology.services[0].work = law);
        assert_eq!(found, ("service `frontend`".to_owned(), "mean_ms"));
        assert_eq!(wrong(|s| s.network = law).1, "mean_ms");
    }
    let law = TimeLaw::LogNormal {
        mean_ms: 1.0,
        sigma: f64::NAN,
    };
    assert_eq!(wrong(|s| s.network = law).1, "sigma");
}

#[test]
fn rates_and_shares_that_are_none_are_refused() {
    for bad in [0.0, -2.0, f64::NAN, f64::INFINITY, 1e7] {
        let found = wrong(|s| s.load.per_second = bad);
        assert_eq!(found, ("the load".to_owned(), "per_second"));
    }
    for bad in [-0.1, 1.1, f64::NAN] {
        assert_eq!(wrong(|s| s.propagation = bad).1, "propagation");
        assert_eq!(wrong(|s| s.background_errors = bad).1, "background_errors");
        let call = CallSpec::new("cart", "get").probability(bad);
        let found = wrong(|s| s.topology.services[0].steps.push(vec![call]));
        assert_eq!(found.1, "probability");
        let drift = |amplitude, period| Some(Drift { amplitude, period });
        assert_eq!(
            wrong(|s| s.load.drift = drift(bad, seconds(60))).1,
            "amplitude"
        );
        let found = wrong(|s| s.load.drift = drift(0.1, Duration::ZERO));
        assert_eq!(found.1, "period in seconds");
    }
}

#[test]
fn spans_that_do_not_fit_are_refused() {
    assert_eq!(wrong(|s| s.span = Duration::ZERO).1, "span in seconds");
    assert_eq!(wrong(|s| s.span = Duration::MAX).1, "span in seconds");
    assert_eq!(wrong(|s| s.start = Timestamp::MAX).1, "span in seconds");
    assert_eq!(
        wrong(|s| s.healthy = seconds(9_999)).1,
        "healthy in seconds"
    );
    for bad in [Duration::ZERO, Duration::from_micros(999), Duration::MAX] {
        assert_eq!(wrong(|s| s.step = bad).1, "step in seconds");
    }
}

#[test]
fn names_that_lead_nowhere_or_twice_are_refused() {
    let entry = refused(|s| s.topology.entry = "door".into());
    assert!(matches!(&entry, SimError::UnknownService { name, .. } if &**name == "door"));
    let callee = refused(|s| s.topology.services[2].steps = vec![vec![CallSpec::new("safe", "x")]]);
    let text = "service `cart` names the service `safe`, which is not in the topology";
    assert_eq!(callee.to_string(), text);
    let release = refused(|s| s.releases[0].service = NodeKey::service("safe"));
    assert!(matches!(release, SimError::UnknownService { .. }));
    // The name exists, but it is no cache.
    let kind = refused(|s| s.releases[0].service.kind = NodeKind::Cache);
    assert!(matches!(kind, SimError::UnknownService { .. }));

    let twice = refused(|s| s.topology = s.topology.clone().with(exponential("ads", 1.0)));
    assert!(matches!(
        twice,
        SimError::Duplicate {
            what: "service",
            ..
        }
    ));
    let twice = refused(|s| s.releases[1].id = s.releases[0].id.clone());
    assert!(matches!(twice, SimError::Duplicate { what: "change", .. }));
    let twice = refused(|s| s.releases[1].service = s.releases[0].service.clone());
    assert!(matches!(
        twice,
        SimError::Duplicate {
            what: "released service",
            ..
        }
    ));
}

#[test]
fn circles_are_refused() {
    let own = exponential("a", 1.0).then(CallSpec::new("a", "self"));
    let alone = refused(|s| s.topology = Topology::new("a").with(own));
    assert_eq!(
        alone,
        SimError::Cycle {
            service: "a".into()
        }
    );

    let circle = Topology::new("a")
        .with(exponential("a", 1.0).then(CallSpec::new("b", "x")))
        .with(exponential("b", 1.0).then(CallSpec::new("a", "y").probability(0.1)));
    assert!(matches!(
        refused(|s| s.topology = circle),
        SimError::Cycle { .. }
    ));
}

#[test]
fn releases_that_cannot_be_made_are_refused() {
    let starts = "starts in seconds";
    assert_eq!(wrong(|s| s.releases[0].starts = seconds(60)).1, starts);
    assert_eq!(wrong(|s| s.releases[0].starts = seconds(9_999)).1, starts);
    assert_eq!(
        wrong(|s| s.releases[0].pause = Duration::ZERO).1,
        "pause in seconds"
    );
    for bad in [0.4, 2.1, f64::NAN] {
        assert_eq!(wrong(|s| s.releases[0].work_factor = bad).1, "work_factor");
    }
    let flag = wrong(|s| {
        let release = s.releases[0].clone().work_factor(1.1);
        s.releases[0] = release.flag("f", [TrafficShare::FULL]);
    });
    assert_eq!(flag.1, "work_factor");
    assert_eq!(
        wrong(|s| s.releases[0].batches.clear()).1,
        "number of batches"
    );
    assert_eq!(
        wrong(|s| s.releases[0].batches.push(0)).1,
        "instances of a batch"
    );
    assert_eq!(
        wrong(|s| s.releases[0].batches.push(4)).1,
        "instances of all batches"
    );
    let same = refused(|s| {
        let release = &mut s.releases[0];
        let mut services = s.topology.services.iter();
        let service = services.find(|spec| spec.key == release.service).unwrap();
        release.to = service.revision.clone();
    });
    assert!(matches!(same, SimError::SameRevision { .. }));
}

#[test]
fn faults_of_nobody_or_of_no_size_are_refused() {
    let kind = FaultKind::Errors { share: 0.1 };
    let nobody = refused(|s| s.fault = Some(Fault::new("nobody", kind)));
    assert!(matches!(nobody, SimError::UnknownChange { .. }));
    let change = Scenario::releases(1).releases[0].id.clone();
    let none = Fault::new(change, FaultKind::Slower { factor: f64::NAN });
    assert_eq!(
        wrong(|s| s.fault = Some(none)),
        ("the fault".to_owned(), "factor")
    );
}

#[test]
fn the_number_of_events_is_bounded() {
    let mut scenario = Scenario::new(alone("web", 1.0), 1);
    scenario.load.per_second = 1e6;
    scenario.events_max = 10_000;
    let at = match run(&scenario) {
        Err(SimError::TooManyEvents { limit: 10_000, at }) => at,
        other => panic!("{other:?}"),
    };
    assert!(at < scenario.start.plus(seconds(1)));

    let mut simulator = Simulator::new(&scenario).unwrap();
    let end = scenario.start.plus(scenario.span);
    let first = simulator.advance(end).unwrap_err();
    assert_eq!(simulator.advance(end).unwrap_err(), first);
}

#[test]
fn extreme_but_legal_values_are_simulated() {
    let mut scenario = Scenario::new(alone("web", 1e6), u64::MAX);
    scenario.topology.services[0].work = TimeLaw::LogNormal {
        mean_ms: 1e6,
        sigma: 3.0,
    };
    scenario.start = Timestamp::MIN;
    scenario.step = seconds(86_400);
    scenario.span = seconds(100_000);
    scenario.healthy = seconds(100_000);
    scenario.releases = vec![Release::new(
        "late",
        NodeKey::service("web"),
        Revision::from("web@2"),
        seconds(100_000),
        [1],
    )];
    scenario.load.per_second = 1e-300;
    assert_eq!(run(&scenario).unwrap().counts.started, 0);
    scenario.load.per_second = 1.0;
    let counts = run(&scenario).unwrap().counts;
    assert!(counts.started > 90_000 && counts.in_flight > 0);
}
