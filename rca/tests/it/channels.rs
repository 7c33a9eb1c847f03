//! What the local channels of the fused ranker find in calls and resources.

use std::time::Duration;

use astern_graph_core::signal::{Diagnosis, Evidence};
use astern_graph_core::{
    Call, CallStatus, GraphBuilder, GraphParams, NodeKey, NodeKind, Party, Record, Sample, SpanId,
    TimeRange, Timestamp,
};
use astern_rca::ranker::{FusedParams, FusedWeights};
use astern_rca::trace::Traces;
use astern_rca::{DiagnoserParams, Incident};

use crate::world::{minutes, service};

const HEALTHY: i64 = 20;
const END: i64 = 26;
/// Requests a minute.
const REQUESTS: i64 = 12;

/// Who calls whom: `web` calls `cart` and `search`, both call `stock`, and `stock` calls `prices`.
const EDGES: [(&str, &str); 5] = [
    ("web", "cart"),
    ("web", "search"),
    ("cart", "stock"),
    ("search", "stock"),
    ("stock", "prices"),
];

/// How a call goes: duration of the server and of the client, in milliseconds, and whether it failed.
/// `None` is a call that is not made.
type Way = Option<(u64, u64, bool)>;

/// What happens over an edge in a minute; the way of `web`'s own calls has no caller.
type Story<'a> = &'a dyn Fn(Option<&str>, &str, bool) -> Way;

/// Ten milliseconds everywhere and two on the network.
const WELL: Way = Some((10, 12, false));

/// Calls of requests in traces of their own; each is over before the next begins.
fn calls(story: Story<'_>) -> Vec<Call> {
    let mut calls = Vec::new();
    for minute in 0..END {
        for request in 0..REQUESTS {
            let start = Timestamp::from_secs(60 * minute + 5 * request);
            let trace = u128::try_from(1 + minute * REQUESTS + request).unwrap();
            let edges = EDGES.iter().map(|(from, to)| (Some(*from), *to));
            for (i, (from, to)) in [(None, "web")].into_iter().chain(edges).enumerate() {
                let Some((server, client, failed)) = story(from, to, minute >= HEALTHY) else {
                    continue;
                };
                // Each has some ripple, or the telemetry is too good to be true.
                let ripple = u64::try_from((minute * 7 + request * 5) % 4).unwrap();
                let offset = Duration::from_millis(u64::try_from(i).unwrap());
                let took = |ms: u64| Some(Duration::from_millis(ms + ripple));
                let mut call = Call::new(start.plus(offset), Party::new(service(to)))
                    .took(from.and(took(client)), took(server));
                call.exclusive = took(server);
                call.caller = from.map(|from| Party::new(service(from)));
                call.id = Some(SpanId::new(trace, 1 + u64::try_from(i).unwrap()));
                if failed {
                    call.status = CallStatus::Error;
                }
                calls.push(call);
            }
        }
    }
    calls
}

fn incident() -> Incident {
    let healthy = minutes(0, HEALTHY);
    Incident::new(
        service("web"),
        "latency_ms_p95".into(),
        healthy,
        minutes(HEALTHY, END),
    )
}

fn diagnose(story: Story<'_>, more: Vec<Record>) -> Diagnosis {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    builder.extend(calls(story).into_iter().map(Into::into).chain(more));
    let diagnoser = DiagnoserParams::default().check().unwrap();
    diagnoser.diagnose(&builder.build(), &incident()).unwrap()
}

/// Self time is reported also where it is as always.
fn is_normal(evidence: &Evidence) -> bool {
    matches!(evidence, Evidence::OwnTime { z, .. } if *z < 2.0)
}

/// The first cause, and what speaks for it by local channels.
fn first(diagnosis: &Diagnosis) -> (String, Vec<&Evidence>) {
    let cause = &diagnosis.causes[0];
    let local = |e: &&Evidence| {
        matches!(
            e,
            Evidence::Gap { .. }
                | Evidence::OwnTime { .. }
                | Evidence::OwnFailures { .. }
                | Evidence::LastBeforeFailure { .. }
                | Evidence::FewerCalls { .. }
        )
    };
    let shown = cause.evidence.iter().filter(local);
    let shown = shown.filter(|e| !is_normal(e)).collect();
    (cause.subject.node().name.to_string(), shown)
}

#[test]
fn one_late_edge_is_charged_to_its_callee() {
    let story = |from: Option<&str>, to: &str, faulty: bool| match (from, to) {
        (Some("cart"), "stock") if faulty => Some((10, 212, false)),
        (_, "cart" | "web") if faulty => Some((210, 212, false)),
        _ => WELL,
    };
    let diagnosis = diagnose(&story, vec![]);
    // Self times of `cart` and `web` grew too: their waits are not distinguished here.
    let stock = diagnosis
        .causes
        .iter()
        .find(|c| *c.subject.node() == service("stock"))
        .unwrap();
    let gap = |e: &Evidence| matches!(e, Evidence::Gap { from, .. } if *from == service("cart"));
    assert!(stock.evidence.iter().any(gap), "{diagnosis}");
    let charged = |c: &&astern_graph_core::signal::RankedCause| {
        c.evidence.iter().any(|e| matches!(e, Evidence::Gap { .. }))
    };
    assert_eq!(diagnosis.causes.iter().filter(charged).count(), 1);
}

#[test]
fn a_node_all_of_whose_edges_are_late_is_charged_with_them() {
    // The network of `stock`: those that call it wait for it, and it waits for `prices`.
    let story = |from: Option<&str>, to: &str, faulty: bool| match (from, to) {
        (_, "stock") | (Some("stock"), _) if faulty => Some((10, 212, false)),
        _ => WELL,
    };
    let diagnosis = diagnose(&story, vec![]);
    let (name, shown) = first(&diagnosis);
    assert_eq!(name, "stock", "{diagnosis}");
    assert!(matches!(shown[..], [Evidence::Gap { .. }]), "{diagnosis}");
    let prices = diagnosis
        .causes
        .iter()
        .find(|c| *c.subject.node() == service("prices"));
    let gap = |e: &Evidence| matches!(e, Evidence::Gap { .. });
    assert!(!prices.unwrap().evidence.iter().any(gap), "{diagnosis}");
}

#[test]
fn who_takes_longer_by_itself_is_blamed_whatever_the_symptom_shows() {
    let story = |_: Option<&str>, to: &str, faulty: bool| match to {
        "prices" if faulty => Some((40, 42, false)),
        _ => WELL,
    };
    let diagnosis = diagnose(&story, vec![]);
    let (name, shown) = first(&diagnosis);
    assert_eq!(name, "prices", "{diagnosis}");
    let [
        Evidence::OwnTime {
            healthy_ms,
            observed_ms,
            ..
        },
    ] = shown[..]
    else {
        panic!("{diagnosis}");
    };
    assert!(*observed_ms > 3.0 * *healthy_ms);
}

#[test]
fn a_caller_whose_workers_wait_for_a_late_callee_is_not_slow_by_itself() {
    // `cart` waits 200 ms longer for `stock`, and so do its own requests for a worker of `cart`.
    let story = |from: Option<&str>, to: &str, faulty: bool| match (from, to) {
        (Some("cart"), "stock") if faulty => Some((10, 212, false)),
        (_, "cart") if faulty => Some((210, 212, false)),
        _ => WELL,
    };
    let diagnosis = diagnose(&story, vec![]);
    let self_time = |name: &str| {
        let mut causes = diagnosis.causes.iter();
        let cause = causes.find(|c| *c.subject.node() == service(name)).unwrap();
        cause
            .evidence
            .iter()
            .any(|e| matches!(e, Evidence::OwnTime { .. }) && !is_normal(e))
    };
    assert!(!self_time("cart"), "{diagnosis}");
    assert_eq!(first(&diagnosis).0, "stock", "{diagnosis}");
}

#[test]
fn failures_are_of_those_whose_callees_did_not_fail() {
    let story = |_: Option<&str>, to: &str, faulty: bool| match to {
        // What `prices` fails, all of its callers fail.
        _ if faulty => Some((10, 12, true)),
        _ => WELL,
    };
    let diagnosis = diagnose(&story, vec![]);
    let (name, shown) = first(&diagnosis);
    assert_eq!(name, "prices", "{diagnosis}");
    assert!(
        matches!(shown[..], [Evidence::OwnFailures { .. }]),
        "{diagnosis}"
    );
}

#[test]
fn a_callee_that_answered_last_before_failures_of_several_is_suspect() {
    // `cart` and `search` fail after `stock` answered, which nothing fails of.
    let story = |_: Option<&str>, to: &str, faulty: bool| match to {
        "cart" | "search" if faulty => Some((10, 12, true)),
        "prices" => None,
        _ => WELL,
    };
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    let calls = calls(&story);
    let of = |range: TimeRange| Traces::of(calls.iter().filter(|call| range.contains(call.at)));
    let traced = incident().traced(of(minutes(0, HEALTHY)), of(minutes(HEALTHY, END)));
    builder.extend(calls.iter().cloned().map(Into::into));
    let diagnoser = DiagnoserParams::default().check().unwrap();
    let diagnosis = diagnoser.diagnose(&builder.build(), &traced).unwrap();
    let (name, shown) = first(&diagnosis);
    assert_eq!(name, "stock", "{diagnosis}");
    assert!(
        matches!(shown[..], [Evidence::LastBeforeFailure { .. }]),
        "{diagnosis}"
    );
}

#[test]
fn what_only_slow_traces_went_through_is_suspect_where_it_is_asked_for() {
    // Every second request goes through `search`, and those take 200 ms longer, wherever they do.
    let of = |faulty: bool| {
        let mut calls = Vec::new();
        for request in 0..40_u64 {
            let trace = u128::from(1 + request + 100 * u64::from(faulty));
            let by_search = request % 2 == 0;
            let slow = if faulty && by_search { 200 } else { 0 };
            let start = if faulty { HEALTHY } else { 0 };
            let start = Timestamp::from_secs(60 * start).plus(Duration::from_secs(25 * request));
            let took = |ms: u64| Some(Duration::from_millis(ms + request % 3));
            let id = |span| Some(SpanId::new(trace, span));
            let mut root = Call::new(start, Party::new(service("web"))).took(None, took(40 + slow));
            root.id = id(1);
            calls.push(root);
            let callee = if by_search { "search" } else { "cart" };
            let mut call = Call::new(
                start.plus(Duration::from_millis(1)),
                Party::new(service(callee)),
            )
            .from(Party::new(service("web")))
            .took(took(12), took(10));
            call.id = id(2);
            calls.push(call);
        }
        calls
    };
    let (healthy, late) = (of(false), of(true));
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    builder.extend(healthy.iter().chain(&late).cloned().map(Into::into));
    let graph = builder.build();
    let traced = incident().traced(Traces::of(&healthy), Traces::of(&late));
    let said_by = |spectrum: f64| {
        let weights = FusedWeights {
            spectrum,
            ..FusedWeights::default()
        };
        let ranker = FusedParams::default().weights(weights);
        let diagnoser = DiagnoserParams::default().ranker(ranker).check().unwrap();
        let diagnosis = diagnoser.diagnose(&graph, &traced).unwrap();
        let spectrum = |e: &Evidence| matches!(e, Evidence::Spectrum { .. });
        let causes = diagnosis.causes.iter();
        let shown = causes.filter(|c| c.evidence.iter().any(spectrum));
        shown
            .map(|c| c.subject.node().name.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(said_by(1.0), ["search"]);
    assert!(said_by(0.0).is_empty());
}

#[test]
fn who_stops_calling_on_is_reported() {
    let story = |from: Option<&str>, to: &str, faulty: bool| match (from, to) {
        (Some("stock"), "prices") if faulty => None,
        _ => WELL,
    };
    let diagnosis = diagnose(&story, vec![]);
    let (name, shown) = first(&diagnosis);
    assert_eq!(name, "stock", "{diagnosis}");
    assert!(
        matches!(shown[..], [Evidence::FewerCalls { .. }]),
        "{diagnosis}"
    );
}

/// Processor use of all services: `low`, but for one, and for one burst of it, in the faulty minutes.
fn processors(busy: &str, low: f64, high: f64, all: f64) -> Vec<Record> {
    let mut records = Vec::new();
    for minute in 0..END {
        let faulty = minute >= HEALTHY;
        for name in ["web", "cart", "search", "stock", "prices"] {
            let ripple = 0.01 * ((minute * 3 + i64::try_from(name.len()).unwrap()) % 5) as f64;
            let value = match (faulty, name == busy) {
                (true, true) => high,
                (true, false) => all,
                (false, _) => low,
            };
            let at = Timestamp::from_secs(60 * minute);
            records.push(Sample::new(at, service(name), "cpu_utilisation", value + ripple).into());
        }
    }
    records
}

#[test]
fn a_busy_processor_tells_only_where_the_others_are_not() {
    let well = |_: Option<&str>, _: &str, _: bool| WELL;
    let busy = |diagnosis: &Diagnosis| {
        let cpu = |e: &Evidence| matches!(e, Evidence::Shift { metric, .. } if metric.as_str() == "cpu_utilisation");
        let causes = diagnosis.causes.iter();
        let busy = causes.filter(|c| c.evidence.iter().any(cpu));
        busy.map(|c| c.subject.node().name.to_string())
            .collect::<Vec<_>>()
    };
    let alone = diagnose(&well, processors("stock", 0.2, 0.8, 0.2));
    assert_eq!(busy(&alone), ["stock"]);
    assert_eq!(first(&alone).0, "stock", "{alone}");
    // More load is on all of them.
    let load = diagnose(&well, processors("stock", 0.2, 0.8, 0.8));
    assert!(busy(&load).is_empty(), "{load}");
}

#[test]
fn without_calls_no_local_channel_speaks() {
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    for (from, to) in EDGES {
        builder.declare_edge(
            service(from),
            service(to),
            astern_graph_core::EdgeKind::Calls,
        );
    }
    for minute in 0..END {
        let slow = if minute >= HEALTHY { 90.0 } else { 0.0 };
        for (i, name) in ["web", "cart", "search", "stock", "prices"]
            .iter()
            .enumerate()
        {
            let value = 10.0 + slow + ((minute * 3 + i64::try_from(i).unwrap()) % 5) as f64;
            let at = Timestamp::from_secs(60 * minute);
            builder.extend([Sample::new(at, service(name), "latency_ms_p95", value).into()]);
        }
    }
    let diagnoser = DiagnoserParams::default().check().unwrap();
    let diagnosis = diagnoser.diagnose(&builder.build(), &incident()).unwrap();
    assert_eq!(diagnosis.causes.len(), 5);
    assert!(first(&diagnosis).1.is_empty(), "{diagnosis}");
}

#[test]
fn an_incident_reported_minutes_early_has_the_same_cause() {
    let story = |_: Option<&str>, to: &str, faulty: bool| match to {
        // The symptom shows it too, so that the run of bad minutes is found.
        "prices" | "web" | "stock" | "cart" if faulty => Some((60, 62, false)),
        _ => WELL,
    };
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    let own = |mut call: Call| {
        // Only `prices` takes longer by itself.
        if call.callee.service != service("prices") {
            call.exclusive = Some(Duration::from_millis(10));
        }
        call
    };
    builder.extend(calls(&story).into_iter().map(own).map(Into::into));
    let graph = builder.build();
    let diagnoser = DiagnoserParams::default().check().unwrap();
    for early in [0, 1, 2, 8] {
        let mut incident = incident();
        incident.healthy = minutes(0, HEALTHY - early);
        incident.abnormal = minutes(HEALTHY - early, END);
        let diagnosis = diagnoser.diagnose(&graph, &incident).unwrap();
        assert_eq!(
            first(&diagnosis).0,
            "prices",
            "{early} minutes early: {diagnosis}"
        );
    }
}

/// Three services on one machine, the others on another, and which of them are slow since the onset.
fn on_machines(slow: &[&str]) -> Diagnosis {
    let story = |_: Option<&str>, to: &str, faulty: bool| {
        if faulty && slow.contains(&to) {
            Some((40, 42, false))
        } else {
            WELL
        }
    };
    let hosted = |mut call: Call| {
        let shared = ["cart", "search", "prices"].contains(&&*call.callee.service.name);
        let machine = if shared { "shared" } else { "other" };
        call.callee = call.callee.hosted(NodeKey::new(NodeKind::Host, machine));
        call
    };
    let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
    builder.extend(calls(&story).into_iter().map(|call| hosted(call).into()));
    let diagnoser = DiagnoserParams::default().check().unwrap();
    diagnoser.diagnose(&builder.build(), &incident()).unwrap()
}

#[test]
fn a_machine_on_which_all_are_slower_is_the_cause_and_one_slow_service_on_it_is() {
    let tenants = |e: &Evidence| matches!(e, Evidence::Tenants { .. });
    let all = on_machines(&["cart", "search", "prices"]);
    assert_eq!(first(&all).0, "shared", "{all}");
    let evidence = all.causes[0].evidence.iter().find(|e| tenants(e)).unwrap();
    let three = Evidence::Tenants {
        slower: 3,
        tenants: 3,
        z: 0.0,
    };
    assert_eq!(
        evidence.to_string().split('(').next(),
        three.to_string().split('(').next()
    );
    assert_eq!(
        all.explanations[0].hops[0]
            .supporting
            .iter()
            .filter(|e| tenants(e))
            .count(),
        1
    );
    let one = on_machines(&["prices"]);
    assert_eq!(first(&one).0, "prices", "{one}");
    let mut evidence = one.causes.iter().flat_map(|cause| &cause.evidence);
    assert!(!evidence.any(tenants), "{one}");
}
