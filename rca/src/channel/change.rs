//! What a change did to the instances that it reached.

use super::{Readings, Scope, worst};
use crate::contrast::ChangeContrasts;

/// How much worse the new instances of a changed node are than its old ones.
///
/// `z = √(2 ln e)` for the e-value e of the difference in differences ([`ChangeBlame`](crate::blame::ChangeBlame)) of each
/// active change, 0 where it does not speak for "worse"; stated of the metric in which the rise is least likely
/// by chance. A node without an active change, or one whose new instances have no old ones beside them, is
/// absent. The cost is that of the comparison.
pub(crate) fn read(scope: &Scope<'_>, contrasts: &ChangeContrasts) -> Readings {
    let mut readings = Readings::new();
    for change in contrasts.changes() {
        let candidate = scope.graph.id(&change.start.service);
        let candidate = candidate.filter(|id| scope.nodes.binary_search(id).is_ok());
        let Some((id, contrast)) = candidate.zip(change.controlled()) else {
            continue;
        };
        if let Some(evidence) = contrast.least_by_chance() {
            let z = (2.0 * contrast.ln_e.max(0.0)).sqrt();
            worst(&mut readings, id, z, || evidence.clone());
        }
    }
    readings
}
