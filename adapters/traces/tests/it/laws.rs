//! What holds for any spans.

use std::collections::BTreeSet;

use astern_graph_core::{CallStatus, EdgeKind, NodeKey, NodeKind, SpanId};
use astern_traces::{MessageStep, Peer, Span, SpanKind, SpanParams};
use proptest::prelude::*;

use crate::support::{join_with, span};

const KINDS: [SpanKind; 6] = [
    SpanKind::Client,
    SpanKind::Server,
    SpanKind::Producer,
    SpanKind::Consumer,
    SpanKind::Internal,
    SpanKind::Unspecified,
];

const STEPS: [MessageStep; 2] = [MessageStep::Receive, MessageStep::Process];

fn any_span() -> impl Strategy<Value = Span> {
    // Two traces, one of them also under the lower half of its id.
    let trace = prop::sample::select(vec![1, 2, 1 << 64 | 1_u128]);
    let shape = (trace, 0_u64..9, 0_u64..9, 0_usize..6, 0_u8..4);
    let step = prop::option::of(prop::sample::select(STEPS.to_vec()));
    let rest = (0_i64..100, 0_u64..60, any::<[bool; 5]>(), step);
    (shape, rest).prop_map(
        |((trace, id, parent, kind, service), (at, took, says, step))| {
            let mut span = span(id, parent, KINDS[kind], &format!("s{service}"), at, took);
            span.id = SpanId::new(trace, id);
            let [start, duration, peer, error, follows] = says;
            span.start = span.start.filter(|_| start || at > 20);
            span.duration = span.duration.filter(|_| duration || at > 20);
            span.follows = follows;
            span.step = step;
            if peer {
                let queue = NodeKey::new(NodeKind::Queue, "q");
                span.peer = Some(Peer::new(queue, EdgeKind::Publishes));
                span.links.push(SpanId::new(1, parent.max(1)));
            }
            if error {
                span.status = CallStatus::Error;
            }
            span
        },
    )
}

fn any_spans() -> impl Strategy<Value = Vec<Span>> {
    prop::collection::vec(any_span(), 0..24)
}

proptest! {
    #[test]
    fn every_span_is_counted_once(spans in any_spans()) {
        let given = spans.len() as u64;
        let joined = join_with(&SpanParams::default(), spans);
        let report = joined.report;
        prop_assert_eq!(report.spans, given);
        prop_assert_eq!(report.calls, joined.calls.len() as u64);
        let kept = report.calls + report.merged + report.internal;
        let again = report.duplicate + report.fragment;
        prop_assert_eq!(kept + again + report.lost(), given);
    }

    #[test]
    fn order_of_arrival_decides_nothing(
        (spans, mixed) in any_spans().prop_flat_map(|spans| {
            (Just(spans.clone()), Just(spans).prop_shuffle())
        }),
    ) {
        prop_assert_eq!(
            join_with(&SpanParams::default(), spans),
            join_with(&SpanParams::default(), mixed)
        );
    }

    #[test]
    fn calls_are_sound(spans in any_spans(), skew in any::<bool>(), infer in any::<bool>()) {
        let params = SpanParams::default().adjust_skew(skew).infer_clients(infer);
        let durations: BTreeSet<_> = spans.iter().filter_map(|span| span.duration).collect();
        let joined = join_with(&params, spans);
        let mut ids = BTreeSet::new();
        for call in &joined.calls {
            prop_assert!(call.id.is_none_or(|id| ids.insert(id)), "an id twice: {call:?}");
            for took in [call.client, call.server].into_iter().flatten() {
                prop_assert!(durations.contains(&took), "a duration changed: {call:?}");
            }
            prop_assert!(call.exclusive <= call.server, "more self time than time: {call:?}");
        }
        prop_assert!(joined.calls.is_sorted_by_key(|call| call.at));
    }
}
