//! Records that are written, read back, or come twice.

use std::time::Duration;

use astern_graph_core::{
    Call, GraphBuilder, GraphParams, NodeKey, Party, Record, SpanId, TimeRange,
};
use astern_sim::export::{records_from_csv, records_to_csv};

use super::plans::MADE;
use super::{CaseOutcome, Played, Situation};

const FOUND: &str = "found by attacking the record formats";
const MINUTE: Duration = Duration::from_secs(60);

fn cart() -> NodeKey {
    NodeKey::service("cart")
}

pub(super) const MOVED_INSTANCE: Situation = Situation {
    name: "instance-on-another-host-through-csv",
    ids: &["c8"],
    expected: "each call keeps the host that its instance was on",
    source: FOUND,
    play: || {
        let on = |host: &str| {
            let instance = NodeKey::instance("cart-0");
            Party::new(cart())
                .on(instance, "v1".into())
                .hosted(NodeKey::host(host))
        };
        let written: Vec<Record> = vec![
            Call::new(MADE, on("node-a")).into(),
            Call::new(MADE.plus(MINUTE), on("node-b")).into(),
        ];
        let read = records_from_csv(&records_to_csv(&written)?)?;
        let host = |record: &Record| match record {
            Record::Call(call) => call.callee.host.as_ref().map(ToString::to_string),
            _ => None,
        };
        let hosts = |records: &[Record]| records.iter().filter_map(host).collect::<Vec<_>>();
        let (before, after) = (hosts(&written), hosts(&read));
        let seen = format!("written {before:?}, read {after:?}");
        Ok(CaseOutcome::new(before == after, seen))
    },
};

pub(super) const TWO_CONTENTS: Situation = Situation {
    name: "one-span-id-two-contents",
    ids: &["c9"],
    expected: "the order in which they come changes nothing",
    source: FOUND,
    play: || {
        let call = |ms| {
            let took = Some(Duration::from_millis(ms));
            let mut call = Call::new(MADE, Party::new(cart())).took(None, took);
            call.id = Some(SpanId::new(1, 1));
            Record::from(call)
        };
        let latency = |records: [Record; 2]| -> Played<Option<f64>> {
            let mut builder = GraphBuilder::new(GraphParams::default())?;
            builder.extend(records);
            let around = TimeRange::new(MADE.minus(MINUTE), MADE.plus(MINUTE))?;
            let series = builder
                .build()
                .series(&cart(), &"latency_ms_p50".into(), around)?;
            Ok(series.into_iter().find(|ms| ms.is_finite()))
        };
        let one = latency([call(1), call(1_000)])?;
        let other = latency([call(1_000), call(1)])?;
        let bits = |ms: Option<f64>| ms.map(f64::to_bits);
        let seen = format!("median latency {one:.1?} ms, the other way round {other:.1?} ms");
        Ok(CaseOutcome::new(bits(one) == bits(other), seen))
    },
};
