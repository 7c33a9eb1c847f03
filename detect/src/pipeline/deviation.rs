//! How far the metrics of a subject have moved from their healthy levels.

use astern_graph_core::schema::{Feature, FeatureClass};
use astern_graph_core::signal::Evidence;
use astern_graph_core::{Subject, TemporalGraph, TimeRange};
use astern_stats::ema::Ema;
use astern_stats::order::ascending;

use crate::ScoreError;
use crate::score::RobustZ;

/// Healthy standard deviations from which a metric is bad by itself.
const BAD: f64 = 3.0;

/// Healthy standard deviations within which the newest value is as good as normal again.
const BACK: f64 = 1.0;

/// One metric of one subject at the end of a range, beside its healthy level.
pub(super) struct Deviation<'a> {
    pub(super) feature: &'a Feature,
    healthy: f64,
    observed: f64,
    /// Smoothed robust z-score; positive is worse.
    z: f64,
    /// That of the newest value alone.
    newest_z: f64,
}

impl Deviation<'_> {
    pub(super) fn is_application(&self) -> bool {
        self.feature.class == FeatureClass::Application
    }

    pub(super) fn is_worse(&self) -> bool {
        self.z > 0.0
    }

    /// Whether it was bad and no longer is: the average still remembers what the newest value does not show.
    pub(super) fn is_over(&self) -> bool {
        self.newest_z < BACK
    }

    pub(super) fn evidence(&self) -> Evidence {
        Evidence::Shift {
            metric: self.feature.name.clone(),
            healthy: self.healthy,
            observed: self.observed,
            z: self.z,
        }
    }
}

/// Where deviations are looked for.
pub(super) struct Deviations<'a> {
    pub(super) graph: &'a TemporalGraph,
    pub(super) range: TimeRange,
    pub(super) levels: &'a RobustZ,
    pub(super) empty: Ema,
    pub(super) silent_steps_max: usize,
}

impl<'a> Deviations<'a> {
    /// The deviation of a metric; `None` where its healthy level is unknown and where it is silent.
    pub(super) fn of(
        &self,
        subject: &Subject,
        feature: &'a Feature,
    ) -> Result<Option<Deviation<'a>>, ScoreError> {
        let Some(level) = self.levels.level(subject, &feature.name) else {
            return Ok(None);
        };
        let (name, range) = (&feature.name, self.range);
        let values = match subject {
            Subject::Node(key) => self.graph.series(key, name, range),
            Subject::Edge { from, to, kind } => {
                self.graph.edge_series(from, to, *kind, name, range)
            }
        }?;
        let (mut ema, mut quiet, mut newest_z) = (self.empty, usize::MAX, f64::NAN);
        for value in &values {
            let z = level.z(*value, feature);
            ema.push(z);
            (quiet, newest_z) = if z.is_finite() {
                (0, z)
            } else {
                (quiet.saturating_add(1), newest_z)
            };
        }
        let observed = values.into_iter().rfind(|value| value.is_finite());
        let of = |(z, observed)| Deviation {
            feature,
            healthy: level.median,
            observed,
            z,
            newest_z,
        };
        let recent = ema.standardised().filter(|_| quiet < self.silent_steps_max);
        Ok(recent.zip(observed).map(of))
    }

    /// The metric by which an anomaly of a whole subject is named: of those that users feel the one that is worst,
    /// where it is bad by itself, one that still is before one that was; or else the one that deviates most, be it for the better.
    ///
    /// What was deployed differs after every release by nature and is left out, and so is what nobody declared.
    pub(super) fn most(&self, subject: &Subject) -> Result<Option<Deviation<'a>>, ScoreError> {
        let mut all = Vec::new();
        for feature in self.levels.features() {
            if !matches!(
                feature.class,
                FeatureClass::Deployment | FeatureClass::Undeclared
            ) {
                all.extend(self.of(subject, feature)?);
            }
        }
        let is_felt = |d: &Deviation<'_>| d.is_application() && d.z >= BAD;
        let now = first_greatest(&all, |d| (is_felt(d) && !d.is_over()).then_some(d.z));
        let felt = now.or_else(|| first_greatest(&all, |d| is_felt(d).then_some(d.z)));
        let most = felt.or_else(|| first_greatest(&all, |d| Some(d.z.abs())));
        Ok(most.map(|at| all.swap_remove(at)))
    }
}

/// Index of the greatest, of equal ones the first.
fn first_greatest<T>(all: &[T], value: impl Fn(&T) -> Option<f64>) -> Option<usize> {
    let known = all
        .iter()
        .enumerate()
        .rev()
        .filter_map(|(at, one)| Some((at, value(one)?)));
    let greatest = known.max_by(|a, b| ascending(a.1, b.1));
    greatest.map(|(at, _)| at)
}
