//! Feeds say the same of the same calls.

use std::time::Duration;

use astern_graph_core::{
    Call, CallStatus, GraphBuilder, GraphParams, NodeKey, Party, Record, SliceBy, TimeRange,
    Timestamp,
};
use astern_sim::Feed;

/// Of 200 calls of 10 to 2,000 ms a tenth fails and a twentieth is refused.
fn calls() -> Vec<Record> {
    let call = |i: u64| {
        let status = match i % 20 {
            0 | 10 => CallStatus::Error,
            5 => CallStatus::ClientError,
            _ => CallStatus::Ok,
        };
        let pod = NodeKey::instance(format!("cart-{}", i % 3));
        let party = Party::new(NodeKey::service("cart")).on(pod, "v1".into());
        let at = Timestamp::from_secs(i64::try_from(i % 60).unwrap());
        let took = Some(Duration::from_millis(10 * (i + 1)));
        let call = Call::new(at, party).took(took, took).ended(status);
        Record::from(call.from(Party::new(NodeKey::service("web"))))
    };
    (0..200).map(call).collect()
}

#[test]
fn every_feed_says_the_same_of_the_same_calls() {
    let minute = Duration::from_secs(60);
    let range = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(60)).unwrap();
    let cart = NodeKey::service("cart");
    for feed in Feed::ALL {
        let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
        let report = builder.extend(feed.of(calls(), minute));
        assert_eq!(report.dropped(), 0, "{}: {report}", feed.name());
        let graph = builder.build();
        let slices = graph.calls_by(&cart, SliceBy::Revision, range);
        let of_cart = slices[0].1.clone().counted(minute);
        let counts = (of_cart.calls, of_cart.errors, of_cart.client_errors);
        assert_eq!(counts, (200, 20, 10), "{}", feed.name());
        let (tail, middle) = (of_cart.latency_ms(0.99), of_cart.latency_ms(0.5));
        let near = |found: Option<f64>, expected: f64, share: f64| {
            found.is_some_and(|found| (found / expected - 1.0).abs() < share)
        };
        let (of_tail, of_middle) = match feed {
            Feed::Calls | Feed::Exponential => (0.05, 0.1),
            Feed::Buckets => (0.3, 0.3),
            // Of a mean the shape is guessed, of p99 all below.
            _ => (3.0, 0.4),
        };
        assert!(near(tail, 1_980.0, of_tail), "{}: {tail:?}", feed.name());
        assert!(
            near(middle, 1_000.0, of_middle),
            "{}: {middle:?}",
            feed.name()
        );
        assert_eq!(
            of_cart.is_approximate(),
            feed != Feed::Calls,
            "{}",
            feed.name()
        );
        let edges = usize::from(feed != Feed::Rates);
        assert_eq!(graph.edges().count(), edges, "{}", feed.name());
    }
}
