//! Operations that slow traces went through, and others did not.

use super::{Readings, Scope, worst};
use crate::incident::TracePair;
use crate::trace::coverage::Coverage;

/// Least difference of shares that matters.
const FLOOR: f64 = 0.05;

/// How much more often slow traces went through the operations of a node than the others did.
///
/// With the shares s of abnormal and normal traces through an operation,
/// `z = (s_a − s_n) / √(s (1 − s) (1/n_a + 1/n_n) + 0.05²)` for the pooled share s. A node reads its worst
/// operation. Which traces are slow is decided by [`Coverage::of`]. `O(n log n)` for n calls.
pub(crate) fn read(scope: &Scope<'_>, traces: Option<&TracePair>) -> Readings {
    let mut readings = Readings::new();
    let Some(traces) = traces else {
        return readings;
    };
    let coverage = Coverage::of(traces);
    let (slow, others) = (&coverage.abnormal, &coverage.normal);
    let (n_slow, n_others) = (slow.traces.len() as f64, others.traces.len() as f64);
    if n_slow.min(n_others) < 1.0 {
        return readings;
    }
    for (i, operation) in coverage.operations.iter().enumerate() {
        let candidate = scope.graph.id(&operation.service);
        let candidate = candidate.filter(|id| scope.nodes.binary_search(id).is_ok());
        let Some(id) = candidate else { continue };
        let (a, n) = (slow.through[i] as f64, others.through[i] as f64);
        let pooled = (a + n) / (n_slow + n_others);
        let variance = pooled * (1.0 - pooled) * (1.0 / n_slow + 1.0 / n_others);
        let z = (a / n_slow - n / n_others) / (variance + FLOOR * FLOOR).sqrt();
        worst(&mut readings, id, z, || coverage.evidence(i));
    }
    readings
}
