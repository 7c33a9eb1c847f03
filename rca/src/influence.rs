//! How strongly one node's past drives another's next step, on the edges of the graph.

use astern_graph_core::TimeRange;
use astern_graph_core::signal::Evidence;
use astern_graph_core::{MetricName, NodeKey, TemporalGraph};

use crate::te::{GaussianTeParams, TeError};

/// Fewest complete samples for which transfer entropy is estimated. Below them its bias and
/// spread exceed the effects that matter; with a handful of abnormal rows it is not estimable.
const SAMPLES_MIN: usize = 50;

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
/// Below 50 complete samples, or for degenerate series, there is no weight and the evidence is a
/// [`Evidence::Fallback`].
pub fn influence(
    graph: &TemporalGraph,
    from: &NodeKey,
    to: &NodeKey,
    metric: &MetricName,
    healthy: TimeRange,
) -> Influence {
    let differenced = |key: &NodeKey| {
        let series = graph.series(key, metric, healthy).unwrap_or_default();
        series
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .collect::<Vec<f64>>()
    };
    let (source, target) = (differenced(from), differenced(to));
    let complete = source
        .iter()
        .zip(&target)
        .filter(|(a, b)| a.is_finite() && b.is_finite());
    let samples = complete.count();
    let estimate = if samples < SAMPLES_MIN {
        Err(TeError::TooFew {
            have: samples,
            need: SAMPLES_MIN,
        })
    } else {
        GaussianTeParams::default().estimate(&source, &target)
    };
    match estimate {
        Ok(te) => {
            let explained = 1.0 - (-2.0 * te.effective_nats.max(0.0)).exp();
            Influence {
                weight: Some(if te.p_value <= ALPHA { explained } else { 0.0 }),
                evidence: Evidence::Influence {
                    from: from.clone(),
                    to: to.clone(),
                    te_nats: te.effective_nats,
                    p_value: te.p_value,
                },
            }
        }
        Err(error) => Influence {
            weight: None,
            evidence: Evidence::Fallback {
                wanted: "transfer entropy".into(),
                used: "equal weights of edges".into(),
                reason: error.to_string().into(),
            },
        },
    }
}
