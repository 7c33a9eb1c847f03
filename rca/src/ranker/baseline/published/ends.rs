//! The ends of anomalous paths, then the other nodes.

use std::collections::{BTreeMap, BTreeSet};

use astern_graph_core::{NodeId, TemporalGraph};
use astern_stats::robust::{MAD_TO_SIGMA, max, median};

use super::Filter;
use super::deviation::or_one;
use super::rows::Rows;
use crate::candidates::Candidate;
use crate::ranker::baseline::correlation::together;
use crate::ranker::baseline::depth_first::DepthFirst;

/// Deviation from the median in scaled median absolute deviations from which a node is anomalous.
const ANOMALOUS: f64 = 5.0;

/// Correlation of a node and its callee below which `MicroHECL` stops.
const CORRELATED: f64 = 0.7;

/// The greatest `|x - median| / (1.4826 MAD)` of the abnormal steps, where a MAD of 0 counts as 1 of
/// the unit.
fn deviation(row: &Candidate) -> Option<f64> {
    let centre = median(&row.healthy)?;
    let off = |series: &[f64]| {
        series
            .iter()
            .map(|x| (x - centre).abs())
            .collect::<Vec<_>>()
    };
    let scale = or_one(MAD_TO_SIGMA * median(&off(&row.healthy))?, centre, row);
    Some(max(&off(&row.abnormal))? / scale)
}

/// What a node that is to come first scores beyond its correlation.
const FIRST: f64 = 1.0;

/// `|r|` with the symptom for each other node. `O(N · T log T)`.
pub(super) fn correlation(
    rows: &Rows,
    filter: Filter,
    anomalous: &BTreeMap<NodeId, f64>,
) -> BTreeMap<NodeId, f64> {
    let Some(target) = rows.of.get(&rows.target) else {
        return BTreeMap::new();
    };
    let others = rows.of.iter().filter(|(id, _)| **id != rows.target);
    let kept =
        others.filter(|(id, _)| filter != Filter::AnomalousOnly || anomalous.contains_key(id));
    let scored = kept.map(|(id, row)| {
        let first =
            filter == Filter::AnomalousFirst && deviation(row).is_some_and(|off| off >= ANOMALOUS);
        let r = together(row, target).abs();
        (*id, if first { FIRST + r } else { r })
    });
    scored.collect()
}

pub(super) fn micro_scope(rows: &Rows, graph: &TemporalGraph) -> BTreeMap<NodeId, f64> {
    by_correlation(rows, graph, |_, _| true)
}

pub(super) fn micro_hecl(rows: &Rows, graph: &TemporalGraph) -> BTreeMap<NodeId, f64> {
    by_correlation(rows, graph, |node, callee| {
        together(node, callee) >= CORRELATED
    })
}

pub(super) fn by_deviation(rows: &Rows, graph: &TemporalGraph) -> BTreeMap<NodeId, f64> {
    blame(rows, graph, |_, _| true, |_, own| own)
}

fn by_correlation(
    rows: &Rows,
    graph: &TemporalGraph,
    extends: impl Fn(&Candidate, &Candidate) -> bool,
) -> BTreeMap<NodeId, f64> {
    let target = rows.of.get(&rows.target);
    blame(rows, graph, extends, |end, _| {
        target.map_or(0.0, |target| together(end, target).abs())
    })
}

/// The ends score 1 and more, by `score(end, its deviation)`; the others less, by their deviation.
fn blame(
    rows: &Rows,
    graph: &TemporalGraph,
    extends: impl Fn(&Candidate, &Candidate) -> bool,
    score: impl Fn(&Candidate, f64) -> f64,
) -> BTreeMap<NodeId, f64> {
    let own = rows
        .of
        .iter()
        .filter_map(|(id, row)| Some((*id, deviation(row)?)));
    let own: BTreeMap<NodeId, f64> = own.collect();
    let search = DepthFirst::from(graph, rows.target, |node, callee| {
        let anomalous = own.get(&callee).is_some_and(|off| *off >= ANOMALOUS);
        let pair = rows.of.get(&node).zip(rows.of.get(&callee));
        anomalous && pair.is_some_and(|(node, callee)| extends(node, callee))
    });
    let ends: BTreeSet<NodeId> = search.ends.into_iter().collect();
    let scored = own.iter().filter_map(|(id, off)| {
        let row = rows.of.get(id)?;
        let blamed = ends.contains(id);
        let score = if blamed {
            1.0 + score(row, *off)
        } else {
            // Below 1 for any deviation, in its order.
            0.5 * off / (1.0 + off)
        };
        Some((*id, score))
    });
    scored.collect()
}

#[cfg(test)]
mod tests {
    use crate::fixture::{Fixture, assert_scores};
    use crate::ranker::baseline::{Filter, Published};

    /// Median 10; median absolute deviation 1.
    const HEALTHY: [f64; 5] = [9.0, 11.0, 10.0, 9.0, 11.0];
    const SCALE: f64 = astern_stats::robust::MAD_TO_SIGMA;

    fn fixture() -> Fixture {
        let mut fixture = Fixture::new(5, 3);
        for (from, to) in [("a", "b"), ("a", "c"), ("b", "d")] {
            fixture.calls(from, to);
        }
        fixture.latency("a", &HEALTHY, &[20.0, 30.0, 40.0]);
        fixture.latency("b", &HEALTHY, &[20.0, 30.0, 40.0]);
        // Falls while a rises, by -1; both sides are anomalous.
        fixture.latency("c", &HEALTHY, &[2.0, 1.0, 0.0]);
        // Deviations -1, -1, 2 against -10, 0, 10.
        fixture.latency("d", &HEALTHY, &[30.0, 30.0, 33.0]);
        fixture
    }

    #[test]
    fn ends_come_first_and_the_others_by_deviation() {
        let other = |off: f64| 0.5 * (off / SCALE) / (1.0 + off / SCALE);
        let r = 30.0 / 1200.0_f64.sqrt();
        let ranked = fixture().scores(&Published::MicroScope, "a");
        let (a, b) = (other(30.0), other(30.0));
        assert_scores(&ranked, &[("c", 2.0), ("d", 1.0 + r), ("a", a), ("b", b)]);
        let ranked = fixture().scores(&Published::DepthFirst, "a");
        let (c, d) = (1.0 + 10.0 / SCALE, 1.0 + 23.0 / SCALE);
        assert_scores(&ranked, &[("d", d), ("c", c), ("a", a), ("b", b)]);
    }

    #[test]
    fn correlation_by_filter() {
        let r = 30.0 / 1200.0_f64.sqrt();
        let of = |filter| {
            let mut fixture = fixture();
            fixture.latency("e", &HEALTHY, &[9.0, 10.0, 11.0]);
            fixture.scores(&Published::Correlation { filter }, "a")
        };
        let ranked = of(Filter::All);
        assert_scores(&ranked, &[("b", 1.0), ("c", 1.0), ("e", 1.0), ("d", r)]);
        let ranked = of(Filter::AnomalousFirst);
        assert_scores(
            &ranked,
            &[("b", 2.0), ("c", 2.0), ("d", 1.0 + r), ("e", 1.0)],
        );
        // At the third step; the traversal asks for ten healthy values.
        assert!(of(Filter::AnomalousOnly).is_empty());
    }

    #[test]
    fn the_search_stops_where_neighbours_do_not_move_together() {
        let ranked = fixture().scores(&Published::MicroHecl, "a");
        let first: Vec<&str> = ranked.iter().map(|(name, _)| name.as_str()).collect();
        // c moves against a; d moves with b, by .87.
        assert_eq!(first, ["d", "a", "b", "c"]);
    }
}
