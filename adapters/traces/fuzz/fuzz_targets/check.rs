//! What every target checks: reading ends, and every span is accounted for once.

use astern_traces::{Decoded, TraceFormat, SpanParams, Spans};

/// Reads `bytes` as `format`, joins what is in them, and checks the laws of the report.
pub fn check(format: TraceFormat, bytes: &[u8]) {
    let params = SpanParams::default().segment_attribute("user.tier".into());
    let mut spans = Spans::new(&params).expect("the parameters are sound");
    // Recognised by its beginning or not: it must not panic.
    let _ = TraceFormat::recognise(bytes);
    if spans.read(format, bytes).is_err() {
        assert!(spans.as_slice().is_empty(), "a refused document left spans behind");
        return;
    }
    let held = spans.as_slice().len();
    let Decoded { calls, report, .. } = spans.join();
    assert_eq!(report.calls, calls.len() as u64);
    assert!(calls.len() <= held);
    let fine = report.calls + report.merged + report.internal + report.duplicate + report.fragment;
    assert_eq!(fine + report.lost(), report.spans, "{report:?}");
    for call in &calls {
        assert!(call.exclusive <= call.server, "more self time than time: {call:?}");
    }
}
