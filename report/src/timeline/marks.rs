//! Marks of changes and of the onset, and their places above a chart.

use astern_graph_core::{ChangeEvent, Timestamp};

use super::super::layout::columns::spaced;
use super::super::scene::Scene;

/// Most changes that are marked; more would hide the series.
const MARKS_MAX: usize = 12;

/// A change that is marked in the charts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark<'a> {
    /// Its number on the page.
    pub(super) number: usize,
    /// Its first step.
    pub(super) change: &'a ChangeEvent,
    /// It is blamed first.
    pub(super) culprit: bool,
}

/// The changes to mark, by time: the blamed ones before the others.
pub(super) fn marks<'a>(scene: &Scene<'a>) -> Vec<Mark<'a>> {
    let blamed: Vec<_> = scene
        .page
        .diagnosis
        .iter()
        .flat_map(|d| &d.changes)
        .map(|blamed| &blamed.change)
        .collect();
    let rank = |change: &ChangeEvent| {
        blamed
            .iter()
            .position(|id| **id == change.id)
            .unwrap_or(blamed.len())
    };
    let mut chosen = scene.changes.clone();
    chosen.sort_by_key(|change| rank(change));
    chosen.truncate(MARKS_MAX);
    chosen.sort_by_key(|change| (change.at, &change.id));
    let numbered = chosen.into_iter().enumerate();
    numbered
        .map(|(index, change)| Mark {
            number: index + 1,
            change,
            culprit: scene.is_culprit(&change.id),
        })
        .collect()
}

/// What a label says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Label<'a> {
    /// The number of a change.
    Change(Mark<'a>),
    /// The onset of the trouble.
    Onset,
}

impl Label<'_> {
    /// Width of the label.
    pub(super) fn width(&self) -> f64 {
        match self {
            Self::Change(mark) if mark.number > 9 => 20.0,
            Self::Change(_) => 15.0,
            Self::Onset => 40.0,
        }
    }
}

/// A label with the horizontal position of what it marks and its own centre.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed<'a> {
    /// What it says.
    pub(super) label: Label<'a>,
    /// Where the marked time is.
    pub(super) at: f64,
    /// Centre of the label.
    pub(super) centre: f64,
}

/// Labels side by side between two bounds, each as near to its time as the others allow.
pub(super) fn place<'a>(
    marks: &[Mark<'a>],
    onset: Option<Timestamp>,
    x: impl Fn(Timestamp) -> f64,
    (left, right): (f64, f64),
) -> Vec<Placed<'a>> {
    let changes = marks
        .iter()
        .map(|mark| (x(mark.change.at), Label::Change(*mark)));
    let mut labels: Vec<(f64, Label<'a>)> = changes.collect();
    if let Some(onset) = onset {
        let at = x(onset);
        let after = labels.partition_point(|(other, _)| *other <= at);
        labels.insert(after, (at, Label::Onset));
    }
    let mut end = 0.0;
    let offsets: Vec<f64> = labels
        .iter()
        .map(|(_, label)| {
            let centre = end + label.width() / 2.0;
            end = centre + label.width() / 2.0 + 3.0;
            centre
        })
        .collect();
    let wanted: Vec<(f64, f64)> = labels.iter().map(|(at, _)| (at - left, 1.0)).collect();
    let centres = spaced(&wanted, &offsets, right - left - end);
    let placed = labels.into_iter().zip(centres);
    placed
        .map(|((at, label), centre)| Placed {
            label,
            at,
            centre: left + centre,
        })
        .collect()
}
