//! How far each node is off, without a graph.

use std::collections::BTreeMap;

use astern_graph_core::NodeId;
use astern_graph_core::schema::Unit;
use astern_stats::order::{ascending, sorted_finite};
use astern_stats::robust;

use super::rows::Rows;
use super::{Constant, DeviationSide};
use crate::candidates::Candidate;
use crate::ranker::baseline::information::information as surprise;
use crate::table::moments;

/// Spread relative to the level below which it is rounding and counts as 0.
const ROUNDING: f64 = 1e-12;

/// What the order among equal scores may add to them.
const TIE: f64 = 1e-6;

impl DeviationSide {
    fn of(self, deviation: f64) -> f64 {
        match self {
            Self::Above => deviation,
            Self::Either => deviation.abs(),
        }
    }
}

impl Constant {
    fn allows(self, row: &Candidate) -> bool {
        self == Self::Kept || (varies(&row.healthy) && varies(&row.abnormal))
    }
}

fn varies(series: &[f64]) -> bool {
    series
        .windows(2)
        .any(|pair| ascending(pair[0], pair[1]).is_ne())
}

/// A spread of 0 counts as 1 of the unit, a second for times.
pub(super) fn or_one(spread: f64, level: f64, row: &Candidate) -> f64 {
    if spread > ROUNDING * level.abs() {
        return spread;
    }
    match row.feature.unit {
        Unit::Milliseconds => 1e3,
        _ => 1.0,
    }
}

/// Each abnormal step in healthy standard deviations from the healthy mean.
fn z(row: &Candidate, side: DeviationSide) -> Vec<f64> {
    let Some((mean, deviation)) = moments(&row.healthy) else {
        return Vec::new();
    };
    let scale = or_one(deviation, mean, row);
    let steps = row.abnormal.iter();
    steps.map(|x| side.of((x - mean) / scale)).collect()
}

/// The greatest `|z|` of each node, or with [`DeviationSide::Above`] the greatest z.
pub(super) fn n_sigma(
    rows: &Rows,
    side: DeviationSide,
    constant: Constant,
) -> BTreeMap<NodeId, f64> {
    let allowed = rows.of.iter().filter(|(_, row)| constant.allows(row));
    let scored = allowed.filter_map(|(id, row)| Some((*id, robust::max(&z(row, side))?)));
    scored.collect()
}

/// `|z|` at the third abnormal step.
pub(super) fn third_step(rows: &Rows) -> BTreeMap<NodeId, f64> {
    let at = |row: &Candidate| {
        let z = z(row, DeviationSide::Either);
        z.get(2).or(z.last()).copied()
    };
    let scored = rows.of.iter().filter_map(|(id, row)| Some((*id, at(row)?)));
    scored.collect()
}

/// The greatest deviation of each node from the healthy median in interquartile ranges.
pub(super) fn robust(
    rows: &Rows,
    side: DeviationSide,
    constant: Constant,
) -> BTreeMap<NodeId, f64> {
    let score = |row: &Candidate| {
        let healthy = sorted_finite(&row.healthy);
        let quantile = |q| robust::quantile_sorted(&healthy, q);
        let (median, range) = (quantile(0.5)?, quantile(0.75)? - quantile(0.25)?);
        let scale = or_one(range, median, row);
        let off: Vec<f64> = row
            .abnormal
            .iter()
            .map(|x| side.of((x - median) / scale))
            .collect();
        robust::max(&off)
    };
    let allowed = rows.of.iter().filter(|(_, row)| constant.allows(row));
    allowed
        .filter_map(|(id, row)| Some((*id, score(row)?)))
        .collect()
}

pub(super) fn information(rows: &Rows) -> BTreeMap<NodeId, f64> {
    let scored = rows
        .of
        .iter()
        .filter_map(|(id, row)| Some((*id, surprise(row)?)));
    ties_by_deviation(scored.collect(), rows)
}

/// Orders equal scores by the greatest `|z|`: adds less than `1e-6`. What is equal in both stays so.
pub(super) fn ties_by_deviation(
    mut scores: BTreeMap<NodeId, f64>,
    rows: &Rows,
) -> BTreeMap<NodeId, f64> {
    let z = n_sigma(rows, DeviationSide::Either, Constant::Kept);
    let mut sorted: Vec<f64> = z.values().copied().collect();
    sorted.sort_by(|a, b| ascending(*a, *b));
    for (id, score) in &mut scores {
        let own = z.get(id).copied().unwrap_or(0.0);
        let below = sorted.partition_point(|other| ascending(*other, own).is_lt());
        *score += TIE * below as f64 / sorted.len() as f64;
    }
    scores
}

#[cfg(test)]
mod tests {
    use crate::fixture::{Fixture, assert_scores};
    use crate::ranker::baseline::{Constant, DeviationSide, Published};

    /// Mean 10, population standard deviation √1.6; median 10, interquartile range 0.
    const HEALTHY: [f64; 5] = [8.0, 10.0, 12.0, 10.0, 10.0];

    fn fixture() -> Fixture {
        let mut fixture = Fixture::new(5, 3);
        fixture.latency("up", &HEALTHY, &[10.0, 16.0, 9.0]);
        fixture.latency("down", &HEALTHY, &[9.0, 3.0, 8.0]);
        fixture.latency("flat", &[10.0; 5], &[10.0, 12.0, 10.0]);
        fixture.latency("gone", &HEALTHY, &[f64::NAN; 3]);
        fixture
    }

    #[test]
    fn n_sigma_by_side_and_constant() {
        let sigma = 1.6_f64.sqrt();
        let of = |side, constant| fixture().scores(&Published::NSigma { side, constant }, "up");
        let (up, down) = (6.0 / sigma, 7.0 / sigma);
        let ranked = of(DeviationSide::Either, Constant::Kept);
        assert_scores(&ranked, &[("down", down), ("up", up), ("flat", 0.002)]);
        let ranked = of(DeviationSide::Above, Constant::LeftOut);
        assert_scores(&ranked, &[("up", up), ("down", -1.0 / sigma)]);
    }

    #[test]
    fn an_interquartile_range_of_zero_counts_as_a_second() {
        let (side, constant) = (DeviationSide::Either, Constant::Kept);
        let ranked = fixture().scores(&Published::RobustScorer { side, constant }, "up");
        assert_scores(&ranked, &[("down", 0.007), ("up", 0.006), ("flat", 0.002)]);
    }

    #[test]
    fn a_missing_value_counts_as_the_mean_of_its_range() {
        let mut fixture = Fixture::new(5, 2);
        // Filled with 10: the sum of squares stays 8, the count grows to 5.
        let healthy = [8.0, 10.0, 12.0, f64::NAN, 10.0];
        fixture.latency("a", &healthy, &[f64::NAN, 16.0]);
        let (side, constant) = (DeviationSide::Either, Constant::Kept);
        let ranked = fixture.scores(&Published::NSigma { side, constant }, "a");
        assert_scores(&ranked, &[("a", 6.0 / 1.6_f64.sqrt())]);
    }

    #[test]
    fn equal_surprise_is_ordered_by_deviation() {
        let mut fixture = Fixture::new(5, 1);
        fixture.latency("a", &HEALTHY, &[20.0]);
        fixture.latency("b", &HEALTHY, &[90.0]);
        fixture.latency("c", &HEALTHY, &[90.0]);
        let ranked = fixture.scores(&Published::ScoreOrdering, "a");
        let most = 6.0_f64.ln();
        let tied = most + 1e-6 / 3.0;
        assert_scores(&ranked, &[("b", tied), ("c", tied), ("a", most)]);
        assert!(ranked[1].1 > ranked[2].1);
    }
}
