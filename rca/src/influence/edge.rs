//! Influence on one edge.

use astern_graph_core::TimeRange;
use astern_graph_core::signal::Evidence;
use astern_graph_core::{MetricName, NodeKey, TemporalGraph};

use crate::te::{Estimate, Estimator, GaussianParams, TeError, differenced};

/// Fewest complete samples for which transfer entropy is estimated. Below them its bias and
/// spread exceed the effects that matter; with a handful of abnormal rows it is not estimable.
pub(super) const SAMPLES_MIN: u32 = 50;

/// Level of significance below which an influence counts.
const ALPHA: f64 = 0.01;

/// Influence of `from` on `to`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Influence {
    /// Share of the target's unexplained variance that the source's past explains, 0 to 1; `None`
    /// when it could not be estimated.
    pub weight: Option<f64>,
    /// The estimate, or the fallback with its reason.
    pub evidence: Evidence,
}

/// Gaussian transfer entropy between one metric of two nodes over a healthy range, as a weight.
///
/// The series are differenced first, which removes level shifts (they would make independent
/// nodes look coupled). For Gaussian series `1 - exp(-2 TE)` is the partial R² of the source's
/// past; an insignificant estimate weighs 0. `O(T)`.
///
/// A sample is complete when the target's next value, its past and the source's past are there. Below
/// 50 complete samples, or for degenerate series, there is no weight and the evidence is a
/// [`Evidence::Fallback`].
pub fn influence(
    graph: &TemporalGraph,
    from: &NodeKey,
    to: &NodeKey,
    metric: &MetricName,
    healthy: TimeRange,
) -> Influence {
    let series = |key| differenced(&graph.series(key, metric, healthy).unwrap_or_default());
    let (source, target) = (series(from), series(to));
    let need = SAMPLES_MIN as usize;
    let te = GaussianParams::default().check();
    let estimate = match te.and_then(|te| te.estimate(&source, &target)) {
        Ok(te) if te.samples < need => Err(TeError::TooFew {
            have: te.samples,
            need,
        }),
        // The estimator itself is content with fewer.
        Err(TeError::TooFew { have, .. }) => Err(TeError::TooFew { have, need }),
        other => other,
    };
    match estimate {
        Ok(te) => {
            let p_value = te.p_value.unwrap_or(1.0);
            Influence {
                weight: Some(if p_value <= ALPHA {
                    explained(&te)
                } else {
                    0.0
                }),
                evidence: Evidence::Influence {
                    from: from.clone(),
                    to: to.clone(),
                    te_nats: te.effective_nats,
                    p_value,
                },
            }
        }
        Err(error) => Influence {
            weight: None,
            evidence: fallback(&error, "equal weights of edges"),
        },
    }
}

/// Share of variance that a transfer entropy explains.
pub(super) fn explained(estimate: &Estimate) -> f64 {
    1.0 - (-2.0 * estimate.effective_nats.max(0.0)).exp()
}

pub(super) fn fallback(error: &TeError, used: &str) -> Evidence {
    Evidence::Fallback {
        wanted: "transfer entropy".into(),
        used: used.into(),
        reason: error.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use astern_graph_core::{EdgeKind, GraphBuilder, GraphParams, Sample, Timestamp};

    /// Influence between two nodes of which those minutes are missing.
    fn with_gaps(minutes: i64, missing: impl Fn(i64) -> bool) -> Influence {
        let (from, to) = (NodeKey::service("a"), NodeKey::service("b"));
        let mut builder = GraphBuilder::new(GraphParams::default()).unwrap();
        builder.declare_edge(to.clone(), from.clone(), EdgeKind::Calls);
        for minute in (0..minutes).filter(|m| !missing(*m)) {
            let at = Timestamp::from_secs(60 * minute);
            for (key, prime) in [(&from, 31), (&to, 37)] {
                let value = (minute * minute % prime) as f64;
                builder.extend([Sample::new(at, key.clone(), "x", value).into()]);
            }
        }
        let (start, end) = (Timestamp::from_secs(0), Timestamp::from_secs(60 * minutes));
        let range = TimeRange::new(start, end).unwrap();
        influence(&builder.build(), &from, &to, &"x".into(), range)
    }

    #[test]
    fn only_samples_with_their_past_count() {
        // 53 minutes are 52 differences, of which 51 have a past.
        assert!(with_gaps(53, |_| false).weight.is_some());
        // Every third minute missing: 66 pairs of values that follow each other, none with a past.
        for (minutes, have) in [(51, "49"), (5, "3"), (1, "0")] {
            let few = with_gaps(minutes, |_| false);
            assert_eq!(few.weight, None);
            let Evidence::Fallback { reason, .. } = &few.evidence else {
                panic!("{}", few.evidence);
            };
            assert!(reason.contains(&format!("{have} complete samples; at least 50")));
        }
        let sparse = with_gaps(200, |minute| minute % 3 == 0);
        let Evidence::Fallback { reason, .. } = &sparse.evidence else {
            panic!("{}", sparse.evidence);
        };
        assert!(reason.starts_with("0 complete samples"), "{reason}");
    }
}
