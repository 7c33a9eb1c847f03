//! What calls go through: each mechanism by itself.

use std::time::Duration;

use approx::assert_relative_eq;
use astern_graph_core::{Call, CallStatus, EdgeKind, NodeKey, NodeKind, Record, Subject};
use astern_sim::{
    Breaker, CacheAside, CallSpec, FaultKind, HostSpec, PlaceFault, Retries, Scenario, ServiceSpec,
    Simulation, TimeLaw, Topology, run,
};

use crate::{calls, constant, exponential, failed, mean, ms, of, quiet, seconds, server_ms, share};

/// `front` of no work and any number of workers, which makes this one call to `back`.
fn pair(call: CallSpec, back: ServiceSpec) -> Topology {
    let front = constant("front", 0.0).workers(10_000).then(call);
    Topology::new("front").with(front).with(back)
}

fn asks() -> CallSpec {
    CallSpec::new("back", "get")
}

fn at_back(kind: FaultKind, from: u64) -> PlaceFault {
    let back = Subject::Node(NodeKey::service("back"));
    PlaceFault::new(back, kind, seconds(from))
}

fn client_ms(call: &Call) -> f64 {
    call.client.unwrap().as_secs_f64() * 1e3
}

#[test]
fn a_full_queue_refuses_as_often_as_theory_says() {
    // M/M/1/K with K = 4: one held, three waiting.
    let back = exponential("back", 10.0).queue_limit(3);
    let simulation = run(&quiet(pair(asks(), back), 70.0, 3_000)).unwrap();
    let refused = share(of(&simulation, "back"), failed);
    let (rho, k) = (0.7_f64, 4);
    let theory = (1.0 - rho) * rho.powi(k) / (1.0 - rho.powi(k + 1));
    assert_relative_eq!(refused, theory, max_relative = 0.03);
    for call in of(&simulation, "back") {
        let served = call.status == CallStatus::Ok;
        assert_eq!(call.server.is_some(), served);
        assert_eq!(call.callee.instance.is_some(), served, "nobody took it");
        assert_eq!(call.exclusive.is_some(), served);
    }
}

#[test]
fn a_caller_goes_on_after_its_timeout_and_the_callee_works_on() {
    let back = constant("back", 50.0)
        .workers(100)
        .then(CallSpec::new("store", "read"));
    let topology = pair(asks().timeout(ms(20)), back);
    let topology = topology.with(constant("store", 30.0).workers(100));
    let simulation = run(&quiet(topology, 10.0, 100)).unwrap();
    for call in of(&simulation, "back") {
        assert_relative_eq!(client_ms(call), 20.0);
        assert_relative_eq!(server_ms(call), 80.0);
        assert_relative_eq!(call.exclusive.unwrap().as_secs_f64(), 0.05);
        assert!(failed(call));
    }
    for call in of(&simulation, "front") {
        assert_relative_eq!(server_ms(call), 20.0);
        assert!(failed(call) && call.exclusive == Some(Duration::ZERO));
    }
    let (asked, read) = (of(&simulation, "back"), of(&simulation, "store"));
    assert!(
        asked.count().abs_diff(read.count()) <= 2 && of(&simulation, "store").all(|c| !failed(c))
    );
}

#[test]
fn a_call_given_up_in_the_queue_is_reported_at_its_timeout() {
    // The first holds the only worker for 10 s; those behind it wait in vain.
    let topology = pair(asks().timeout(ms(100)), constant("back", 10_000.0));
    let simulation = run(&quiet(topology, 5.0, 9)).unwrap();
    let given_up: Vec<_> = of(&simulation, "back").collect();
    assert!(given_up.len() > 20);
    for call in given_up {
        assert_relative_eq!(client_ms(call), 100.0);
        assert!(call.server.is_none() && call.callee.instance.is_none() && failed(call));
    }
}

#[test]
fn a_retry_is_a_call_of_its_own_and_helps_as_often_as_it_should() {
    let retries = Retries::default();
    let topology = pair(asks().retries(retries), constant("back", 1.0).workers(100));
    let mut scenario = quiet(topology, 20.0, 1_000);
    scenario.incident = Some(at_back(FaultKind::Errors { share: 0.5 }, 0));
    let simulation = run(&scenario).unwrap();
    let roots = of(&simulation, "front").count() as f64;
    let attempts = of(&simulation, "back").count() as f64;
    assert_relative_eq!(attempts / roots, 1.75, max_relative = 0.02);
    assert_relative_eq!(
        share(of(&simulation, "front"), failed),
        0.125,
        max_relative = 0.1
    );
    // A wait of 37.5 ms after half of the first attempts, 75 ms after half of the second.
    let own = mean(of(&simulation, "front").map(|c| c.exclusive.unwrap().as_secs_f64() * 1e3));
    assert_relative_eq!(own, 0.5 * 37.5 + 0.25 * 75.0, max_relative = 0.03);
    let spans: std::collections::BTreeSet<_> = calls(&simulation.records).map(|c| c.id).collect();
    assert_eq!(spans.len(), calls(&simulation.records).count());
}

#[test]
fn an_open_breaker_lets_one_probe_through_at_a_time() {
    let breaker = Breaker::new(5, seconds(10));
    let topology = pair(asks().breaker(breaker), constant("back", 1.0).workers(100));
    let mut scenario = quiet(topology, 20.0, 300);
    let failing = at_back(FaultKind::Errors { share: 1.0 }, 100);
    scenario.incident = Some(failing.lasts(seconds(100)));
    let simulation = run(&scenario).unwrap();
    let between = |from: u64, to: u64, name| {
        let range = scenario.start.plus(seconds(from))..scenario.start.plus(seconds(to));
        let of_it = of(&simulation, name).filter(move |call| range.contains(&call.at));
        of_it.collect::<Vec<_>>()
    };
    assert!(between(0, 100, "back").len() > 1_800);
    let sent = between(100, 200, "back").len();
    // Five to open it and a probe about every 10 s; some were under way.
    assert!((13..=16).contains(&sent), "{sent}");
    assert!(between(101, 199, "front").into_iter().all(failed));
    assert!(between(212, 300, "back").len() > 1_500);
    assert!(!between(212, 300, "front").into_iter().any(failed));
}

#[test]
fn a_pool_of_one_connection_makes_calls_wait_in_the_caller() {
    let topology = pair(
        asks().connections(1),
        exponential("back", 10.0).workers(100),
    );
    let simulation = run(&quiet(topology, 70.0, 2_000)).unwrap();
    let mut ends: Vec<_> = of(&simulation, "back")
        .map(|c| (c.at, c.client.unwrap()))
        .collect();
    ends.sort();
    assert!(
        ends.windows(2)
            .all(|two| two[0].0.plus(two[0].1) <= two[1].0)
    );
    // The wait is that of an M/M/1 queue, and it is the caller's self time.
    let own = mean(of(&simulation, "front").map(|c| c.exclusive.unwrap().as_secs_f64() * 1e3));
    assert_relative_eq!(own, 0.7 / 0.3 * 10.0, max_relative = 0.1);
}

#[test]
fn messages_are_handled_later_by_each_consumer() {
    let queue = ServiceSpec::new(
        NodeKey::new(NodeKind::Queue, "orders"),
        TimeLaw::LogNormal {
            mean_ms: 1.0,
            sigma: 0.0,
        },
    );
    let topology = Topology::new("front")
        .with(
            constant("front", 2.0)
                .workers(50)
                .then(CallSpec::new("orders", "place")),
        )
        .with(queue.workers(50))
        .with(
            constant("mail", 5_000.0)
                .workers(200)
                .consumes("orders", "send"),
        )
        .with(constant("audit", 3.0).workers(1).consumes("orders", "log"));
    let mut scenario = quiet(topology, 10.0, 300);
    let audit = Subject::Node(NodeKey::service("audit"));
    scenario.incident = Some(PlaceFault::new(audit, FaultKind::Down, seconds(250)));
    let simulation = run(&scenario).unwrap();
    for call in of(&simulation, "front") {
        assert_relative_eq!(server_ms(call), 3.0);
        assert!(!failed(call));
    }
    let published: Vec<_> = calls(&simulation.records)
        .filter(|c| c.kind == EdgeKind::Publishes)
        .collect();
    assert!(
        published
            .iter()
            .all(|c| &*c.callee.service.name == "orders")
    );
    let consumed = |by: &str| {
        let kind = |c: &&Call| c.kind == EdgeKind::Consumes;
        let by = by.to_owned();
        calls(&simulation.records)
            .filter(kind)
            .filter(move |c| *c.caller.as_ref().unwrap().service.name == *by)
            .collect::<Vec<_>>()
    };
    let (mails, logs) = (consumed("mail"), consumed("audit"));
    assert!(mails.len() + 80 > published.len() && mails.len() < published.len());
    assert!(
        logs.len() < published.len() - 400,
        "dropped while it was down"
    );
    for mail in mails {
        assert_relative_eq!(server_ms(mail), 5_000.0);
        assert!(mail.client.is_none() && &*mail.callee.service.name == "orders");
        let trace = mail.id.unwrap().trace;
        let publication = published.iter().find(|c| c.id.unwrap().trace == trace);
        assert!(publication.unwrap().at < mail.at);
    }
    let depths = simulation
        .records
        .iter()
        .filter(|record| matches!(record, Record::Sample(s) if s.metric.as_str() == "queue_depth"));
    assert_eq!(depths.count(), 10);
}

#[test]
fn a_miss_calls_the_store_and_a_flushed_cache_warms_again() {
    let store = CallSpec::new("store", "read");
    let cached = asks().cache(CacheAside::new(0.9, store).warm(seconds(100)));
    let topology = pair(cached, constant("back", 1.0).workers(50));
    let topology = topology.with(constant("store", 9.0).workers(50));
    let mut scenario = quiet(topology, 50.0, 1_600);
    scenario.incident = Some(at_back(FaultKind::Flush, 500));
    let simulation = run(&scenario).unwrap();
    let misses = |from: u64, to: u64| {
        let range = scenario.start.plus(seconds(from))..scenario.start.plus(seconds(to));
        let count = |name| {
            of(&simulation, name)
                .filter(|c| range.contains(&c.at))
                .count() as f64
        };
        count("store") / count("back")
    };
    assert_relative_eq!(misses(0, 500), 0.1, max_relative = 0.1);
    assert!(misses(500, 510) > 0.9);
    // 1 - 0.9 (1 - mean of exp(-t / 100) over 50 to 150 s).
    let cold = (f64::exp(-0.5) - f64::exp(-1.5)) / 1.0;
    assert_relative_eq!(
        misses(550, 650),
        1.0 - 0.9 * (1.0 - cold),
        max_relative = 0.05
    );
    assert_relative_eq!(misses(1_100, 1_600), 0.1, max_relative = 0.1);
    let slow = of(&simulation, "front")
        .filter(|c| server_ms(c) > 5.0)
        .count();
    assert_eq!(slow, of(&simulation, "store").count());
}

#[test]
fn a_noisy_neighbour_slows_what_shares_its_machine() {
    let call = |name: &str| CallSpec::new(name, "get");
    let front = constant("front", 0.0)
        .workers(100)
        .then(call("a"))
        .then(call("b"));
    let topology = Topology::new("front")
        .with(front)
        .with(
            constant("a", 10.0)
                .workers(9)
                .instances(2)
                .on(["left", "right"]),
        )
        .with(constant("b", 10.0).workers(9).on(["right"]))
        .host(HostSpec::new("left", 2.0))
        .host(HostSpec::new("right", 2.0));
    let mut scenario = quiet(topology, 5.0, 400);
    let right = NodeKey::new(NodeKind::Host, "right");
    let noise = FaultKind::Hogs { workers: 7.0 };
    let incident = PlaceFault::new(Subject::Node(right.clone()), noise, seconds(200));
    scenario.incident = Some(incident.lasts(seconds(100)));
    let simulation = run(&scenario).unwrap();
    let taken = |from: u64, to: u64, host: &str| {
        let range = scenario.start.plus(seconds(from))..scenario.start.plus(seconds(to));
        let here = |c: &&Call| c.callee.host.as_ref().is_some_and(|h| &*h.name == host);
        let found = calls(&simulation.records).filter(here);
        mean(found.filter(|c| range.contains(&c.at)).map(server_ms))
    };
    assert!(taken(0, 199, "right") < 10.2 && taken(201, 299, "left") < 10.2);
    // Two cores for eight: a quarter of the speed.
    assert_relative_eq!(taken(201, 299, "right"), 40.0, max_relative = 0.06);
    assert!(taken(302, 400, "right") < 10.2);
    let busy = |at: u64| {
        let at = scenario.start.plus(seconds(at));
        let mut samples = simulation.records.iter().filter_map(|record| match record {
            Record::Sample(s) if s.subject == Subject::Node(right.clone()) => Some(s),
            _ => None,
        });
        samples.find(|s| s.at > at).unwrap().value
    };
    assert!(busy(100) < 0.1 && busy(235) > 0.99);
    assert_eq!(simulation.truth.subject, Some(Subject::Node(right)));
    assert_eq!(
        (&simulation.truth.culprit, &simulation.truth.service),
        (&None, &None)
    );
}

/// A system in which a short trigger meets retries.
fn overloaded(attempts: u32) -> Simulation {
    let call = asks().timeout(ms(250)).retries(Retries::at_once(attempts));
    let back = exponential("back", 20.0).workers(8);
    let mut scenario: Scenario = quiet(pair(call, back), 280.0, 300);
    let trigger = at_back(FaultKind::Capacity { factor: 3.0 }, 60);
    scenario.incident = Some(trigger.lasts(seconds(15)));
    run(&scenario).unwrap()
}

#[test]
fn retries_keep_a_system_overloaded_after_its_trigger_is_gone() {
    let failing = |simulation: &Simulation, from: u64, to: u64| {
        let start = simulation.start;
        let range = start.plus(seconds(from))..start.plus(seconds(to));
        let entries = of(simulation, "front").filter(|c| range.contains(&c.at));
        share(entries, failed)
    };
    let (storm, normal) = (overloaded(4), overloaded(1));
    for simulation in [&storm, &normal] {
        assert!(failing(simulation, 0, 60) < 0.01);
        assert!(failing(simulation, 65, 75) > 0.9);
        assert_eq!(
            simulation.truth.end,
            Some(simulation.start.plus(seconds(75)))
        );
    }
    assert!(failing(&storm, 250, 290) > 0.95, "metastable");
    assert!(failing(&normal, 250, 290) < 0.01, "it recovers by itself");
}

#[test]
fn a_scenario_comes_back_from_its_file_and_old_files_are_read() {
    let mut scenario = overloaded_scenario();
    scenario.load.segments = vec![astern_sim::Segment::new("app", 2.0).favours("get", 0.5)];
    let text = serde_json::to_string(&scenario).unwrap();
    assert_eq!(serde_json::from_str::<Scenario>(&text).unwrap(), scenario);

    let old = Scenario::releases(1);
    let mut value = serde_json::to_value(&old).unwrap();
    let fields = value.as_object_mut().unwrap();
    for name in ["incident", "blackouts"] {
        assert!(fields.remove(name).is_some());
    }
    fields["load"]
        .as_object_mut()
        .unwrap()
        .retain(|name, _| name == "per_second" || name == "drift");
    fields["topology"].as_object_mut().unwrap().remove("hosts");
    assert_eq!(serde_json::from_value::<Scenario>(value).unwrap(), old);
}

fn overloaded_scenario() -> Scenario {
    let store = CallSpec::new("store", "read").connections(3);
    let call = asks()
        .timeout(ms(250))
        .retries(Retries::default())
        .breaker(Breaker::default())
        .over(EdgeKind::Reads)
        .cache(CacheAside::new(0.5, store));
    let topology = pair(call, exponential("back", 20.0).queue_limit(9).on(["one"]));
    let topology = topology
        .with(exponential("store", 5.0))
        .host(HostSpec::new("one", 4.0));
    let mut scenario = quiet(topology, 5.0, 100);
    scenario.incident = Some(at_back(FaultKind::WrongValues { share: 0.5 }, 5));
    run(&scenario).unwrap();
    scenario
}
