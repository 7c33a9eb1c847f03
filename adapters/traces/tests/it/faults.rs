//! What is wrong with spans is counted; nothing is fatal, endless or silent.

use std::time::Duration;

use astern_graph_core::{SpanId, Timestamp};
use astern_traces::{SpanKind, SpanParams, Spans};

use crate::support::{join, join_with, lines, span};
use SpanKind::{Client, Internal, Server, Unspecified};

#[test]
fn a_lost_parent_is_counted_and_the_call_has_no_caller() {
    let joined = join([span(2, 1, Server, "cart", 0, 5)]);
    assert_eq!(lines(&joined), ["- calls service/cart -/5/5 Ok"]);
    assert_eq!((joined.report.orphans, joined.report.lost()), (1, 0));
}

#[test]
fn circles_are_cut_at_their_earliest_span() {
    let joined = join([
        span(1, 3, Server, "a", 30, 1),
        span(2, 1, Server, "b", 10, 1),
        span(3, 2, Server, "c", 20, 1),
        span(4, 4, Server, "d", 40, 1),
        span(5, 1, Server, "e", 50, 1),
    ]);
    let expected = [
        "- calls service/b -/1/1 Ok",
        "service/b calls service/c -/1/1 Ok",
        "service/c calls service/a -/1/1 Ok",
        "- calls service/d -/1/1 Ok",
        "service/a calls service/e -/1/1 Ok",
    ];
    assert_eq!(lines(&joined), expected);
    assert_eq!(joined.report.cycles, 2);
}

#[test]
fn a_shared_id_whose_sides_name_each_other_ends() {
    let joined = join([span(1, 1, Client, "a", 0, 9), span(1, 1, Server, "b", 1, 5)]);
    assert_eq!(joined.report.cycles, 1);
    assert_eq!(lines(&joined), ["service/a calls service/b 9/5/5 Ok"]);
}

#[test]
fn duplicates_pieces_and_contradictions_are_distinguished() {
    let whole = span(1, 0, Server, "a", 10, 5);
    let mut piece = span(1, 0, Unspecified, "a", 10, 5);
    (piece.start, piece.duration) = (None, None);
    let joined = join([
        span(1, 0, Server, "b", 12, 5),
        whole.clone(),
        piece,
        whole.clone(),
        span(1, 0, Server, "a", 11, 5),
    ]);
    assert_eq!(lines(&joined), ["- calls service/a -/5/5 Ok"]);
    let report = joined.report;
    assert_eq!(
        (report.duplicate, report.fragment, report.conflicting),
        (1, 1, 2)
    );
    // Two halves of one span make a whole.
    let (mut start, mut end) = (whole.clone(), whole);
    start.duration = None;
    end.start = None;
    let joined = join([end, start]);
    assert_eq!(
        (joined.calls[0].at.nanos(), joined.report.fragment),
        (10, 1)
    );
}

#[test]
fn spans_that_cannot_be_are_left_out() {
    let mut none = span(0, 0, Server, "a", 0, 1);
    let mut late = span(2, 0, Server, "a", i64::MAX, 1);
    let mut long = span(3, 0, Server, "a", 0, 1);
    long.duration = Some(Duration::MAX);
    let nameless = span(4, 0, Server, "", 0, 1);
    let report = join([none.clone(), late.clone(), long, nameless]).report;
    assert_eq!(
        (report.zero_id, report.out_of_range, report.unnamed_service),
        (1, 2, 1)
    );
    assert_eq!((report.spans, report.lost()), (4, 4));
    none.id = SpanId::new(0, 1);
    late.start = Some(Timestamp::MIN);
    let report = join([none, late]).report;
    assert_eq!((report.zero_id, report.calls), (1, 1));
}

#[test]
fn a_call_that_nobody_timed_is_counted() {
    let mut server = span(1, 0, Server, "a", 0, 1);
    server.start = None;
    let report = join([server]).report;
    assert_eq!((report.untimed, report.lost()), (1, 1));
}

#[test]
fn no_more_spans_are_held_than_allowed() {
    let params = SpanParams::default().spans_max(2);
    let list = (1..=5).map(|id| span(id, 0, Server, "a", 0, 1));
    let report = join_with(&params, list).report;
    assert_eq!((report.calls, report.over_limit), (2, 3));
    assert!(Spans::new(&SpanParams::default().spans_max(0)).is_err());
}

#[test]
fn a_very_deep_and_a_very_wide_trace_take_linear_time() {
    let count = 100_000;
    let chain = (1..=count).map(|id| span(id, id - 1, Internal, "a", 0, 1));
    assert_eq!(join(chain).report.internal, count);
    let star = (1..=count).map(|id| span(id, u64::from(id > 1), Client, "a", 0, 1));
    // All but the innermost of a nest of client spans are walked through.
    assert_eq!(join(star).report.internal, 1);
    let ring = (1..=count).map(|id| span(id, 1 + id % count, Server, "a", 0, 1));
    assert_eq!(join(ring).report.cycles, 1);
}
