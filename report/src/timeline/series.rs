//! What is drawn over time: the metric that a service has, and what it was while healthy.

use std::collections::BTreeSet;

use astern_graph_core::schema::{ERROR_RATE, FeatureClass, LATENCY_MS_P95, Unit};
use astern_graph_core::{MetricName, NodeKey, TimeRange, Timestamp};
use astern_stats::robust;

use super::super::scene::Scene;

/// Points that a chart can show; longer series are thinned to their extremes.
const POINTS_MAX: usize = 480;

/// Fewest healthy values from which a band is drawn.
const HEALTHY_MIN: usize = 3;

/// What a chart is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantity {
    /// How long calls take.
    Latency,
    /// Which share of them fails.
    Failures,
}

/// One metric of one service, ready to draw.
#[derive(Debug, Clone)]
pub(super) struct Series {
    /// What it is, with its unit.
    pub(super) title: String,
    /// Time and value; a missing value is a gap.
    pub(super) points: Vec<(Timestamp, Option<f64>)>,
    /// Healthy median and spread.
    pub(super) healthy: Option<(f64, f64)>,
    /// Least height of the scale.
    pub(super) least_height: f64,
}

impl Series {
    /// The series of a service; one without values where it has none of the kind.
    pub(super) fn of(scene: &Scene<'_>, service: &NodeKey, quantity: Quantity) -> Self {
        let found = candidates(scene, service, quantity)
            .into_iter()
            .find_map(|metric| {
                let values = scene
                    .page
                    .graph
                    .series(service, &metric, scene.page.range)
                    .ok()?;
                values
                    .iter()
                    .any(|value| value.is_finite())
                    .then_some((metric, values))
            });
        let Some((metric, mut values)) = found else {
            let title = match quantity {
                Quantity::Latency => "Latency",
                Quantity::Failures => "Failed calls",
            };
            return Self {
                title: title.to_owned(),
                points: Vec::new(),
                healthy: None,
                least_height: 1.0,
            };
        };
        let unit = scene.page.graph.feature(&metric).unit;
        if unit == Unit::Ratio {
            for value in &mut values {
                *value *= 100.0;
            }
        }
        let times = step_times(scene, values.len());
        Self {
            title: title(&metric, unit),
            healthy: healthy(scene, &times, &values),
            points: thinned(scene.page.range, &times, &values, scene.page.graph.step()),
            least_height: 1.0,
        }
    }
}

/// Metrics of the quantity, the best first.
fn candidates(scene: &Scene<'_>, service: &NodeKey, quantity: Quantity) -> Vec<MetricName> {
    let graph = scene.page.graph;
    let fits = |metric: &MetricName| {
        let feature = graph.feature(metric);
        match quantity {
            Quantity::Latency => feature.unit.in_ms().is_some(),
            Quantity::Failures => {
                feature.class == FeatureClass::Application
                    && matches!(feature.unit, Unit::Ratio | Unit::Percent)
            }
        }
    };
    let usual: MetricName = match quantity {
        Quantity::Latency => LATENCY_MS_P95.into(),
        Quantity::Failures => ERROR_RATE.into(),
    };
    let mut seen = BTreeSet::new();
    let others = graph.metrics(service).into_iter().filter(fits);
    std::iter::once(usual)
        .chain(others)
        .filter(|metric| seen.insert(metric.clone()))
        .take(8)
        .collect()
}

fn title(metric: &MetricName, unit: Unit) -> String {
    let unit = match unit {
        Unit::Milliseconds => ", ms",
        Unit::Seconds => ", s",
        Unit::Ratio | Unit::Percent => ", %",
        _ => "",
    };
    match metric.as_str() {
        LATENCY_MS_P95 => "Latency, 95 % quantile, ms".to_owned(),
        ERROR_RATE => "Failed calls, %".to_owned(),
        other => format!("{other}{unit}"),
    }
}

/// Start of each step.
fn step_times(scene: &Scene<'_>, count: usize) -> Vec<Timestamp> {
    let step = i64::try_from(scene.page.graph.step().as_nanos())
        .unwrap_or(i64::MAX)
        .max(1);
    let first = scene.page.range.start.nanos().div_euclid(step);
    let starts = (first..).map(|number| Timestamp::from_nanos(number.saturating_mul(step)));
    starts.take(count).collect()
}

/// Median and spread of the whole steps before the end of the healthy time.
fn healthy(scene: &Scene<'_>, times: &[Timestamp], values: &[f64]) -> Option<(f64, f64)> {
    let end = scene.page.healthy_until.or(scene.page.onset)?;
    let step = scene.page.graph.step();
    let healthy = times.partition_point(|start| start.plus(step) <= end);
    let healthy = &values[..healthy];
    if healthy.iter().filter(|value| value.is_finite()).count() < HEALTHY_MIN {
        return None;
    }
    robust::median(healthy).zip(robust::spread(healthy))
}

/// Points in the middle of each step; of several steps that share a point's place, the least and
/// the greatest value.
fn thinned(
    range: TimeRange,
    times: &[Timestamp],
    values: &[f64],
    step: std::time::Duration,
) -> Vec<(Timestamp, Option<f64>)> {
    let middle = |index: usize| {
        let at = times
            .get(index)
            .copied()
            .unwrap_or(range.end)
            .plus(step / 2);
        at.clamp(range.start, range.end.max(range.start))
    };
    let size = values.len().div_ceil(POINTS_MAX).max(1);
    let mut points = Vec::new();
    for (chunk, part) in values.chunks(size).enumerate() {
        let finite = || {
            part.iter()
                .enumerate()
                .filter(|(_, value)| value.is_finite())
        };
        let by_value =
            |a: &(usize, &f64), b: &(usize, &f64)| astern_stats::order::ascending(*a.1, *b.1);
        let (Some(least), Some(most)) = (finite().min_by(by_value), finite().max_by(by_value))
        else {
            points.push((middle(chunk * size), None));
            continue;
        };
        let mut ends = vec![least, most];
        ends.sort_by_key(|(index, _)| *index);
        ends.dedup_by_key(|(index, _)| *index);
        points.extend(
            ends.into_iter()
                .map(|(index, value)| (middle(chunk * size + index), Some(*value))),
        );
    }
    points
}
