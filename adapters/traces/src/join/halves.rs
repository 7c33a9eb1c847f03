//! Trace ids of 64 and of 128 bits.
//!
//! Some tracers know only the lower half of the id that the others of a trace use: Zipkin's and Jaeger's
//! older ones, and what a header of 16 digits goes through. A trace id whose upper half is zero is
//! taken for the lower half of the one longer id that ends in it, named by a span or by a link. Where
//! several end in it, none is taken: which one is meant is not known.

use crate::id;
use crate::span::Span;

/// Completes halves of trace ids, of spans and of their links; number of spans whose id was a half.
pub(crate) fn complete(spans: &mut [Span]) -> u64 {
    // By lower half first.
    let mut whole: Vec<u128> = spans
        .iter()
        .flat_map(|span| std::iter::once(&span.id).chain(&span.links))
        .filter(|id| !id::is_half(id.trace))
        .map(|id| id.trace.rotate_left(64))
        .collect();
    whole.sort_unstable();
    whole.dedup();
    if whole.is_empty() {
        return 0;
    }
    let full = |trace: u128| {
        let from = trace.rotate_left(64);
        let at = whole.partition_point(|whole| *whole < from);
        let ends_in = |at: usize| whole.get(at).filter(|whole| **whole >> 64 == trace);
        let only = ends_in(at).filter(|_| id::is_half(trace) && ends_in(at + 1).is_none());
        only.map(|whole| whole.rotate_left(64))
    };
    let mut completed = 0;
    for span in spans {
        for link in &mut span.links {
            link.trace = full(link.trace).unwrap_or(link.trace);
        }
        if let Some(trace) = full(span.id.trace) {
            span.id.trace = trace;
            completed += 1;
        }
    }
    completed
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use astern_graph_core::SpanId;

    use super::*;
    use crate::span::{Origin, SpanKind};

    fn traces(ids: &[u128], links: &[u128]) -> (u64, Vec<u128>, Vec<u128>) {
        let span = |id| {
            let origin = Arc::new(Origin::new("a"));
            Span::new(SpanId::new(id, 1), SpanKind::Server, origin)
        };
        let mut spans: Vec<Span> = ids.iter().copied().map(span).collect();
        if let Some(first) = spans.first_mut() {
            first.links = links.iter().map(|id| SpanId::new(*id, 2)).collect();
        }
        let completed = complete(&mut spans);
        let links = spans.iter().flat_map(|span| &span.links);
        let links = links.map(|link| link.trace).collect();
        (
            completed,
            spans.iter().map(|span| span.id.trace).collect(),
            links,
        )
    }

    #[test]
    fn a_half_becomes_the_one_whole_that_ends_in_it() {
        let whole = |upper: u128| upper << 64 | 7;
        // Spans and links, whichever of them knows the whole.
        assert_eq!(
            traces(&[7, whole(1), 8], &[7, 8]),
            (1, vec![whole(1), whole(1), 8], vec![whole(1), 8])
        );
        assert_eq!(
            traces(&[7], &[whole(1)]),
            (1, vec![whole(1)], vec![whole(1)])
        );
        // Two wholes, or none: nothing is guessed.
        let apart = vec![7, whole(1), whole(2)];
        assert_eq!(traces(&apart, &[7]), (0, apart, vec![7]));
        assert_eq!(traces(&[7, 8], &[]), (0, vec![7, 8], vec![]));
        // The lower half of nothing.
        assert_eq!(traces(&[1 << 64, 7], &[]), (0, vec![1 << 64, 7], vec![]));
    }
}
