//! The built-in topologies: well formed, and as busy as they are planned to be.

use std::collections::BTreeMap;

use astern_graph_core::{NodeKey, NodeKind, Record, SampleSubject, Subject};
use astern_sim::{CallSpec, Scenario, SimError, Simulator, Topology, run};
use proptest::prelude::*;

use crate::{exponential, seconds};

/// Load and utilisation that the built-in topologies are sized for.
const PER_SECOND: f64 = 10.0;
const UTILISATION: f64 = 0.5;

fn sized() -> [(&'static str, Topology); 4] {
    [
        ("sock shop", Topology::sock_shop()),
        ("train ticket", Topology::train_ticket()),
        ("50 services", Topology::generated(50, 3).unwrap()),
        ("400 services", Topology::generated(400, 4).unwrap()),
    ]
}

#[test]
fn every_service_is_reached_and_the_engine_takes_them_all() {
    let boutique = ("boutique", Topology::boutique());
    for (name, topology) in sized().into_iter().chain([boutique]) {
        let visits = topology.visits().unwrap();
        assert!(visits.iter().all(|visits| *visits > 0.0), "{name}");
        Simulator::new(&Scenario::new(topology, 1)).unwrap();
    }
}

#[test]
fn they_are_of_the_stated_size() {
    let of = |topology: &Topology, kind| {
        let services = topology.services.iter();
        services.filter(|spec| spec.key.kind == kind).count()
    };
    let [(_, socks), (_, tickets), ..] = sized();
    assert_eq!(of(&socks, NodeKind::Service), 8);
    assert_eq!(of(&socks, NodeKind::Database), 4);
    assert_eq!(of(&tickets, NodeKind::Service), 41);
    assert_eq!(of(&tickets, NodeKind::Database), 22);
    let calls = |topology: &Topology| topology.visits().unwrap().iter().sum::<f64>();
    assert!((5.0..7.0).contains(&calls(&socks)), "{}", calls(&socks));
    assert!(
        (25.0..30.0).contains(&calls(&tickets)),
        "{}",
        calls(&tickets)
    );
}

#[test]
fn they_are_sized_for_their_design_load_already() {
    for (name, topology) in sized() {
        let again = topology.clone().sized_for(PER_SECOND, UTILISATION).unwrap();
        for (again, spec) in again.services.iter().zip(&topology.services) {
            assert_eq!(again, spec, "{name}");
        }
    }
}

#[test]
fn services_are_as_busy_as_planned() {
    for (name, topology) in sized() {
        let planned = topology.utilisation(PER_SECOND).unwrap();
        let visits = topology.visits().unwrap();
        let mut scenario = Scenario::new(topology.clone(), 11);
        scenario.load.per_second = PER_SECOND;
        scenario.background_errors = 0.0;
        scenario.healthy = seconds(0);
        scenario.span = seconds(300);
        let busy = busy(&run(&scenario).unwrap().records);
        for ((spec, planned), visits) in topology.services.iter().zip(planned).zip(visits) {
            let found = busy[&spec.key];
            // Poisson arrivals of log-normal work: (1 + cv²) / n is the squared relative error.
            // A request calls some services more than once, so they come in bunches: half as much
            // again. Five standard errors of 500 services stay within.
            let calls = PER_SECOND * visits * 300.0;
            let tolerance = 5.0 * planned * 1.5 * (1.284 / calls).sqrt() + 3e-4;
            let key = &spec.key;
            let text = || format!("{name}: {key} is {found} busy, planned {planned} ± {tolerance}");
            assert!((found - planned).abs() <= tolerance, "{}", text());
            assert!(found < 0.6, "{}", text());
        }
    }
}

/// Mean of each service's processor over a run.
fn busy(records: &[Record]) -> BTreeMap<NodeKey, f64> {
    let mut sums: BTreeMap<NodeKey, (f64, f64)> = BTreeMap::new();
    for record in records {
        if let Record::Sample(sample) = record
            && let SampleSubject::Whole(Subject::Node(key)) = &sample.subject
        {
            let (sum, count) = sums.entry(key.clone()).or_default();
            *sum += sample.value;
            *count += 1.0;
        }
    }
    let mean = |(key, (sum, count))| (key, sum / count);
    sums.into_iter().map(mean).collect()
}

#[test]
fn a_system_that_is_resized_holds_a_load_that_would_swamp_it() {
    let left_waiting = |topology: Topology| {
        let mut scenario = Scenario::new(topology, 5);
        scenario.load.per_second = 150.0;
        scenario.healthy = seconds(0);
        scenario.span = seconds(60);
        let simulation = run(&scenario).unwrap();
        simulation.counts.in_flight
    };
    let small = Topology::sock_shop();
    let large = small.clone().sized_for(150.0, UTILISATION).unwrap();
    assert!(left_waiting(small) > 1_000);
    assert!(left_waiting(large) < 150);
}

#[test]
fn sizes_and_loads_that_are_none_are_refused() {
    for services in [0, 100_001, usize::MAX] {
        let error = Topology::generated(services, 1).unwrap_err();
        assert!(matches!(error, SimError::Param { .. }), "{error}");
    }
    let shop = Topology::sock_shop;
    for rate in [0.0, -1.0, f64::NAN, 2e6] {
        assert!(shop().sized_for(rate, 0.5).is_err());
    }
    for rate in [-1.0, f64::NAN, 2e6] {
        assert!(shop().utilisation(rate).is_err());
    }
    for share in [0.0, 0.95, f64::NAN] {
        assert!(shop().sized_for(10.0, share).is_err());
    }
    // 8,000 workers at most for a service that would need 10 million.
    let heavy = Topology::new("web").with(exponential("web", 1e4));
    assert!(heavy.sized_for(1e6, 0.5).is_err());
}

#[test]
fn a_topology_that_is_none_has_no_visits() {
    let web = || exponential("web", 1.0);
    let topology = |spec| Topology::new("web").with(spec);
    let circle = topology(web().then(CallSpec::new("web", "self"))).visits();
    assert!(matches!(circle, Err(SimError::Cycle { .. })));
    let nobody = topology(web().then(CallSpec::new("nobody", "x"))).visits();
    assert!(matches!(nobody, Err(SimError::UnknownService { .. })));
    let twice = topology(web()).with(web()).visits();
    assert!(matches!(twice, Err(SimError::Duplicate { .. })));
    let never = topology(web().instances(0)).visits();
    assert!(matches!(never, Err(SimError::Param { .. })));
    let no_entry = Topology::new("web").visits();
    assert!(matches!(no_entry, Err(SimError::UnknownService { .. })));
}

#[test]
fn large_systems_are_shallow_with_a_heavy_tail_of_fan_out() {
    let topology = Topology::generated(2_000, 9).unwrap();
    let calls = |index: usize| topology.services[index].steps.iter().flatten().count();
    let mut fan_out: Vec<usize> = (0..1_600).map(calls).collect();
    fan_out.sort_unstable();
    assert!(fan_out[800] <= 1 && fan_out[1_599] >= 30, "{fan_out:?}");
    let visits: f64 = topology.visits().unwrap().iter().sum();
    assert!((5.0..60.0).contains(&visits), "{visits} calls per request");
    assert!(longest(&topology) <= 10);
}

/// Services on the longest chain of calls.
fn longest(topology: &Topology) -> usize {
    let index: BTreeMap<&str, usize> = topology
        .services
        .iter()
        .zip(0..)
        .map(|(s, i)| (&*s.key.name, i))
        .collect();
    let mut depths = vec![1; topology.services.len()];
    // As often as there are services on the longest chain there is a change.
    loop {
        let before = depths.clone();
        for (caller, spec) in topology.services.iter().enumerate() {
            for call in spec.steps.iter().flatten() {
                let callee = index[&*call.to];
                depths[callee] = depths[callee].max(before[caller] + 1);
            }
        }
        if depths == before {
            return depths.into_iter().max().unwrap();
        }
    }
}

proptest! {
    #[test]
    fn generated_systems_are_whole_and_the_same_for_the_same_seed(
        services in 1_usize..300,
        seed in any::<u64>(),
    ) {
        let topology = Topology::generated(services, seed).unwrap();
        prop_assert_eq!(topology.services.len(), services);
        // Computing the visits refuses circles and names that lead nowhere.
        let visits = topology.visits().unwrap();
        prop_assert!(visits.iter().all(|visits| *visits > 0.0));
        let busy = topology.utilisation(PER_SECOND).unwrap();
        prop_assert!(busy.iter().all(|share| *share <= UTILISATION));
        prop_assert_eq!(Topology::generated(services, seed).unwrap(), topology);
    }
}

#[test]
fn another_seed_gives_another_system() {
    let of = |seed| Topology::generated(30, seed).unwrap();
    assert_ne!(of(1), of(2));
}
