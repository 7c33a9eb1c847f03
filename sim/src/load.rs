//! Requests from outside: how many, when and by whom.

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::sync::Arc;
use std::time::Duration;

use astern_stats::ParamError;
use astern_stats::param::{duration, in_range, positive};
use serde::{Deserialize, Serialize};

use crate::curve::Curve;

/// Requests from outside: a Poisson process of the rate
/// `per_second · drift(t) · curve(t) · (1 + trend_per_hour · t) · factors of the surges at t`.
///
/// | field | default | rule |
/// |---|---|---|
/// | `per_second` | | more than 0, at most 10⁶ |
/// | `drift` | none | see [`Drift`] |
/// | `curve` | none | see [`Curve`] |
/// | `trend_per_hour` | 0 | −1 to 100; the rate stops at the mean's hundredth, and from the end of the span on it is level |
/// | `surges` | none | at most 100; see [`Surge`] |
/// | `segments` | none | at most 100, one name each; see [`Segment`] |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default = "Load::unset", deny_unknown_fields)]
#[non_exhaustive]
pub struct Load {
    /// Mean rate.
    pub per_second: f64,
    /// How the rate moves over the day, if it does.
    pub drift: Option<Drift>,
    /// How it moves by the hour, if it does.
    pub curve: Option<Curve>,
    /// Share of the mean rate by which it grows in an hour.
    pub trend_per_hour: f64,
    /// Times of more or fewer requests.
    pub surges: Vec<Surge>,
    /// Who the users are; none says nothing of them.
    pub segments: Vec<Segment>,
}

/// A slow sine: `drift(t) = 1 + amplitude · sin(2π t / period)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// Share of the mean rate by which it moves, 0 to 0.9.
    pub amplitude: f64,
    /// Time of one wave, 1 s to 10⁹ s.
    #[serde(with = "duration")]
    pub period: Duration,
}

/// A time in which requests are more, or fewer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surge {
    /// When it starts, from the start of the run.
    #[serde(with = "duration")]
    pub starts: Duration,
    /// How long it lasts.
    #[serde(with = "duration")]
    pub lasts: Duration,
    /// By how much the rate is multiplied, 0 to 100.
    pub factor: f64,
}

/// A group of users.
///
/// | field | default of `new` | rule |
/// |---|---|---|
/// | `weight` | | more than 0; shares are weights over their sum |
/// | `favours` | nothing | factors of 0 to 100 |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Segment {
    /// Its name, as records say it.
    pub name: Arc<str>,
    /// How many requests come from it, beside the others.
    pub weight: f64,
    /// By operation: how many times as often its requests need it. A probability stops at 1.
    #[serde(default)]
    pub favours: BTreeMap<Arc<str>, f64>,
}

impl Segment {
    /// Users that use everything as all do.
    pub fn new(name: impl Into<Arc<str>>, weight: f64) -> Self {
        Self {
            name: name.into(),
            weight,
            favours: BTreeMap::new(),
        }
    }

    /// With an operation that its requests need so many times as often.
    #[must_use]
    pub fn favours(mut self, operation: impl Into<Arc<str>>, factor: f64) -> Self {
        self.favours.insert(operation.into(), factor);
        self
    }
}

impl Load {
    /// A steady rate, of users without segments.
    pub fn new(per_second: f64) -> Self {
        Self {
            per_second,
            drift: None,
            curve: None,
            trend_per_hour: 0.0,
            surges: Vec::new(),
            segments: Vec::new(),
        }
    }

    /// What a file leaves out; the check refuses the rate.
    fn unset() -> Self {
        Self::new(0.0)
    }

    pub(crate) fn check(&self) -> Result<(), ParamError> {
        positive("per_second", self.per_second)?;
        in_range("per_second", self.per_second, 0.0, 1e6)?;
        if let Some(drift) = self.drift {
            in_range("amplitude", drift.amplitude, 0.0, 0.9)?;
            let period = drift.period.as_secs_f64();
            in_range("period in seconds", period, 1.0, 1e9)?;
        }
        self.curve.as_ref().map_or(Ok(()), Curve::check)?;
        in_range("trend_per_hour", self.trend_per_hour, -1.0, 100.0)?;
        in_range("number of surges", self.surges.len() as f64, 0.0, 100.0)?;
        for surge in &self.surges {
            in_range("factor of a surge", surge.factor, 0.0, 100.0)?;
        }
        let segments = self.segments.len() as f64;
        in_range("number of segments", segments, 0.0, 100.0)?;
        for segment in &self.segments {
            positive("weight of a segment", segment.weight)?;
            for factor in segment.favours.values() {
                in_range("factor of a favour", *factor, 0.0, 100.0)?;
            }
        }
        Ok(())
    }

    /// Whether the rate is always the same.
    pub(crate) fn steady(&self) -> bool {
        self.drift.is_none()
            && self.curve.is_none()
            && self.trend_per_hour.abs() < f64::EPSILON
            && self.surges.is_empty()
    }

    /// The rate `secs` after the start over the mean rate; `span_secs` is when the trend ends.
    pub(crate) fn factor(&self, secs: f64, span_secs: f64) -> f64 {
        let drift = self.drift.map_or(1.0, |drift| {
            1.0 + drift.amplitude * (TAU * (secs / drift.period.as_secs_f64())).sin()
        });
        let in_surge = |surge: &&Surge| {
            let start = surge.starts.as_secs_f64();
            (start..start + surge.lasts.as_secs_f64()).contains(&secs)
        };
        let surges: f64 = self
            .surges
            .iter()
            .filter(in_surge)
            .map(|s| s.factor)
            .product();
        let curve = self.curve.as_ref().map_or(1.0, |curve| curve.at(secs));
        drift * curve * self.trend(secs.min(span_secs)) * surges
    }

    /// A bound that the factor never passes.
    pub(crate) fn highest_factor(&self, span_secs: f64) -> f64 {
        let drift = 1.0 + self.drift.map_or(0.0, |drift| drift.amplitude);
        // Surges change where one starts, so the most of them is found there.
        let factors = |at: Duration| -> f64 {
            let here = |s: &&Surge| s.starts <= at && at < s.starts.saturating_add(s.lasts);
            let of_here = self.surges.iter().filter(here);
            of_here.map(|s| s.factor.max(1.0)).product()
        };
        let surges = self.surges.iter().map(|s| factors(s.starts));
        let curve = self.curve.as_ref().map_or(1.0, Curve::highest);
        drift * curve * self.trend(0.0).max(self.trend(span_secs)) * surges.fold(1.0, f64::max)
    }

    fn trend(&self, secs: f64) -> f64 {
        (1.0 + self.trend_per_hour * secs / 3_600.0).max(0.01)
    }

    /// The segment at a place in [0, 1) of all of them by weight.
    pub(crate) fn segment(&self, place: f64) -> usize {
        let total: f64 = self.segments.iter().map(|segment| segment.weight).sum();
        let mut left = place * total;
        for (index, segment) in self.segments.iter().enumerate() {
            left -= segment.weight;
            if left < 0.0 {
                return index;
            }
        }
        self.segments.len().saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    fn surge(starts: u64, lasts: u64, factor: f64) -> Surge {
        Surge {
            starts: Duration::from_secs(starts),
            lasts: Duration::from_secs(lasts),
            factor,
        }
    }

    #[test]
    fn segments_are_met_by_their_weights() {
        let mut load = Load::new(1.0);
        load.segments = vec![Segment::new("a", 1.0), Segment::new("b", 3.0)];
        let met = [0.0, 0.24, 0.26, 0.999].map(|place| load.segment(place));
        assert_eq!(met, [0, 0, 1, 1]);
    }

    #[test]
    fn a_trend_grows_to_the_end_of_the_span_and_then_stays() {
        let mut load = Load::new(1.0);
        load.trend_per_hour = 0.5;
        assert_relative_eq!(load.factor(1_800.0, 3_600.0), 1.25);
        assert_relative_eq!(load.factor(9_999.0, 3_600.0), 1.5);
        load.trend_per_hour = -1.0;
        assert_relative_eq!(load.factor(3_600.0, 3_600.0), 0.01);
    }

    proptest! {
        #[test]
        fn no_moment_is_busier_than_the_bound(
            at in 0.0..4_000.0_f64,
            trend in -1.0..5.0_f64,
            amplitude in 0.0..0.9_f64,
            factors in proptest::collection::vec(0.0..3.0_f64, 1..5),
            surges in proptest::collection::vec((0..3_000_u64, 0..2_000_u64, 0.0..5.0_f64), 0..5),
        ) {
            let mut load = Load::new(1.0);
            load.trend_per_hour = trend;
            load.drift = Some(Drift { amplitude, period: Duration::from_secs(700) });
            load.curve = Some(Curve::new(factors, Duration::from_secs(900)));
            load.surges = surges.into_iter().map(|(s, l, f)| surge(s, l, f)).collect();
            let bound = load.highest_factor(3_600.0);
            prop_assert!(load.factor(at, 3_600.0) <= bound * (1.0 + 1e-12));
        }
    }
}
