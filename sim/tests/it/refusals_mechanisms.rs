//! Each rule of calls, load, machines, releases and incidents, broken.

use std::time::Duration;

use astern_graph_core::{
    EdgeKind, NodeKey, NodeKind, Reversibility, Revision, Subject, TrafficShare,
};
use astern_sim::{
    Blackout, Breaker, CacheAside, CallSpec, Curve, Fault, FaultKind, HostSpec, PlaceFault,
    Release, Retries, Scenario, Scope, Segment, SimError, Surge,
};

use crate::refusals::{refused, wrong};
use crate::{ms, seconds};

const LONG: Duration = Duration::from_secs(100_000);

/// The name of the parameter that a call of the entry breaks.
fn call(change: impl FnOnce(CallSpec) -> CallSpec) -> &'static str {
    let bad = change(CallSpec::new("ads", "get"));
    wrong(|s| s.topology.services[0].steps.push(vec![bad])).1
}

#[test]
fn calls_with_limits_that_are_none_are_refused() {
    for bad in [Duration::ZERO, LONG] {
        assert_eq!(call(|c| c.timeout(bad)), "timeout in seconds");
        assert_eq!(call(|c| c.breaker(Breaker::new(1, bad))), "open in seconds");
        let store = CallSpec::new("orders-db", "read");
        let cache = CacheAside::new(0.5, store).warm(bad);
        assert_eq!(call(|c| c.cache(cache)), "warm in seconds");
    }
    assert_eq!(call(|c| c.connections(0)), "connections");
    assert_eq!(call(|c| c.breaker(Breaker::new(0, seconds(1)))), "failures");
    let retries = |change: fn(&mut Retries)| {
        let mut retries = Retries::default();
        change(&mut retries);
        call(|c| c.retries(retries))
    };
    assert_eq!(retries(|r| r.attempts = 0), "attempts");
    assert_eq!(retries(|r| r.attempts = 101), "attempts");
    assert_eq!(retries(|r| r.first = LONG), "first in seconds");
    assert_eq!(retries(|r| r.factor = f64::NAN), "factor");
    assert_eq!(retries(|r| r.most = LONG), "most in seconds");
    assert_eq!(retries(|r| r.jitter = 1.1), "jitter");
    let store = || CallSpec::new("orders-db", "read");
    assert_eq!(
        call(|c| c.cache(CacheAside::new(1.1, store()))),
        "hit_ratio"
    );
    let nested = store().cache(CacheAside::new(0.5, store()));
    assert_eq!(
        call(|c| c.cache(CacheAside::new(0.5, nested))),
        "caches of a store"
    );
    let slow = store().timeout(LONG);
    assert_eq!(
        call(|c| c.cache(CacheAside::new(0.5, slow))),
        "timeout in seconds"
    );
    let limit = wrong(|s| s.topology.services[0].queue_limit = Some(u32::MAX));
    assert_eq!(limit.1, "queue_limit");
}

#[test]
fn loads_that_are_none_are_refused() {
    let surge = |factor| Surge {
        starts: seconds(1),
        lasts: seconds(1),
        factor,
    };
    for bad in [-1.0, f64::NAN, 101.0] {
        assert_eq!(
            wrong(|s| s.load.surges.push(surge(bad))).1,
            "factor of a surge"
        );
        let favour = Segment::new("a", 1.0).favours("x", bad);
        assert_eq!(
            wrong(|s| s.load.segments.push(favour)).1,
            "factor of a favour"
        );
    }
    assert_eq!(
        wrong(|s| s.load.surges = vec![surge(1.0); 101]).1,
        "number of surges"
    );
    let curve = |factors: &[f64], period| {
        let curve = Curve::new(factors, period);
        wrong(move |s| s.load.curve = Some(curve)).1
    };
    assert_eq!(curve(&[], LONG), "number of factors of a curve");
    assert_eq!(curve(&[1.0, -1.0], LONG), "factor of a curve");
    assert_eq!(curve(&[0.0, 0.0], LONG), "greatest factor of a curve");
    assert_eq!(curve(&[1.0], ms(1)), "period of a curve in seconds");
    let late = Curve::daily().phase(LONG);
    let found = wrong(move |s| s.load.curve = Some(late)).1;
    assert_eq!(found, "phase of a curve in seconds");
    for bad in [-1.1, f64::NAN, 1e9] {
        assert_eq!(wrong(|s| s.load.trend_per_hour = bad).1, "trend_per_hour");
    }
    for bad in [0.0, -1.0, f64::INFINITY] {
        let found = wrong(|s| s.load.segments.push(Segment::new("a", bad)));
        assert_eq!(found.1, "weight of a segment");
    }
    let many = vec![Segment::new("a", 1.0); 101];
    assert_eq!(wrong(|s| s.load.segments = many).1, "number of segments");
    let twice = refused(|s| s.load.segments = vec![Segment::new("a", 1.0); 2]);
    assert!(matches!(
        twice,
        SimError::Duplicate {
            what: "segment",
            ..
        }
    ));
}

#[test]
fn machines_and_queues_that_are_none_are_refused() {
    for bad in [0.0, -1.0, f64::NAN, 1e5] {
        let found = wrong(|s| s.topology.hosts.push(HostSpec::new("h", bad)));
        assert_eq!(found, ("host `h`".to_owned(), "cores"));
    }
    let twice = refused(|s| s.topology.hosts = vec![HostSpec::new("h", 1.0); 2]);
    assert!(matches!(twice, SimError::Duplicate { what: "host", .. }));
    let nowhere = refused(|s| s.topology.services[0].hosts.push("h".into()));
    assert!(matches!(nowhere, SimError::UnknownHost { .. }));

    let consume = |queue: &str| {
        let queue = queue.to_owned();
        refused(move |s| {
            let service = s.topology.services.remove(0).consumes(queue, "x");
            s.topology.services.insert(0, service);
        })
    };
    assert!(matches!(consume("ads"), SimError::NoQueue { .. }));
    assert!(matches!(
        consume("nothing"),
        SimError::UnknownService { .. }
    ));
    let store = CallSpec::new("nothing", "read");
    let cached = CallSpec::new("ads", "get").cache(CacheAside::new(0.5, store));
    let nowhere = refused(|s| s.topology.services[0].steps.push(vec![cached]));
    assert!(matches!(nowhere, SimError::UnknownService { .. }));
    // The store that a miss asks counts among those whom a service calls.
    let circle = CacheAside::new(0.5, CallSpec::new("frontend", "read"));
    let circle = CallSpec::new("cart-cache", "get").cache(circle);
    let found = refused(|s| s.topology.services[2].steps.push(vec![circle]));
    assert!(matches!(found, SimError::Cycle { .. }));
}

#[test]
fn releases_of_another_shape_than_their_kind_are_refused() {
    let shares = |count: usize| vec![TrafficShare::FULL; count];
    let release = |change: fn(Release, Vec<TrafficShare>) -> Release, count: usize| {
        wrong(|s| s.releases[0] = change(s.releases[0].clone(), shares(count))).1
    };
    assert_eq!(release(Release::canary, 9), "shares of traffic");
    assert_eq!(
        release(|r, shares| r.flag("f", shares), 0),
        "shares of traffic"
    );
    let rolling = |mut r: Release, shares| {
        r = r.by(astern_graph_core::ChangeKind::Rolling);
        r.traffic = shares;
        r
    };
    assert_eq!(release(rolling, 1), "shares of traffic");
    let two_sets = |r: Release, _| {
        let mut r = r.blue_green(2);
        r.batches.push(1);
        r
    };
    assert_eq!(release(two_sets, 0), "number of batches");
    let instances = |r: Release, shares| {
        let mut r = r.flag("f", shares);
        r.batches.push(1);
        r
    };
    assert_eq!(release(instances, 1), "number of batches");
    let min_compatible = Revision::from("never");
    let never = Reversibility::ForwardOnly { min_compatible };
    let unknown = refused(|s| s.releases[0].reversibility = never);
    assert!(matches!(unknown, SimError::UnknownRevision { .. }));
}

fn with(scenario: &mut Scenario, incident: PlaceFault) {
    scenario.fault = None;
    scenario.incident = Some(incident);
}

#[test]
fn incidents_out_of_time_are_refused() {
    let ads = || Subject::Node(NodeKey::service("ads"));
    let kind = FaultKind::Delay { ms: 1.0 };
    let late = PlaceFault::new(ads(), kind, LONG);
    let found = wrong(|s| with(s, late));
    assert_eq!(found, ("the incident".to_owned(), "starts in seconds"));
    let short = PlaceFault::new(ads(), kind, seconds(1)).lasts(Duration::ZERO);
    assert_eq!(wrong(|s| with(s, short)).1, "lasts in seconds");
    let none = PlaceFault::new(ads(), FaultKind::Workers { left: 0 }, seconds(1));
    assert_eq!(wrong(|s| with(s, none)).1, "left");
    // What else is wrong keeps the same rules.
    let further = |fault: PlaceFault| wrong(|s| *s = s.clone().also(fault)).1;
    let late = PlaceFault::new(ads(), kind, LONG);
    assert_eq!(further(late.clone()), "starts in seconds");
    let many = wrong(|s| s.further = vec![late.into(); 101]);
    assert_eq!(many.1, "number of further faults");
    let nobody = Fault::new("nobody", kind);
    let nobody = refused(|s| s.further.push(nobody.into()));
    assert!(matches!(nobody, SimError::UnknownChange { .. }));

    let lost = |starts, lasts| {
        let lost = Blackout::new(starts).lasts(lasts);
        wrong(move |s| s.blackouts.push(lost))
    };
    assert_eq!(lost(LONG, ms(1)).1, "starts in seconds");
    assert_eq!(lost(ms(1), Duration::ZERO).1, "lasts in seconds");
    let lost = |blackout| refused(move |s| s.blackouts.push(blackout));
    let all = || Blackout::new(ms(1));
    let nobody = lost(all().service(NodeKey::service("nobody")));
    assert!(matches!(nobody, SimError::UnknownService { .. }));
    let ads = || all().service(NodeKey::service("ads"));
    let never = lost(ads().revision("never".into()));
    let text = "a blackout names `never`, which is no instance or revision of service/ads";
    assert_eq!(never.to_string(), text);
    let of_nobody = Scenario::releases(1).releases[0].to.clone();
    let elsewhere = lost(ads().instance(NodeKey::instance("cart-v1-0")));
    for unknown in [lost(all().revision(of_nobody)), elsewhere] {
        assert!(matches!(unknown, SimError::UnknownReporter { .. }));
    }
}

#[test]
fn faults_in_places_that_they_cannot_have_are_refused() {
    let node = |kind, name: &str| Subject::Node(NodeKey::new(kind, name.to_owned()));
    let edge = |to: &str, kind| Subject::Edge {
        from: NodeKey::service("frontend"),
        to: NodeKey::service(to.to_owned()),
        kind,
    };
    let (hogs, delay) = (
        FaultKind::Hogs { workers: 1.0 },
        FaultKind::NetworkDelay { ms: 1.0 },
    );
    let at = |subject, kind, scope: Scope| {
        refused(move |s| {
            s.topology.hosts.push(HostSpec::new("h", 1.0));
            with(s, PlaceFault::new(subject, kind, seconds(1)).only(scope));
        })
    };
    let all = Scope::default;
    for (subject, kind) in [
        (node(NodeKind::Service, "ads"), hogs),
        (node(NodeKind::Service, "ads"), delay),
        (node(NodeKind::Host, "h"), FaultKind::Down),
        (node(NodeKind::Host, "h"), FaultKind::Delay { ms: 1.0 }),
        (node(NodeKind::Instance, "ads-v1-0"), FaultKind::Flush),
        (edge("ads", EdgeKind::Calls), FaultKind::Down),
        // A caller without a timeout would wait for ever.
        (edge("ads", EdgeKind::Calls), FaultKind::Lost { share: 0.1 }),
    ] {
        let found = at(subject, kind, all());
        assert_eq!(found, SimError::Misplaced { fault: kind });
    }
    for subject in [
        node(NodeKind::Service, "nobody"),
        node(NodeKind::Instance, "ads-v1-9"),
        node(NodeKind::Host, "g"),
        node(NodeKind::Cache, "ads"),
        edge("ads", EdgeKind::Reads),
        edge("email", EdgeKind::Calls),
    ] {
        assert!(matches!(
            at(subject, delay, all()),
            SimError::UnknownSubject { .. }
        ));
    }
    // A scope needs calls, and a segment that there is.
    let (ads, slow) = (node(NodeKind::Service, "ads"), FaultKind::Delay { ms: 1.0 });
    let scoped = at(ads.clone(), FaultKind::Down, Scope::operation("GetAds"));
    assert!(matches!(scoped, SimError::Misplaced { .. }));
    let segment = at(ads, slow, Scope::segment("nobody"));
    assert!(matches!(segment, SimError::UnknownSegment { .. }));
}

#[test]
fn releases_bring_no_faults_of_places() {
    for kind in [
        FaultKind::Down,
        FaultKind::Flush,
        FaultKind::Lost { share: 0.1 },
    ] {
        let found = refused(|s| {
            let change = s.releases[0].id.clone();
            s.fault = Some(Fault::new(change, kind));
        });
        assert_eq!(found, SimError::Misplaced { fault: kind });
    }
    // A flag is on for calls, and workers are not of calls.
    let kind = FaultKind::Workers { left: 1 };
    let found = refused(|s| {
        let release = s.releases[0].clone().flag("f", [TrafficShare::FULL]);
        s.fault = Some(Fault::new(release.id.clone(), kind));
        s.releases[0] = release;
    });
    assert_eq!(found, SimError::Misplaced { fault: kind });
}
