//! The greatest deviation in healthy standard deviations.

use astern_graph_core::signal::{Evidence, RankedCause};
use astern_graph_core::{MetricName, TemporalGraph};
use astern_stats::order;
use serde::{Deserialize, Serialize};

use crate::candidates::{Candidate, HEALTHY_MIN, symptom};
use crate::error::RankError;
use crate::incident::Incident;
use crate::ranker::{Ranker, Ranking};
use crate::table::{Metrics, moments, strongest};

/// Ranks nodes by their worst deviation from the healthy mean, in healthy standard deviations.
///
/// `S(v) = max over metrics and abnormal steps of s · (x - μ) / max(σ, floor)`, where s is the worse
/// direction of the metric ([`Worse`](astern_graph_core::schema::Worse)), μ and σ are of the healthy steps
/// and the floor is the metric's [`noise_floor`](astern_graph_core::schema::Feature::noise_floor). Negative
/// when a node did better than ever. Uses no graph; the symptom's node is a candidate too.
///
/// The 3-σ rule of statistical process control, the N-Sigma baseline of root-cause benchmarks (as
/// in Li et al., CIRCA, KDD 2022, and Pham et al., ASE 2024). They take `|x - μ|` or, in code,
/// `x - μ` for every metric, leave series out that do not vary, and take σ = 1 where only the
/// healthy part does not: here each metric has its own bad direction, and a constant healthy series
/// is judged by the noise floor of its unit.
///
/// A metric with fewer than 5 healthy values or no abnormal one is left out, so is a node without
/// any other. The evidence shows the mean as the healthy value.
///
/// # Errors
/// [`RankError`] when the graph does not hold the symptom.
///
/// # Complexity
/// `O(N · M · T log T)` in time for N nodes of M metrics over T steps, `O(N · T)` in memory.
///
/// # Example
/// ```
#[doc = include_str!("example.md")]
/// use astern_rca::Ranker;
/// use astern_rca::ranker::baseline::NSigma;
///
/// // `web` calls `cart`, which became slow.
/// let ranking = NSigma::default().rank(&graph, &incident)?;
/// assert_eq!(ranking.causes[0].subject, cart.into());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct NSigma {
    metrics: Metrics,
}

impl NSigma {
    /// Over those metrics of each node.
    pub fn over(metrics: Metrics) -> Self {
        Self { metrics }
    }
}

/// The worst abnormal value in healthy standard deviations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deviation {
    pub(crate) mean: f64,
    pub(crate) worst: f64,
    /// Positive is worse.
    pub(crate) z: f64,
}

impl Deviation {
    pub(crate) fn of(series: &Candidate) -> Option<Self> {
        if series.healthy.iter().filter(|x| x.is_finite()).count() < HEALTHY_MIN {
            return None;
        }
        let (mean, deviation) = moments(&series.healthy)?;
        let scale = deviation.max(series.feature.noise_floor(mean));
        let z = |x: f64| series.feature.worse.badness(x - mean) / scale;
        let present = series.abnormal.iter().copied().filter(|x| x.is_finite());
        let worst = present.max_by(|a, b| order::ascending(z(*a), z(*b)))?;
        Some(Self {
            mean,
            worst,
            z: z(worst),
        })
    }

    pub(crate) fn evidence(&self, metric: MetricName) -> Evidence {
        Evidence::Shift {
            metric,
            healthy: self.mean,
            observed: self.worst,
            z: self.z,
        }
    }
}

impl Ranker for NSigma {
    fn rank(&self, graph: &TemporalGraph, incident: &Incident) -> Result<Ranking, RankError> {
        symptom(graph, incident)?;
        let best = strongest(graph, incident, self.metrics, |series| {
            Deviation::of(series).map(|deviation| (deviation.z, deviation))
        })?;
        let causes = best.into_values().map(|scored| {
            let evidence = scored.detail.evidence(scored.series.feature.name);
            RankedCause::new(scored.series.key, scored.score).because([evidence])
        });
        Ok(Ranking::of(causes.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Fixture, assert_scores};

    /// Mean 10, standard deviation √(8/4) = √2 over four values and their mean.
    const HEALTHY: [f64; 5] = [8.0, 10.0, 12.0, 10.0, 10.0];

    #[test]
    fn deviations_are_signed_by_the_worse_direction_and_have_a_floor() {
        let mut fixture = Fixture::new(5, 3);
        let sigma = (8.0_f64 / 5.0).sqrt();
        fixture.latency("up", &HEALTHY, &[10.0, 16.0, 9.0]);
        fixture.latency("down", &HEALTHY, &[9.0, 9.0, 8.0]);
        // Constant: the floor of milliseconds is max(0.5, 2 % of 10).
        fixture.latency("flat", &[10.0; 5], &[10.0, 12.0, 10.0]);
        fixture.latency("gone", &HEALTHY, &[f64::NAN; 3]);
        fixture.latency("new", &[f64::NAN, 1.0, 1.0, 1.0, 1.0], &[50.0; 3]);
        let availability = [100.0, 100.0, 100.0, 100.0, 100.0, 98.0, 100.0, 100.0];
        fixture.series("failing", "availability_percent", &availability);
        let ranked = fixture.scores(&NSigma::default(), "up");
        let expected = [
            ("up", 6.0 / sigma),
            ("failing", 4.0), // 2 points over the floor of 0.5
            ("flat", 4.0),
            ("down", -1.0 / sigma),
        ];
        assert_scores(&ranked, &expected);
        let one = fixture.scores(&NSigma::over(Metrics::Symptom), "up");
        let expected = [("up", 6.0 / sigma), ("flat", 4.0), ("down", -1.0 / sigma)];
        assert_scores(&one, &expected);
    }
}
