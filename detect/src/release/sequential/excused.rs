//! The comparison by every metric, without what dependencies account for.

use astern_graph_core::NodeKey;
use astern_graph_core::signal::MissingEvidence;

use super::SequentialComparison;
use super::callers::OfCallers;
use super::compared::Compared;
use super::metric::Metric;
use super::planned::PlannedLooks;
use crate::release::sides::Observed;

impl SequentialComparison {
    /// Compares by every metric. Where the new side looks worse than it was before, or its callers see that, what dependencies pass
    /// on is taken out; where it then no longer looks so, they keep the change from being healthy.
    pub(super) fn compare<'a>(
        &self,
        metrics: &'a [Metric],
        (observed, of_callers): (&mut Observed, Option<&mut OfCallers>),
        planned: Option<&PlannedLooks>,
        pass_on: impl FnOnce(&mut Observed, &[f64]) -> Vec<NodeKey>,
    ) -> (Vec<Compared<'a>>, Vec<MissingEvidence>) {
        let compared = |observed: &Observed| Compared::all(&self.0, metrics, observed, planned);
        let looks_worse = |c: &&Compared<'_>| c.is_before && c.looks_worse();
        let first = compared(observed);
        let of_callers = of_callers.filter(|lost| lost.compared().looks_worse());
        if of_callers.is_none() && first.iter().find(looks_worse).is_none() {
            return (first, Vec::new());
        }
        // Callers give up at a time of their own.
        let is_slow = |c: &&Compared<'_>| of_callers.is_some() || looks_worse(c);
        let quantiles = first.iter().filter(is_slow);
        let quantiles: Vec<f64> = quantiles.filter_map(|c| c.metric.quantile()).collect();
        let dependencies = pass_on(observed, &quantiles);
        if dependencies.is_empty() {
            return (first, Vec::new());
        }
        let second = compared(observed);
        let pairs = first.iter().zip(&second);
        let excused = pairs.filter(|(first, second)| looks_worse(first) && !second.looks_worse());
        let mut metrics: Vec<&Metric> = excused.map(|(first, _)| first.metric).collect();
        metrics.extend(of_callers.and_then(|lost| lost.without_passed_on(self, observed)));
        let mut excused = Vec::new();
        for metric in metrics {
            let named = dependencies
                .iter()
                .map(|dependency| MissingEvidence::Dependency {
                    dependency: dependency.clone(),
                    metric: metric.name(),
                });
            excused.extend(named);
        }
        (second, excused)
    }
}
