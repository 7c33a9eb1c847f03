//! The traffic of a changed service, step by step: what handled it, and whether that was new.

use std::time::Duration;

use astern_graph_core::schema::{ERROR_RATE, LATENCY_MS_P50, LATENCY_MS_P95, REQUEST_RATE};
use astern_graph_core::view::{ChangeSide, SideOverTime, SideRule, Sides};
use astern_graph_core::{
    ChangeEvent, NodeKey, Slice, SliceBy, SliceWindow, TemporalGraph, TimeRange, Timestamp,
};

use crate::incident::Incident;

/// Latency quantiles that are compared, in this order.
pub(super) const LATENCIES: [&str; 2] = [LATENCY_MS_P50, LATENCY_MS_P95];

/// An instance, a revision or the whole service over the steps.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) sides: Vec<ChangeSide>,
    /// Calls of each step.
    pub(super) calls: Vec<f64>,
    /// Failed calls of each step.
    pub(super) errors: Vec<f64>,
    /// Natural logarithm of each quantile of [`LATENCIES`], `[2][T]`.
    pub(super) ln_latency: [Vec<f64>; 2],
}

/// All units of a service, and how they are distinguished.
#[derive(Debug, Clone)]
pub(crate) struct Units {
    pub(super) by: DistinguishedBy,
    pub(super) rows: Vec<Unit>,
    /// Start of each step.
    pub(crate) times: Vec<Timestamp>,
    /// Steps that ended before the change began.
    pub(crate) before: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DistinguishedBy {
    Instance,
    Revision,
    /// Nothing distinguishes new from old: the whole service since the change.
    Nothing,
}

impl Units {
    /// Instances where any ran the new revision; else revisions; else the service as a whole. The
    /// range holds as much time before the change as the incident's healthy range is long. `None`
    /// without telemetry of calls.
    pub(super) fn of(
        graph: &TemporalGraph,
        incident: &Incident,
        change: &ChangeEvent,
    ) -> Option<Self> {
        let earliest = change.at.minus(incident.healthy.span());
        let range = TimeRange::new(earliest, incident.abnormal.end).ok()?;
        let service = &change.service;
        let sides = graph.sides(change, SideRule::Blame);
        if let Ok(window) = graph.slice_window(service, SliceBy::Instance, range) {
            let side = |slice: &Slice| sides.instance(&NodeKey::instance(slice.name.clone()));
            let units = Self::of_slices(&window, change, DistinguishedBy::Instance, side);
            if units.any_new() {
                return Some(units);
            }
        }
        if let Ok(window) = graph.slice_window(service, SliceBy::Revision, range) {
            let side = |slice: &Slice| sides.revision(&slice.name);
            let units = Self::of_slices(&window, change, DistinguishedBy::Revision, side);
            if units.any_new() {
                return Some(units);
            }
        }
        let whole = Self::whole(graph, change, &sides, range)?;
        whole.any_new().then_some(whole)
    }

    /// The service as one unit: old before the change, new since.
    fn whole(
        graph: &TemporalGraph,
        change: &ChangeEvent,
        sides: &Sides<'_>,
        range: TimeRange,
    ) -> Option<Self> {
        let series = |metric: &str| graph.series(&change.service, &metric.into(), range).ok();
        let four = series(REQUEST_RATE).zip(series(ERROR_RATE));
        let latencies = series(LATENCY_MS_P50).zip(series(LATENCY_MS_P95));
        let ((rate, error_rate), (p50, p95)) = four.zip(latencies)?;
        let spans = steps(graph, range, rate.len());
        let unit = Unit::new(
            graph.step(),
            &rate,
            &error_rate,
            [&p50, &p95],
            &spans,
            &sides.service(),
        );
        Some(Self::new(
            DistinguishedBy::Nothing,
            vec![unit],
            &spans,
            change,
        ))
    }

    fn of_slices<'a>(
        window: &SliceWindow,
        change: &ChangeEvent,
        by: DistinguishedBy,
        sides: impl Fn(&Slice) -> SideOverTime<'a>,
    ) -> Self {
        let until = |start: &Timestamp| TimeRange {
            start: *start,
            end: start.plus(window.step),
        };
        let spans: Vec<TimeRange> = window.times.iter().map(until).collect();
        let unit = |(row, slice): (usize, &Slice)| {
            let series = |metric: &str| -> Vec<f64> {
                let column = window.column(&metric.into());
                let series = column.and_then(|column| window.series(row, column));
                series.map_or_else(|| vec![f64::NAN; spans.len()], |s| s.to_vec())
            };
            let (rate, error_rate) = (series(REQUEST_RATE), series(ERROR_RATE));
            let latencies = [&series(LATENCY_MS_P50)[..], &series(LATENCY_MS_P95)[..]];
            Unit::new(
                window.step,
                &rate,
                &error_rate,
                latencies,
                &spans,
                &sides(slice),
            )
        };
        let units = window.rows.iter().enumerate().map(unit).collect();
        Self::new(by, units, &spans, change)
    }

    fn new(
        by: DistinguishedBy,
        units: Vec<Unit>,
        spans: &[TimeRange],
        change: &ChangeEvent,
    ) -> Self {
        let ended = |span: &&TimeRange| span.end <= change.at;
        Self {
            by,
            rows: units,
            before: spans.iter().take_while(ended).count(),
            times: spans.iter().map(|span| span.start).collect(),
        }
    }

    fn any_new(&self) -> bool {
        let mut units = self.rows.iter();
        units.any(|unit| unit.calls_on(ChangeSide::New).any(|calls| calls > 0.0))
    }

    /// Steps before the change in which calls were seen.
    pub(super) fn seen_before(&self) -> usize {
        let seen = |t: &usize| self.rows.iter().any(|unit| unit.calls[*t] > 0.0);
        (0..self.before).filter(seen).count()
    }

    /// Share of the calls of each step that were handled by what is new; `NaN` without calls.
    pub(crate) fn share_new(&self) -> Vec<f64> {
        let steps = 0..self.times.len();
        steps
            .map(|t| {
                let calls = |wanted: Option<ChangeSide>| -> f64 {
                    let units = self.rows.iter();
                    let counted = units.filter(|u| wanted.is_none_or(|side| u.sides[t] == side));
                    counted.map(|u| u.calls[t]).sum()
                };
                calls(Some(ChangeSide::New)) / calls(None)
            })
            .collect()
    }
}

impl Unit {
    fn new(
        step: Duration,
        rate: &[f64],
        error_rate: &[f64],
        latencies: [&[f64]; 2],
        spans: &[TimeRange],
        sides: &SideOverTime<'_>,
    ) -> Self {
        // `max` also makes 0 of a missing value.
        let count = |x: f64| x.round().max(0.0);
        let calls: Vec<f64> = rate.iter().map(|x| count(x * step.as_secs_f64())).collect();
        let failed = error_rate
            .iter()
            .zip(&calls)
            .map(|(rate, calls)| count(rate * calls));
        let ln = |ms: &f64| {
            if ms.is_finite() {
                ms.max(MS_LEAST).ln()
            } else {
                f64::NAN
            }
        };
        Self {
            sides: spans.iter().map(|span| sides.in_step(*span)).collect(),
            errors: failed.collect(),
            calls,
            ln_latency: latencies.map(|series| series.iter().map(ln).collect()),
        }
    }

    fn calls_on(&self, side: ChangeSide) -> impl Iterator<Item = f64> + '_ {
        let steps = self.sides.iter().zip(&self.calls);
        steps
            .filter(move |(of, _)| **of == side)
            .map(|(_, calls)| *calls)
    }
}

/// Latencies below this are noise of clocks.
const MS_LEAST: f64 = 0.01;

/// The steps that a range touches.
fn steps(graph: &TemporalGraph, range: TimeRange, count: usize) -> Vec<TimeRange> {
    let first = graph.step_end(range.start);
    let starts = std::iter::successors(Some(first), |start| Some(start.plus(graph.step())));
    let spans = starts.take(count).map(|start| TimeRange {
        start,
        end: start.plus(graph.step()),
    });
    spans.collect()
}
